//! [`Service`]: the steps of a program, run in order on this thread.

use core::error::Error;
use core::fmt;
use core::future::{Future, poll_fn};
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;
use std::panic;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use tidegate_core::shutdown::{Joins, Late, Nested, Phase, Reason, ShutdownRef, StartUps};

use super::outer::{Around, Outer};
use super::{Problem, ServiceError, ServiceReport, Shutdown, StepOutcome, Trouble, check, listen};
use crate::Panic;
use crate::{Semaphore, Threads, ThreadsTimer, block_on};

type Outcome = Result<(), Trouble>;

struct Step<A> {
    name: &'static str,
    body: Box<dyn FnOnce(A) -> Outcome + Send>,
}

struct Join {
    name: &'static str,
    within: Option<Duration>,
    body: Body,
}

enum Body {
    Blocking(Box<dyn FnOnce() -> Outcome + Send>),
    Thread(Box<dyn AnyThread>),
    Future(Pin<Box<dyn Future<Output = Outcome> + Send>>),
}

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
    shutdown: R,
    signals: Vec<i32>,
    start_ups: Vec<Step<()>>,
    callbacks: Vec<Step<Reason>>,
    joins: Vec<Join>,
    outer: Option<Arc<dyn Outer>>,
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
        Self {
            shutdown,
            signals: Vec::new(),
            start_ups: Vec::new(),
            callbacks: Vec::new(),
            joins: Vec::new(),
            outer: None,
        }
    }

    /// Adds signals, by number, that trigger it.
    pub fn signals(mut self, signals: impl IntoIterator<Item = i32>) -> Self {
        self.signals.extend(signals);
        self
    }

    #[cfg(all(test, unix))]
    pub(super) fn forget_signals(&mut self) {
        self.signals.clear();
    }

    /// Adds a start-up.
    pub fn start_up<O: StepOutcome>(
        mut self,
        name: &'static str,
        step: impl FnOnce() -> O + Send + 'static,
    ) -> Self {
        self.start_ups.push(Step { name, body: Box::new(move |()| outcome(step().into_result())) });
        self
    }

    /// Adds a callback, which is told why it all ends.
    pub fn callback<O: StepOutcome>(
        mut self,
        name: &'static str,
        step: impl FnOnce(Reason) -> O + Send + 'static,
    ) -> Self {
        self.callbacks.push(Step { name, body: Box::new(move |reason| outcome(step(reason).into_result())) });
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
        let body = Body::Blocking(Box::new(move || outcome(step().into_result())));
        self.joins.push(Join { name, within: within.into(), body });
        self
    }

    /// Adds a join for a thread. That the thread panicked is reported.
    pub fn join_thread<T: Send + 'static>(
        mut self,
        name: &'static str,
        within: impl Into<Option<Duration>>,
        thread: JoinHandle<T>,
    ) -> Self {
        let body = Body::Thread(Box::new(thread));
        self.joins.push(Join { name, within: within.into(), body });
        self
    }

    /// Adds a join that is a future; it is dropped if it does not come in time.
    pub fn join_future<F>(mut self, name: &'static str, within: impl Into<Option<Duration>>, future: F) -> Self
    where
        F: Future<Output: StepOutcome> + Send + 'static,
    {
        let body = Body::Future(Box::pin(async move { outcome(future.await.into_result()) }));
        self.joins.push(Join { name, within: within.into(), body });
        self
    }

    /// Makes it a scope within another: it ends when that one does, for the same reason, or before; and the other
    /// one's callbacks wait until it has.
    pub fn within<O>(mut self, outer: O) -> Self
    where
        O: ShutdownRef + Clone + Send + Sync + 'static,
        Option<Nested<O>>: Send,
    {
        self.outer = Some(Arc::new(Around(outer)));
        self
    }

    /// Goes through all phases on this thread, and says how it went. The steps are used up.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if the shutdown is in use or used up, or if one of the signals cannot be caught. Then nothing
    /// has been run, and the steps are kept.
    pub fn run(&mut self) -> Result<ServiceReport, ServiceError> {
        check(self.shutdown.shutdown().phase())?;
        let shutdown = self.shutdown.clone();
        let hear = move |signal| shutdown.shutdown().trigger_by(Reason::Signal(signal));
        let listening = listen(&self.signals, Arc::new(hear))?;
        let run = Shutdown::begin_owned(self.shutdown.clone())?;
        let within = self.outer.as_ref().map(|outer| outer.nest());
        let mut problems = Vec::new();
        self.start(&mut problems);
        let report = self.stop(run, problems);
        drop(within);
        drop(listening);
        Ok(report)
    }

    fn start(&mut self, problems: &mut Vec<Problem>) {
        let shutdown = self.shutdown.shutdown();
        for Step { name, body } in self.start_ups.drain(..) {
            if let Some(reason) = self.outer.as_ref().and_then(|outer| outer.reason()) {
                shutdown.follow(reason);
            }
            if let Err(trouble) = guarded(|| body(())) {
                problems.push(Problem::new(Phase::StartUps, name, trouble));
                shutdown.trigger_by(Reason::StartUpFailed);
                break;
            }
        }
    }

    fn stop(&mut self, run: StartUps<R>, mut problems: Vec<Problem>) -> ServiceReport {
        let callbacks = match &self.outer {
            Some(outer) => block_on(run.triggered_within(outer.triggered())),
            None => block_on(run.triggered()),
        };
        let reason = callbacks.reason();
        for Step { name, body } in self.callbacks.drain(..) {
            if let Err(trouble) = guarded(|| body(reason)) {
                problems.push(Problem::new(Phase::Callbacks, name, trouble));
            }
        }
        let mut joins = callbacks.joins();
        for join in self.joins.drain(..) {
            let name = join.name;
            if let Err(trouble) = wait_for(&mut joins, join) {
                problems.push(Problem::new(Phase::Joins, name, trouble));
            }
        }
        ServiceReport::new(reason, joins.finish().forced(), problems)
    }
}

