//! What goes in and comes out: [`Key`], [`Now`], [`Deadline`], [`Expired`], and [`MissedTickBehavior`] of those that
//! recur.

use crate::slab;
use crate::time::{Instant, WallTime};

/// Names one payload of one scheduler, to be cancelled or reset by.
///
/// It outlives its payload harmlessly: it then names nothing. That of a recurring payload stays good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub(super) slab::Key);

/// The time: by the scheduler's clock and, where there are payloads that go by it, by the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// By the scheduler's clock.
    pub instant: Instant,
    /// By the wall clock; without it nothing that goes by it is due.
    pub wall: Option<WallTime>,
}

impl From<Instant> for Now {
    fn from(instant: Instant) -> Self {
        Self { instant, wall: None }
    }
}

impl From<(Instant, WallTime)> for Now {
    fn from((instant, wall): (Instant, WallTime)) -> Self {
        Self { instant, wall: Some(wall) }
    }
}

/// When a payload is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Deadline {
    /// By the scheduler's clock.
    At(Instant),
    /// By the wall clock.
    Wall(WallTime),
}

/// A payload that has come out, with its deadline and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired<T> {
    pub(super) payload: T,
    pub(super) deadline: Deadline,
    pub(super) key: Key,
}

impl<T> Expired<T> {
    /// The payload.
    pub fn into_inner(self) -> T {
        self.payload
    }

    /// The payload.
    pub const fn get_ref(&self) -> &T {
        &self.payload
    }

    /// The payload.
    pub const fn get_mut(&mut self) -> &mut T {
        &mut self.payload
    }

    /// When it was due.
    pub const fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// The key that it had; that of a recurring payload is still good.
    pub const fn key(&self) -> Key {
        self.key
    }
}

/// What becomes of a recurring payload that comes out late, because nobody asked in time.
///
/// The names are those of tokio's intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MissedTickBehavior {
    /// Fixed rate: it comes out as often as it should have, those missed right away.
    #[default]
    Burst,
    /// Fixed delay: the next one is due a period after this one came out.
    Delay,
    /// Fixed rate: those missed are left out, and the next one is due when one would have been anyway.
    Skip,
}

/// How a payload recurs.
pub(super) struct Repeat<T> {
    pub(super) period: u64,
    pub(super) behavior: MissedTickBehavior,
    /// Its `Clone`, as it was at hand where it was inserted.
    pub(super) copy: fn(&T) -> T,
}

impl<T> Repeat<T> {
    /// When it is due after `deadline`, for which it comes out now.
    pub(super) const fn after(&self, deadline: u64, now: u64) -> u64 {
        let next = deadline.saturating_add(self.period);
        match self.behavior {
            MissedTickBehavior::Burst => next,
            MissedTickBehavior::Delay => now.saturating_add(self.period),
            // Nothing missed, which is the rule and spares the division.
            MissedTickBehavior::Skip if next > now => next,
            MissedTickBehavior::Skip => match now.checked_add(1) {
                Some(later) => {
                    next.saturating_add((later - next).div_ceil(self.period).saturating_mul(self.period))
                }
                None => u64::MAX,
            },
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn after(behavior: MissedTickBehavior, deadline: u64, now: u64) -> u64 {
        Repeat::<()> { period: 10, behavior, copy: |&()| () }.after(deadline, now)
    }

    #[test]
    fn the_next_tick_is_where_the_behavior_says() {
        use MissedTickBehavior::{Burst, Delay, Skip};
        let table = [
            (100, [110, 110, 110]),
            (105, [110, 115, 110]),
            (109, [110, 119, 110]),
            (110, [110, 120, 120]),
            (149, [110, 159, 150]),
            (150, [110, 160, 160]),
        ];
        for (now, expected) in table {
            assert_eq!([Burst, Delay, Skip].map(|behavior| after(behavior, 100, now)), expected, "at {now}");
        }
        for behavior in [Burst, Delay, Skip] {
            assert_eq!(after(behavior, u64::MAX - 3, u64::MAX - 1), u64::MAX, "{behavior:?}");
        }
    }
}
