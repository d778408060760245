//! Shutdown: what is started in order is stopped in order.
//!
//! A run has four phases: start-ups, the wait for a [trigger](Shutdown::trigger), callbacks that tell everybody to
//! stop, and joins that wait until everybody has, each with a deadline of its own. The trigger may come from any
//! thread, task or interrupt handler, and at any time: before the run has begun, or amid its start-ups.
//!
//! | | who does the steps |
//! |---|---|
//! | [`Shutdown::begin`] | you, step by step, and the types keep the order: [`StartUps`], [`Callbacks`], [`Joins`] |
//! | `Service`, in the adapters for tokio and for threads | a list that `run` goes through, with real signals |
//! | [`Machine`] | you, in a superloop, with a lock of your own or none |
//!
//! Anybody may wait for the trigger by [`Shutdown::triggered`], besides the run itself.
//!
//! # Source
//!
//! The seed is `sig_service` of the Python library `async-utils`.

mod error;
mod join;
mod machine;
mod run;
#[cfg(all(test, not(loom)))]
mod tests;
mod triggered;
mod word;

pub use error::{BeginError, Heard, Late, OutOfOrder, Phase, Reason, Report, SecondSignal, WaitError};
pub use join::Join;
pub use machine::{Entry, Machine, Progress};
pub use run::{Callbacks, Joins, Nested, StartUps, Wait};
pub use triggered::Triggered;

use core::fmt;
use core::future::Future;
use core::task::Waker;
use core::time::Duration;

use run::Run;
use word::Word;

use crate::platform::{Blocking, Platform, Timed};
use crate::storage::Storage;
use crate::sync::{Lock, const_fn};
use crate::time::{Timer, timeout_at};
use crate::wait_queue::WaiterKey;
use crate::wake::WakeList;
use crate::wakes::{Settle, Wakes};

/// The end of a program, or of a part of it: triggered from anywhere, run through in order.
///
/// Shared by reference, by `Arc` or as a `static`. `T` is the timer that the joins' deadlines are kept by. In
/// inline storage of `N`, up to `N` tasks may wait for the trigger, and up to `N` late joins are named.
///
/// # Cost
///
/// [`is_triggered`](Self::is_triggered) is one atomic load on platforms with a fast path; everything else is one
/// short lock. A trigger wakes all who wait, a batch under each lock.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::shutdown::{Reason, Shutdown};
/// use tidegate_core::{Inline, Local, ManualClock};
/// # use core::{future, pin::pin, task::{Context, Poll, Waker}};
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = pin!(future);
/// #     loop {
/// #         if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
/// #             return output;
/// #         }
/// #     }
/// # }
/// # block_on(async {
/// let clock = ManualClock::<Local, Inline<4>>::new();
/// let shutdown: Shutdown<Local, Inline<4>, _> = Shutdown::with_timer(&clock);
///
/// let start_ups = shutdown.begin()?;
/// // … start what there is to start, in order; then, from anywhere:
/// shutdown.trigger();
/// let callbacks = start_ups.triggered().await;
/// assert_eq!(callbacks.reason(), Reason::Requested);
/// // … tell everybody to stop, in order …
/// let mut joins = callbacks.joins();
/// let motor = joins.join("motor", Duration::from_millis(5), async { "stands still" }).await;
/// assert_eq!(motor, Ok("stands still"));
/// let radio = joins.join("radio", Duration::ZERO, future::pending::<()>()).await;
/// assert!(radio.is_err());
///
/// assert_eq!(joins.finish().late(), ["radio"]);
/// # Ok::<(), tidegate_core::shutdown::BeginError>(())
/// # })?;
/// # Ok::<(), tidegate_core::shutdown::BeginError>(())
/// ```
pub struct Shutdown<P: Platform, S: Storage, T: Timer = <P as Timed>::Timer> {
    word: Word<P>,
    timer: T,
    locked: Lock<P::RawMutex, Machine<Waker, S>>,
}

impl<P: Timed, S: Storage> Shutdown<P, S, P::Timer> {
    const_fn! {
        /// Nothing triggered; deadlines on the platform's own clock; a second signal
        /// [ends everything](SecondSignal::ForceExit).
        #[must_use]
        pub fn new() -> Self {
            Self::with_timer(P::TIMER)
        }
    }

    const_fn! {
        /// The same with another policy for a second signal.
        #[must_use]
        pub fn with_second_signal(second: SecondSignal) -> Self {
            Self::with_timer_and_second_signal(P::TIMER, second)
        }
    }
}

