//! [`Service`]: the steps of a program, run in order on this thread.

use core::fmt;
use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tidegate_core::oneshot::Oneshot;
use tidegate_core::shutdown::{Nested, Reason, ShutdownRef};

use super::steps::{Outcome, Steps, body, joined, outcome};
use super::{ServiceError, ServiceReport, Shutdown, StepOutcome, Trouble};
use crate::{Panic, Threads, ThreadsTimer, block_on};

/// The steps of a program, which [`run`](Self::run) goes through on this thread, in the order in which they were
/// given: start-ups, then the wait for a signal or a [trigger](tidegate_core::shutdown::Shutdown::trigger), then
/// callbacks, then joins.
///
/// - A **start-up** that fails or panics is the last one. What was started by then is stopped: the callbacks and
///   joins are run. A signal amid the start-ups is kept until all are done; one that takes long may look at
///   [`is_triggered`](tidegate_core::shutdown::Shutdown::is_triggered).
/// - A **callback** tells somebody to stop.
/// - A **join** waits for somebody, for at most as long as it says. One with such a bound is run on a thread of its
///   own, which is left behind if it does not come.
///
/// A step that panics or fails is reported, and keeps no other from being run.
///
/// # Signals
///
/// Those that are asked for are caught while it runs, and no longer: afterwards they act as they did before. Handlers
/// that were there before are called all the same. Several services may run at once, in any threads and runtimes;
/// each hears of every signal that it asked for. A second signal does what the shutdown's
/// [`SecondSignal`](super::SecondSignal) says: `ForceExit` lets it kill the process, as if nobody had caught it.
/// A signal is heard on a thread `tidegate-signals`, which exists as long as anybody listens.
///
/// ```
/// use core::time::Duration;
/// use std::thread;
/// use tidegate_threads::{Service, Shutdown, signal};
///
/// static SHUTDOWN: Shutdown = Shutdown::new();
///
/// let worker = thread::spawn(|| {
///     while !SHUTDOWN.is_triggered() {
///         // … works …
/// #       SHUTDOWN.trigger(); // so that the example ends
///         thread::yield_now();
///     }
/// });
/// let report = Service::new(&SHUTDOWN)
///     .signals([signal::SIGINT, signal::SIGTERM])
///     .start_up("configuration", || std::env::current_dir().map(drop))
///     .callback("say so", |reason| println!("stopping: {reason}"))
///     .join_thread("worker", Duration::from_secs(5), worker)
///     .run()?;
/// assert!(report.is_clean());
/// # Ok::<(), tidegate_threads::ServiceError>(())
/// ```
#[must_use = "it does nothing before it is run"]
pub struct Service<R = &'static Shutdown> {
    steps: Steps<R>,
}

impl<R> Service<R>
where
    R: ShutdownRef<Platform = Threads, Storage = tidegate_core::Heap, Timer = ThreadsTimer>
        + Clone
        + Send
        + Sync
        + 'static,
{
    /// Nothing to do but to wait until `shutdown` is triggered: a `&'static` one, or an `Arc`.
    pub const fn new(shutdown: R) -> Self {
        Self { steps: Steps::new(shutdown) }
    }

    /// Adds signals, by number, that trigger it.
    pub fn signals(mut self, signals: impl IntoIterator<Item = i32>) -> Self {
        self.steps.signals(signals);
        self
    }

    #[cfg(all(test, unix))]
    pub(super) fn forget_signals(&mut self) {
        self.steps.signals.clear();
    }

    /// Adds a start-up.
    pub fn start_up<O: StepOutcome>(
        mut self,
        name: &'static str,
        step: impl FnOnce() -> O + Send + 'static,
    ) -> Self {
        self.steps.start_up(name, || body(async { step() }));
        self
    }

    /// Adds a callback, which is told why it all ends.
    pub fn callback<O: StepOutcome>(
        mut self,
        name: &'static str,
        step: impl FnOnce(Reason) -> O + Send + 'static,
    ) -> Self {
        self.steps.callback(name, |reason| body(async move { step(reason) }));
        self
    }

    /// Adds a join that blocks until somebody has come, for at most `within`.
    ///
    /// Without a bound, also with one beyond the end of time, it is run on this very thread. A bound of zero gives
    /// it one look: use [`join_thread`](Self::join_thread) or [`join_future`](Self::join_future) for those who may
    /// have come already.
    pub fn join<O: StepOutcome>(
        mut self,
        name: &'static str,
        within: impl Into<Option<Duration>>,
        step: impl FnOnce() -> O + Send + 'static,
    ) -> Self {
        let within = within.into();
        let step = move || outcome(step());
        let body = async move { if is_bound(within) { elsewhere(name, step).await } else { step() } };
        self.steps.join(name, within, Box::pin(body));
        self
    }

    /// Adds a join for a thread. That the thread panicked is reported.
    pub fn join_thread<T: Send + 'static>(
        mut self,
        name: &'static str,
        within: impl Into<Option<Duration>>,
        thread: JoinHandle<T>,
    ) -> Self {
        let within = within.into();
        let body = async move {
            // Whoever has come already is in time.
            let waits = is_bound(within) && !thread.is_finished();
            let join = || joined(thread.join());
            if waits { elsewhere(name, join).await } else { join() }
        };
        self.steps.join(name, within, Box::pin(body));
        self
    }

    /// Adds a join that is a future; it is dropped if it does not come in time.
    pub fn join_future<F>(mut self, name: &'static str, within: impl Into<Option<Duration>>, future: F) -> Self
    where
        F: Future<Output: StepOutcome> + Send + 'static,
    {
        self.steps.join(name, within.into(), body(future));
        self
    }

    /// Makes it a scope within another: it ends when that one does, for the same reason, or before; and the other
    /// one's callbacks wait until it has. The outer one may be of another adapter.
    pub fn within<O>(mut self, outer: O) -> Self
    where
        O: ShutdownRef + Clone + Send + Sync + 'static,
        Option<Nested<O>>: Send,
    {
        self.steps.within(outer);
        self
    }

    /// Goes through all phases on this thread, and says how it went. The steps are used up.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if the shutdown is in use or used up, or if one of the signals cannot be caught. Then nothing
    /// has been run, and the steps are kept.
    pub fn run(&mut self) -> Result<ServiceReport, ServiceError> {
        block_on(self.steps.run())
    }
}

/// Whether there is a last moment. What has none needs no thread of its own.
fn is_bound(within: Option<Duration>) -> bool {
    within.is_some_and(|within| within != Duration::MAX)
}

/// Runs a join on a thread of its own.
async fn elsewhere(name: &'static str, join: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    let place = Arc::new(Oneshot::<Threads, Outcome>::new());
    let Some((sender, receiver)) = Oneshot::split(place) else { unreachable!("it was made just now") };
    let run = move || {
        let panicked = |payload| Err(Trouble::Panicked(Panic::new(payload)));
        // Perhaps nobody waits any longer.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(join)).unwrap_or_else(panicked));
    };
    thread::Builder::new().name(name.into()).spawn(run).map_err(|error| Trouble::Failed(error.into()))?;
    // It is sent, whatever happens.
    receiver.await.unwrap_or(Ok(()))
}

impl<R> fmt::Debug for Service<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("steps", &self.steps).finish()
    }
}
