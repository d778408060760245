//! Lockouts: nobody new comes in until all of them have ended.
//!
//! A peer says "not before 30 s from now", a device needs a rest, an operator pulls a lever: each
//! [locks](Lockout::lock_for) for a span of its own, and gets a [`Key`] to [lift](Lockout::lift) it by before its
//! time. Several may be in force at once, and end in any order; only the last end counts. Whoever is inside
//! already is not disturbed.
//!
//! | | when the last lockout has ended |
//! |---|---|
//! | [`Lockout`] | all who wait pass at once |
//! | [`FifoLockout`] | they pass one after the other, and newcomers stand behind them |
//!
//! Both are one handle, [`Lockout`]; [`Machine`] is the state machine beneath it, for those who bring their own
//! lock. The adapters name the handle without parameters: `tidegate_tokio::Lockout`.
//!
//! # Source
//!
//! The seed is `lockout` of the Python library `async-utils`, with a line that cannot come to a stop.

mod ends;
mod error;
mod machine;
mod order;
#[cfg(all(test, not(loom)))]
mod tests;
mod wait;
mod word;

pub use error::{Full, Locked, WaitError};
pub use machine::{Entry, Key, Machine, Progress, Registered};
pub use order::{InOrder, Order, Together};
pub use wait::Wait;

use core::fmt;
use core::future::Future;
use core::mem;
use core::task::Waker;
use core::time::Duration;

use word::Word;

use crate::platform::{Blocking, Platform, Timed};
use crate::storage::Storage;
use crate::sync::{Lock, const_fn};
use crate::time::{Instant, Timer, timeout_at};
use crate::wait_queue::WaiterKey;
use crate::wake::WakeList;
use crate::wakes::{Settle, Wakes};