impl<P: Timed, S: Storage> Default for Shutdown<P, S, P::Timer> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform, S: Storage, T: Timer> Shutdown<P, S, T> {
    const_fn! {
        /// Nothing triggered; deadlines on the clock of `timer`.
        #[must_use]
        pub fn with_timer(timer: T) -> Self {
            Self::with_timer_and_second_signal(timer, SecondSignal::ForceExit)
        }
    }

    const_fn! {
        /// The same with another policy for a second signal.
        #[must_use]
        pub fn with_timer_and_second_signal(timer: T, second: SecondSignal) -> Self {
            Self { word: Word::new(), timer, locked: Lock::new(Machine::new(second)) }
        }
    }

    /// Begins the end. From any thread, task or interrupt handler whose platform's lock allows it; as often as one
    /// likes, for only the first time counts.
    pub fn trigger(&self) -> Heard {
        self.trigger_by(Reason::Requested)
    }

    /// Begins the end for this reason. A second [`Reason::Signal`] is dealt with as [`SecondSignal`] says.
    pub fn trigger_by(&self, reason: Reason) -> Heard {
        self.transact(&mut self.wakes(), |machine| machine.trigger(reason))
    }

    /// Begins the end because that of the scope around this one has begun: never a second signal.
    pub fn follow(&self, outer: Reason) -> Heard {
        self.transact(&mut self.wakes(), |machine| machine.follow(outer))
    }

    /// Whether the end has begun: for loops that look now and then.
    #[must_use]
    #[inline]
    pub fn is_triggered(&self) -> bool {
        match self.word.get() {
            Some(triggered) => triggered,
            None => self.reason().is_some(),
        }
    }

