//! [`Executor`]: tasks of which so many run at once.

mod map;
mod reservation;
#[cfg(test)]
mod tests;
mod work;

pub use map::Map;
pub use reservation::Reservation;

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::Arc;

use tidegate_core::{Blocking, Clock, timeout_at};
use tidegate_threads::task::{Home, ResultOrder};
use tidegate_threads::{ShutdownError, SpawnError, Summary};
use tokio::runtime::Handle;

use crate::{JoinHandle, Semaphore, TaskGroup, Tokio, TokioTimer, TryAcquireError};
use work::Queued;

/// Tasks of which so many run at once. A clone is another handle to the same executor.
///
/// Whoever [submits](Self::submit) a future gets a handle to its result; [`map`](Self::map) gives the results of many
/// as they come. What waits for its turn stands in the line of a [`Semaphore`]: by the priority of the
/// [scope](crate::priority) in which it was submitted, then by arrival. A task runs at that priority and, with the
/// feature `tracing`, in that span.
///
/// No task is cancelled because another one failed; [`abort_all`](Self::abort_all) aborts, and nothing else does.
/// Dropping the executor waits for nobody.
///
/// # Backpressure
///
/// [`submit`](Self::submit) never waits, so what waits for its turn is bounded by nothing. Whoever wants to be held up
/// [reserves](Self::reserve) first: the reservation is there when a task may run.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use tidegate_tokio::Executor;
///
/// let executor = Executor::new(2); // two at a time
/// let seven = executor.submit(async { 3 + 4 })?;
/// assert_eq!(seven.await?, 7);
///
/// let mut squares: Vec<u64> = Vec::new();
/// let mut results = executor.map_ordered(1..=4_u64, |n| async move { n * n })?;
/// while let Some(square) = results.next().await {
///     squares.push(square?);
/// }
/// assert_eq!(squares, [1, 4, 9, 16]);
///
/// executor.reserve().await?.submit(async { /* … */ })?.await?;
/// assert!(executor.shutdown().await.is_clean());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Executor {
    shared: Arc<Shared>,
}

struct Shared {
    group: TaskGroup,
    permits: Arc<Semaphore>,
    max_concurrent: usize,
    closed: AtomicBool,
}

impl Executor {
    /// An executor on the runtime that the caller is in, or else wherever something is submitted; `max_concurrent`
    /// tasks run at once.
    ///
    /// Zero counts as one, for nothing would ever run; more than a semaphore has permits, as all of those.
    #[must_use]
    pub fn new(max_concurrent: usize) -> Self {
        Self::build(Handle::try_current().ok(), max_concurrent)
    }

    /// The same on that runtime, whoever submits: also threads outside of it.
    #[must_use]
    pub fn on(runtime: Handle, max_concurrent: usize) -> Self {
        Self::build(Some(runtime), max_concurrent)
    }

    fn build(runtime: Option<Handle>, max_concurrent: usize) -> Self {
        let max_concurrent = max_concurrent.clamp(1, Semaphore::MAX_PERMITS);
        let group = TaskGroup::build(runtime, true, None);
        let permits = Arc::new(Semaphore::new(max_concurrent));
        Self { shared: Arc::new(Shared { group, permits, max_concurrent, closed: AtomicBool::new(false) }) }
    }

