//! [`Steps`]: what a service does, whoever runs it: the steps as futures, in order, with their panics caught.

use core::fmt;
use core::future::{Future, poll_fn};
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;
use std::panic::catch_unwind;
use std::sync::Arc;

use tidegate_core::shutdown::{BeginError, Joins, Nested, Phase, Reason, Shutdown, ShutdownRef, StartUps};

use super::outer::{Around, Outer};
use super::{Problem, ServiceError, ServiceReport, StepOutcome, Trouble, listen};
use crate::Panic;

/// How a step ended.
pub type Outcome = Result<(), Trouble>;

/// A step under way.
pub type Body = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A join: its name, within what time, and what is waited for.
type Join = (&'static str, Option<Duration>, Body);

struct Step<A> {
    name: &'static str,
    body: Box<dyn FnOnce(A) -> Body + Send>,
}

/// The steps of a service, from which the adapters' `Service`s are made.
pub struct Steps<R> {
    shutdown: R,
    pub(super) signals: Vec<i32>,
    start_ups: Vec<Step<()>>,
    callbacks: Vec<Step<Reason>>,
    joins: Vec<Join>,
    outer: Option<Arc<dyn Outer>>,
}

impl<R> Steps<R>
where
    R: ShutdownRef + Clone + Send + Sync + 'static,
{
    /// None so far.
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

    /// Adds signals, by number.
    pub fn signals(&mut self, signals: impl IntoIterator<Item = i32>) {
        self.signals.extend(signals);
    }

    /// Adds a start-up, of which a panic is caught once it is a future.
    pub fn start_up(&mut self, name: &'static str, step: impl FnOnce() -> Body + Send + 'static) {
        self.start_ups.push(Step { name, body: Box::new(|()| step()) });
    }

    /// Adds a callback.
    pub fn callback(&mut self, name: &'static str, step: impl FnOnce(Reason) -> Body + Send + 'static) {
        self.callbacks.push(Step { name, body: Box::new(step) });
    }

    /// Adds a join.
    pub fn join(&mut self, name: &'static str, within: Option<Duration>, body: Body) {
        self.joins.push((name, within, body));
    }

    /// Makes it a scope within another.
    pub fn within<O>(&mut self, outer: O)
    where
        O: ShutdownRef + Clone + Send + Sync + 'static,
        Option<Nested<O>>: Send,
    {
        self.outer = Some(Arc::new(Around(outer)));
    }

    /// Goes through all phases. The steps are used up.
    ///
    /// # Errors
    ///
    /// [`ServiceError`]; then nothing has been run, and the steps are kept.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the run up where it is.
    pub async fn run(&mut self) -> Result<ServiceReport, ServiceError>
    where
        R::Platform: 'static,
    {
        check(self.shutdown.shutdown().phase())?;
        let shutdown = self.shutdown.clone();
        let hear = move |signal| shutdown.shutdown().trigger_by(Reason::Signal(signal));
        let listening = listen(&self.signals, Arc::new(hear))?;
        let run = Shutdown::begin_owned(self.shutdown.clone())?;
        let within = self.outer.as_ref().map(|outer| outer.nest());
        let mut problems = Vec::new();
        self.start(&mut problems).await;
        let report = self.stop(run, problems).await;
        drop(within);
        drop(listening);
        Ok(report)
    }

    async fn start(&mut self, problems: &mut Vec<Problem>) {
        for Step { name, body } in self.start_ups.drain(..) {
            if let Some(reason) = self.outer.as_ref().and_then(|outer| outer.reason()) {
                self.shutdown.shutdown().follow(reason);
            }
            if let Err(trouble) = guarded(async { body(()).await }).await {
                problems.push(Problem::new(Phase::StartUps, name, trouble));
                self.shutdown.shutdown().trigger_by(Reason::StartUpFailed);
                break;
            }
        }
    }

    async fn stop(&mut self, run: StartUps<R>, mut problems: Vec<Problem>) -> ServiceReport {
        let callbacks = match &self.outer {
            Some(outer) => run.triggered_within(outer.triggered()).await,
            None => run.triggered().await,
        };
        let reason = callbacks.reason();
        for Step { name, body } in self.callbacks.drain(..) {
            if let Err(trouble) = guarded(async { body(reason).await }).await {
                problems.push(Problem::new(Phase::Callbacks, name, trouble));
            }
        }
        let mut joins = callbacks.joins();
        for (name, within, body) in self.joins.drain(..) {
            if let Err(trouble) = wait_for(&mut joins, name, within, body).await {
                problems.push(Problem::new(Phase::Joins, name, trouble));
            }
        }
        ServiceReport::new(reason, joins.finish().forced(), problems)
    }
}

/// Whether a run may begin, as far as can be told beforehand.
const fn check(phase: Phase) -> Result<(), BeginError> {
    match phase {
        Phase::Idle => Ok(()),
        Phase::Ended => Err(BeginError::Ended),
        _ => Err(BeginError::AlreadyRunning),
    }
}

async fn wait_for<R: ShutdownRef>(
    joins: &mut Joins<R>,
    name: &'static str,
    within: Option<Duration>,
    body: Body,
) -> Outcome {
    match joins.join(name, within, guarded(body)).await {
        Ok(outcome) => outcome,
        Err(late) => Err(if late.forced { Trouble::CutShort } else { Trouble::Late }),
    }
}

/// Makes a panic an outcome.
async fn guarded(future: impl Future<Output = Outcome>) -> Outcome {
    let mut future = core::pin::pin!(future);
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        polled.unwrap_or_else(|payload| Poll::Ready(Err(Trouble::Panicked(Panic::new(payload)))))
    })
    .await
}

/// A step that is a future.
pub fn body<F: Future<Output: StepOutcome> + Send + 'static>(future: F) -> Body {
    Box::pin(async move { outcome(future.await) })
}

/// How a step ended that answered so.
///
/// # Errors
///
/// [`Trouble::Failed`].
pub fn outcome(result: impl StepOutcome) -> Outcome {
    result.into_result().map_err(Trouble::Failed)
}

/// How a thread ended that was joined.
///
/// # Errors
///
/// [`Trouble::Panicked`].
pub fn joined<T>(result: std::thread::Result<T>) -> Outcome {
    result.map(drop).map_err(|payload| Trouble::Panicked(Panic::new(payload)))
}

impl<R> fmt::Debug for Steps<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps")
            .field("signals", &self.signals)
            .field("start_ups", &self.start_ups.len())
            .field("callbacks", &self.callbacks.len())
            .field("joins", &self.joins.len())
            .finish_non_exhaustive()
    }
}