    /// Why the end has begun; `None` before it has.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.locked.with(|machine| machine.reason())
    }

    /// Where the run is: a figure for display.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.locked.with(|machine| machine.phase())
    }

    /// How many wait for the trigger, besides the run itself.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.locked.with(|machine| machine.waiters())
    }

    /// Waits until the end begins.
    ///
    /// # Errors
    ///
    /// [`Full`](WaitError::Full), in inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub const fn triggered(&self) -> Triggered<&Self> {
        Triggered::new(self)
    }

    /// Waits by way of any pointer to the shutdown, which the future keeps. Otherwise as
    /// [`triggered`](Self::triggered).
    ///
    /// # Errors
    ///
    /// Those of [`triggered`](Self::triggered).
    ///
    /// # Cancel safety
    ///
    /// As [`triggered`](Self::triggered).
    pub const fn triggered_owned<R>(this: R) -> Triggered<R>
    where
        R: ShutdownRef<Platform = P, Storage = S, Timer = T>,
    {
        Triggered::new(this)
    }

    /// Waits for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`triggered_blocking_timeout`](Self::triggered_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](WaitError::TimedOut), and those of [`triggered`](Self::triggered).
    ///
    /// # Cancel safety
    ///
    /// As [`triggered`](Self::triggered).
    pub fn triggered_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Reason, WaitError>> + use<'_, P, S, T> {
        let deadline = self.timer.now() + timeout;
        async move {
            match timeout_at(&self.timer, deadline, self.triggered()).await {
                Ok(triggered) => triggered,
                Err(_elapsed) => Err(WaitError::TimedOut),
            }
        }
    }

    /// Begins a run. What follows until [`StartUps::triggered`] is awaited are the start-ups.
    ///
    /// # Errors
    ///
    /// [`AlreadyRunning`](BeginError::AlreadyRunning), [`Ended`](BeginError::Ended): one run at a time, and no
    /// second one by mistake.
    pub fn begin(&self) -> Result<StartUps<&Self>, BeginError> {
        Self::begin_owned(self)
    }

    /// Begins a run by way of any pointer to the shutdown, which the run keeps.
    ///
    /// # Errors
    ///
    /// Those of [`begin`](Self::begin).
    pub fn begin_owned<R>(this: R) -> Result<StartUps<R>, BeginError>
    where
        R: ShutdownRef<Platform = P, Storage = S, Timer = T>,
    {
        this.shutdown().locked.with(Machine::begin)?;
        Ok(StartUps::new(Run::new(this)))
    }

    /// Forgets the trigger and the run that has ended, so that another may begin; `false`, and nothing changes,
    /// unless there is such a run.
    pub fn rearm(&self) -> bool {
        self.transact(&mut self.wakes(), Machine::rearm)
    }

    /// Counts a scope that is within this one: this one's callbacks begin when the scope has ended, that is, when
    /// the answer is dropped. `None` if they have begun already.
    ///
    /// ```
    /// # use tidegate_core::{Inline, Local, ManualClock, shutdown::Shutdown};
    /// # use core::{future::Future, pin::pin, task::{Context, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    /// # let clock = ManualClock::<Local, Inline<4>>::new();
    /// let outer: Shutdown<Local, Inline<4>, _> = Shutdown::with_timer(&clock);
    /// let inner: Shutdown<Local, Inline<4>, _> = Shutdown::with_timer(&clock);
    /// let mut outer_ends = pin!(outer.begin()?.triggered());
    ///
    /// let within = outer.nest();
    /// let mut inner_ends = pin!(inner.begin()?.triggered_within(outer.triggered_reason()));
    /// # assert!(inner_ends.as_mut().poll(&mut cx).is_pending());
    /// outer.trigger();
    /// assert!(outer_ends.as_mut().poll(&mut cx).is_pending());
    /// assert!(inner_ends.as_mut().poll(&mut cx).is_ready());
    /// drop(within);
    /// assert!(outer_ends.as_mut().poll(&mut cx).is_ready());
    /// # Ok::<(), tidegate_core::shutdown::BeginError>(())
    /// ```
    pub fn nest(&self) -> Option<Nested<&Self>> {
        Self::nest_owned(self)
    }

    /// The same by way of any pointer to the shutdown, which the answer keeps.
    pub fn nest_owned<R>(this: R) -> Option<Nested<R>>
    where
        R: ShutdownRef<Platform = P, Storage = S, Timer = T>,
    {
        this.shutdown().locked.with(Machine::nest).then(|| Nested::new(this))
    }

    /// [`triggered`](Self::triggered) for [`StartUps::triggered_within`]: one for whom there is no room is never
    /// told.
    ///
    /// # Cancel safety
    ///
    /// As [`triggered`](Self::triggered).
    pub async fn triggered_reason(&self) -> Reason {
        match self.triggered().await {
            Ok(reason) => reason,
            Err(_full) => core::future::pending().await,
        }
    }

    #[cold]
    fn cancel(&self, key: WaiterKey) {
        let waker = self.locked.with(|machine| machine.cancel(key));
        drop(waker);
    }

    const fn wakes(&self) -> Wakes<'_, Self> {
        Wakes::new(self)
    }

    /// Runs one operation on the machine and lets it settle.
    ///
    /// Dropping `wakes` afterwards wakes those that it says; until then nobody else has been touched.
    fn transact<U>(&self, wakes: &mut Wakes<'_, Self>, operation: impl FnOnce(&mut Machine<Waker, S>) -> U) -> U {
        self.locked.with(|machine| {
            let output = operation(machine);
            if machine.is_unsettled() {
                wakes.gather(|list| machine.settle(list));
            }
            self.word.set(machine.reason().is_some());
            output
        })
    }
}

impl<P: Platform, S: Storage, T: Timer> Settle for Shutdown<P, S, T> {
    fn settle(&self, list: &mut WakeList<Waker>) -> bool {
        self.locked.with(|machine| machine.settle(list))
    }
}

impl<P: Blocking, S: Storage, T: Timer> Shutdown<P, S, T> {
    /// Waits until the end begins, and blocks this thread meanwhile: for threads, never for async tasks.
    ///
    /// # Errors
    ///
    /// Those of [`triggered`](Self::triggered).
    pub fn triggered_blocking(&self) -> Result<Reason, WaitError> {
        P::block_on(self.triggered())
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](WaitError::TimedOut), and those of [`triggered`](Self::triggered).
    pub fn triggered_blocking_timeout(&self, timeout: Duration) -> Result<Reason, WaitError> {
        P::block_on_until(P::now() + timeout, self.triggered()).unwrap_or(Err(WaitError::TimedOut))
    }
}

impl<P: Platform, S: Storage, T: Timer> fmt::Debug for Shutdown<P, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown")
            .field("phase", &self.phase())
            .field("reason", &self.reason())
            .finish_non_exhaustive()
    }
}

crate::pointer::pointer! {
    pub trait ShutdownRef for Shutdown<P: Platform, S: Storage, T: Timer>, by shutdown {
        /// The shutdown's platform.
        type Platform: Platform = P;
        /// The shutdown's storage.
        type Storage: Storage = S;
        /// The shutdown's timer.
        type Timer: Timer = T;
    }
}
