//! Rate limits: how much may happen in how much time, exactly, with a line for those who wait.
//!
//! [`RateLimiter`] is the handle that is shared; [`Machine`] is the state machine beneath it, for those who
//! bring their own lock and their own time; [`KeyedRateLimiter`] has a bucket for every key; [`TokenBucket`] and [`SlidingWindow`] are the bare quotas as plain
//! values. The adapters name the handle without parameters: `tidegate_tokio::RateLimiter`.
//!
//! # Exact
//!
//! All arithmetic is in integers and nothing is rounded, whatever the rate: over any span, under saturation, a
//! bucket admits `burst + ⌊span · n / period⌋`. Nobody is admitted before the [`NotUntil::earliest`] that was
//! promised, and whoever asks at that point is.
//!
//! # Order
//!
//! The most urgent waiter first ([`Priority`](crate::Priority): lower is sooner), then first come, first
//! served. Whoever comes while others wait stands behind them, also with
//! [`try_acquire`](RateLimiter::try_acquire), unless it is more urgent than all of them. A request for many tokens
//! at the head of the line is not passed by small ones. Only the first in line holds a timer.
//!
//! # Clocks that misbehave
//!
//! A clock that stands still admits nothing new. One that jumps forward fills the buckets, and no more than
//! that. One that steps back is waited for, unless it steps back by more than an hour beyond what the quota
//! spans: then the limiter begins anew, as if everything had just been used up; and a waiter whose timer had
//! been set by the wrong clock is told at the next call of anybody.
//!
//! # Source
//!
//! The seed is `ratelimiter` of the Python library `async-utils`; the bucket is the generic cell rate algorithm
//! of ATM networks, as in the crate `governor`.

mod acquire;
mod alarm;
mod bucket;
mod config;
mod error;
mod keyed;
mod level;
mod limits;
mod machine;
mod quota;
#[cfg(all(test, not(loom)))]
mod tests;
mod window;
mod word;

pub use acquire::Acquire;
pub use bucket::TokenBucket;
pub use config::Config;
pub use error::{AcquireError, NotUntil, TryAcquireError};
pub use keyed::{KeyedAcquire, KeyedAcquireError, KeyedError, KeyedRateLimiter, KeyedRateLimiterRef, WhenFull};
pub use level::Level;
pub use limits::MAX_QUOTAS;
pub use machine::{Admission, Machine, Progress};
pub use quota::{InvalidQuota, Quota};
pub use window::SlidingWindow;

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::pin;
use core::task::{Poll, Waker};
use core::time::Duration;

use word::{Take, Word};

use crate::Instant;
use crate::grants::Grants;
use crate::platform::{Blocking, Platform, Timed};
use crate::storage::Storage;
use crate::sync::{Lock, const_fn};
use crate::time::{Clock, Timer, timeout_at};
use crate::wait_queue::WaiterKey;
use crate::wake::WakeList;
use crate::wakes::{Settle, Wakes};

/// A rate limiter, shared by reference, by `Arc` or as a `static`.
///
/// It has one quota or several, which are checked all or nothing, and a line of waiters of both colours. Waiting
/// takes room in `S`, and so do sliding windows; when [`Inline`](crate::Inline) storage is full, waiting is
/// refused and nothing hangs.
///
/// `T` is its clock, and its timer where somebody waits: the platform's own, or one that a test passes in.
///
/// # Cost
///
/// A single token bucket is one atomic word where the target has a 64-bit compare-and-swap and the platform
/// shares between threads: with nobody waiting, [`try_acquire`](Self::try_acquire) is one reading of the clock
/// and one compare-and-swap. (The word has room for bursts of up to 2⁵⁴ parts of a nanosecond: 200 days at
/// even rates, and half a second for any rate up to ten million per second.) Otherwise one short lock per
/// step. No allocation once the storage has grown to the most that ever waited.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::rate_limiter::{Quota, RateLimiter};
/// use tidegate_core::{Inline, Local, ManualClock};
///
/// let clock = ManualClock::<Local, Inline<4>>::new();
/// let quota = Quota::per(2, Duration::from_secs(1))?;
/// let limiter: RateLimiter<Local, Inline<4>, _> = RateLimiter::with_timer(quota, &clock);
///
/// assert!(limiter.try_acquire(2).is_ok());
/// let refused = limiter.try_acquire(1).unwrap_err();
/// clock.set(refused.earliest().expect("it is only too early"));
/// assert!(limiter.try_acquire(1).is_ok());
/// # Ok::<(), tidegate_core::rate_limiter::InvalidQuota>(())
/// ```
pub struct RateLimiter<P: Platform, S: Storage, T = <P as Timed>::Timer> {
    timer: T,
    word: Word<P>,
    grants: Grants<P, LISTED>,
    locked: Lock<P::RawMutex, Machine<Waker, S>>,
}

