//! [`Executor`]: closures on a pool of so many threads.

mod map;
mod pool;
#[cfg(test)]
mod tests;

pub use map::Map;

use core::fmt;
use core::future::Future;
use core::time::Duration;
use std::sync::Arc;

use tidegate_core::semaphore::TryAcquireError;
use tidegate_core::{Instant, timeout_at};

use crate::join_handle::{JoinHandle, deliver};
use crate::task::{Home, ResultOrder, ShutdownError, SpawnError, Summary, TaskGuard, Tracker, contain, enter};
use crate::{Clock, OwnedPermit, Semaphore, ThreadsTimer, block_on, block_on_until, priority};
use pool::Pool;

/// Closures on a pool of so many threads. A clone is another handle to the same executor.
///
/// Whoever [submits](Self::submit) a closure gets a handle to its result; [`map`](Self::map) gives the results of many
/// as they come. What waits for a thread stands in a line: by the priority of the [scope](crate::priority) in which
/// it was submitted, then by arrival. It runs at that priority, too.
///
/// A thread is started when there is work and none is idle, up to the bound, and stays until the executor is shut
/// down or its last handle is dropped; then the threads end when the work that is left has been done. Dropping the
/// executor waits for nobody.
///
/// # Backpressure
///
/// [`submit`](Self::submit) never waits, so what waits for a thread is bounded by nothing. Whoever wants to be held up
/// [reserves](Self::reserve_blocking) first: the reservation is there when a thread is free, as far as reservations
/// go.
///
/// ```
/// use tidegate_threads::Executor;
///
/// let executor = Executor::new(2); // two threads
/// let mut seven = executor.submit(|| 3 + 4)?;
/// assert_eq!(seven.join_blocking()?, 7);
///
/// let squares: Result<Vec<u64>, _> = executor.map_ordered(1..=4, |n| n * n)?.into_iter().collect();
/// assert_eq!(squares?, [1, 4, 9, 16]);
///
/// executor.reserve_blocking()?.submit(|| { /* … */ })?.join_blocking()?;
/// assert!(executor.shutdown_blocking()?.is_clean());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Executor {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Arc<Pool>,
    tracker: Arc<Tracker>,
    home: Home,
    /// For reservations: one permit per thread.
    permits: Arc<Semaphore>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.pool.close();
    }
}

impl Executor {
    /// An executor of up to `threads` threads, none of which is started yet. Zero counts as one, for nothing would
    /// ever run.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        let threads = threads.clamp(1, Semaphore::MAX_PERMITS);
        let shared = Shared {
            pool: Arc::new(Pool::new(threads)),
            tracker: Arc::default(),
            home: Home::unique(),
            permits: Arc::new(Semaphore::new(threads)),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Lets a thread run `body` when its turn comes. Never waits.
    ///
    /// # Errors
    ///
    /// [`Closed`](SpawnError::Closed) after [`shutdown`](Self::shutdown), [`NoThread`](SpawnError::NoThread) if there
    /// is none and the operating system refuses one. Either gives `body` back.
    pub fn submit<F, T>(&self, body: F) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.submit_with(None, body)
    }

