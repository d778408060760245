//! [`ExecutorTasks`]: the tasks of a loop of this crate, and the executor that runs them.

use core::fmt;
use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, ready};
use std::io;
use std::panic::catch_unwind;
use std::sync::Arc;

use async_executor::{Executor, Task};
use pin_project_lite::pin_project;

use super::LoopTasks;
use crate::block_on;
use crate::join_handle::{JoinHandle, Promise, deliver};
use crate::task::{Abort, Aborts, Home, Member, SpawnError, Tracker, enter};

/// What runs the tasks of a loop of this crate: the executor of the crate `async-executor`, on the loop's one thread.
#[derive(Clone, Debug, Default)]
pub struct LoopExecutor(Arc<Executor<'static>>);

/// The tasks of a loop of this crate.
pub struct ExecutorTasks {
    executor: LoopExecutor,
    tracker: Arc<Tracker>,
    aborts: Aborts<Cancellable>,
}

impl LoopTasks for ExecutorTasks {
    type Runtime = LoopExecutor;
    type JoinHandle<T: Send + 'static> = JoinHandle<T>;

    fn runtime() -> io::Result<LoopExecutor> {
        Ok(LoopExecutor::default())
    }

    fn new(runtime: &LoopExecutor) -> Self {
        Self { executor: runtime.clone(), tracker: Arc::default(), aborts: Aborts::new() }
    }

    fn run(runtime: LoopExecutor, tracker: &Arc<Tracker>) {
        let mut ended = tracker.join();
        // What unwinds is a destructor of something that was cancelled; nobody else is to suffer from that.
        while !tracker.is_finished() {
            let _ = catch_unwind(AssertUnwindSafe(|| block_on(runtime.0.run(&mut ended))));
        }
    }

    fn discard(runtime: LoopExecutor) {
        drop(runtime);
    }

    fn spawn<F>(&self, home: Home, future: F) -> Result<JoinHandle<F::Output>, SpawnError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (guard, future) = enter(&self.tracker, future)?;
        let (promise, handle) = JoinHandle::new(home);
        let has_ended = Arc::new(AtomicBool::new(false));
        let task = Scheduled {
            member: Member::new(future, guard),
            promise: Some(promise),
            has_ended: Arc::clone(&has_ended),
        };
        self.aborts.add(Cancellable { task: Some(self.executor.0.spawn(task)), has_ended });
        Ok(handle)
    }

    fn group(&self) -> &Arc<Tracker> {
        &self.tracker
    }

    fn abort_all(&self, for_good: bool) -> usize {
        self.aborts.abort_all(for_good)
    }

    fn aborted(&self) -> usize {
        self.aborts.aborted()
    }
}

impl fmt::Debug for ExecutorTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorTasks").field("tracker", &self.tracker).finish_non_exhaustive()
    }
}

pin_project! {
    /// A member that hands its outcome over.
    struct Scheduled<F: Future> {
        // Dropped first, order of declaration: the handle hears of an abort when the future is no more.
        #[pin]
        member: Member<F, Arc<Tracker>>,
        promise: Option<Promise<F::Output>>,
        has_ended: Arc<AtomicBool>,
    }
}

impl<F: Future> Future for Scheduled<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let outcome = ready!(this.member.poll(cx));
        // Before anybody hears of the outcome, who might then count those that have not ended.
        this.has_ended.store(true, Ordering::Release);
        if let Some(promise) = this.promise.take() {
            deliver(promise, outcome);
        }
        Poll::Ready(())
    }
}

/// A task of the executor, which cancels it when it is dropped; and whether it has ended by itself.
struct Cancellable {
    task: Option<Task<()>>,
    has_ended: Arc<AtomicBool>,
}

impl Abort for Cancellable {
    fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(Task::is_finished)
    }

    fn abort(mut self) -> bool {
        let runs = !self.has_ended.load(Ordering::Acquire);
        drop(self.task.take());
        runs
    }
}

/// Nobody is cancelled by it.
impl Drop for Cancellable {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}
