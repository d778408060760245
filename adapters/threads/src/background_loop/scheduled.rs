//! [`Scheduled`]: what the loop's executor runs; [`Aborts`]: how each of them is cancelled.

use core::mem;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use async_executor::Task;
use parking_lot::Mutex;
use pin_project_lite::pin_project;

use crate::join_handle::{Promise, deliver};
use crate::task::{Member, Tracker};

pin_project! {
    /// A member that hands its outcome over.
    pub(super) struct Scheduled<F: Future> {
        // Dropped first, order of declaration: the handle hears of an abort when the future is no more.
        #[pin]
        member: Member<F, Arc<Tracker>>,
        promise: Option<Promise<F::Output>>,
        has_ended: Arc<AtomicBool>,
    }
}

impl<F: Future> Scheduled<F> {
    /// The other one will say whether it has ended by itself.
    pub(super) fn new(member: Member<F, Arc<Tracker>>, promise: Promise<F::Output>) -> (Self, Arc<AtomicBool>) {
        let has_ended = Arc::new(AtomicBool::new(false));
        (Self { member, promise: Some(promise), has_ended: Arc::clone(&has_ended) }, has_ended)
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

/// Fewer are not worth sweeping for.
const FEW: usize = 64;

/// The tasks of a loop. Dropping one cancels it; those that have ended are swept out when they may be half of all.
pub(super) struct Aborts {
    locked: Mutex<Locked>,
    aborted: AtomicUsize,
}

/// A task, and whether it has ended by itself.
type Cancellable = (Task<()>, Arc<AtomicBool>);

struct Locked {
    tasks: Vec<Cancellable>,
    /// At so many it is time to sweep.
    many: usize,
    /// Whoever comes from now on is cancelled at once.
    for_good: bool,
}

impl Aborts {
    pub(super) const fn new() -> Self {
        Self {
            locked: Mutex::new(Locked { tasks: Vec::new(), many: FEW, for_good: false }),
            aborted: AtomicUsize::new(0),
        }
    }

    /// How many have been cancelled.
    pub(super) fn aborted(&self) -> usize {
        self.aborted.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, task: Cancellable) {
        let mut locked = self.locked.lock();
        let mut ended = Vec::new();
        if locked.for_good {
            ended.push(task);
            self.count(&ended);
        } else {
            if locked.tasks.len() >= locked.many {
                ended = locked.tasks.extract_if(.., |(task, _)| task.is_finished()).collect();
                locked.many = (2 * locked.tasks.len()).max(FEW);
            }
            locked.tasks.push(task);
        }
        drop(locked);
        drop(ended);
    }

    /// Cancels all there are; with `for_good`, also all who come. Answers how many have been.
    pub(super) fn abort_all(&self, for_good: bool) -> usize {
        let mut locked = self.locked.lock();
        locked.for_good |= for_good;
        locked.many = FEW;
        let tasks = mem::take(&mut locked.tasks);
        drop(locked);
        self.count(&tasks)
    }

    fn count(&self, tasks: &[Cancellable]) -> usize {
        let running = tasks.iter().filter(|(_, has_ended)| !has_ended.load(Ordering::Acquire)).count();
        self.aborted.fetch_add(running, Ordering::Relaxed);
        running
    }
}

/// Nobody is cancelled by it.
impl Drop for Aborts {
    fn drop(&mut self) {
        for (task, _) in self.locked.get_mut().tasks.drain(..) {
            task.detach();
        }
    }
}
