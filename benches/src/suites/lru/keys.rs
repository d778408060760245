//! Which keys are asked for.

use core::cell::Cell;

/// How many draws are made; then they repeat.
const DRAWS: usize = 1 << 20;
/// How much more often the most frequent keys come.
const EXPONENT: f64 = 0.99;

/// The key of a rank: ranks lie side by side, keys do not.
pub(crate) const fn scatter(rank: u64) -> u64 {
    let mut bits = rank.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Keys by Zipf's law, drawn beforehand.
#[derive(Clone, Copy)]
pub(crate) struct Draws(&'static [u64]);

impl Draws {
    pub(crate) fn new(ranks: usize) -> Self {
        let weights = (1..=ranks).scan(0.0, |sum, rank| {
            *sum += (rank as f64).powf(-EXPONENT);
            Some(*sum)
        });
        let sums: Vec<f64> = weights.collect();
        let all = sums.last().copied().unwrap_or_default();
        let draw = |index: usize| {
            let part = (scatter(index as u64) >> 11) as f64 / (1_u64 << 53) as f64;
            let rank = sums.partition_point(|&sum| sum < part * all);
            scatter(rank.min(ranks - 1) as u64)
        };
        Self((0..DRAWS).map(draw).collect::<Vec<_>>().leak())
    }

    /// Keys that are all equally likely, drawn beforehand.
    pub(crate) fn even(ranks: usize) -> Self {
        let draw = |index: usize| scatter(scatter(index as u64) % ranks as u64);
        Self((0..DRAWS).map(draw).collect::<Vec<_>>().leak())
    }

    /// One after the other, again and again.
    pub(crate) fn cycle(self) -> impl FnMut() -> u64 {
        self.cycle_from(0)
    }

    /// The same, from a place in the middle on.
    pub(crate) fn cycle_from(self, skip: usize) -> impl FnMut() -> u64 {
        let next = Cell::new(skip % DRAWS);
        move || {
            let key = self.0[next.get()];
            next.set((next.get() + 1) % DRAWS);
            key
        }
    }
}
