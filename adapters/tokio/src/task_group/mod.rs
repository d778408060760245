//! [`TaskGroup`]: tasks that are waited for together.

mod handle;
#[cfg(test)]
mod tests;

pub use handle::JoinHandle;
pub(crate) use handle::Outcome;
pub use tidegate_threads::TaskGuard;
pub use tidegate_threads::task::Tracker;

use core::fmt;
use core::future::Future;
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use tidegate_core::task_group::EnterError;
use tidegate_core::{Blocking, Clock, Instant, timeout_at};
use tidegate_threads::task::{Abort, Aborts, Home, Member, contain, enter};
use tidegate_threads::{ShutdownError, SpawnError, Summary};
use tokio::runtime::Handle;
use tokio::task as tokio_task;

use crate::span::{InSpan, in_span};
use crate::{Tokio, TokioTimer, priority};

/// A future that runs as a task of a group.
pub(crate) type MemberTask<F> = Member<InSpan<F>, Arc<Tracker>>;

/// Tasks that are waited for together. A clone is another handle to the same group.
///
/// Tasks may spawn others into their group, also while somebody waits for its end already. None of them is cancelled
/// because another one failed: a result, or a panic, is delivered to whoever holds the task's [`JoinHandle`], and the
/// [`Summary`] says how many panics nobody has heard of. A task runs at the priority of the
/// [scope](crate::priority) in which it was spawned and, with the feature `tracing`, in the span.
///
/// Only a group with an [`exit_timeout`](Self::with_exit_timeout) ever aborts a task. Dropping a group aborts nothing
/// and waits for nobody.
///
/// # Cost
///
/// Beside what tokio takes for a task, two atomic operations when it is spawned and two when it ends. A group with
/// an exit timeout takes a short lock more per task.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use tidegate_tokio::TaskGroup;
///
/// let group = TaskGroup::new();
/// let inner = group.clone();
/// let sum = group.spawn(async move {
///     let two = inner.spawn(async { 2 }).expect("the group is open");
///     two.await.expect("it does not panic") + 3
/// })?;
/// drop(group.spawn(async { panic!("on purpose") })?);
///
/// let summary = group.close().await;
/// assert_eq!(summary.unobserved_failures, 1);
/// assert_eq!(sum.await?, 5);
/// assert!(group.spawn(async {}).is_err_and(|error| error.is_closed()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TaskGroup {
    shared: Arc<Shared>,
}

struct Shared {
    tracker: Arc<Tracker>,
    /// `None` if the group was made outside of every runtime: tasks then run where they are spawned.
    runtime: Option<Handle>,
    /// Only where something may abort tasks.
    aborts: Option<Aborts<AbortHandle>>,
    exit_timeout: Option<Duration>,
    /// When the exit timeout is over: set when the group is closed.
    exit: OnceLock<Instant>,
}

impl TaskGroup {
    /// A group whose tasks run on the runtime that the caller is in. Outside of every runtime it is a group, too:
    /// each task then runs where it is spawned.
    #[must_use]
    pub fn new() -> Self {
        Self::build(Handle::try_current().ok(), false, None)
    }

    /// A group whose tasks run on that runtime, whoever spawns them: also threads outside of it.
    #[must_use]
    pub fn on(runtime: Handle) -> Self {
        Self::build(Some(runtime), false, None)
    }

    /// A new group on the same runtime, whose tasks are aborted if they have not ended `timeout` after it was closed.
    /// The aborted are waited for all the same.
    ///
    /// The timeout is enforced by whoever waits for the group's end. Zero aborts at once whoever is left;
    /// [`Duration::MAX`] never does.
    #[must_use]
    pub fn with_exit_timeout(self, timeout: Duration) -> Self {
        Self::build(self.shared.runtime.clone(), true, Some(timeout))
    }

    pub(crate) fn build(runtime: Option<Handle>, may_abort: bool, exit_timeout: Option<Duration>) -> Self {
        let aborts = may_abort.then(Aborts::new);
        let (tracker, exit) = (Arc::default(), OnceLock::new());
        Self { shared: Arc::new(Shared { tracker, runtime, aborts, exit_timeout, exit }) }
    }

