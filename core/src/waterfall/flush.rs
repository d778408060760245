//! [`Flush`]: the future that waits for the end of what was put before.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::answers::{Entry, Flushing};
use super::{FlushError, Gather, Waterfall, WaterfallRef};
use crate::platform::{Blocking, Platform};
use crate::storage::Storage;
use crate::time::{Timer, timeout_at};
use crate::wait_queue::WaiterKey;

/// The future of [`Waterfall::flush`].
///
/// The flush takes place when it is first polled. Once it has been ready it stays pending for good.
///
/// # Cancel safety
///
/// Dropping it waits no longer; what has left has left.
#[must_use = "futures do nothing unless polled"]
pub struct Flush<R: WaterfallRef> {
    /// `None` once the future has been ready.
    waterfall: Option<R>,
    key: Option<WaiterKey>,
}

impl<R: WaterfallRef> Flush<R> {
    fn finish(&mut self, outcome: Result<(), FlushError>) -> Poll<Result<(), FlushError>> {
        self.waterfall = None;
        self.key = None;
        Poll::Ready(outcome)
    }
}

impl<R: WaterfallRef> Future for Flush<R> {
    type Output = Result<(), FlushError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(waterfall) = this.waterfall.as_ref().map(WaterfallRef::waterfall) else { return Poll::Pending };
        let Some(key) = this.key else {
            let waker = cx.waker().clone();
            let place = &mut this.key;
            let mut wakes = waterfall.wakes();
            let entered = waterfall.transact(waterfall.now(), &mut wakes, |machine| {
                let entered = machine.wait_to_flush(waker);
                // Noted before anybody is woken: a wake may panic.
                if let Ok(Entry::Queued(key)) = entered {
                    *place = Some(key);
                }
                entered
            });
            drop(wakes);
            return match entered {
                Ok(Entry::Queued(_)) => Poll::Pending,
                Ok(Entry::Done(_unused)) => this.finish(Ok(())),
                Err(_unused) => this.finish(Err(FlushError::Full)),
            };
        };
        loop {
            let (flushing, replaced) = waterfall.locked.with(|machine| machine.poll_flush(key, cx.waker()));
            drop(replaced);
            match flushing {
                Flushing::Finished => return this.finish(Ok(())),
                Flushing::Stopped => return this.finish(Err(FlushError::Stopped)),
                Flushing::Waiting => return Poll::Pending,
                Flushing::WakerDiffers => {
                    let fresh = cx.waker().clone();
                    let registered = waterfall.locked.with(|machine| machine.register_flush(key, fresh));
                    if registered.is_ok() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

/// Nothing in it is ever pinned.
impl<R: WaterfallRef> Unpin for Flush<R> {}

impl<R: WaterfallRef> Drop for Flush<R> {
    fn drop(&mut self) {
        if let (Some(key), Some(waterfall)) = (self.key, &self.waterfall) {
            let waker = waterfall.waterfall().locked.with(|machine| machine.cancel_flush(key));
            drop(waker);
        }
    }
}

impl<R: WaterfallRef> fmt::Debug for Flush<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flush").field("waits", &self.key.is_some()).finish_non_exhaustive()
    }
}

impl<G: Gather, P: Platform, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    /// Lets what has been accepted leave now, also if it is few, and waits until all of it has come to an end, well or
    /// not. What is put afterwards is not waited for, though it may leave in the same batch.
    ///
    /// # Errors
    ///
    /// [`FlushError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future waits no longer; what has left has left.
    pub const fn flush(&self) -> Flush<&Self> {
        Flush { waterfall: Some(self), key: None }
    }

    /// The same, and waits for at most `timeout` from this call on.
    ///
    /// # Errors
    ///
    /// [`FlushError`].
    ///
    /// # Cancel safety
    ///
    /// As [`flush`](Self::flush).
    pub fn flush_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), FlushError>> + use<'_, G, P, Q, T> {
        let deadline = self.timer.now() + timeout;
        async move {
            match timeout_at(&self.timer, deadline, self.flush()).await {
                Ok(flushed) => flushed,
                Err(_elapsed) => Err(FlushError::TimedOut),
            }
        }
    }
}

impl<G: Gather, P: Blocking, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    /// Blocks this thread meanwhile: for threads, never for async tasks. Otherwise as [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// [`FlushError`].
    pub fn flush_blocking(&self) -> Result<(), FlushError> {
        P::block_on(self.flush())
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`FlushError`].
    pub fn flush_blocking_timeout(&self, timeout: Duration) -> Result<(), FlushError> {
        P::block_on_until(P::now() + timeout, self.flush()).unwrap_or(Err(FlushError::TimedOut))
    }
}
