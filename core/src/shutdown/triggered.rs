//! [`Triggered`]: the future that waits for the trigger.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::machine::{Entry, Progress};
use super::{Reason, Shutdown, ShutdownRef, WaitError};
use crate::platform::Platform;
use crate::storage::Storage;
use crate::time::Timer;
use crate::wait_queue::WaiterKey;

/// The future of [`Shutdown::triggered`]: resolves once the end has begun, to the reason why.
///
/// Once it has been ready it stays pending for good.
///
/// # Cancel safety
///
/// Dropping it loses nothing.
#[must_use = "futures do nothing unless polled"]
pub struct Triggered<R: ShutdownRef> {
    /// `None` once the future has been ready.
    shutdown: Option<R>,
    /// The place in line, if it has one.
    key: Option<WaiterKey>,
}

impl<R: ShutdownRef> Triggered<R> {
    pub(super) const fn new(shutdown: R) -> Self {
        Self { shutdown: Some(shutdown), key: None }
    }
}

// Nothing here is ever pinned.
impl<R: ShutdownRef> Unpin for Triggered<R> {}

impl<P: Platform, S: Storage, T: Timer> Shutdown<P, S, T> {
    fn ask_first(&self, place: &mut Option<WaiterKey>, waker: &Waker) -> Poll<Result<Reason, WaitError>> {
        if let Some(reason) = self.reason() {
            return Poll::Ready(Ok(reason));
        }
        let waker = waker.clone();
        let entered = self.locked.with(|machine| machine.enter(waker));
        match entered {
            Ok(Entry::Triggered(_unused)) => Poll::Ready(Ok(self.reason().unwrap_or(Reason::Requested))),
            Ok(Entry::Queued(key)) => {
                *place = Some(key);
                Poll::Pending
            }
            Err(_unused) => Poll::Ready(Err(WaitError::Full)),
        }
    }

    fn ask_again(&self, key: WaiterKey, waker: &Waker) -> Poll<Result<Reason, WaitError>> {
        loop {
            match self.locked.with(|machine| machine.poll(key, waker)) {
                Progress::Ready(reason) => return Poll::Ready(Ok(reason)),
                Progress::Waiting { .. } => return Poll::Pending,
                Progress::WakerDiffers => {}
            }
            let fresh = waker.clone();
            let registered = self.locked.with(|machine| machine.register(key, fresh));
            if let Ok(_replaced) = registered {
                return Poll::Pending;
            }
        }
    }
}

impl<R: ShutdownRef> Future for Triggered<R> {
    type Output = Result<Reason, WaitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(shutdown) = this.shutdown.as_ref().map(ShutdownRef::shutdown) else { return Poll::Pending };
        let polled = match this.key {
            None => shutdown.ask_first(&mut this.key, cx.waker()),
            Some(key) => shutdown.ask_again(key, cx.waker()),
        };
        if polled.is_ready() {
            this.key = None;
            this.shutdown = None;
        }
        polled
    }
}

impl<R: ShutdownRef> Drop for Triggered<R> {
    fn drop(&mut self) {
        if let (Some(shutdown), Some(key)) = (&self.shutdown, self.key.take()) {
            shutdown.shutdown().cancel(key);
        }
    }
}

impl<R: ShutdownRef> fmt::Debug for Triggered<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Triggered").field("waits", &self.key.is_some()).finish_non_exhaustive()
    }
}
