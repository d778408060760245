//! Which keys are asked for.

use core::cell::Cell;

/// How many draws are made; then they repeat.
const DRAWS: usize = 1 << 20;
/// How much more often the most frequent keys come.
const EXPONENT: f64 = 0.99;

/// The key of a rank: ranks lie side by side, keys do not.
pub(super) const fn scatter(rank: u64) -> u64 {
    let mut bits = rank.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Keys by Zipf's law, drawn beforehand.
#[derive(Clone, Copy)]
pub(super) struct Draws(&'static [u64]);

impl Draws {
    pub(super) fn new(ranks: usize) -> Self {
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

    /// One after the other, again and again.
    pub(super) fn cycle(self) -> impl FnMut() -> u64 {
        let next = Cell::new(0);
        move || {
            let key = self.0[next.get()];
            next.set((next.get() + 1) % DRAWS);
            key
        }
    }
}
