//! What a gate may be made of. The traits here are implemented for pointers to the primitives and for
//! [`Absent`], and cannot be implemented by hand.

use core::future::{Future, ready};
use core::ops::Deref;

use crate::lockout::{Locked, Lockout, Order, WaitError};
use crate::rate_limiter::{self, RateLimiter};
use crate::semaphore::{self, Permit, Semaphore};
use crate::time::{Instant, Timer};
use crate::{Platform, Priority, Storage};

/// In place of a part that a gate does without: it holds nobody back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Absent;

/// A gate's semaphore: any pointer to a [`Semaphore`] that can be cloned, or [`Absent`].
pub trait SemaphorePart: sealed::Semaphore {
    /// What is held inside.
    type Permit;

    #[doc(hidden)]
    fn try_acquire(&self) -> Result<Self::Permit, semaphore::TryAcquireError>;

    #[doc(hidden)]
    fn acquire(
        &self,
        priority: Option<Priority>,
    ) -> impl Future<Output = Result<Self::Permit, semaphore::AcquireError>>;
}

impl SemaphorePart for Absent {
    type Permit = ();

    fn try_acquire(&self) -> Result<(), semaphore::TryAcquireError> {
        Ok(())
    }

    fn acquire(&self, _: Option<Priority>) -> impl Future<Output = Result<(), semaphore::AcquireError>> {
        ready(Ok(()))
    }
}

impl<R, P: Platform, S: Storage> SemaphorePart for R
where
    R: Deref<Target = Semaphore<P, S>> + Clone,
{
    type Permit = Permit<R>;

    fn try_acquire(&self) -> Result<Permit<R>, semaphore::TryAcquireError> {
        Semaphore::try_acquire_owned(self.clone(), 1)
    }

    fn acquire(
        &self,
        priority: Option<Priority>,
    ) -> impl Future<Output = Result<Permit<R>, semaphore::AcquireError>> {
        let acquire = Semaphore::acquire_owned(self.clone(), 1);
        match priority {
            Some(priority) => acquire.priority(priority),
            None => acquire,
        }
    }
}

/// A gate's rate limiter: any pointer to a [`RateLimiter`] that can be cloned, or [`Absent`].
pub trait LimiterPart: sealed::Limiter {
    #[doc(hidden)]
    fn try_acquire(&self) -> Result<(), rate_limiter::TryAcquireError>;

    #[doc(hidden)]
    fn acquire(&self, priority: Option<Priority>) -> impl Future<Output = Result<(), rate_limiter::AcquireError>>;

    #[doc(hidden)]
    fn refund(&self);
}

impl LimiterPart for Absent {
    fn try_acquire(&self) -> Result<(), rate_limiter::TryAcquireError> {
        Ok(())
    }

    fn acquire(&self, _: Option<Priority>) -> impl Future<Output = Result<(), rate_limiter::AcquireError>> {
        ready(Ok(()))
    }

    fn refund(&self) {}
}

impl<R, P: Platform, S: Storage, T: Timer> LimiterPart for R
where
    R: Deref<Target = RateLimiter<P, S, T>> + Clone,
{
    fn try_acquire(&self) -> Result<(), rate_limiter::TryAcquireError> {
        (**self).try_acquire(1)
    }

    fn acquire(&self, priority: Option<Priority>) -> impl Future<Output = Result<(), rate_limiter::AcquireError>> {
        let acquire = RateLimiter::acquire_owned(self.clone(), 1);
        match priority {
            Some(priority) => acquire.priority(priority),
            None => acquire,
        }
    }

    fn refund(&self) {
        (**self).refund(1);
    }
}

/// A gate's lockout: any pointer to a [`Lockout`] that can be cloned, or [`Absent`].
pub trait LockoutPart: sealed::Lockout {
    #[doc(hidden)]
    fn try_pass(&self) -> Result<(), Locked>;

    #[doc(hidden)]
    fn wait(&self, priority: Option<Priority>) -> impl Future<Output = Result<(), WaitError>>;

    #[doc(hidden)]
    fn locked_until(&self) -> Option<Instant>;
}

impl LockoutPart for Absent {
    fn try_pass(&self) -> Result<(), Locked> {
        Ok(())
    }

    fn wait(&self, _: Option<Priority>) -> impl Future<Output = Result<(), WaitError>> {
        ready(Ok(()))
    }

    fn locked_until(&self) -> Option<Instant> {
        None
    }
}

impl<R, P: Platform, S: Storage, T: Timer, O: Order> LockoutPart for R
where
    R: Deref<Target = Lockout<P, S, T, O>> + Clone,
{
    fn try_pass(&self) -> Result<(), Locked> {
        (**self).try_pass()
    }

    fn wait(&self, priority: Option<Priority>) -> impl Future<Output = Result<(), WaitError>> {
        let wait = Lockout::wait_owned(self.clone());
        match priority {
            Some(priority) => wait.priority(priority),
            None => wait,
        }
    }

    fn locked_until(&self) -> Option<Instant> {
        (**self).locked_until()
    }
}

mod sealed {
    use core::ops::Deref;

    use super::Absent;
    use crate::lockout::Order;
    use crate::time::Timer;
    use crate::{Platform, Storage, lockout, rate_limiter, semaphore};

    pub trait Semaphore {}
    impl Semaphore for Absent {}
    impl<R, P: Platform, S: Storage> Semaphore for R where R: Deref<Target = semaphore::Semaphore<P, S>> + Clone {}

    pub trait Limiter {}
    impl Limiter for Absent {}
    impl<R, P: Platform, S: Storage, T: Timer> Limiter for R where
        R: Deref<Target = rate_limiter::RateLimiter<P, S, T>> + Clone
    {
    }

    pub trait Lockout {}
    impl Lockout for Absent {}
    impl<R, P: Platform, S: Storage, T: Timer, O: Order> Lockout for R where
        R: Deref<Target = lockout::Lockout<P, S, T, O>> + Clone
    {
    }
}
