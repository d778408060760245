//! [`BackgroundLoop`]: a runtime on a thread of its own.

#[cfg(test)]
mod tests;

use core::fmt;
use core::future::Future;
use core::time::Duration;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use tidegate_core::{Blocking, Instant};
use tidegate_threads::task::Home;
use tidegate_threads::{OnExit, RunError, ShutdownError, SpawnError, Summary};
use tokio::runtime::{Builder, Runtime};

use crate::{JoinHandle, TaskGroup, Tokio, Tracker};

/// A runtime on a thread of its own, for code that is not async, or not in this runtime.
///
/// Whoever [schedules](Self::schedule) a future gets a handle, to be awaited in any runtime or waited for by any
/// thread. A future that panics ends alone: its panic is delivered to whoever holds its handle. It runs at the
/// priority of the [scope](crate::priority) in which it was scheduled and, with the feature `tracing`, in the span.
///
/// Dropping the loop, or leaving its [`scope`](Self::scope), takes no more futures in, waits for those that are left
/// or cancels them, as [configured](Self::on_exit), stops the loop and joins the thread. This blocks, so do not leave it
/// to the drop in async code: [`shutdown`](Self::shutdown) does the same and is awaited. Dropped in its own thread it
/// cannot wait for itself: it then stops when the last future has ended.
///
/// ```
/// use core::time::Duration;
/// use tidegate_tokio::BackgroundLoop;
///
/// let background = BackgroundLoop::new("telemetry")?;
/// let mut sum = background.schedule(async { 1 + 2 })?;
/// let answer = background.run_blocking(async { 40 + 2 })?; // the calling thread waits
/// assert_eq!((answer, sum.join_blocking_timeout(Duration::from_secs(10))?), (42, 3));
///
/// let mut failing = background.schedule(async { panic!("on purpose") })?;
/// assert!(failing.join_blocking().is_err());
/// assert!(background.shutdown_blocking()?.is_clean()); // somebody has heard of the panic
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct BackgroundLoop {
    group: TaskGroup,
    home: Home,
    on_exit: OnExit,
    /// The thread is its member.
    running: Arc<Tracker>,
    /// `None` once it has been joined, or cannot be.
    thread: Option<thread::JoinHandle<()>>,
}

impl BackgroundLoop {
    /// Starts a loop: a thread of that name with a current-thread runtime, all of whose drivers are enabled.
    ///
    /// # Errors
    ///
    /// What the operating system says when it refuses a thread or a driver; `InvalidInput` if there is a zero byte in
    /// the name.
    pub fn new(name: impl Into<String>) -> io::Result<Self> {
        Self::with_runtime(name, Builder::new_current_thread().enable_all().build()?)
    }

    /// Starts a loop on a runtime of your making, of one thread or of several. The runtime lives as long as the
    /// loop's own thread.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new); the runtime is then shut down in the background.
    pub fn with_runtime(name: impl Into<String>, runtime: Runtime) -> io::Result<Self> {
        let name = name.into();
        if name.contains('\0') {
            runtime.shutdown_background();
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let group = TaskGroup::build(Some(runtime.handle().clone()), true, None);
        let (home, running) = (Home::unique(), Arc::new(Tracker::new()));
        let ended = Tracker::join_owned(Arc::clone(group.tracker()));
        let member = Tracker::track_owned(Arc::clone(&running)).map_err(io::Error::other)?;
        // Handed over once the thread is there: where there is none, it must not be dropped with the closure, since
        // dropping a runtime blocks, and panics in async code.
        let (lend, lent) = mpsc::channel::<Runtime>();
        let body = move || {
            let _member = member;
            if let Ok(runtime) = lent.recv() {
                home.enter(|| {
                    // On the heap there is room for everybody who waits.
                    let _ = runtime.block_on(ended);
                    drop(runtime);
                });
            }
        };
        let refused = match thread::Builder::new().name(name).spawn(body) {
            Ok(thread) => match lend.send(runtime) {
                Ok(()) => {
                    return Ok(Self { group, home, on_exit: OnExit::Wait, running, thread: Some(thread) });
                }
                Err(mpsc::SendError(runtime)) => (runtime, io::Error::other("the thread has ended")),
            },
            Err(error) => (runtime, error),
        };
        refused.0.shutdown_background();
        Err(refused.1)
    }

    /// What becomes of those who are left when the loop is left: [`OnExit::Wait`] unless told otherwise.
    #[must_use]
    pub const fn on_exit(mut self, on_exit: OnExit) -> Self {
        self.on_exit = on_exit;
        self
    }

    /// Lets `future` run in the loop. Never waits; fit for any thread and any runtime.
    ///
    /// # Errors
    ///
    /// [`Closed`](SpawnError::Closed) once the loop is being left and nobody is left in it; gives `future` back.
    pub fn schedule<F>(&self, future: F) -> Result<JoinHandle<F::Output>, SpawnError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let task = self.group.spawn_wrapped(future, |member| self.home.wrap(member))?;
        Ok(JoinHandle::new(task, self.home))
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
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn cancel_all(&self) -> usize {
        self.group.abort_all(false)
    }

    /// Waits until nothing is left of what was scheduled. The loop goes on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let idle = Tracker::idle_owned(Arc::clone(self.group.tracker()));
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
        self.wait_until(Tokio::now() + timeout)
    }

    fn wait_until(&self, deadline: Instant) -> Result<(), ShutdownError> {
        if self.home.is_here() {
            return Err(ShutdownError::WouldDeadlock);
        }
        Tokio::block_on_until(deadline, self.wait()).ok_or(ShutdownError::TimedOut)
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
    /// use tidegate_tokio::BackgroundLoop;
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
        self.group.len()
    }

    /// Whether nothing is left of what was scheduled: outdated by the time it is seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// How many futures have panicked and nobody has heard of it so far.
    #[must_use]
    pub fn unobserved_failures(&self) -> usize {
        self.group.unobserved_failures()
    }

    /// Lets the loop end when it may.
    fn leave(&self) {
        // The loop ends with its group.
        drop(self.group.close());
        if self.on_exit == OnExit::Cancel {
            self.group.abort_all(true);
        }
    }

    /// Waits for the thread's end.
    fn join(&mut self) -> Result<Summary, ShutdownError> {
        let thread = self.thread.take();
        if self.home.is_here() {
            return Err(ShutdownError::WouldDeadlock);
        }
        let mut summary = self.group.summary();
        if let Some(thread) = thread {
            let has_panicked = thread.join().is_err();
            summary = self.group.summary();
            summary.unobserved_failures += usize::from(has_panicked);
        }
        Ok(summary)
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
