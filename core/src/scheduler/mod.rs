//! A scheduler: payloads that come out when their time has come.
//!
//! A payload is [inserted](Scheduler::insert_at) with a deadline, and comes out of [`next`](Scheduler::next) once
//! that has passed: a timeout of a connection, a retry, a reminder. Until then it can be
//! [cancelled](Scheduler::cancel) or [reset](Scheduler::reset_at) by its [`Key`]. It may
//! [recur](Scheduler::insert_every), and it may go [by the wall clock](Scheduler::insert_at_system_time).
//!
//! | | |
//! |---|---|
//! | order | by deadline to the nanosecond, and among equal ones by insertion |
//! | consumers | any number; each payload goes to exactly one |
//! | timers | one, however many payloads and consumers there are; none while there is nothing to wait for |
//! | what is cancelled | is gone at once, and leaves nothing behind |
//!
//! The handle is [`Scheduler`]; [`Machine`] is the state machine beneath it, for those who bring their own lock. The
//! adapters name the handle without parameters: `tidegate_tokio::Scheduler<T>`.
//!
//! # Deadlines in the past
//!
//! They are due at once, and come out in their order all the same: before everything that has a later deadline.
//!
//! # Source
//!
//! The seed is `scheduler` of the Python library `async-utils`; the names are those of tokio-util's `DelayQueue`. The
//! structure is a radix heap (Ahuja, Mehlhorn, Orlin, Tarjan, 1990) with the bags of a hierarchical timing wheel
//! (Varghese, Lauck, 1987), and so without ticks.

mod agenda;
mod blocking;
mod config;
mod consumers;
mod error;
mod insert;
mod join;
mod machine;
mod next;
mod payload;
mod pointer;
mod stream;
#[cfg(all(test, not(loom)))]
mod tests;

pub use config::Config;
pub use consumers::{Joining, Progress, Registered};
pub use error::{InsertError, JoinError, NextError, TryNextError};
pub use join::Join;
pub use machine::Machine;
pub use next::Next;
pub use payload::{Deadline, Expired, Key, MissedTickBehavior, Now};
pub use pointer::SchedulerRef;
pub use stream::{Blocked, Drain, Expirations};

use core::fmt;
use core::future::Future;
use core::task::Waker;
use core::time::Duration;

use mutex::ConstInit;

use crate::platform::{Platform, Timed};
use crate::storage::Storage;
use crate::sync::{Lock, const_fn};
use crate::time::{Clock, Instant, MaybeWall, NoWall, Timer, WallTime, timeout_at};
use crate::wake::WakeList;
use crate::wakes::{Settle, Wakes};

/// Payloads that come out when their time has come, shared by reference, by `Arc` or as a `static`.
///
/// `C` is the clock that deadlines are compared with and the timer that waits for them: the platform's, or one that
/// is passed to [`with_timer`](Self::with_timer). `W` is the [wall clock](crate::WallClock), where there is one.
///
/// # Fairness
///
/// Payloads come out by deadline, and among equal ones in the order of insertion. Of one that goes by the clock and
/// one that goes by the wall clock, the one that has been due for longer comes first. Whoever asks while something is
/// due gets it; those who wait are woken by priority, and then by arrival.
///
/// # Cost
///
/// On the heap O(1) per payload, amortized, however many there are; inline, and by the wall clock, O(log n). One
/// short lock per step. One timer is armed, however many consumers wait: the first in line has it, so a [`Next`] that
/// has been polled and is neither polled again nor dropped holds up those behind it.
///
/// `S` has room for so many payloads, as many consumers in line, and as many who wait until it is empty.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::scheduler::Scheduler;
/// use tidegate_core::{Inline, Local, ManualClock};
/// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let mut cx = Context::from_waker(Waker::noop());
///
/// let clock = ManualClock::<Local, Inline<4>>::new();
/// let timeouts: Scheduler<&str, Local, Inline<4>, _> = Scheduler::with_timer(&clock);
/// let first = timeouts.insert_after(Duration::from_secs(30), "192.0.2.1")?;
/// timeouts.insert_after(Duration::from_secs(40), "192.0.2.2")?;
///
/// let mut next = pin!(timeouts.next());
/// assert!(next.as_mut().poll(&mut cx).is_pending());
/// clock.advance(Duration::from_secs(20));
/// assert!(timeouts.reset_after(first, Duration::from_secs(30)), "it has been heard of");
/// clock.advance(Duration::from_secs(20));
/// let Poll::Ready(Ok(expired)) = next.as_mut().poll(&mut cx) else { panic!("it is due") };
/// assert_eq!(expired.into_inner(), "192.0.2.2");
/// assert_eq!(timeouts.cancel(first), Some("192.0.2.1"));
/// # Ok::<(), tidegate_core::scheduler::InsertError<&str>>(())
/// ```
pub struct Scheduler<T, P: Platform, S: Storage, C: Clock = <P as Timed>::Timer, W: MaybeWall = NoWall> {
    timer: C,
    wall: W,
    locked: Lock<P::RawMutex, Machine<T, Waker, S>>,
}