/// How many of the latest grants are listed: about as many as are served at once.
const LISTED: usize = 128;

impl<P: Timed, S: Storage> RateLimiter<P, S> {
    const_fn! {
        /// A limiter with one quota, by the platform's own time.
        ///
        /// A sliding window that the storage has no room for is cut to what fits, and so admits less.
        #[must_use]
        pub fn new(quota: Quota) -> Self {
            Self::with_timer(quota, P::TIMER)
        }
    }

    /// A limiter with several quotas, by the platform's own time: 50 per second *and* 1000 per minute.
    ///
    /// # Errors
    ///
    /// [`WrongNumber`](InvalidQuota::WrongNumber) unless there is one quota at least and [`MAX_QUOTAS`] at most;
    /// [`NoRoom`](InvalidQuota::NoRoom) if the storage is too small for a sliding window.
    pub fn with_quotas(quotas: &[Quota]) -> Result<Self, InvalidQuota> {
        Self::with_config(quotas, Config::new(), P::TIMER)
    }
}

impl<P: Platform, S: Storage, T> RateLimiter<P, S, T> {
    const_fn! {
        /// A limiter with one quota, by the time that is passed in. Otherwise as [`new`](Self::new).
        #[must_use]
        pub fn with_timer(quota: Quota, timer: T) -> Self {
            let machine = Machine::new(quota);
            Self { timer, word: Word::new(machine.sole_bucket()), grants: Grants::new(), locked: Lock::new(machine) }
        }
    }

    /// A limiter with everything chosen.
    ///
    /// # Errors
    ///
    /// [`WrongNumber`](InvalidQuota::WrongNumber), [`NoRoom`](InvalidQuota::NoRoom).
    pub fn with_config(quotas: &[Quota], config: Config, timer: T) -> Result<Self, InvalidQuota> {
        let mut machine = Machine::with_quotas(quotas)?;
        machine.set_granularity(config.granularity);
        Ok(Self {
            timer,
            word: Word::new(machine.sole_bucket()),
            grants: Grants::new(),
            locked: Lock::new(machine),
        })
    }

    /// The limiter's clock, or timer.
    pub const fn timer(&self) -> &T {
        &self.timer
    }

    /// How many tokens can be had at once, at most.
    #[must_use]
    pub fn max_tokens(&self) -> u32 {
        self.locked.with(|machine| machine.max_tokens())
    }

