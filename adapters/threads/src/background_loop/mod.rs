//! [`BackgroundLoop`]: an executor on a thread of its own.

mod scheduled;
#[cfg(test)]
mod tests;

use core::fmt;
use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::io;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::thread;

use async_executor::Executor;
use tidegate_core::Instant;
use tidegate_core::task_group::EnterError;

use crate::join_handle::JoinHandle;
use crate::task::{Home, Member, OnExit, RunError, ShutdownError, SpawnError, Summary, Tracker};
use crate::{Clock, ThreadsTimer, block_on, block_on_until};
use scheduled::{Aborts, Scheduled};

/// An executor on a thread of its own, for futures in a program that is not async. The executor is that of the crate
/// `async-executor`; sleeps are those of this crate.
///
/// Whoever [schedules](Self::schedule) a future gets a handle, to be awaited anywhere or waited for by any thread. A
/// future that panics ends alone: its panic is delivered to whoever holds its handle. It runs at the priority of the
/// [scope](crate::priority) in which it was scheduled.
///
/// Dropping the loop, or leaving its [`scope`](Self::scope), takes no more futures in, waits for those that are left
/// or cancels them, as [configured](Self::on_exit), stops the loop and joins the thread. This blocks, so do not leave it
/// to the drop in async code: [`shutdown`](Self::shutdown) does the same and is awaited. Dropped in its own thread it
/// cannot wait for itself: it then stops when the last future has ended.
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::{BackgroundLoop, sleep};
///
/// let background = BackgroundLoop::new("telemetry")?;
/// let mut sum = background.schedule(async { 1 + 2 })?;
/// let answer = background.run_blocking(async {
///     sleep(Duration::from_millis(1)).await;
///     40 + 2
/// })?;
/// assert_eq!((answer, sum.join_blocking_timeout(Duration::from_secs(10))?), (42, 3));
///
/// let mut failing = background.schedule(async { panic!("on purpose") })?;
/// assert!(failing.join_blocking().is_err());
/// assert!(background.shutdown_blocking()?.is_clean()); // somebody has heard of the panic
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct BackgroundLoop {
    executor: Arc<Executor<'static>>,
    tracker: Arc<Tracker>,
    aborts: Aborts,
    home: Home,
    on_exit: OnExit,
    /// The thread is its member.
    running: Arc<Tracker>,
    /// `None` once it has been joined, or cannot be.
    thread: Option<thread::JoinHandle<()>>,
}

impl BackgroundLoop {
    /// Starts a loop on a thread of that name.
    ///
    /// # Errors
    ///
    /// What the operating system says when it refuses a thread; `InvalidInput` if there is a zero byte in the name.
    pub fn new(name: impl Into<String>) -> io::Result<Self> {
        let name = name.into();
        if name.contains('\0') {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let executor = Arc::new(Executor::new());
        let (tracker, running) = (Arc::new(Tracker::new()), Arc::new(Tracker::new()));
        let member = Tracker::track_owned(Arc::clone(&running)).map_err(io::Error::other)?;
        let home = Home::unique();
        let body = {
            let (executor, tracker) = (Arc::clone(&executor), Arc::clone(&tracker));
            move || {
                let _member = member;
                home.enter(|| run(&executor, &tracker));
            }
        };
        let thread = Some(thread::Builder::new().name(name).spawn(body)?);
        Ok(Self { executor, tracker, aborts: Aborts::new(), home, on_exit: OnExit::Wait, running, thread })
    }

    /// What becomes of those who are left when the loop is left: [`OnExit::Wait`] unless told otherwise.
    #[must_use]
    pub const fn on_exit(mut self, on_exit: OnExit) -> Self {
        self.on_exit = on_exit;
        self
    }

    /// Lets `future` run in the loop. Never waits; fit for any thread and any executor.
    ///
    /// # Errors
    ///
    /// [`Closed`](SpawnError::Closed) once the loop is being left and nobody is left in it; gives `future` back.
    pub fn schedule<F>(&self, future: F) -> Result<JoinHandle<F::Output>, SpawnError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let guard = match Tracker::track_owned(Arc::clone(&self.tracker)) {
            Ok(guard) => guard,
            Err(EnterError::Closed) => return Err(SpawnError::Closed(future)),
            Err(_) => return Err(SpawnError::TooMany(future)),
        };
        let (promise, handle) = JoinHandle::new(self.home);
        let (task, has_ended) = Scheduled::new(Member::new(future, guard), promise);
        self.aborts.add((self.executor.spawn(task), has_ended));
        Ok(handle)
    }