impl<T, P: Timed, S: Storage, W: MaybeWall + ConstInit> Scheduler<T, P, S, P::Timer, W> {
    const_fn! {
        /// Nothing scheduled, on the platform's own clock.
        #[must_use]
        pub fn new() -> Self {
            Self::with_config(Config::new())
        }
    }

    const_fn! {
        /// The same, with these choices.
        #[must_use]
        pub fn with_config(config: Config) -> Self {
            Self { timer: P::TIMER, wall: W::INIT, locked: Lock::new(Machine::with_config(config)) }
        }
    }
}

impl<T, P: Timed, S: Storage, W: MaybeWall + ConstInit> Default for Scheduler<T, P, S, P::Timer, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, P: Platform, S: Storage, C: Clock> Scheduler<T, P, S, C> {
    const_fn! {
        /// Nothing scheduled, on the clock of `timer`, and without a wall clock.
        #[must_use]
        pub fn with_timer(timer: C) -> Self {
            Self::with_clocks(timer, NoWall, Config::new())
        }
    }
}

impl<T, P: Platform, S: Storage, C: Clock, W: MaybeWall> Scheduler<T, P, S, C, W> {
    const_fn! {
        /// Nothing scheduled, on the clock of `timer` and on this wall clock, with these choices.
        #[must_use]
        pub fn with_clocks(timer: C, wall: W, config: Config) -> Self {
            Self { timer, wall, locked: Lock::new(Machine::with_config(config)) }
        }
    }

    /// The scheduler's timer.
    pub const fn timer(&self) -> &C {
        &self.timer
    }

