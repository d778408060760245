//! [`TaskGroup`]: simulated tasks that are waited for together.
//!
//! There is neither an executor nor a background loop here, as other adapters have them: both would only be other names
//! for the one executor of a run, and there are no threads. [`spawn`](crate::spawn) under a
//! [`Semaphore`](crate::Semaphore) does the same.

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tidegate_core::task_group::{self, EnterError, Guard};
use tidegate_core::{Clock, Heap, Instant, timeout_at};
use tidegate_threads::task::{Failed, Member, enter};
pub use tidegate_threads::{JoinError, Panic, ShutdownError, SpawnError, Summary};

use crate::world::{self, TaskId};
use crate::{Sim, SimTimer, task};

/// Counts a group's members.
pub type Tracker = task_group::TaskGroup<Sim, Heap>;

/// Membership in a [`TaskGroup`], to be kept by a task that somebody else has started.
pub type TaskGuard = Guard<Arc<Tracker>>;

/// Simulated tasks that are waited for together. A clone is another handle to the same group.
///
/// It does what the group of that name in `tidegate-tokio` does. In particular a task of it that panics does not end the
/// run: the panic is delivered to whoever holds its handle, and otherwise counted.
///
/// ```
/// use tidegate_sim::{Sim, TaskGroup};
///
/// let summary = Sim::new(1).run(async {
///     let group = TaskGroup::new();
///     let inner = group.clone();
///     let sum = group.spawn(async move {
///         let two = inner.spawn(async { 2 }).expect("the group is open");
///         two.await.expect("it does not panic") + 3
///     });
///     let summary = group.close().await;
///     assert_eq!(sum.expect("the group was open").await.expect("it does not panic"), 5);
///     summary
/// })?;
/// assert!(summary.is_clean());
/// # Ok::<(), tidegate_sim::SimError>(())
/// ```
#[derive(Clone)]
pub struct TaskGroup {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    tracker: Arc<Tracker>,
    exit_timeout: Option<Duration>,
    /// When the exit timeout is over: set when the group is closed.
    exit: OnceLock<Instant>,
    tasks: Mutex<Tasks>,
    aborted: AtomicUsize,
}

/// Where the tasks of a group are, if it may abort them.
#[derive(Default)]
struct Tasks {
    places: Vec<(u64, TaskId)>,
    /// Whoever comes from now on is aborted at once.
    exited: bool,
}

impl TaskGroup {
    /// A group without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self { shared: Arc::default() }
    }

    /// A new group, whose tasks are aborted if they have not ended `timeout` after it was closed. The aborted are waited
    /// for all the same. Zero aborts at once whoever is left; [`Duration::MAX`] never does.
    #[must_use]
    pub fn with_exit_timeout(self, timeout: Duration) -> Self {
        Self { shared: Arc::new(Shared { exit_timeout: Some(timeout), ..Shared::default() }) }
    }

    /// Spawns a task of the current run, at the priority of the scope that the caller is in.
    ///
    /// # Errors
    ///
    /// [`Closed`](SpawnError::Closed) once the group has been closed and its last task has ended,
    /// [`NoRuntime`](SpawnError::NoRuntime) outside of a run. Either gives `future` back.
    pub fn spawn<F: Future + 'static>(&self, future: F) -> Result<JoinHandle<F::Output>, SpawnError<F>> {
        if world::current().is_none() {
            return Err(SpawnError::NoRuntime(future));
        }
        let (guard, future) = enter(&self.shared.tracker, future)?;
        let task = task::spawn(Member::new(future, guard));
        if self.shared.exit_timeout.is_some() {
            let exited = {
                let mut tasks = self.shared.tasks.lock();
                tasks.places.extend(task.place());
                tasks.exited
            };
            if exited {
                self.shared.abort_all();
            }
        }
        Ok(JoinHandle { task })
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
    /// includes tasks that tasks of the group spawn meanwhile. An exit timeout is counted from the first call on, and
    /// enforced while the future is awaited.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the group stays closed, its tasks go on, and calling again waits on.
    pub fn close(&self) -> impl Future<Output = Summary> + use<> {
        let shared = Arc::clone(&self.shared);
        let mut closed = Tracker::close_owned(Arc::clone(&shared.tracker));
        let exit = shared.exit_timeout.map(|timeout| *shared.exit.get_or_init(|| SimTimer.now() + timeout));
        async move {
            // On the heap there is room for everybody who waits.
            let in_time = match exit {
                None => closed.await.is_ok(),
                Some(exit) => timeout_at(&SimTimer, exit, &mut closed).await.is_ok(),
            };
            if !in_time {
                shared.tasks.lock().exited = true;
                shared.abort_all();
                let _ = Tracker::join_owned(Arc::clone(&shared.tracker)).await;
            }
            shared.summary()
        }
    }

    /// The same, for at most `timeout`; then the tasks go on without anybody who waits.
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
    ) -> impl Future<Output = Result<Summary, ShutdownError>> + use<> {
        let deadline = SimTimer.now() + timeout;
        let closed = self.close();
        async move { timeout_at(&SimTimer, deadline, closed).await.map_err(|_elapsed| ShutdownError::TimedOut) }
    }

    /// How many tasks have not ended.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.tracker.len()
    }

    /// Whether all have ended.
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
}

impl Shared {
    fn abort_all(&self) {
        let places = mem::take(&mut self.tasks.lock().places);
        let Some(world) = world::current() else { return };
        for (id, task) in places {
            if id == world.id && world.abort(task) {
                self.aborted.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn summary(&self) -> Summary {
        Summary::new(self.tracker.unobserved_failures(), self.aborted.load(Ordering::Relaxed))
    }
}

impl Default for TaskGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("tracker", &self.shared.tracker).finish_non_exhaustive()
    }
}

/// The result to come of a group's task. Dropping it lets the task go on by itself; if that panics then, it counts as
/// unobserved.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` and dropping that future loses nothing. Once the result has been taken, the handle stays
/// pending.
#[must_use = "await it, abort it, or drop it on purpose"]
pub struct JoinHandle<T> {
    task: task::JoinHandle<Result<T, Failed<Arc<Tracker>>>>,
}

impl<T> JoinHandle<T> {
    /// Whether the task has ended, by itself or otherwise.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Drops the task wherever it is; awaiting it then says [`JoinError::Aborted`].
    pub fn abort(&self) {
        self.task.abort();
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(Pin::new(&mut self.task).poll(cx)) {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(failed)) => Err(failed.observe()),
            Err(_aborted) => Err(JoinError::Aborted),
        })
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}
