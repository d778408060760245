//! [`Dice`]: numbers that depend on the seed alone.

use core::cell::Cell;
use core::time::Duration;

use tidegate_sim::{Sleep, sleep};

/// Numbers that depend on the seed alone.
pub(crate) struct Dice(Cell<u64>);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))
    }

    pub(crate) fn roll(&self, sides: u64) -> u64 {
        let mut bits = self.0.get();
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        self.0.set(bits);
        (bits >> 11) % sides
    }

    /// Sleeps for less than so many nanoseconds.
    pub(crate) fn nap(&self, nanos: u64) -> Sleep {
        sleep(Duration::from_nanos(self.roll(nanos)))
    }
}