    /// Runs `future` in the loop, and waits for its result. Any number of these may run at once.
    ///
    /// # Errors
    ///
    /// [`Refused`](RunError::Refused) as by [`schedule`](Self::schedule), [`Failed`](RunError::Failed) if it panicked
    /// or was cancelled.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its first poll it does nothing; after that `future` goes on in the loop, and its result is lost.
    pub async fn run<F>(&self, future: F) -> Result<F::Output, RunError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.schedule(future).map_err(RunError::Refused)?.await.map_err(RunError::Failed)
    }

    /// The same, and blocks this thread meanwhile: for threads, never for async tasks.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run); [`WouldDeadlock`](RunError::WouldDeadlock) in the loop itself.
    pub fn run_blocking<F>(&self, future: F) -> Result<F::Output, RunError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if self.home.is_here() {
            return Err(RunError::WouldDeadlock(future));
        }
        self.schedule(future).map_err(RunError::Refused)?.join_blocking().map_err(RunError::Failed)
    }

    /// Cancels all that is scheduled; answers how many. The loop goes on, and takes others in.
    ///
    /// Each is dropped where it awaits next, and its handle says [`Aborted`](crate::JoinError::Aborted).
    pub fn cancel_all(&self) -> usize {
        self.aborts.abort_all(false)
    }

    /// Waits until nothing is left of what was scheduled. The loop goes on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let idle = Tracker::idle_owned(Arc::clone(&self.tracker));
        async move {
            // On the heap there is room for everybody who waits.
            let _ = idle.await;
        }
    }

    /// The same, and blocks this thread meanwhile: for threads, never for async tasks.
    ///
    /// # Errors
    ///
    /// [`WouldDeadlock`](ShutdownError::WouldDeadlock) in the loop itself.
    pub fn wait_blocking(&self) -> Result<(), ShutdownError> {
        self.wait_until(Instant::MAX)
    }

    /// The same, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ShutdownError::TimedOut), and those of [`wait_blocking`](Self::wait_blocking). A loop with nothing
    /// left is never refused for the time's sake.
    pub fn wait_blocking_timeout(&self, timeout: Duration) -> Result<(), ShutdownError> {
        self.wait_until(ThreadsTimer.now() + timeout)
    }

    fn wait_until(&self, deadline: Instant) -> Result<(), ShutdownError> {
        if self.home.is_here() {
            return Err(ShutdownError::WouldDeadlock);
        }
        block_on_until(deadline, self.wait()).ok_or(ShutdownError::TimedOut)
    }

    /// Leaves the loop, as dropping it does: takes nothing in any more, waits for those who are left or cancels them
    /// as [configured](Self::on_exit), stops the loop and joins its thread. To be awaited, outside of the loop.
    ///
    /// # Errors
    ///
    /// [`WouldDeadlock`](ShutdownError::WouldDeadlock) in the loop itself, which is left all the same, and stops when
    /// the last future has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the loop, which blocks until the loop has been left.
    pub async fn shutdown(mut self) -> Result<Summary, ShutdownError> {
        self.leave();
        if !self.home.is_here() {
            // On the heap there is room for everybody who waits.
            let _ = self.running.close().await;
        }
        self.join()
    }

    /// The same, and blocks this thread meanwhile: for threads, never for async tasks.
    ///
    /// # Errors
    ///
    /// Those of [`shutdown`](Self::shutdown).
    pub fn shutdown_blocking(mut self) -> Result<Summary, ShutdownError> {
        self.leave();
        self.join()
    }

    /// Runs `body` beside the loop, and leaves the loop when `body` has returned, or unwinds. Answers also how the
    /// futures went.
    ///
    /// ```
    /// use tidegate_threads::BackgroundLoop;
    ///
    /// let (handle, summary) = BackgroundLoop::new("worker")?.scope(|background| background.schedule(async { 7 }));
    /// assert!(handle?.is_finished() && summary?.is_clean());
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// In the summary's place, those of [`shutdown_blocking`](Self::shutdown_blocking).
    pub fn scope<T>(self, body: impl FnOnce(&Self) -> T) -> (T, Result<Summary, ShutdownError>) {
        let output = body(&self);
        (output, self.shutdown_blocking())
    }

    /// How many futures have not ended: a figure for display, outdated by the time it is seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tracker.len()
    }

    /// Whether nothing is left of what was scheduled: outdated by the time it is seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tracker.is_empty()
    }

    /// How many futures have panicked and nobody has heard of it so far.
    #[must_use]
    pub fn unobserved_failures(&self) -> usize {
        self.tracker.unobserved_failures()
    }

    /// Lets the loop end when it may.
    fn leave(&self) {
        // The loop ends with its group.
        drop(self.tracker.close());
        if self.on_exit == OnExit::Cancel {
            self.aborts.abort_all(true);
        }
    }

    /// Waits for the thread's end.
    fn join(&mut self) -> Result<Summary, ShutdownError> {
        let thread = self.thread.take();
        if self.home.is_here() {
            return Err(ShutdownError::WouldDeadlock);
        }
        let has_panicked = thread.is_some_and(|thread| thread.join().is_err());
        let failures = self.tracker.unobserved_failures() + usize::from(has_panicked);
        Ok(Summary::new(failures, self.aborts.aborted()))
    }
}

/// Runs the loop until its group has finished.
fn run(executor: &Executor<'static>, tracker: &Tracker) {
    let mut ended = tracker.join();
    // What unwinds is a destructor of something that was cancelled; nobody else is to suffer from that.
    while !tracker.is_finished() {
        let _ = catch_unwind(AssertUnwindSafe(|| block_on(executor.run(&mut ended))));
    }
}

impl Drop for BackgroundLoop {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.leave();
            // Nobody is there to hear of it; the panic hook has said what there was to say.
            let _ = self.join();
        }
    }
}

impl fmt::Debug for BackgroundLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundLoop")
            .field("thread", &self.thread.as_ref().map(|thread| thread.thread().name()))
            .field("len", &self.len())
            .field("on_exit", &self.on_exit)
            .finish_non_exhaustive()
    }
}