    /// Spawns a task.
    ///
    /// # Errors
    ///
    /// [`Closed`](SpawnError::Closed) once the group has been closed and its last task has ended,
    /// [`NoRuntime`](SpawnError::NoRuntime) outside of a runtime, if the group has none of its own. Either gives
    /// `future` back.
    pub fn spawn<F>(&self, future: F) -> Result<JoinHandle<F::Output>, SpawnError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let task = self.spawn_wrapped(future, |member| member)?;
        Ok(JoinHandle::new(task, Home::ANYWHERE))
    }

    /// Spawns a task of whatever kind, made by `wrap` of the member that is to be run.
    pub(crate) fn spawn_wrapped<F, W>(
        &self,
        future: F,
        wrap: impl FnOnce(MemberTask<F>) -> W,
    ) -> Result<tokio_task::JoinHandle<W::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        W: Future<Output: Send> + Send + 'static,
    {
        let (guard, future) = self.enter(future)?;
        let task = wrap(Member::new(in_span(future), guard));
        let task = match &self.shared.runtime {
            Some(runtime) => runtime.spawn(task),
            // Looked for by `enter`.
            None => tokio_task::spawn(task),
        };
        self.note(&task);
        Ok(task)
    }

    /// Runs `body`, which may block, on a thread of the runtime that is there for such things.
    ///
    /// What has begun cannot be aborted; what has not begun can.
    ///
    /// # Errors
    ///
    /// Those of [`spawn`](Self::spawn).
    pub fn spawn_blocking<F, T>(&self, body: F) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (guard, body) = self.enter(body)?;
        let priority = priority::current();
        let body = move || contain(&guard, priority, body);
        let task = match &self.shared.runtime {
            Some(runtime) => runtime.spawn_blocking(body),
            // Looked for by `enter`.
            None => tokio_task::spawn_blocking(body),
        };
        self.note(&task);
        Ok(JoinHandle::new(task, Home::ANYWHERE))
    }

    /// Enters the group with something to be run there.
    fn enter<F>(&self, payload: F) -> Result<(TaskGuard, F), SpawnError<F>> {
        if self.shared.runtime.is_none() && Handle::try_current().is_err() {
            return Err(SpawnError::NoRuntime(payload));
        }
        enter(&self.shared.tracker, payload)
    }

    fn note<T>(&self, task: &tokio_task::JoinHandle<T>) {
        if let Some(aborts) = &self.shared.aborts {
            aborts.add(AbortHandle(task.abort_handle()));
        }
    }

    /// Membership for a task that somebody else spawns, and that is not aborted by the group.
    ///
    /// # Errors
    ///
    /// Those of [`tidegate_core::task_group::TaskGroup::track`].
    pub fn track(&self) -> Result<TaskGuard, EnterError> {
        Tracker::track_owned(Arc::clone(&self.shared.tracker))
    }

    /// Closes the group, which this call does, and waits until all its tasks have ended, which the future does. That
    /// includes tasks that tasks of the group spawn meanwhile.
    ///
    /// If the group has an exit timeout, it is counted from the first call on, and enforced while the future is
    /// awaited.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the group stays closed, its tasks go on, and calling again waits on.
    pub fn close(&self) -> impl Future<Output = Summary> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        let mut closed = Tracker::close_owned(Arc::clone(&shared.tracker));
        let exit = shared
            .exit_timeout
            .map(|timeout| *shared.exit.get_or_init(|| TokioTimer.now() + timeout))
            .filter(|&exit| exit != Instant::MAX);
        async move {
            // On the heap there is room for everybody who waits.
            let Some(exit) = exit else {
                let _ = closed.await;
                return shared.summary();
            };
            // No timer for what is over: it might take a while to say so.
            let in_time = if TokioTimer.now() >= exit {
                shared.tracker.is_finished()
            } else {
                timeout_at(&TokioTimer, exit, &mut closed).await.is_ok()
            };
            if !in_time {
                if let Some(aborts) = &shared.aborts {
                    aborts.abort_all(true);
                }
                let _ = closed.await;
            }
            shared.summary()
        }
    }

    /// The same, for at most `timeout`; then the tasks go on without anybody who waits. To be awaited; the blocking
    /// one is [`close_blocking_timeout`](Self::close_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ShutdownError::TimedOut). A group that is finished is never refused for the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`close`](Self::close).
    pub fn close_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Summary, ShutdownError>> + Send + 'static + use<> {
        let deadline = TokioTimer.now() + timeout;
        let closed = self.close();
        async move { timeout_at(&TokioTimer, deadline, closed).await.map_err(|_elapsed| ShutdownError::TimedOut) }
    }

    /// Closes the group and blocks this thread until all its tasks have ended: for threads outside of the runtime and
    /// for `spawn_blocking`, never for async tasks. A task that waits so for its own group waits for ever.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn close_blocking(&self) -> Summary {
        Tokio::block_on(self.close())
    }

    /// The same, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ShutdownError::TimedOut). A group that is finished is never refused for the time's sake.
    pub fn close_blocking_timeout(&self, timeout: Duration) -> Result<Summary, ShutdownError> {
        let deadline = Tokio::now() + timeout;
        Tokio::block_on_until(deadline, self.close()).ok_or(ShutdownError::TimedOut)
    }

    /// How many tasks have not ended: a figure for display, outdated by the time it is seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.tracker.len()
    }

    /// Whether all have ended: outdated by the time it is seen, unless the group is finished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.tracker.is_empty()
    }

    /// Whether the group has been closed; its tasks may still spawn others.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.tracker.is_closed()
    }

    /// How many tasks have panicked and nobody has heard of it so far.
    #[must_use]
    pub fn unobserved_failures(&self) -> usize {
        self.shared.tracker.unobserved_failures()
    }

    pub(crate) fn tracker(&self) -> &Arc<Tracker> {
        &self.shared.tracker
    }

    /// Aborts all there are, if this is a group that may; with `for_good`, also all who come.
    pub(crate) fn abort_all(&self, for_good: bool) -> usize {
        self.shared.aborts.as_ref().map_or(0, |aborts| aborts.abort_all(for_good))
    }

    pub(crate) fn summary(&self) -> Summary {
        self.shared.summary()
    }
}

impl Shared {
    fn summary(&self) -> Summary {
        Summary::new(self.tracker.unobserved_failures(), self.aborts.as_ref().map_or(0, Aborts::aborted))
    }
}

struct AbortHandle(tokio_task::AbortHandle);

impl Abort for AbortHandle {
    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    fn abort(self) -> bool {
        let runs = !self.0.is_finished();
        if runs {
            self.0.abort();
        }
        runs
    }
}

impl Default for TaskGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("tracker", &self.shared.tracker)
            .field("exit_timeout", &self.shared.exit_timeout)
            .finish_non_exhaustive()
    }
}
