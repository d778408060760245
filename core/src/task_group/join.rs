//! [`Join`]: the future that waits for a group's end.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::machine::{Admission, Progress, Until};
use super::{CloseError, TaskGroupRef};
use crate::Platform;
use crate::wait_queue::WaiterKey;

/// The future of [`TaskGroup::close`](super::TaskGroup::close), [`join`](super::TaskGroup::join) and
/// [`idle`](super::TaskGroup::idle): resolves once everybody has left.
///
/// It takes its place among those who wait when it is first polled. Once it has been ready it stays pending for
/// good.
///
/// # Cancel safety
///
/// Dropping it loses nothing: a closed group stays closed, and its members go on.
#[must_use = "await it to wait for those who are left, or drop it on purpose"]
pub struct Join<R: TaskGroupRef> {
    /// `None` once the future has been ready.
    group: Option<R>,
    until: Until,
    /// The place in line, if it has one.
    key: Option<WaiterKey>,
}

impl<R: TaskGroupRef> Join<R> {
    pub(super) const fn new(group: R, until: Until) -> Self {
        Self { group: Some(group), until, key: None }
    }

    fn finish(&mut self, outcome: Result<(), CloseError>) -> Poll<Result<(), CloseError>> {
        self.key = None;
        self.group = None;
        Poll::Ready(outcome)
    }
}

impl<R: TaskGroupRef> Future for Join<R> {
    type Output = Result<(), CloseError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(group) = this.group.as_ref().map(TaskGroupRef::task_group) else { return Poll::Pending };
        if group.word.is_finished() && this.key.is_none() {
            return this.finish(Ok(()));
        }
        let Some(key) = this.key else {
            let (priority, waker) = (R::Platform::ambient_priority(), cx.waker().clone());
            let mut wakes = group.wakes();
            let entered = group.enter_line(&mut wakes, this.until, priority, waker);
            if let Ok(Admission::Queued(key)) = entered {
                // Noted before anybody is woken: a wake may panic.
                this.key = Some(key);
            }
            drop(wakes);
            return match entered {
                Ok(Admission::Queued(_)) => Poll::Pending,
                Ok(Admission::Finished(_unused)) => this.finish(Ok(())),
                Err(_unused) => this.finish(Err(CloseError::Full)),
            };
        };
        match group.locked.with(|machine| machine.poll(key, cx.waker())) {
            Progress::Waiting => return Poll::Pending,
            Progress::WakerDiffers => {
                let fresh = cx.waker().clone();
                if let Ok(_replaced) = group.locked.with(|machine| machine.register(key, fresh)) {
                    return Poll::Pending;
                }
            }
            Progress::Finished => {
                // It may be in line still, if more wait than are woken at once.
                drop(group.locked.with(|machine| machine.cancel(key)));
            }
        }
        this.finish(Ok(()))
    }
}

/// Nothing in it is ever pinned.
impl<R: TaskGroupRef> Unpin for Join<R> {}

impl<R: TaskGroupRef> Drop for Join<R> {
    fn drop(&mut self) {
        if let (Some(key), Some(group)) = (self.key, &self.group) {
            drop(group.task_group().locked.with(|machine| machine.cancel(key)));
        }
    }
}

impl<R: TaskGroupRef> fmt::Debug for Join<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("waits", &self.key.is_some()).finish_non_exhaustive()
    }
}