    /// How many wait in line: a figure for display, outdated by the time it is seen.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.locked.with(|machine| machine.waiters())
    }

    /// Takes `tokens` tokens at a time that the caller has read from the limiter's clock already. Otherwise as
    /// [`try_acquire`](Self::try_acquire).
    ///
    /// # Errors
    ///
    /// All of [`TryAcquireError`].
    #[inline]
    pub fn try_acquire_at(&self, tokens: u32, now: Instant) -> Result<(), TryAcquireError> {
        if tokens == 1
            && let Some(answer) = self.word.take_quickly(now)
        {
            return answer.map_err(TryAcquireError::not_until);
        }
        self.try_acquire_closely(tokens, now)
    }

    #[inline(never)]
    fn try_acquire_closely(&self, tokens: u32, now: Instant) -> Result<(), TryAcquireError> {
        match self.take_closely(tokens, now) {
            Take::Taken => Ok(()),
            Take::NotUntil(earliest) => Err(TryAcquireError::not_until(earliest)),
            Take::Shut => self.try_acquire_locked(tokens, now),
        }
    }

    /// Takes tokens if that needs no lock.
    #[inline]
    fn take(&self, tokens: u32, now: Instant) -> bool {
        if tokens == 1
            && let Some(answer) = self.word.take_quickly(now)
        {
            return answer.is_ok();
        }
        self.take_closely(tokens, now) == Take::Taken
    }

    fn take_closely(&self, tokens: u32, now: Instant) -> Take {
        // What makes no sense is for the machine to refuse.
        if tokens == 0 { Take::Shut } else { self.word.take_closely(tokens, now) }
    }

    /// Whether the machine must be asked, as when others wait.
    fn is_shut(&self) -> bool {
        self.word.is_shut()
    }

    /// Reaches a machine that has something to say already, and does not need to settle afterwards.
    fn lock<U>(&self, operation: impl FnOnce(&mut Machine<Waker, S>) -> U) -> U {
        self.locked.with(operation)
    }

    #[cold]
    fn try_acquire_locked(&self, tokens: u32, now: Instant) -> Result<(), TryAcquireError> {
        let priority = P::ambient_priority();
        let mut wakes = self.wakes();
        self.transact(&mut wakes, now, |machine| machine.try_acquire(now, tokens, priority))?;
        self.deliver(&mut wakes, tokens);
        Ok(())
    }

    /// Forgets a waiter. What comes back of it comes back now: at an earlier time the bucket might have room for more of it.
    #[cold]
    fn cancel(&self, now: Instant, place: WaiterKey, tokens: u32) {
        let mut wakes = self.wakes();
        let waker = self.transact(&mut wakes, now, |machine| machine.cancel(place, tokens));
        wakes.deliver();
        drop(waker);
    }

    const fn wakes(&self) -> Wakes<'_, Self> {
        Wakes::new(self)
    }

    /// Serves who is due, runs one operation on the machine, which has the word's tokens meanwhile, and lets it
    /// settle.
    ///
    /// Dropping `wakes` afterwards wakes those that it says; until then nobody else has been touched.
    fn transact<U>(
        &self,
        wakes: &mut Wakes<'_, Self>,
        now: Instant,
        operation: impl FnOnce(&mut Machine<Waker, S>) -> U,
    ) -> U {
        self.locked.with(|machine| {
            self.word.shut(machine.sole_bucket_mut());
            machine.handle_timeout(now);
            self.settle_locked(machine, wakes);
            self.conclude(wakes, machine, operation)
        })
    }

    /// The same without serving anybody first, at the time last told.
    fn transact_untimed<U>(
        &self,
        wakes: &mut Wakes<'_, Self>,
        operation: impl FnOnce(&mut Machine<Waker, S>) -> U,
    ) -> U {
        self.locked.with(|machine| {
            self.word.shut(machine.sole_bucket_mut());
            self.conclude(wakes, machine, operation)
        })
    }

    fn conclude<U>(
        &self,
        wakes: &mut Wakes<'_, Self>,
        machine: &mut Machine<Waker, S>,
        operation: impl FnOnce(&mut Machine<Waker, S>) -> U,
    ) -> U {
        let output = operation(machine);
        self.settle_locked(machine, wakes);
        self.leave(machine);
        output
    }

    fn settle_locked(&self, machine: &mut Machine<Waker, S>, wakes: &mut Wakes<'_, Self>) {
        if machine.is_unsettled() {
            wakes.gather(|list| machine.settle_and_list(list, |key| self.grants.list(key)));
        }
    }

    /// Leaves the tokens to the word if nobody waits for them.
    fn leave(&self, machine: &mut Machine<Waker, S>) {
        if let Some(bucket) = machine.idle_bucket() {
            self.word.open(bucket, machine.now());
        }
    }

    /// Wakes everybody, with `tokens` in hand that must not be lost if a wake panics.
    fn deliver(&self, wakes: &mut Wakes<'_, Self>, tokens: u32) {
        /// Puts the tokens back when it is dropped.
        struct Held<'a, P: Platform, S: Storage, T>(&'a RateLimiter<P, S, T>, u32);

        impl<P: Platform, S: Storage, T> Drop for Held<'_, P, S, T> {
            fn drop(&mut self) {
                self.0.transact_untimed(&mut self.0.wakes(), |machine| machine.refund(self.1));
            }
        }

        if !wakes.is_empty() {
            let held = Held(self, tokens);
            wakes.deliver();
            mem::forget(held);
        }
    }
}

impl<P: Platform, S: Storage, T: Clock> RateLimiter<P, S, T> {
    /// Takes `tokens` tokens here and now, all of them or none.
    ///
    /// It is refused while others wait whose turn is not later. Never waits; fit for interrupt handlers.
    ///
    /// # Errors
    ///
    /// [`NotUntil`](TryAcquireError::NotUntil) with the earliest time at which it can be had,
    /// [`ZeroTokens`](TryAcquireError::ZeroTokens), [`ExceedsBurst`](TryAcquireError::ExceedsBurst).
    #[inline]
    pub fn try_acquire(&self, tokens: u32) -> Result<(), TryAcquireError> {
        self.try_acquire_at(tokens, self.timer.now())
    }

    /// Puts tokens back that were taken and not used; more than fit are lost.
    ///
    /// A sliding window forgets those taken last: refund before they have left the window by themselves.
    pub fn refund(&self, tokens: u32) {
        self.transact(&mut self.wakes(), self.timer.now(), |machine| machine.refund(tokens));
    }

    /// Changes the quota of a limiter that has one, for those who wait too.
    ///
    /// What has been taken counts on. Whoever waits for more than can be had from now on is turned down with
    /// [`ExceedsBurst`](AcquireError::ExceedsBurst) when its turn comes.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](InvalidQuota::Mismatch) if the limiter has several quotas or one of the other kind;
    /// [`NoRoom`](InvalidQuota::NoRoom). Nothing changes then.
    pub fn set_quota(&self, quota: Quota) -> Result<(), InvalidQuota> {
        self.set_quotas(&[quota])
    }

