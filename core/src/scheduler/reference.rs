//! [`SchedulerRef`]: whatever points at a scheduler.

use core::ops::Deref;

use super::Scheduler;
use crate::platform::Platform;
use crate::storage::Storage;
use crate::time::{Clock, MaybeWall};

/// A pointer to a [`Scheduler`]: a reference, a `Box`, an `Rc`, an `Arc`, or anything else that dereferences to one.
/// It is implemented for all of them and cannot be implemented by hand.
pub trait SchedulerRef: sealed::Sealed {
    /// What is scheduled.
    type Item;
    /// The scheduler's platform.
    type Platform: Platform;
    /// The scheduler's storage.
    type Storage: Storage;
    /// The scheduler's timer, or its clock where nobody waits.
    type Timer: Clock;
    /// The scheduler's wall clock, if it has one.
    type Wall: MaybeWall;

    /// The scheduler pointed at.
    #[expect(clippy::type_complexity, reason = "all of them once")]
    fn scheduler(&self) -> &Scheduler<Self::Item, Self::Platform, Self::Storage, Self::Timer, Self::Wall>;
}

impl<R, T, P: Platform, S: Storage, C: Clock, W: MaybeWall> SchedulerRef for R
where
    R: Deref<Target = Scheduler<T, P, S, C, W>>,
{
    type Item = T;
    type Platform = P;
    type Storage = S;
    type Timer = C;
    type Wall = W;

    #[inline]
    fn scheduler(&self) -> &Scheduler<T, P, S, C, W> {
        self
    }
}

mod sealed {
    use super::{Clock, Deref, MaybeWall, Platform, Scheduler, Storage};

    pub trait Sealed {}

    impl<R, T, P: Platform, S: Storage, C: Clock, W: MaybeWall> Sealed for R where
        R: Deref<Target = Scheduler<T, P, S, C, W>>
    {
    }
}
