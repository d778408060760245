//! [`Join`]: the future that waits until all work is done.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::wait::{Denied, Waiting};
use super::{Discipline, For, JoinError, Queue, QueueRef};
use crate::platform::{Platform, Timed};
use crate::storage::Storage;
use crate::time::{Clock, timeout_at};

/// The future of [`Queue::join`]: resolves once everything that was put in has been reported as done.
///
/// # Cancel safety
///
/// Dropping it loses nothing.
#[must_use = "futures do nothing unless polled"]
pub struct Join<R: QueueRef> {
    waiting: Waiting<R>,
}

impl<R: QueueRef> Future for Join<R> {
    type Output = Result<(), JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let output = match this.waiting.poll(cx, &mut None, |_, _| ()) {
            Poll::Pending => return Poll::Pending,
            // Closing a queue ends no work, so nobody is told of it here.
            Poll::Ready(Ok(()) | Err(Denied::Closed)) => Ok(()),
            Poll::Ready(Err(Denied::Full)) => Err(JoinError::Full),
        };
        this.waiting.finish();
        Poll::Ready(output)
    }
}

/// Nothing in it is ever pinned.
impl<R: QueueRef> Unpin for Join<R> {}

impl<R: QueueRef> fmt::Debug for Join<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("waits", &!self.waiting.is_new()).finish_non_exhaustive()
    }
}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Queue<P, S, T, D, V> {
    /// Waits until everything that was put in has been reported as [done](Self::task_done), also what is put in
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// [`Full`](JoinError::Full), in inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub const fn join(&self) -> Join<&Self> {
        Join { waiting: Waiting::new(self, For::Done) }
    }

    /// Waits by way of any pointer to the queue, which the future keeps. Otherwise as [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// Those of [`join`](Self::join).
    ///
    /// # Cancel safety
    ///
    /// As [`join`](Self::join).
    pub const fn join_owned<R>(this: R) -> Join<R>
    where
        R: QueueRef<Platform = P, Storage = S, Item = T, Discipline = D, Waiters = V>,
    {
        Join { waiting: Waiting::new(this, For::Done) }
    }
}

impl<P: Timed, S: Storage, T, D: Discipline<T>, V: Storage> Queue<P, S, T, D, V> {
    /// Waits until all is done, for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`join_blocking_timeout`](Self::join_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](JoinError::TimedOut), and those of [`join`](Self::join).
    ///
    /// # Cancel safety
    ///
    /// As [`join`](Self::join).
    pub fn join_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), JoinError>> + use<'_, P, S, T, D, V> {
        let deadline = P::TIMER.now() + timeout;
        async move { timeout_at(&P::TIMER, deadline, self.join()).await.unwrap_or(Err(JoinError::TimedOut)) }
    }
}