    /// How many payloads there are: a figure for display, outdated by the time it is seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.locked.with(|machine| machine.len())
    }

    /// Whether there are no payloads, as of now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many consumers wait: a figure for display.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.locked.with(|machine| machine.waiters())
    }

    /// Whether it has been closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.locked.with(|machine| machine.is_closed())
    }

    /// The first deadline of those that go by the clock: a figure for display, for it may come out, be cancelled or
    /// be reset.
    ///
    /// # Cost
    ///
    /// That of [`Machine::peek_deadline`].
    #[must_use]
    pub fn peek_deadline(&self) -> Option<Instant> {
        self.locked.with(|machine| machine.peek_deadline().0)
    }

    /// When a payload is due; `None` if it has come out for good, or has been cancelled.
    #[must_use]
    pub fn deadline(&self, key: Key) -> Option<Deadline> {
        self.locked.with(|machine| machine.deadline(key))
    }

    /// Takes a payload out before its time, without handing it to any consumer.
    ///
    /// `None`, and nothing changes, if it has come out or been cancelled already. The key must be one of this very
    /// scheduler's. A recurring payload does not recur any more.
    pub fn cancel(&self, key: Key) -> Option<T> {
        self.transact(&mut self.wakes(), |machine| machine.cancel(key))
    }

    /// Gives a payload another deadline; `false`, and nothing changes, if it has come out or been cancelled already.
    ///
    /// Among equal deadlines it is now the last. A recurring payload recurs from the new deadline on.
    pub fn reset_at(&self, key: Key, deadline: Instant) -> bool {
        self.transact(&mut self.wakes(), |machine| machine.reset_at(key, deadline))
    }

    /// Gives a payload `span` from now on. Otherwise as [`reset_at`](Self::reset_at).
    pub fn reset_after(&self, key: Key, span: Duration) -> bool {
        self.reset_at(key, self.timer.now() + span)
    }

    /// Takes out a payload that is due, here and now. Never waits; fit for interrupt handlers.
    ///
    /// # Errors
    ///
    /// [`TryNextError`] if none is due, or if the scheduler has been closed.
    pub fn try_next(&self) -> Result<Expired<T>, TryNextError> {
        let now = self.now();
        let mut wakes = self.wakes();
        let taken = self.transact(&mut wakes, |machine| match machine.pop(now) {
            Some(expired) => Ok(expired),
            None if machine.is_closed() => Err(TryNextError::Closed),
            None => Err(TryNextError::NotDue { earliest: machine.poll_timeout() }),
        });
        taken.map(|expired| self.hold(expired, wakes))
    }

    /// Keeps a payload safe while others are woken: should a wake panic, it goes back.
    fn hold(&self, expired: Expired<T>, mut wakes: Wakes<'_, Self>) -> Expired<T> {
        struct Held<'a, T, P: Platform, S: Storage, C: Clock, W: MaybeWall> {
            scheduler: &'a Scheduler<T, P, S, C, W>,
            expired: Option<Expired<T>>,
        }

        impl<T, P: Platform, S: Storage, C: Clock, W: MaybeWall> Drop for Held<'_, T, P, S, C, W> {
            fn drop(&mut self) {
                if let Some(expired) = self.expired.take() {
                    let scheduler = self.scheduler;
                    let refused = scheduler.transact(&mut scheduler.wakes(), |machine| machine.put_back(expired));
                    drop(refused);
                }
            }
        }

        let mut held = Held { scheduler: self, expired: Some(expired) };
        wakes.deliver();
        match held.expired.take() {
            Some(expired) => expired,
            None => unreachable!("it is taken here and nowhere else"),
        }
    }

    /// Closes it, immediately: payloads are refused from now on, none comes out any more, and all who wait hear of
    /// it. Once more does nothing.
    ///
    /// The payloads that are left stay where they are, to be [drained](Self::drain) or [cancelled](Self::cancel), and
    /// are dropped with the scheduler.
    pub fn close(&self) {
        self.transact(&mut self.wakes(), Machine::close);
    }

    /// Takes out all payloads that are there, due or not, one at a time: by deadline, then those that go by the wall
    /// clock, then those that never come.
    ///
    /// Each is taken under a lock of its own; one that is inserted meanwhile may come out, too.
    pub const fn drain(&self) -> Drain<'_, T, P, S, C, W> {
        Drain::new(self)
    }

    /// Waits for the next payload. To be awaited; the blocking one is [`next_blocking`](Self::next_blocking).
    ///
    /// # Errors
    ///
    /// [`NextError::Closed`] once the scheduler is closed; [`NextError::Full`] in inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line and nothing else: a payload is handed over when the future is
    /// polled, and stays with the scheduler until then. If it kept time for those behind it, the next one does.
    pub const fn next(&self) -> Next<&Self>
    where
        C: Timer,
    {
        Next::new(self)
    }

    /// Waits for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`next_blocking_timeout`](Self::next_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](NextError::TimedOut), and those of [`next`](Self::next). What is due is never refused for the
    /// time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`next`](Self::next).
    pub fn next_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Expired<T>, NextError>> + use<'_, T, P, S, C, W>
    where
        C: Timer,
    {
        let deadline = self.timer.now() + timeout;
        async move {
            match timeout_at(&self.timer, deadline, self.next()).await {
                Ok(taken) => taken,
                Err(_elapsed) => Err(NextError::TimedOut),
            }
        }
    }

    /// Waits by way of any pointer to the scheduler, which the future keeps. Otherwise as [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// Those of [`next`](Self::next).
    ///
    /// # Cancel safety
    ///
    /// As [`next`](Self::next).
    pub const fn next_owned<R>(this: R) -> Next<R>
    where
        C: Timer,
        R: SchedulerRef<Item = T, Platform = P, Storage = S, Timer = C, Wall = W>,
    {
        Next::new(this)
    }

    /// All payloads as they come out, until the scheduler is closed, as a stream.
    ///
    /// # Cancel safety
    ///
    /// As [`next`](Self::next).
    pub const fn stream(&self) -> Expirations<&Self>
    where
        C: Timer,
    {
        Expirations::new(self)
    }

    /// The same by way of any pointer to the scheduler, which the stream keeps.
    ///
    /// # Cancel safety
    ///
    /// As [`next`](Self::next).
    pub const fn stream_owned<R>(this: R) -> Expirations<R>
    where
        C: Timer,
        R: SchedulerRef<Item = T, Platform = P, Storage = S, Timer = C, Wall = W>,
    {
        Expirations::new(this)
    }

    /// Waits until there are no payloads: all have come out, or have been cancelled. Those that recur never all do.
    ///
    /// # Errors
    ///
    /// [`JoinError::Closed`] if it is closed with payloads in it; [`JoinError::Full`] in inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub const fn join(&self) -> Join<&Self> {
        Join::new(self)
    }

    /// Waits for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`join_blocking_timeout`](Self::join_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](JoinError::TimedOut), and those of [`join`](Self::join).
    ///
    /// # Cancel safety
    ///
    /// As [`join`](Self::join).
    pub fn join_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), JoinError>> + use<'_, T, P, S, C, W>
    where
        C: Timer,
    {
        let deadline = self.timer.now() + timeout;
        async move {
            match timeout_at(&self.timer, deadline, self.join()).await {
                Ok(joined) => joined,
                Err(_elapsed) => Err(JoinError::TimedOut),
            }
        }
    }

    /// Waits by way of any pointer to the scheduler, which the future keeps. Otherwise as [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// Those of [`join`](Self::join).
    ///
    /// # Cancel safety
    ///
    /// As [`join`](Self::join).
    pub const fn join_owned<R>(this: R) -> Join<R>
    where
        R: SchedulerRef<Item = T, Platform = P, Storage = S, Timer = C, Wall = W>,
    {
        Join::new(this)
    }

    fn now(&self) -> Now {
        Now { instant: self.timer.now(), wall: self.wall.read() }
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
        operation: impl FnOnce(&mut Machine<T, Waker, S>) -> U,
    ) -> U {
        self.locked.with(|machine| {
            let output = operation(machine);
            if machine.is_unsettled() {
                wakes.gather(|list| machine.settle(list));
            }
            output
        })
    }
}

