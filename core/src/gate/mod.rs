//! A semaphore, a rate limiter and a lockout as one gate: how many, how often, and when not at all.
//!
//! [`Gate`] asks its parts in the order that is right, and gives one guard, [`Pass`]. Each part may be left out,
//! and may be shared with other gates and with callers of its own.
//!
//! # The order, and why
//!
//! 1. **A permit** of the semaphore. Whoever has it goes on to the other parts and may wait there, with the
//!    permit in hand: so no more wait there than may be inside, and the line is the semaphore's. Were a token taken
//!    first it would grow old while its owner waits for a permit, and come in late, together with fresh ones.
//! 2. **The end of all lockouts**. Nobody stands in the limiter's line for tokens that could not be used.
//! 3. **A token** of the rate limiter.
//! 4. **No lockout still.** If one has begun meanwhile, the token is refunded, and it goes on at 2. Tokens that
//!    waited out a lockout would come in at its end all at once, beside the fresh ones; so whoever enters does
//!    so with a token taken at that moment, and the quota holds for entries, not only for tokens.
//!
//! Nothing is waited for with a token in hand. So whoever is cancelled gives back a permit at most, and a token
//! that was on its way to it goes to the next.
//!
//! # Source
//!
//! The seed uses its modules `priority_sem`, `ratelimiter` and `lockout` together, and leaves the order to
//! the caller.

mod error;
mod parts;
#[cfg(all(test, not(loom)))]
mod tests;

pub use error::{GateError, TryEnterError};
pub use parts::{Absent, LimiterPart, LockoutPart, SemaphorePart};

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::time::Duration;

use crate::lockout::Locked;
use crate::time::{Clock, timeout_at};
use crate::{Blocking, Platform, Priority, Timed};

/// A semaphore, a rate limiter and a lockout, each of which may be [`Absent`], to be entered as one.
///
/// The parts are pointers: references, `Arc`s, `&'static`s. The platform says how threads block and what timeouts
/// are measured by.
///
/// # Fairness
///
/// The semaphore's line decides who is next. Among those who have a permit it is the lockout's line, and after it
/// the limiter's; whoever is sent back from there by a new lockout takes its place in them anew.
///
/// # Cost
///
/// That of its parts: with nothing to wait for, two compare-and-swaps and two loads where they have fast paths. A
/// clone of each pointer per entry.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::gate::{Gate, TryEnterError};
/// use tidegate_core::lockout::Lockout;
/// use tidegate_core::rate_limiter::{Quota, RateLimiter};
/// use tidegate_core::semaphore::Semaphore;
/// use tidegate_core::{Inline, Local, ManualClock};
///
/// let clock = ManualClock::<Local, Inline<4>>::new();
/// let connections: Semaphore<Local, Inline<4>> = Semaphore::new(8);
/// let quota = Quota::per(2, Duration::from_secs(1))?;
/// let rate: RateLimiter<Local, Inline<4>, _> = RateLimiter::with_timer(quota, &clock);
/// let rest: Lockout<Local, Inline<4>, _> = Lockout::with_timer(&clock);
/// let gate = Gate::<Local>::new().semaphore(&connections).limiter(&rate).lockout(&rest);
///
/// let pass = gate.try_enter()?;
/// rest.lock_for(Duration::from_secs(30))?; // whoever is inside stays there
/// assert!(matches!(gate.try_enter(), Err(TryEnterError::Locked(_))));
/// clock.advance(Duration::from_secs(30));
/// let another = gate.try_enter()?;
/// drop(pass);
/// assert_eq!(connections.available_permits(), 7);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct Gate<P, A = Absent, B = Absent, C = Absent> {
    semaphore: A,
    limiter: B,
    lockout: C,
    platform: PhantomData<fn() -> P>,
}

impl<P: Platform> Gate<P> {
    /// A gate that holds nobody back, until it is given parts.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_parts(Absent, Absent, Absent)
    }
}

impl<P: Platform> Default for Gate<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform, A, B, C> Gate<P, A, B, C> {
    /// A gate of these parts, for a `static`; a part that it is to do without is [`Absent`].
    pub const fn with_parts(semaphore: A, limiter: B, lockout: C) -> Self {
        Self { semaphore, limiter, lockout, platform: PhantomData }
    }

    /// The same gate with this semaphore: so many may be inside at once.
    pub fn semaphore<R: SemaphorePart>(self, semaphore: R) -> Gate<P, R, B, C> {
        Gate::with_parts(semaphore, self.limiter, self.lockout)
    }

    /// The same gate with this rate limiter: so many may enter in so much time.
    pub fn limiter<R: LimiterPart>(self, limiter: R) -> Gate<P, A, R, C> {
        Gate::with_parts(self.semaphore, limiter, self.lockout)
    }

