//! [`TaskGroup`]: threads that are waited for together; [`scope`]: the same for threads that borrow.

use core::fmt;
use core::future::Future;
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use tidegate_core::task_group::{EnterError, Join};

use crate::join_handle::{JoinHandle, deliver};
use crate::task::{Home, ShutdownError, SpawnError, Summary, TaskGuard, Tracker, contain, enter};
use crate::{Clock, ThreadsTimer, block_on, block_on_until, priority};

/// Threads that are waited for together. A clone is another handle to the same group.
///
/// A thread may start others in its group, also while somebody waits for the group's end already. None of them is
/// stopped because another one panicked: a panic is delivered with the result, to whoever holds the handle, and the
/// [`Summary`] says how many nobody has heard of. A thread runs at the priority of the [scope](crate::priority) in
/// which it was started.
///
/// A thread cannot be aborted, so there is no `exit_timeout` here; [`close_blocking_timeout`] ends the wait and lets
/// the threads go on. Dropping the group does the same.
///
/// [`close_blocking_timeout`]: Self::close_blocking_timeout
///
/// ```
/// use tidegate_threads::TaskGroup;
///
/// let group = TaskGroup::new();
/// let inner = group.clone();
/// let mut sum = group.spawn(move || {
///     let mut two = inner.spawn(|| 2).expect("the group is open");
///     two.join_blocking().expect("it does not panic") + 3
/// })?;
/// drop(group.spawn(|| panic!("on purpose"))?);
///
/// let summary = group.close_blocking()?;
/// assert_eq!(summary.unobserved_failures, 1);
/// assert_eq!(sum.join_blocking().expect("it does not panic"), 5);
/// assert!(group.spawn(|| 7).is_err_and(|error| error.into_inner()() == 7));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TaskGroup {
    tracker: Arc<Tracker>,
    home: Home,
}

impl TaskGroup {
    /// An open group without threads.
    #[must_use]
    pub fn new() -> Self {
        Self { tracker: Arc::default(), home: Home::unique() }
    }

    /// Starts a thread that runs `body`.
    ///
    /// # Errors
    ///
    /// [`Closed`](SpawnError::Closed) once the group has been closed and its last thread has ended,
    /// [`NoThread`](SpawnError::NoThread) if the operating system refuses one. Either gives `body` back.
    pub fn spawn<F, T>(&self, body: F) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        start(&self.tracker, self.home, body, |body| thread::Builder::new().spawn(body).map(drop))
    }

    /// The same, with a name for the thread. One with a zero byte in it is refused as the operating system would.
    ///
    /// # Errors
    ///
    /// Those of [`spawn`](Self::spawn).
    pub fn spawn_named<F, T>(&self, name: impl Into<String>, body: F) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let name = name.into();
        start(&self.tracker, self.home, body, |body| {
            if name.contains('\0') {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            thread::Builder::new().name(name).spawn(body).map(drop)
        })
    }

    /// Membership for a thread that somebody else starts.
    ///
    /// # Errors
    ///
    /// Those of [`tidegate_core::task_group::TaskGroup::track`].
    pub fn track(&self) -> Result<TaskGuard, EnterError> {
        Tracker::track_owned(Arc::clone(&self.tracker))
    }

    /// Closes the group, which this call does, and waits until all its threads have ended, which the future does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; the group stays closed.
    pub fn close(&self) -> impl Future<Output = Summary> + Send + 'static + use<> {
        let tracker = Arc::clone(&self.tracker);
        let closed = Tracker::close_owned(Arc::clone(&self.tracker));
        async move {
            // On the heap there is room for everybody who waits.
            let _ = closed.await;
            summary(&tracker)
        }
    }

    /// Closes the group and blocks this thread until all the group's threads have ended.
    ///
    /// # Errors
    ///
    /// [`WouldDeadlock`](ShutdownError::WouldDeadlock) on a thread of this very group, which is closed all the same.
    pub fn close_blocking(&self) -> Result<Summary, ShutdownError> {
        self.close_until(|closed| Some(block_on(closed)))
    }

    /// The same, for at most `timeout`; then the threads go on without anybody who waits.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ShutdownError::TimedOut), and those of [`close_blocking`](Self::close_blocking). A group that is
    /// finished is never refused for the time's sake.
    pub fn close_blocking_timeout(&self, timeout: Duration) -> Result<Summary, ShutdownError> {
        let deadline = ThreadsTimer.now() + timeout;
        self.close_until(|closed| block_on_until(deadline, closed))
    }

    fn close_until<U>(&self, wait: impl FnOnce(Join<&Tracker>) -> Option<U>) -> Result<Summary, ShutdownError> {
        let closed = self.tracker.close();
        if self.home.is_here() {
            return Err(ShutdownError::WouldDeadlock);
        }
        // On the heap there is room for everybody who waits.
        wait(closed).ok_or(ShutdownError::TimedOut)?;
        Ok(summary(&self.tracker))
    }

    /// How many threads have not ended: a figure for display, outdated by the time it is seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tracker.len()
    }

    /// Whether all have ended: outdated by the time it is seen, unless the group is finished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tracker.is_empty()
    }

    /// Whether the group has been closed; its threads may still start others.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.tracker.is_closed()
    }

    /// How many threads have panicked and nobody has heard of it so far.
    #[must_use]
    pub fn unobserved_failures(&self) -> usize {
        self.tracker.unobserved_failures()
    }
}