    /// Lets `future` run when its turn comes. Never waits.
    ///
    /// Its place in line is taken now, whenever its task is polled first.
    ///
    /// # Errors
    ///
    /// [`Closed`](SpawnError::Closed) after [`shutdown`](Self::shutdown), [`NoRuntime`](SpawnError::NoRuntime)
    /// outside of a runtime, if the executor has none of its own. Either gives `future` back.
    pub fn submit<F>(&self, future: F) -> Result<JoinHandle<F::Output>, SpawnError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if self.is_closed() {
            return Err(SpawnError::Closed(future));
        }
        let mut turn = Semaphore::acquire_owned(Arc::clone(&self.shared.permits), 1);
        // Takes the place in line. The task polls once more, with a waker of its own.
        let polled = Pin::new(&mut turn).poll(&mut Context::from_waker(Waker::noop()));
        let task = self.shared.group.spawn_wrapped(future, |member| Queued::new(turn, polled, member))?;
        Ok(JoinHandle::new(task, Home::ANYWHERE))
    }

    /// Waits until a task may run, and keeps its place free.
    ///
    /// # Errors
    ///
    /// [`Closed`](SpawnError::Closed) after [`shutdown`](Self::shutdown).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and nothing is lost.
    pub async fn reserve(&self) -> Result<Reservation, SpawnError<()>> {
        if self.is_closed() {
            return Err(SpawnError::Closed(()));
        }
        let mut turn = Semaphore::acquire_owned(Arc::clone(&self.shared.permits), 1);
        // Others may hold on to their reservations after the executor's end.
        let mut finished = self.shared.group.tracker().join();
        let permit = poll_fn(|cx| match Pin::new(&mut turn).poll(cx) {
            Poll::Ready(permit) => Poll::Ready(permit.ok()),
            Poll::Pending => Pin::new(&mut finished).poll(cx).map(|_finished| None),
        });
        match permit.await {
            Some(permit) if !self.is_closed() => Ok(Reservation::new(self.clone(), permit)),
            _ => Err(SpawnError::Closed(())),
        }
    }

    /// The same, and blocks this thread meanwhile: for threads, never for async tasks.
    ///
    /// # Errors
    ///
    /// Those of [`reserve`](Self::reserve).
    pub fn reserve_blocking(&self) -> Result<Reservation, SpawnError<()>> {
        Tokio::block_on(self.reserve())
    }

    /// The same here and now.
    ///
    /// # Errors
    ///
    /// [`NoPermits`](TryAcquireError::NoPermits) if as many tasks run as may,
    /// [`Closed`](TryAcquireError::Closed) after [`shutdown`](Self::shutdown).
    pub fn try_reserve(&self) -> Result<Reservation, TryAcquireError> {
        if self.is_closed() {
            return Err(TryAcquireError::Closed);
        }
        let permit = Semaphore::try_acquire_owned(Arc::clone(&self.shared.permits), 1)?;
        Ok(Reservation::new(self.clone(), permit))
    }

    /// Runs `job` on each of the inputs, and gives the results as they come: a `Stream`.
    ///
    /// At any time so many inputs have been taken, and their results not, as tasks may run at once. They wait for
    /// their turns at the priority of this scope.
    ///
    /// # Errors
    ///
    /// [`Closed`](SpawnError::Closed) after [`shutdown`](Self::shutdown); gives `inputs` and `job` back.
    #[expect(clippy::type_complexity, reason = "an error that gives everything back")]
    pub fn map<I, J, F>(&self, inputs: I, job: J) -> Result<Map<I::IntoIter, J, F>, SpawnError<(I, J)>>
    where
        I: IntoIterator,
        J: FnMut(I::Item) -> F,
        F: Future<Output: Send> + Send + 'static,
    {
        self.start_map(ResultOrder::AsCompleted, inputs, job)
    }

    /// The same, in the order of the inputs.
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map).
    #[expect(clippy::type_complexity, reason = "an error that gives everything back")]
    pub fn map_ordered<I, J, F>(&self, inputs: I, job: J) -> Result<Map<I::IntoIter, J, F>, SpawnError<(I, J)>>
    where
        I: IntoIterator,
        J: FnMut(I::Item) -> F,
        F: Future<Output: Send> + Send + 'static,
    {
        self.start_map(ResultOrder::AsDrawn, inputs, job)
    }

    #[expect(clippy::type_complexity, reason = "an error that gives everything back")]
    fn start_map<I, J, F>(
        &self,
        order: ResultOrder,
        inputs: I,
        job: J,
    ) -> Result<Map<I::IntoIter, J, F>, SpawnError<(I, J)>>
    where
        I: IntoIterator,
        J: FnMut(I::Item) -> F,
        F: Future<Output: Send> + Send + 'static,
    {
        if self.is_closed() {
            return Err(SpawnError::Closed((inputs, job)));
        }
        Ok(Map::new(self.clone(), order, inputs.into_iter(), job))
    }

    /// Takes nothing in any more, from this call on, and waits until all that was submitted has ended, which the
    /// future does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the executor stays closed, its tasks go on, and calling again waits on.
    pub fn shutdown(&self) -> impl Future<Output = Summary> + Send + 'static + use<> {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.group.close()
    }

    /// The same, for at most `timeout`; then the tasks go on without anybody who waits. To be awaited.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ShutdownError::TimedOut). An executor that has nothing left is never refused for the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`shutdown`](Self::shutdown).
    pub fn shutdown_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Summary, ShutdownError>> + Send + 'static + use<> {
        let deadline = TokioTimer.now() + timeout;
        let ended = self.shutdown();
        async move { timeout_at(&TokioTimer, deadline, ended).await.map_err(|_elapsed| ShutdownError::TimedOut) }
    }

    /// The same, and blocks this thread meanwhile: for threads outside of the runtime, never for async tasks.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn shutdown_blocking(&self) -> Summary {
        Tokio::block_on(self.shutdown())
    }

    /// The same, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ShutdownError::TimedOut). An executor that has nothing left is never refused for the time's sake.
    pub fn shutdown_blocking_timeout(&self, timeout: Duration) -> Result<Summary, ShutdownError> {
        Tokio::block_on_until(Tokio::now() + timeout, self.shutdown()).ok_or(ShutdownError::TimedOut)
    }

    /// Aborts every task, whether it runs or waits for its turn; answers how many. The executor goes on, and takes
    /// new ones in.
    ///
    /// An aborted task is dropped where it awaits next, and its handle says so.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn abort_all(&self) -> usize {
        self.shared.group.abort_all(false)
    }

    /// How many tasks may run at once.
    #[must_use]
    pub fn max_concurrent(&self) -> usize {
        self.shared.max_concurrent
    }

    /// How many tasks have not ended, those included that wait for their turn: a figure for display.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.group.len()
    }

    /// Whether all have ended: outdated by the time it is seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.group.is_empty()
    }

    /// Whether it takes nothing in any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("max_concurrent", &self.max_concurrent())
            .field("len", &self.len())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
