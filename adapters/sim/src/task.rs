//! [`spawn`] and [`JoinHandle`]: tasks within a run.

use core::cell::{Cell, RefCell};
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use std::rc::Rc;
use std::sync::Arc;

use pin_project_lite::pin_project;

use crate::world::{self, TaskId};

/// Starts `future` as a task of the current run. It is called `task N`, the N-th task of the run.
///
/// The task goes on if the handle is dropped, until the run's main future ends. Outside of a run there is
/// nothing to run it: the future is dropped, and the handle says [`JoinError::NotRunning`].
///
/// ```
/// use tidegate_sim::{Sim, spawn};
///
/// let sum = Sim::new(3).run(async {
///     let (one, two) = (spawn(async { 1 }), spawn(async { 2 }));
///     one.await.unwrap_or_default() + two.await.unwrap_or_default()
/// });
/// assert_eq!(sum, Ok(3));
/// ```
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    start(None, future)
}

/// The same, with a name for errors and traces.
pub fn spawn_named<F: Future + 'static>(name: impl Into<String>, future: F) -> JoinHandle<F::Output> {
    start(Some(name.into().into()), future)
}

fn start<F: Future + 'static>(name: Option<Arc<str>>, future: F) -> JoinHandle<F::Output> {
    let state = Rc::new(JoinState::new());
    let task = Task { future, completion: Completion(Rc::clone(&state)) };
    let place = match world::current() {
        Some(world) => world.spawn(name, Box::pin(task)).map(|task| (world.id, task)).ok(),
        None => None,
    };
    if place.is_none() {
        state.outcome.set(Outcome::Ended(Err(JoinError::NotRunning)));
    }
    JoinHandle { state, place }
}

/// Lets all others who are ready go first, or not, as the seed decides: one more step of the caller's task.
///
/// On other executors it does the same, as they see fit.
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Why a task has no result. That it panicked is not among them: this ends the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// The task was aborted, or the run ended before it did.
    Aborted,
    /// There was no run to spawn it into.
    NotRunning,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aborted => "the task was aborted",
            Self::NotRunning => "there was no run to spawn the task into",
        })
    }
}

impl Error for JoinError {}

/// A task's result to come. Dropping the handle lets the task go on by itself.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` and dropping that future loses nothing. Once the result has been taken, the handle
/// stays pending.
#[must_use = "await it, abort it, or drop it on purpose"]
pub struct JoinHandle<T> {
    state: Rc<JoinState<T>>,
    /// The world and the task's number there, if it was ever spawned.
    place: Option<(u64, TaskId)>,
}

struct JoinState<T> {
    outcome: Cell<Outcome<T>>,
    waker: RefCell<Option<Waker>>,
}

enum Outcome<T> {
    Running,
    Ended(Result<T, JoinError>),
    Taken,
}

impl<T> JoinState<T> {
    fn new() -> Self {
        Self { outcome: Cell::new(Outcome::Running), waker: RefCell::new(None) }
    }

    /// Looks at the outcome, which cannot be borrowed.
    fn peek<U>(&self, look: impl FnOnce(&Outcome<T>) -> U) -> U {
        let outcome = self.outcome.replace(Outcome::Taken);
        let seen = look(&outcome);
        self.outcome.set(outcome);
        seen
    }

    /// The first end is the one that counts.
    fn end(&self, result: Result<T, JoinError>) {
        if !self.peek(|outcome| matches!(outcome, Outcome::Running)) {
            return;
        }
        self.outcome.set(Outcome::Ended(result));
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> JoinHandle<T> {
    /// Drops the task wherever it is, as cancellation does; awaiting it then says [`JoinError::Aborted`].
    ///
    /// A task that aborts itself is dropped after its current step. One that has ended is not affected.
    pub fn abort(&self) {
        if let (Some((id, task)), Some(world)) = (self.place, world::current())
            && world.id == id
        {
            world.abort(task);
        }
    }

    /// What names the task, if it was ever spawned: the world, and its number there.
    pub(crate) const fn place(&self) -> Option<(u64, TaskId)> {
        self.place
    }

    /// Whether the task has ended, by itself or otherwise.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state.peek(|outcome| !matches!(outcome, Outcome::Running))
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.state.outcome.replace(Outcome::Taken) {
            Outcome::Ended(result) => return Poll::Ready(result),
            Outcome::Running => self.state.outcome.set(Outcome::Running),
            Outcome::Taken => {}
        }
        let replaced = self.state.waker.replace(Some(cx.waker().clone()));
        drop(replaced);
        Poll::Pending
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}

pin_project! {
    /// A spawned future, and where its result goes. The future is dropped first: order of declaration.
    struct Task<F: Future> {
        #[pin]
        future: F,
        completion: Completion<F::Output>,
    }
}

impl<F: Future> Future for Task<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let output = ready!(this.future.poll(cx));
        this.completion.0.end(Ok(output));
        Poll::Ready(())
    }
}

/// Tells the handle when the task is dropped before its end.
struct Completion<T>(Rc<JoinState<T>>);

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        self.0.end(Err(JoinError::Aborted));
    }
}
