//! [`Service`]: the steps of a program, run in order by a task.

use core::fmt;
use core::future::Future;
use core::time::Duration;
use std::thread;

use tidegate_core::Heap;
use tidegate_core::shutdown::{Nested, Reason, ShutdownRef};
use tidegate_threads::Panic;
use tidegate_threads::shutdown::steps::{Steps, body, joined};
use tokio::task::{self, JoinError, JoinHandle};

use super::{ServiceError, ServiceReport, Shutdown, StepOutcome, Trouble};
use crate::{Tokio, TokioTimer};

/// The steps of a program, which [`run`](Self::run) goes through in the order in which they were given: start-ups,
/// then the wait for a signal or a [trigger](tidegate_core::shutdown::Shutdown::trigger), then callbacks, then joins.
///
/// - A **start-up** that fails or panics is the last one. What was started by then is stopped: the callbacks and
///   joins are run. A signal amid the start-ups is kept until all are done; one that takes long may look at
///   [`is_triggered`](tidegate_core::shutdown::Shutdown::is_triggered).
/// - A **callback** tells somebody to stop.
/// - A **join** waits for somebody, for at most as long as it says, by tokio's time.
///
/// A step that panics or fails is reported, and keeps no other from being run.
///
/// # Signals
///
/// Those that are asked for are caught while it runs, and no longer: afterwards they act as they did before. Handlers
/// that were there before are called all the same, tokio's own among them. Several services may run at once, in any
/// runtimes and threads; each hears of every signal that it asked for. A second signal does what the shutdown's
/// [`SecondSignal`](super::SecondSignal) says: `ForceExit` lets it kill the process, as if nobody had caught it.
/// A signal is heard on a thread `tidegate-signals`, which exists as long as anybody listens; the runtime needs no
/// I/O driver for it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use core::time::Duration;
/// use tidegate_tokio::{Service, Shutdown, signal};
///
/// static SHUTDOWN: Shutdown = Shutdown::new();
///
/// let server = tokio::spawn(async {
///     // … serves until …
/// #   SHUTDOWN.trigger(); // so that the example ends
///     SHUTDOWN.triggered().await
/// });
/// let report = Service::new(&SHUTDOWN)
///     .signals([signal::SIGINT, signal::SIGTERM])
///     .start_up("configuration", async || std::env::current_dir().map(drop))
///     .callback("say so", async |reason| println!("stopping: {reason}"))
///     .join_task("server", Duration::from_secs(5), server)
///     .run()
///     .await?;
/// assert!(report.is_clean());
/// # Ok(())
/// # }
/// ```
#[must_use = "it does nothing before it is run"]
pub struct Service<R = &'static Shutdown> {
    steps: Steps<R>,
}

impl<R> Service<R>
where
    R: ShutdownRef<Platform = Tokio, Storage = Heap, Timer = TokioTimer> + Clone + Send + Sync + 'static,
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

    /// Adds a start-up.
    pub fn start_up<F>(mut self, name: &'static str, step: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output: StepOutcome> + Send + 'static,
    {
        self.steps.start_up(name, || body(step()));
        self
    }

    /// Adds a callback, which is told why it all ends.
    pub fn callback<F>(mut self, name: &'static str, step: impl FnOnce(Reason) -> F + Send + 'static) -> Self
    where
        F: Future<Output: StepOutcome> + Send + 'static,
    {
        self.steps.callback(name, |reason| body(step(reason)));
        self
    }

    /// Adds a join: a future that is ready when somebody has come. It is dropped if it is not ready within that time.
    ///
    /// A bound of zero is for those who have come already; one beyond the end of time is none.
    pub fn join<F>(mut self, name: &'static str, within: impl Into<Option<Duration>>, future: F) -> Self
    where
        F: Future<Output: StepOutcome> + Send + 'static,
    {
        self.steps.join(name, within.into(), body(future));
        self
    }

    /// Adds a join for a task. That it panicked or was aborted is reported; a task that does not come in time goes on.
    pub fn join_task<T: Send + 'static>(
        mut self,
        name: &'static str,
        within: impl Into<Option<Duration>>,
        task: JoinHandle<T>,
    ) -> Self {
        let body = Box::pin(async move { task.await.map(drop).map_err(trouble) });
        self.steps.join(name, within.into(), body);
        self
    }

    /// Adds a join for a plain thread, which the blocking pool waits for. That it panicked is reported.
    pub fn join_thread<T: Send + 'static>(
        mut self,
        name: &'static str,
        within: impl Into<Option<Duration>>,
        thread: thread::JoinHandle<T>,
    ) -> Self {
        let body = Box::pin(async move {
            let finished = thread.is_finished();
            let join = move || joined(thread.join());
            // Whoever has come already is in time, though there be none.
            if finished { join() } else { task::spawn_blocking(join).await.map_err(trouble)? }
        });
        self.steps.join(name, within.into(), body);
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

    /// Goes through all phases, and says how it went. The steps are used up.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if the shutdown is in use or used up, or if one of the signals cannot be caught. Then nothing
    /// has been run, and the steps are kept.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the run up where it is: the signals act as before, and the steps that were left
    /// are not run.
    pub async fn run(&mut self) -> Result<ServiceReport, ServiceError> {
        self.steps.run().await
    }
}

fn trouble(error: JoinError) -> Trouble {
    match error.try_into_panic() {
        Ok(payload) => Trouble::Panicked(Panic::new(payload)),
        Err(aborted) => Trouble::Failed(aborted.into()),
    }
}

impl<R> fmt::Debug for Service<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("steps", &self.steps).finish()
    }
}