    /// The same, with a permit that is given back when `body` has ended.
    fn submit_with<F, T>(&self, permit: Option<OwnedPermit>, body: F) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (promise, handle) = JoinHandle::new(self.shared.home);
        let (guard, body) = self.enter(body)?;
        let (home, priority) = (self.shared.home, priority::current());
        self.shared.pool.push(
            priority,
            Box::new(move || {
                let outcome = home.enter(|| contain(&guard, priority, body));
                drop(permit);
                deliver(promise, outcome);
                drop(guard);
            }),
        );
        Ok(handle)
    }

    /// Enters the executor with something to be run, for which there is a thread; it must be pushed then.
    fn enter<F>(&self, payload: F) -> Result<(TaskGuard, F), SpawnError<F>> {
        if self.is_closed() {
            return Err(SpawnError::Closed(payload));
        }
        let (guard, payload) = enter(&self.shared.tracker, payload)?;
        match Pool::prepare(&self.shared.pool) {
            Ok(()) => Ok((guard, payload)),
            Err(error) => Err(SpawnError::NoThread(payload, error)),
        }
    }

    /// Waits until fewer reservations are in use than there are threads.
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
        match Semaphore::acquire_owned(Arc::clone(&self.shared.permits), 1).await {
            Ok(permit) if !self.is_closed() => Ok(Reservation { executor: self.clone(), permit }),
            _ => Err(SpawnError::Closed(())),
        }
    }

    /// The same, and blocks this thread meanwhile.
    ///
    /// # Errors
    ///
    /// Those of [`reserve`](Self::reserve).
    pub fn reserve_blocking(&self) -> Result<Reservation, SpawnError<()>> {
        block_on(self.reserve())
    }

    /// The same here and now.
    ///
    /// # Errors
    ///
    /// [`NoPermits`](TryAcquireError::NoPermits) if as many reservations are in use as there are threads,
    /// [`Closed`](TryAcquireError::Closed) after [`shutdown`](Self::shutdown).
    pub fn try_reserve(&self) -> Result<Reservation, TryAcquireError> {
        if self.is_closed() {
            return Err(TryAcquireError::Closed);
        }
        let permit = Semaphore::try_acquire_owned(Arc::clone(&self.shared.permits), 1)?;
        Ok(Reservation { executor: self.clone(), permit })
    }

    /// Runs `job` on each of the inputs, and gives the results as they come: to threads in a `for` loop, to futures as a
    /// `Stream`.
    ///
    /// At any time at most twice as many inputs have been taken, and their results not, as there are threads.
    ///
    /// # Errors
    ///
    /// [`Closed`](SpawnError::Closed) after [`shutdown`](Self::shutdown); gives `inputs` and `job` back.
    #[expect(clippy::type_complexity, reason = "an error that gives everything back")]
    pub fn map<I, J, T>(&self, inputs: I, job: J) -> Result<Map<I::IntoIter, J, T>, SpawnError<(I, J)>>
    where
        I: IntoIterator<Item: Send + 'static>,
        J: Fn(I::Item) -> T + Clone + Send + 'static,
        T: Send + 'static,
    {
        self.start_map(ResultOrder::AsCompleted, inputs, job)
    }

    /// The same, in the order of the inputs.
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map).
    #[expect(clippy::type_complexity, reason = "an error that gives everything back")]
    pub fn map_ordered<I, J, T>(&self, inputs: I, job: J) -> Result<Map<I::IntoIter, J, T>, SpawnError<(I, J)>>
    where
        I: IntoIterator<Item: Send + 'static>,
        J: Fn(I::Item) -> T + Clone + Send + 'static,
        T: Send + 'static,
    {
        self.start_map(ResultOrder::AsDrawn, inputs, job)
    }

    #[expect(clippy::type_complexity, reason = "an error that gives everything back")]
    fn start_map<I, J, T>(
        &self,
        order: ResultOrder,
        inputs: I,
        job: J,
    ) -> Result<Map<I::IntoIter, J, T>, SpawnError<(I, J)>>
    where
        I: IntoIterator,
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
    /// Dropping the future loses nothing: the executor stays closed, its threads go on, and calling again waits on.
    pub fn shutdown(&self) -> impl Future<Output = Summary> + Send + 'static + use<> {
        self.shared.pool.close();
        // Also while others hold on to their reservations.
        self.shared.permits.close();
        let closed = Tracker::close_owned(Arc::clone(&self.shared.tracker));
        let (tracker, pool) = (Arc::clone(&self.shared.tracker), Arc::clone(&self.shared.pool));
        async move {
            // On the heap there is room for everybody who waits.
            let _ = closed.await;
            Summary::new(tracker.unobserved_failures(), pool.aborted())
        }
    }

    /// The same, for at most `timeout`; then the threads go on without anybody who waits. To be awaited.
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
        let deadline = ThreadsTimer.now() + timeout;
        let ended = self.shutdown();
        async move { timeout_at(&ThreadsTimer, deadline, ended).await.map_err(|_elapsed| ShutdownError::TimedOut) }
    }

    /// The same, and blocks this thread meanwhile; in the end the threads are joined.
    ///
    /// # Errors
    ///
    /// [`WouldDeadlock`](ShutdownError::WouldDeadlock) on a thread of this very executor, which is closed all the
    /// same.
    pub fn shutdown_blocking(&self) -> Result<Summary, ShutdownError> {
        self.shutdown_until(Instant::MAX)
    }

    /// The same, for at most `timeout`; then the threads go on without anybody who waits.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ShutdownError::TimedOut), and those of [`shutdown_blocking`](Self::shutdown_blocking). An executor
    /// that has nothing left is never refused for the time's sake.
    pub fn shutdown_blocking_timeout(&self, timeout: Duration) -> Result<Summary, ShutdownError> {
        self.shutdown_until(ThreadsTimer.now() + timeout)
    }

    fn shutdown_until(&self, deadline: Instant) -> Result<Summary, ShutdownError> {
        let ended = self.shutdown();
        if self.shared.home.is_here() {
            return Err(ShutdownError::WouldDeadlock);
        }
        let summary = block_on_until(deadline, ended).ok_or(ShutdownError::TimedOut)?;
        self.shared.pool.join();
        Ok(summary)
    }

    /// Drops all that waits for a thread; answers how many. Handles say that it was aborted. What runs goes on, for a
    /// thread cannot be aborted; the executor takes others in.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn abort_all(&self) -> usize {
        self.shared.pool.abort_all()
    }

    /// How many threads there may be.
    #[must_use]
    pub fn max_concurrent(&self) -> usize {
        self.shared.pool.limit()
    }

    /// How many closures have not ended, those included that wait for a thread: a figure for display.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.tracker.len()
    }

    /// Whether all have ended: outdated by the time it is seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.tracker.is_empty()
    }

    /// Whether it takes nothing in any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.pool.is_closed()
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

/// Room for one closure in an [`Executor`], kept free until it is used or dropped.
#[must_use = "dropping it gives the room back"]
pub struct Reservation {
    executor: Executor,
    permit: OwnedPermit,
}

impl Reservation {
    /// Lets a thread run `body`.
    ///
    /// # Errors
    ///
    /// Those of [`Executor::submit`]: the executor may have been closed meanwhile. Gives `body` back.
    pub fn submit<F, T>(self, body: F) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.executor.submit_with(Some(self.permit), body)
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").finish_non_exhaustive()
    }
}