impl<T, P: Platform, S: Storage, C: Clock, W: MaybeWall> Settle for Scheduler<T, P, S, C, W> {
    fn settle(&self, list: &mut WakeList<Waker>) -> bool {
        self.locked.with(|machine| machine.settle(list))
    }
}

impl<T, P: Platform, S: Storage, C: Clock, W: crate::WallClock> Scheduler<T, P, S, C, W> {
    /// The scheduler's wall clock.
    pub const fn wall_clock(&self) -> &W {
        &self.wall
    }

    /// The first deadline of those that go by the wall clock: a figure for display.
    #[must_use]
    pub fn peek_wall_deadline(&self) -> Option<WallTime> {
        self.locked.with(|machine| machine.peek_deadline().1)
    }

    /// Gives a payload another deadline, by the wall clock. Otherwise as [`reset_at`](Self::reset_at); a recurring
    /// payload goes on by the clock after that.
    pub fn reset_at_system_time(&self, key: Key, deadline: WallTime) -> bool {
        self.transact(&mut self.wakes(), |machine| machine.reset_at_wall(key, deadline))
    }
}

impl<T, P: Platform, S: Storage, C: Clock, W: MaybeWall> fmt::Debug for Scheduler<T, P, S, C, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, waiters, closed) =
            self.locked.with(|machine| (machine.len(), machine.waiters(), machine.is_closed()));
        f.debug_struct("Scheduler")
            .field("len", &len)
            .field("waiters", &waiters)
            .field("closed", &closed)
            .finish_non_exhaustive()
    }
}
