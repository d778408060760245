//! [`BackgroundLoop`]: a runtime on a thread of its own. Written once for whatever runs the tasks, which
//! [`LoopTasks`] says; the adapters name the parameter away.

#[cfg(feature = "background-loop")]
mod executor;
#[cfg(all(test, feature = "background-loop"))]
mod tests;

#[cfg(feature = "background-loop")]
pub use executor::{ExecutorTasks, LoopExecutor};

use core::fmt;
use core::future::Future;
use core::time::Duration;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use tidegate_core::Instant;

use crate::task::{Home, JoinError, OnExit, RunError, ShutdownError, SpawnError, Summary, Tracker};
use crate::{Clock, ThreadsTimer, block_on, block_on_until};

/// The tasks of a [`BackgroundLoop`]: how they are spawned and cancelled, and what runs them on the loop's thread.
///
/// Implemented by the adapters, for their aliases.
pub trait LoopTasks: Send + Sync + Sized + 'static {
    /// What runs the tasks, on the loop's own thread.
    type Runtime: Send + 'static;
    /// A task's result to come.
    type JoinHandle<T: Send + 'static>: Future<Output = Result<T, JoinError>>;

    /// What a [`new`](BackgroundLoop::new) loop is made with.
    ///
    /// # Errors
    ///
    /// What the operating system says when it refuses something that is needed.
    fn runtime() -> io::Result<Self::Runtime>;

    /// The tasks that `runtime` is going to run.
    fn new(runtime: &Self::Runtime) -> Self;

    /// Runs the tasks on this thread, until their group has finished.
    fn run(runtime: Self::Runtime, group: &Arc<Tracker>);

    /// Drops a runtime for which there is no thread. Never blocks.
    fn discard(runtime: Self::Runtime);

    /// Spawns a task that is at `home` whenever it is polled.
    ///
    /// # Errors
    ///
    /// [`Closed`](SpawnError::Closed), [`TooMany`](SpawnError::TooMany); gives `future` back.
    fn spawn<F>(&self, home: Home, future: F) -> Result<Self::JoinHandle<F::Output>, SpawnError<F>>
    where
        F: Future<Output: Send> + Send + 'static;

    /// The group whose members the tasks are.
    fn group(&self) -> &Arc<Tracker>;

    /// Aborts all tasks; with `for_good`, also all who come. Answers how many.
    fn abort_all(&self, for_good: bool) -> usize;

    /// How many tasks have been told to abort.
    fn aborted(&self) -> usize;
}

/// A runtime on a thread of its own, for code that is not async, or not in this runtime.
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
/// The adapters' aliases say what runs the futures, and have examples.
pub struct BackgroundLoop<T: LoopTasks> {
    tasks: T,
    home: Home,
    on_exit: OnExit,
    /// The thread is its member.
    running: Arc<Tracker>,
    /// `None` once it has been joined, or cannot be.
    thread: Option<thread::JoinHandle<()>>,
}

impl<T: LoopTasks> BackgroundLoop<T> {
    /// Starts a loop on a thread of that name.
    ///
    /// # Errors
    ///
    /// What the operating system says when it refuses a thread, or something that the runtime needs; `InvalidInput` if
    /// there is a zero byte in the name.
    pub fn new(name: impl Into<String>) -> io::Result<Self> {
        Self::with_runtime(name, T::runtime()?)
    }

    /// Starts a loop on a runtime of your making: on tokio, of one thread or of several. The runtime lives as long as
    /// the loop's own thread.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new); the runtime is then dropped without waiting for anything.
    pub fn with_runtime(name: impl Into<String>, runtime: T::Runtime) -> io::Result<Self> {
        let name = name.into();
        if name.contains('\0') {
            T::discard(runtime);
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let tasks = T::new(&runtime);
        let (home, running) = (Home::unique(), Arc::new(Tracker::new()));
        let group = Arc::clone(tasks.group());
        let member = Tracker::track_owned(Arc::clone(&running)).map_err(io::Error::other)?;
        // Handed over once the thread is there: where there is none, it must not be dropped with the closure, since
        // dropping a runtime may block.
        let (lend, lent) = mpsc::channel::<T::Runtime>();
        let body = move || {
            let _member = member;
            if let Ok(runtime) = lent.recv() {
                home.enter(|| T::run(runtime, &group));
            }
        };
        let (runtime, refused) = match thread::Builder::new().name(name).spawn(body) {
            Ok(thread) => match lend.send(runtime) {
                Ok(()) => {
                    return Ok(Self { tasks, home, on_exit: OnExit::Wait, running, thread: Some(thread) });
                }
                Err(mpsc::SendError(runtime)) => (runtime, io::Error::other("the thread has ended")),
            },
            Err(error) => (runtime, error),
        };
        T::discard(runtime);
        Err(refused)
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
    pub fn schedule<F>(&self, future: F) -> Result<T::JoinHandle<F::Output>, SpawnError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.tasks.spawn(self.home, future)
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
        block_on(self.run(future))
    }

    /// Cancels all that is scheduled; answers how many. The loop goes on, and takes others in.
    ///
    /// Each is dropped where it awaits next, and its handle says [`Aborted`](crate::JoinError::Aborted).
    pub fn cancel_all(&self) -> usize {
        self.tasks.abort_all(false)
    }

    /// Waits until nothing is left of what was scheduled. The loop goes on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + 'static + use<T> {
        let idle = Tracker::idle_owned(Arc::clone(self.tasks.group()));
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
    /// # #[cfg(feature = "background-loop")] {
    /// use tidegate_threads::BackgroundLoop;
    ///
    /// let (handle, summary) = BackgroundLoop::new("worker")?.scope(|background| background.schedule(async { 7 }));
    /// assert!(handle?.is_finished() && summary?.is_clean());
    /// # }
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// In the summary's place, those of [`shutdown_blocking`](Self::shutdown_blocking).
    pub fn scope<U>(self, body: impl FnOnce(&Self) -> U) -> (U, Result<Summary, ShutdownError>) {
        let output = body(&self);
        (output, self.shutdown_blocking())
    }

    /// How many futures have not ended: a figure for display, outdated by the time it is seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.group().len()
    }

    /// Whether nothing is left of what was scheduled: outdated by the time it is seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.group().is_empty()
    }

    /// How many futures have panicked and nobody has heard of it so far.
    #[must_use]
    pub fn unobserved_failures(&self) -> usize {
        self.tasks.group().unobserved_failures()
    }

    /// Lets the loop end when it may.
    fn leave(&self) {
        // The loop ends with its group.
        drop(self.tasks.group().close());
        if self.on_exit == OnExit::Cancel {
            self.tasks.abort_all(true);
        }
    }

    /// Waits for the thread's end.
    fn join(&mut self) -> Result<Summary, ShutdownError> {
        let thread = self.thread.take();
        if self.home.is_here() {
            return Err(ShutdownError::WouldDeadlock);
        }
        let has_panicked = thread.is_some_and(|thread| thread.join().is_err());
        let failures = self.tasks.group().unobserved_failures() + usize::from(has_panicked);
        Ok(Summary::new(failures, self.tasks.aborted()))
    }
}

impl<T: LoopTasks> Drop for BackgroundLoop<T> {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.leave();
            // Nobody is there to hear of it; the panic hook has said what there was to say.
            let _ = self.join();
        }
    }
}

impl<T: LoopTasks> fmt::Debug for BackgroundLoop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundLoop")
            .field("thread", &self.thread.as_ref().map(|thread| thread.thread().name()))
            .field("len", &self.len())
            .field("on_exit", &self.on_exit)
            .finish_non_exhaustive()
    }
}