    /// The same gate with this lockout: while there is any, nobody enters.
    pub fn lockout<R: LockoutPart>(self, lockout: R) -> Gate<P, A, B, R> {
        Gate::with_parts(self.semaphore, self.limiter, lockout)
    }
}

impl<P: Platform, A: SemaphorePart, B: LimiterPart, C: LockoutPart> Gate<P, A, B, C> {
    /// Enters here and now. Never waits; fit for interrupt handlers.
    ///
    /// # Errors
    ///
    /// All of [`TryEnterError`]; nothing is held or used up then.
    pub fn try_enter(&self) -> Result<Pass<A>, TryEnterError> {
        let permit = self.semaphore.try_acquire()?;
        self.lockout.try_pass()?;
        self.limiter.try_acquire()?;
        self.check()?;
        Ok(Pass { permit })
    }

    /// Waits until all parts let the caller in.
    ///
    /// # Errors
    ///
    /// [`Closed`](GateError::Closed) and, in inline storage, [`Full`](GateError::Full).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and whatever it had of a permit or a token by then.
    pub fn enter(&self) -> impl Future<Output = Result<Pass<A>, GateError>> + use<'_, P, A, B, C> {
        self.enter_as(None)
    }

    /// Waits with this priority in every line, whatever the scope's is. Otherwise as [`enter`](Self::enter).
    ///
    /// # Errors
    ///
    /// Those of [`enter`](Self::enter).
    ///
    /// # Cancel safety
    ///
    /// As [`enter`](Self::enter).
    pub fn enter_with_priority(
        &self,
        priority: Priority,
    ) -> impl Future<Output = Result<Pass<A>, GateError>> + use<'_, P, A, B, C> {
        self.enter_as(Some(priority))
    }

    async fn enter_as(&self, priority: Option<Priority>) -> Result<Pass<A>, GateError> {
        let permit = self.semaphore.acquire(priority).await?;
        loop {
            self.lockout.wait(priority).await?;
            self.limiter.acquire(priority).await?;
            if self.check().is_ok() {
                return Ok(Pass { permit });
            }
        }
    }

    /// With a token in hand: whether it may be used. If not, it is refunded.
    ///
    /// Not `try_pass`: those in the lockout's line are behind whoever has passed it already.
    fn check(&self) -> Result<(), Locked> {
        match self.lockout.locked_until() {
            None => Ok(()),
            Some(until) => {
                self.limiter.refund();
                Err(Locked { until })
            }
        }
    }
}

impl<P: Timed, A: SemaphorePart, B: LimiterPart, C: LockoutPart> Gate<P, A, B, C> {
    /// Waits for at most `timeout` from this call on, by the platform's clock. To be awaited; the blocking one is
    /// [`enter_blocking_timeout`](Self::enter_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](GateError::TimedOut), and those of [`enter`](Self::enter). Whoever may enter is never refused for
    /// the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`enter`](Self::enter).
    pub fn enter_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Pass<A>, GateError>> + use<'_, P, A, B, C> {
        let deadline = P::TIMER.now() + timeout;
        async move {
            match timeout_at(&P::TIMER, deadline, self.enter()).await {
                Ok(entered) => entered,
                Err(_elapsed) => Err(GateError::TimedOut),
            }
        }
    }
}

impl<P: Blocking, A: SemaphorePart, B: LimiterPart, C: LockoutPart> Gate<P, A, B, C> {
    /// Waits and blocks this thread meanwhile: for threads, never for async tasks. Otherwise as
    /// [`enter`](Self::enter).
    ///
    /// # Errors
    ///
    /// Those of [`enter`](Self::enter).
    pub fn enter_blocking(&self) -> Result<Pass<A>, GateError> {
        P::block_on(self.enter())
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](GateError::TimedOut), and those of [`enter`](Self::enter). Whoever may enter is never refused for
    /// the time's sake.
    pub fn enter_blocking_timeout(&self, timeout: Duration) -> Result<Pass<A>, GateError> {
        P::block_on_until(P::now() + timeout, self.enter()).unwrap_or(Err(GateError::TimedOut))
    }
}

impl<P, A: fmt::Debug, B: fmt::Debug, C: fmt::Debug> fmt::Debug for Gate<P, A, B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("semaphore", &self.semaphore)
            .field("limiter", &self.limiter)
            .field("lockout", &self.lockout)
            .finish()
    }
}

/// Having entered a [`Gate`], until it is dropped.
///
/// It holds the semaphore's permit, by the pointer `A` that the gate has: with an `Arc` or a `&'static` it borrows
/// nothing. The token is spent.
#[must_use = "dropping a pass leaves at once"]
pub struct Pass<A: SemaphorePart> {
    permit: A::Permit,
}

impl<A: SemaphorePart> Pass<A> {
    /// What is left of the pass: the semaphore's permit.
    pub fn into_permit(self) -> A::Permit {
        self.permit
    }
}

impl<A: SemaphorePart> fmt::Debug for Pass<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").finish_non_exhaustive()
    }
}