fn wait_for<R: ShutdownRef>(joins: &mut Joins<R>, join: Join) -> Outcome {
    let Join { name, within, body } = join;
    let body: Box<dyn FnOnce() -> Outcome + Send> = match body {
        Body::Future(future) => return joined(block_on(joins.join(name, within, guarded_future(future)))),
        Body::Blocking(body) => body,
        // Whoever has come already is in time.
        Body::Thread(thread) if thread.is_finished() => {
            return joined(block_on(joins.join(name, None, async { thread.join() })));
        }
        Body::Thread(thread) => Box::new(move || thread.join()),
    };
    // What has no bound needs no thread.
    let Some(within) = within.filter(|&within| within != Duration::MAX) else {
        return joined(block_on(joins.join(name, None, async { guarded(body) })));
    };
    let future = elsewhere(name, body)?;
    joined(block_on(joins.join(name, within, future)))
}

fn joined(joined: Result<Outcome, Late>) -> Outcome {
    match joined {
        Ok(outcome) => outcome,
        Err(late) => Err(if late.forced { Trouble::CutShort } else { Trouble::Late }),
    }
}

/// Runs a body on a thread of its own.
fn elsewhere(
    name: &'static str,
    body: impl FnOnce() -> Outcome + Send + 'static,
) -> Result<impl Future<Output = Outcome>, Trouble> {
    let done = Arc::new((Semaphore::new(0), Mutex::new(None)));
    let here = Arc::clone(&done);
    let run = move || {
        let outcome = guarded(body);
        *here.1.lock() = Some(outcome);
        // There is but this one.
        let _ = here.0.add_permits(1);
    };
    thread::Builder::new().name(name.into()).spawn(run).map_err(|error| Trouble::Failed(error.into()))?;
    Ok(async move {
        // Nobody closes it.
        let _ = done.0.acquire().await;
        done.1.lock().take().unwrap_or(Ok(()))
    })
}

fn outcome(result: Result<(), Box<dyn Error + Send + Sync>>) -> Outcome {
    result.map_err(Trouble::Failed)
}

/// Makes a panic an outcome.
fn guarded(body: impl FnOnce() -> Outcome) -> Outcome {
    panic::catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|payload| Err(Trouble::Panicked(Panic::new(payload))))
}

/// The same for a future.
async fn guarded_future(mut future: Pin<Box<dyn Future<Output = Outcome> + Send>>) -> Outcome {
    poll_fn(|cx| {
        let polled = panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        polled.unwrap_or_else(|payload| Poll::Ready(Err(Trouble::Panicked(Panic::new(payload)))))
    })
    .await
}

/// A thread, whatever it answers.
trait AnyThread: Send {
    fn is_finished(&self) -> bool;
    fn join(self: Box<Self>) -> Outcome;
}

impl<T: Send> AnyThread for JoinHandle<T> {
    fn is_finished(&self) -> bool {
        Self::is_finished(self)
    }

    fn join(self: Box<Self>) -> Outcome {
        match Self::join(*self) {
            Ok(_output) => Ok(()),
            Err(payload) => Err(Trouble::Panicked(Panic::new(payload))),
        }
    }
}

impl<R> fmt::Debug for Service<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("signals", &self.signals)
            .field("start_ups", &self.start_ups.len())
            .field("callbacks", &self.callbacks.len())
            .field("joins", &self.joins.len())
            .finish_non_exhaustive()
    }
}