    /// Changes all quotas of a limiter at once. Otherwise as [`set_quota`](Self::set_quota).
    ///
    /// # Errors
    ///
    /// [`Mismatch`](InvalidQuota::Mismatch) unless there are as many as before, each of the same kind;
    /// [`NoRoom`](InvalidQuota::NoRoom). Nothing changes then.
    pub fn set_quotas(&self, quotas: &[Quota]) -> Result<(), InvalidQuota> {
        let now = self.timer.now();
        self.transact(&mut self.wakes(), now, |machine| machine.set_quotas(now, quotas))
    }

    /// How many tokens could be had, if nobody waited: a figure for display, outdated by the time it is seen.
    #[must_use]
    pub fn available(&self) -> u32 {
        let now = self.timer.now();
        self.locked.with(|machine| match (self.word.peek(), machine.sole_bucket()) {
            (Some(full_at), Some(bucket)) => {
                let mut bucket = *bucket;
                bucket.set_full_at(full_at);
                bucket.available(now)
            }
            _ => machine.available(now),
        })
    }
}

impl<P: Platform, S: Storage, T: Timer> RateLimiter<P, S, T> {
    /// Waits until `tokens` tokens can be had, and takes them.
    ///
    /// # Errors
    ///
    /// [`ZeroTokens`](AcquireError::ZeroTokens), [`ExceedsBurst`](AcquireError::ExceedsBurst), or
    /// [`Full`](AcquireError::Full) in inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and refunds tokens that were taken for it unseen; nothing is
    /// lost, and the next in line takes over the timer.
    #[inline]
    pub fn acquire(&self, tokens: u32) -> Acquire<&Self> {
        Acquire::new(self, tokens)
    }

    /// The same by way of any pointer to the limiter, which the future keeps.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    #[inline]
    pub fn acquire_owned<R>(this: R, tokens: u32) -> Acquire<R>
    where
        R: RateLimiterRef<Platform = P, Storage = S, Timer = T>,
    {
        Acquire::new(this, tokens)
    }

    /// Waits for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`acquire_blocking_timeout`](Self::acquire_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](AcquireError::TimedOut), and those of [`acquire`](Self::acquire). Tokens that are free are
    /// never refused for the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    pub fn acquire_timeout(
        &self,
        tokens: u32,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), AcquireError>> + use<'_, P, S, T> {
        let deadline = self.timer.now() + timeout;
        async move {
            let mut acquire = pin!(self.acquire(tokens));
            // No timer for those who need not wait.
            if let Poll::Ready(granted) = core::future::poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx))).await
            {
                return granted;
            }
            match timeout_at(&self.timer, deadline, acquire).await {
                Ok(granted) => granted,
                Err(_elapsed) => Err(AcquireError::TimedOut),
            }
        }
    }

    /// Waits and blocks this thread meanwhile: for threads, never for async tasks.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire).
    pub fn acquire_blocking(&self, tokens: u32) -> Result<(), AcquireError>
    where
        P: Blocking,
    {
        if self.take(tokens, self.timer.now()) { Ok(()) } else { P::block_on(self.acquire(tokens)) }
    }

    /// The same, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](AcquireError::TimedOut), and those of [`acquire`](Self::acquire). Tokens that are free are
    /// never refused for the time's sake.
    pub fn acquire_blocking_timeout(&self, tokens: u32, timeout: Duration) -> Result<(), AcquireError>
    where
        P: Blocking,
    {
        P::block_on(self.acquire_timeout(tokens, timeout))
    }
}

impl<P: Platform, S: Storage, T> Settle for RateLimiter<P, S, T> {
    fn settle(&self, list: &mut WakeList<Waker>) -> bool {
        self.locked.with(|machine| {
            self.word.shut(machine.sole_bucket_mut());
            let more = machine.settle_and_list(list, |key| self.grants.list(key));
            self.leave(machine);
            more
        })
    }
}

impl<P: Platform, S: Storage, T: Clock> fmt::Debug for RateLimiter<P, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("available", &self.available())
            .field("waiters", &self.waiters())
            .finish_non_exhaustive()
    }
}

crate::pointer::pointer! {
    pub trait RateLimiterRef for RateLimiter<P: Platform, S: Storage, T: Timer>, by limiter {
        /// The limiter's platform.
        type Platform: Platform = P;
        /// The limiter's storage.
        type Storage: Storage = S;
        /// The limiter's timer.
        type Timer: Timer = T;
    }
}