/// Lockouts, shared by reference, by `Arc` or as a `static`: while there is any, nobody passes.
///
/// `T` is the clock that ends are read from and the timer that waits for them: the platform's, or one that is
/// passed to [`with_timer`](Self::with_timer). `O` is the order in which waiters pass: this is a [`FifoLockout`] if it is [`InOrder`].
///
/// # Fairness
///
/// When the last lockout ends all who wait are woken, and each passes as soon as its task is polled. One that
/// begins before a task is polled holds that task back as well: it keeps its place.
///
/// # Cost
///
/// With nothing locked and nobody waiting, passing is one atomic load on platforms with a fast path. Otherwise one
/// short lock per step, O(log n) in the number of lockouts. One timer is armed, however many wait: the first in
/// line has it, so a [`Wait`] that has been polled and is neither polled again nor dropped holds up those behind
/// it. Room for waiters and for lockouts is in `S`.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::lockout::Lockout;
/// use tidegate_core::{Inline, Local, ManualClock};
/// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let mut cx = Context::from_waker(Waker::noop());
///
/// let clock = ManualClock::<Local, Inline<4>>::new();
/// let lockout: Lockout<Local, Inline<4>, _> = Lockout::with_timer(&clock);
/// assert!(lockout.try_pass().is_ok());
///
/// lockout.lock_for(Duration::from_secs(30))?; // "Retry-After: 30"
/// let pulled = lockout.lock_for(Duration::MAX)?; // until it is lifted
/// assert!(lockout.try_pass().is_err());
///
/// let mut wait = pin!(lockout.wait());
/// assert!(wait.as_mut().poll(&mut cx).is_pending());
/// assert!(lockout.lift(pulled));
/// clock.advance(Duration::from_secs(29));
/// assert!(wait.as_mut().poll(&mut cx).is_pending());
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(wait.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
/// # Ok::<(), tidegate_core::lockout::Full>(())
/// ```
pub struct Lockout<P: Platform, S: Storage, T: Timer = <P as Timed>::Timer, O: Order = Together> {
    word: Word<P>,
    timer: T,
    locked: Lock<P::RawMutex, Machine<Waker, S, O>>,
}

/// A [`Lockout`] whose waiters pass in order, one after the other: by priority, then by arrival.
///
/// # Fairness
///
/// When the last lockout ends the first in line is woken; once it has passed or is gone, the next. Whoever comes
/// meanwhile stands behind all who still wait, unless it is more urgent than all of them.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::lockout::FifoLockout;
/// use tidegate_core::{Inline, Local, ManualClock};
/// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let mut cx = Context::from_waker(Waker::noop());
///
/// let clock = ManualClock::<Local, Inline<4>>::new();
/// let lockout: FifoLockout<Local, Inline<4>, _> = FifoLockout::with_timer(&clock);
/// lockout.lock_for(Duration::from_secs(1))?;
///
/// let mut first = pin!(lockout.wait());
/// let mut second = pin!(lockout.wait());
/// assert!(first.as_mut().poll(&mut cx).is_pending());
/// assert!(second.as_mut().poll(&mut cx).is_pending());
///
/// clock.advance(Duration::from_secs(1));
/// assert!(second.as_mut().poll(&mut cx).is_pending());
/// assert!(lockout.try_pass().is_err(), "others came before");
/// assert!(first.as_mut().poll(&mut cx).is_ready());
/// assert!(second.as_mut().poll(&mut cx).is_ready());
/// assert!(lockout.try_pass().is_ok());
/// # Ok::<(), tidegate_core::lockout::Full>(())
/// ```
pub type FifoLockout<P, S, T = <P as Timed>::Timer> = Lockout<P, S, T, InOrder>;

impl<P: Timed, S: Storage, O: Order> Lockout<P, S, P::Timer, O> {
    const_fn! {
        /// Nothing locked, on the platform's own clock.
        #[must_use]
        pub fn new() -> Self {
            Self::with_timer(P::TIMER)
        }
    }
}

impl<P: Timed, S: Storage, O: Order> Default for Lockout<P, S, P::Timer, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform, S: Storage, T: Timer, O: Order> Lockout<P, S, T, O> {
    const_fn! {
        /// Nothing locked, on the clock of `timer`.
        #[must_use]
        pub fn with_timer(timer: T) -> Self {
            Self { word: Word::new(), timer, locked: Lock::new(Machine::new()) }
        }
    }

    /// The lockout's timer.
    pub const fn timer(&self) -> &T {
        &self.timer
    }

    /// Starts a lockout: nobody passes for `span` from now on, nor before all other lockouts have ended.
    ///
    /// A span that reaches beyond [`Instant::MAX`] lasts until it is [lifted](Self::lift); one of zero locks nothing.
    ///
    /// # Errors
    ///
    /// [`Full`], and nothing changes, if `S` has no room for another lockout.
    pub fn lock_for(&self, span: Duration) -> Result<Key, Full> {
        let now = self.timer.now();
        self.lock(now, now + span)
    }

    /// Starts a lockout that ends at `end`. Otherwise as [`lock_for`](Self::lock_for).
    ///
    /// One that ends now or has ended locks nothing. [`Instant::MAX`] never comes.
    ///
    /// # Errors
    ///
    /// [`Full`], and nothing changes, if `S` has no room for another lockout.
    pub fn lock_until(&self, end: Instant) -> Result<Key, Full> {
        self.lock(self.timer.now(), end)
    }

    fn lock(&self, now: Instant, end: Instant) -> Result<Key, Full> {
        /// Lifts the lockout when it is dropped.
        struct Held<'a, P: Platform, S: Storage, T: Timer, O: Order>(&'a Lockout<P, S, T, O>, Key);

        impl<P: Platform, S: Storage, T: Timer, O: Order> Drop for Held<'_, P, S, T, O> {
            fn drop(&mut self) {
                self.0.lift(self.1);
            }
        }

        let mut wakes = self.wakes();
        let key = self.transact(&mut wakes, |machine| machine.lock_until(now, end))?;
        // If a wake panics the caller never has the key.
        let held = Held(self, key);
        wakes.deliver();
        mem::forget(held);
        Ok(key)
    }

    /// Ends a lockout before its time. If it was the last one, those who wait are woken.
    ///
    /// `false`, and nothing changes, if it has ended or been lifted already. The key must be one of this very
    /// lockout's.
    pub fn lift(&self, key: Key) -> bool {
        let now = self.timer.now();
        self.transact(&mut self.wakes(), |machine| machine.lift(now, key))
    }

    /// When the last lockout ends, if there is any: a figure for display, for it may be extended or lifted.
    /// [`Instant::MAX`] if it lasts until it is lifted.
    #[must_use]
    pub fn locked_until(&self) -> Option<Instant> {
        if self.word.is_open() {
            return None;
        }
        let now = self.timer.now();
        self.locked.with(|machine| machine.locked_until(now))
    }

    /// How many wait: a figure for display, outdated by the time it is seen.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.locked.with(|machine| machine.waiters())
    }

    /// Passes here and now. Never waits; fit for interrupt handlers.
    ///
    /// # Errors
    ///
    /// [`Locked`] if there is a lockout or, in a [`FifoLockout`], if others wait whose turn is not later.
    #[inline]
    pub fn try_pass(&self) -> Result<(), Locked> {
        if self.word.is_open() { Ok(()) } else { self.try_pass_locked() }
    }

    #[cold]
    fn try_pass_locked(&self) -> Result<(), Locked> {
        let (now, priority) = (self.timer.now(), P::ambient_priority());
        self.transact(&mut self.wakes(), |machine| machine.try_pass(now, priority))
    }

    /// Waits until all lockouts have ended and, in a [`FifoLockout`], all who came before have passed.
    ///
    /// # Errors
    ///
    /// [`Full`](WaitError::Full), in inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and strands nobody behind it.
    pub const fn wait(&self) -> Wait<&Self> {
        Wait::new(self)
    }

    /// Waits by way of any pointer to the lockout, which the future keeps. Otherwise as [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Self::wait).
    pub const fn wait_owned<R>(this: R) -> Wait<R>
    where
        R: LockoutRef<Platform = P, Storage = S, Timer = T, Order = O>,
    {
        Wait::new(this)
    }

    /// Waits for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`wait_blocking_timeout`](Self::wait_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](WaitError::TimedOut), and those of [`wait`](Self::wait). Whoever may pass is never refused for
    /// the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), WaitError>> + use<'_, P, S, T, O> {
        let deadline = self.timer.now() + timeout;
        async move {
            match timeout_at(&self.timer, deadline, self.wait()).await {
                Ok(passed) => passed,
                Err(_elapsed) => Err(WaitError::TimedOut),
            }
        }
    }

    #[cold]
    fn cancel(&self, key: WaiterKey) {
        let mut wakes = self.wakes();
        let waker = self.transact(&mut wakes, |machine| machine.cancel(key));
        wakes.deliver();
        drop(waker);
    }

    const fn wakes(&self) -> Wakes<'_, Self> {
        Wakes::new(self)
    }

    /// Runs one operation on the machine and lets it settle.
    ///
    /// Dropping `wakes` afterwards wakes those that it says; until then nobody else has been touched.
    fn transact<U>(
        &self,
        wakes: &mut Wakes<'_, Self>,
        operation: impl FnOnce(&mut Machine<Waker, S, O>) -> U,
    ) -> U {
        self.locked.with(|machine| {
            let output = operation(machine);
            if machine.is_unsettled() {
                wakes.gather(|list| machine.settle(list));
            }
            self.word.set(machine.is_idle());
            output
        })
    }
}

