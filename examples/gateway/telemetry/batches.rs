//! [`Batches`]: how many batches were how large.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Sizes are told apart up to the bin of 1024 and more.
pub(crate) const BINS: usize = 11;

/// Counts by size, a bin for each doubling.
#[derive(Debug, Default)]
pub(super) struct Batches {
    bins: [AtomicU64; BINS],
    rows: AtomicU64,
}

impl Batches {
    /// An empty one is none.
    pub(super) fn add(&self, rows: usize) {
        let Some(bin) = rows.checked_ilog2() else { return };
        self.bins[(bin as usize).min(BINS - 1)].fetch_add(1, Relaxed);
        self.rows.fetch_add(rows as u64, Relaxed);
    }

    /// Batches by bin, and the rows of all.
    pub(super) fn figures(&self) -> ([u64; BINS], u64) {
        (self.bins.each_ref().map(|bin| bin.load(Relaxed)), self.rows.load(Relaxed))
    }
}

/// The smallest size in a bin.
pub(crate) const fn smallest(bin: usize) -> u64 {
    1 << bin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_go_by_doublings() {
        let batches = Batches::default();
        for rows in [0, 1, 2, 3, 4, 1023, 1024, 1025, 1 << 40] {
            batches.add(rows);
        }
        assert_eq!(batches.figures().0, [1, 2, 1, 0, 0, 0, 0, 0, 0, 1, 3]);
        assert_eq!(batches.figures().1, 1 + 2 + 3 + 4 + 1023 + 1024 + 1025 + (1 << 40));
        assert_eq!((smallest(0), smallest(BINS - 1)), (1, 1024));
    }
}
