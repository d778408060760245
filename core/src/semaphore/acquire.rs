//! [`Acquire`]: the future that waits in line.

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::machine::{Admission, Progress};
use super::{AcquireError, Permit, SemaphoreRef};
use crate::wait_queue::WaiterKey;
use crate::{Blocking, Clock, Platform, Priority, Timed, timeout_at};

/// The future of [`Semaphore::acquire`](super::Semaphore::acquire) and its siblings: resolves to a [`Permit`].
///
/// It takes its place in line when it is first polled. Once it has been ready it stays pending for good.
///
/// # Cancel safety
///
/// Dropping it gives up the place in line, and passes on a permit that was on its way to it; nothing is lost.
#[must_use = "futures do nothing unless polled"]
pub struct Acquire<R: SemaphoreRef> {
    /// `None` once the future has been ready.
    semaphore: Option<R>,
    permits: usize,
    /// `None` for the priority of the scope.
    priority: Option<Priority>,
    /// The place in line, if it has one.
    key: Option<WaiterKey>,
}

impl<R: SemaphoreRef> Acquire<R> {
    pub(super) const fn new(semaphore: R, permits: usize) -> Self {
        Self { semaphore: Some(semaphore), permits, priority: None, key: None }
    }

    /// Waits with this priority, whatever the scope's is.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Gives up once `timeout` has passed, counted from this call on the platform's timer. A permit that is free
    /// is never refused for the time's sake, and no timer is used for it.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](AcquireError::TimedOut), and those of the request itself.
    ///
    /// # Cancel safety
    ///
    /// As the request itself.
    pub fn timeout(self, timeout: Duration) -> impl Future<Output = Result<Permit<R>, AcquireError>> + use<R>
    where
        R::Platform: Timed,
    {
        let timer = <R::Platform as Timed>::TIMER;
        let deadline = timer.now() + timeout;
        async move {
            let mut acquire = self;
            if let Poll::Ready(granted) = poll_fn(|cx| Poll::Ready(Pin::new(&mut acquire).poll(cx))).await {
                return granted;
            }
            match timeout_at(&timer, deadline, acquire).await {
                Ok(granted) => granted,
                Err(_elapsed) => Err(AcquireError::TimedOut),
            }
        }
    }

    /// Waits on this thread, which is blocked meanwhile: for threads, never for async tasks.
    ///
    /// # Errors
    ///
    /// Those of the request itself.
    pub fn blocking(self) -> Result<Permit<R>, AcquireError>
    where
        R::Platform: Blocking,
    {
        <R::Platform as Blocking>::block_on(self)
    }

    /// The same, for at most `timeout`. A permit that is free is never refused for the time's sake.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](AcquireError::TimedOut), and those of the request itself.
    pub fn blocking_timeout(self, timeout: Duration) -> Result<Permit<R>, AcquireError>
    where
        R::Platform: Blocking,
    {
        let deadline = <R::Platform as Blocking>::now() + timeout;
        <R::Platform as Blocking>::block_on_until(deadline, self).unwrap_or(Err(AcquireError::TimedOut))
    }

    /// Ends at once.
    #[inline]
    fn finish(&mut self) -> Poll<Result<Permit<R>, AcquireError>> {
        match self.semaphore.take() {
            Some(semaphore) => Poll::Ready(Ok(Permit::new(semaphore, self.permits))),
            None => Poll::Pending,
        }
    }

    /// Ends after a wait.
    fn finish_late(&mut self, granted: Result<(), AcquireError>) -> Poll<Result<Permit<R>, AcquireError>> {
        match self.semaphore.take() {
            Some(semaphore) => Poll::Ready(granted.map(|()| Permit::handed_over(semaphore, self.permits))),
            None => Poll::Pending,
        }
    }

    /// The first poll, when permits are not to be had for the taking.
    #[cold]
    fn enter(&mut self, cx: &Context<'_>) -> Poll<Result<Permit<R>, AcquireError>> {
        let Some(semaphore) = &self.semaphore else { return Poll::Pending };
        let semaphore = semaphore.semaphore();
        let permits = self.permits;
        let priority = self.priority.unwrap_or_else(R::Platform::ambient_priority);
        let waker = cx.waker().clone();
        let mut wakes = semaphore.wakes();
        let entered = semaphore.transact(&mut wakes, |machine| {
            let entered = machine.acquire(permits, priority, waker);
            if let Ok(Admission::Queued(key)) = entered {
                semaphore.grants.queued(key);
            }
            entered
        });
        let granted = match entered {
            Ok(Admission::Queued(key)) => {
                self.key = Some(key);
                return Poll::Pending;
            }
            Ok(Admission::Granted(_unused)) => {
                semaphore.deliver(&mut wakes, permits);
                Ok(())
            }
            Err((error, _unused)) => Err(error),
        };
        drop(wakes);
        self.finish_late(granted)
    }

    /// A later poll, in line.
    #[inline(never)]
    fn progress(&mut self, key: WaiterKey, cx: &Context<'_>) -> Poll<Result<Permit<R>, AcquireError>> {
        match &self.semaphore {
            Some(semaphore) if semaphore.semaphore().grants.lists(key) => {
                self.key = None;
                self.finish_late(Ok(()))
            }
            _ => self.progress_locked(key, cx),
        }
    }

    /// The same when only the machine can tell.
    #[cold]
    fn progress_locked(&mut self, key: WaiterKey, cx: &Context<'_>) -> Poll<Result<Permit<R>, AcquireError>> {
        let Some(semaphore) = &self.semaphore else { return Poll::Pending };
        let semaphore = semaphore.semaphore();
        let granted = loop {
            let mut wakes = semaphore.wakes();
            match semaphore.transact(&mut wakes, |machine| machine.poll(key, cx.waker())) {
                Ok(Progress::Waiting) => return Poll::Pending,
                Ok(Progress::WakerDiffers) => {
                    wakes.deliver();
                    let fresh = cx.waker().clone();
                    let mut wakes = semaphore.wakes();
                    if let Ok(_replaced) = semaphore.transact(&mut wakes, |machine| machine.register(key, fresh)) {
                        return Poll::Pending;
                    }
                }
                Ok(Progress::Granted) => {
                    // The permits are in hand now: nothing is left to cancel if a wake panics.
                    self.key = None;
                    semaphore.deliver(&mut wakes, self.permits);
                    break Ok(());
                }
                Err(error) => {
                    self.key = None;
                    break Err(error);
                }
            }
        };
        self.finish_late(granted)
    }
}

impl<R: SemaphoreRef> Future for Acquire<R> {
    type Output = Result<Permit<R>, AcquireError>;

    #[expect(
        clippy::inline_always,
        reason = "a few instructions and two calls, of which the first poll needs none"
    )]
    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match (this.key, &this.semaphore) {
            (Some(key), _) => this.progress(key, cx),
            (None, Some(semaphore)) if semaphore.semaphore().take_at_once(this.permits) => this.finish(),
            _ => this.enter(cx),
        }
    }
}

/// Nothing in it is ever pinned.
impl<R: SemaphoreRef> Unpin for Acquire<R> {}

impl<R: SemaphoreRef> Drop for Acquire<R> {
    #[inline]
    fn drop(&mut self) {
        if let (Some(key), Some(semaphore)) = (self.key, &self.semaphore) {
            semaphore.semaphore().cancel(key, self.permits);
        }
    }
}

impl<R: SemaphoreRef> fmt::Debug for Acquire<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("permits", &self.permits)
            .field("waits", &self.key.is_some())
            .finish_non_exhaustive()
    }
}