fn summary(tracker: &Tracker) -> Summary {
    Summary::new(tracker.unobserved_failures(), 0)
}

/// Enters the group and starts a thread by `spawn`, which may refuse.
fn start<'a, F, T>(
    tracker: &Arc<Tracker>,
    home: Home,
    body: F,
    spawn: impl FnOnce(Box<dyn FnOnce() + Send + 'a>) -> io::Result<()>,
) -> Result<JoinHandle<T>, SpawnError<F>>
where
    F: FnOnce() -> T + Send + 'a,
    T: Send + 'a,
{
    let (guard, body) = enter(tracker, body)?;
    let (promise, handle) = JoinHandle::new(Home::ANYWHERE);
    let priority = priority::current();
    // A thread that is refused takes its closure along; this is where to get the body back from.
    let body = Arc::new(Mutex::new(Some(body)));
    let taken = Arc::clone(&body);
    let run = move || {
        let Some(body) = taken.lock().take() else { return };
        drop(taken);
        let outcome = home.enter(|| contain(&guard, priority, body));
        deliver(promise, outcome);
        drop(guard);
    };
    match spawn(Box::new(run)) {
        Ok(()) => Ok(handle),
        Err(error) => match body.lock().take() {
            Some(body) => Err(SpawnError::NoThread(body, error)),
            None => Ok(handle),
        },
    }
}

impl Default for TaskGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("tracker", &self.tracker).finish_non_exhaustive()
    }
}

/// Runs `body`, which may start threads that borrow from outside of it, and waits for all of them; answers also how
/// they went.
///
/// As with [`std::thread::scope`], all threads have ended when it returns. A panic of `body` goes on after that; a
/// panic of a thread does not: it is delivered with the thread's result, or counted.
///
/// ```
/// use tidegate_threads::scope;
///
/// let words = ["one", "two", "three"];
/// let (total, summary) = scope(|scope| {
///     let lens = words.map(|word| scope.spawn(move || word.len()));
///     lens.into_iter().map(|len| len.expect("a thread").join_blocking().expect("no panic")).sum::<usize>()
/// });
/// assert_eq!(total, 11);
/// assert!(summary.is_clean());
/// ```
pub fn scope<'env, T>(body: impl for<'scope> FnOnce(&Scope<'scope, 'env>) -> T) -> (T, Summary) {
    let tracker = Arc::new(Tracker::new());
    let output = thread::scope(|inner| body(&Scope { inner, tracker: Arc::clone(&tracker) }));
    (output, summary(&tracker))
}

/// Where threads are started that may borrow; see [`scope`]. A clone may be passed to them.
#[derive(Clone)]
pub struct Scope<'scope, 'env: 'scope> {
    inner: &'scope thread::Scope<'scope, 'env>,
    tracker: Arc<Tracker>,
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a thread that runs `body`.
    ///
    /// # Errors
    ///
    /// [`NoThread`](SpawnError::NoThread) if the operating system refuses one; gives `body` back.
    pub fn spawn<F, T>(&self, body: F) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        start(&self.tracker, Home::ANYWHERE, body, |body| {
            thread::Builder::new().spawn_scoped(self.inner, body).map(drop)
        })
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("tracker", &self.tracker).finish_non_exhaustive()
    }
}