impl<P: Platform, S: Storage, T: Timer, O: Order> Settle for Lockout<P, S, T, O> {
    fn settle(&self, list: &mut WakeList<Waker>) -> bool {
        self.locked.with(|machine| {
            let more = machine.settle(list);
            self.word.set(machine.is_idle());
            more
        })
    }
}

impl<P: Blocking, S: Storage, T: Timer, O: Order> Lockout<P, S, T, O> {
    /// Waits and blocks this thread meanwhile: for threads, never for async tasks. Otherwise as
    /// [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub fn wait_blocking(&self) -> Result<(), WaitError> {
        if self.word.is_open() { Ok(()) } else { P::block_on(self.wait()) }
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](WaitError::TimedOut), and those of [`wait`](Self::wait). Whoever may pass is never refused for
    /// the time's sake.
    pub fn wait_blocking_timeout(&self, timeout: Duration) -> Result<(), WaitError> {
        if self.word.is_open() {
            return Ok(());
        }
        P::block_on_until(P::now() + timeout, self.wait()).unwrap_or(Err(WaitError::TimedOut))
    }
}

impl<P: Platform, S: Storage, T: Timer, O: Order> fmt::Debug for Lockout<P, S, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lockout")
            .field("locked_until", &self.locked_until())
            .field("waiters", &self.waiters())
            .finish_non_exhaustive()
    }
}

crate::pointer::pointer! {
    pub trait LockoutRef for Lockout<P: Platform, S: Storage, T: Timer, O: Order>, by lockout {
        /// The lockout's platform.
        type Platform: Platform = P;
        /// The lockout's storage.
        type Storage: Storage = S;
        /// The lockout's timer.
        type Timer: Timer = T;
        /// The order in which waiters pass.
        type Order: Order = O;
    }
}
