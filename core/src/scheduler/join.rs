//! [`Join`]: the future that waits until nothing is scheduled.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::{JoinError, Joining, SchedulerRef};
use crate::wait_queue::WaiterKey;

/// The future of [`Scheduler::join`](super::Scheduler::join): resolves once there are no payloads.
///
/// That there were none is enough: it also resolves if others have been inserted by the time it is polled. Once it
/// has been ready it stays pending for good.
///
/// # Cancel safety
///
/// Dropping it changes nothing.
#[must_use = "futures do nothing unless polled"]
pub struct Join<R: SchedulerRef> {
    /// `None` once the future has been ready.
    scheduler: Option<R>,
    key: Option<WaiterKey>,
}

impl<R: SchedulerRef> Join<R> {
    pub(super) const fn new(scheduler: R) -> Self {
        Self { scheduler: Some(scheduler), key: None }
    }
}

/// Nothing in it is pinned.
impl<R: SchedulerRef> Unpin for Join<R> {}

impl<R: SchedulerRef> Future for Join<R> {
    type Output = Result<(), JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(scheduler) = this.scheduler.as_ref().map(SchedulerRef::scheduler) else { return Poll::Pending };
        let waker = cx.waker().clone();
        let mut wakes = scheduler.wakes();
        // What is handed back is a waker, to be dropped outside of the lock.
        let (joining, _unused) = scheduler.transact(&mut wakes, |machine| match this.key {
            None => match machine.join(waker) {
                Ok(joining) => (joining, None),
                Err((joining, waker)) => (joining, Some(waker)),
            },
            Some(key) => match machine.poll_join(key, waker) {
                Ok(replaced) => (Joining::Waiting(key), replaced),
                Err((joining, waker)) => (joining, Some(waker)),
            },
        });
        let output = match joining {
            Joining::Waiting(key) => {
                this.key = Some(key);
                return Poll::Pending;
            }
            Joining::Empty => Ok(()),
            Joining::Full => Err(JoinError::Full),
            Joining::Closed => Err(JoinError::Closed),
        };
        drop(wakes);
        this.key = None;
        this.scheduler = None;
        Poll::Ready(output)
    }
}

impl<R: SchedulerRef> Drop for Join<R> {
    fn drop(&mut self) {
        if let (Some(scheduler), Some(key)) = (&self.scheduler, self.key.take()) {
            let scheduler = scheduler.scheduler();
            let mut wakes = scheduler.wakes();
            let waker = scheduler.transact(&mut wakes, |machine| machine.leave_join(key));
            drop(wakes);
            drop(waker);
        }
    }
}

impl<R: SchedulerRef> fmt::Debug for Join<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("waits", &self.key.is_some()).finish_non_exhaustive()
    }
}
