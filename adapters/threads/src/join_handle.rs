//! [`JoinHandle`]: a result to come, awaited or waited for.

use core::fmt;
use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::panic::catch_unwind;
use std::sync::Arc;

use tidegate_core::oneshot::{Oneshot, Receiver, Sender};

use crate::task::{Failed, Home, JoinError, Tracker};
use crate::{Clock, Threads, ThreadsTimer, block_on, block_on_until};

/// How a task or a closure ended.
pub(crate) type Outcome<T> = Result<T, Failed<Arc<Tracker>>>;

pub(crate) type Promise<T> = Sender<Arc<Oneshot<Threads, Outcome<T>>>>;

/// Hands an outcome over. If nobody receives it, a panic stays unobserved, and a result is dropped; should that panic,
/// then nothing comes of it.
pub(crate) fn deliver<T>(promise: Promise<T>, outcome: Outcome<T>) {
    if let Err(unreceived) = promise.send(outcome) {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(unreceived)));
    }
}

/// The result to come of a closure on a thread or of a task on a loop: to be awaited under any executor, or waited
/// for by any thread.
///
/// Dropping it lets the closure or the task go on by itself. If that panics then, it counts as unobserved.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` and dropping that future loses nothing. Once the result has been taken, asking again says
/// [`JoinError::Aborted`].
#[must_use = "await it, wait for it, or drop it on purpose"]
pub struct JoinHandle<T> {
    receiver: Receiver<Arc<Oneshot<Threads, Outcome<T>>>>,
    /// Where it must not be waited for.
    home: Home,
}

impl<T> JoinHandle<T> {
    /// A handle, and where its result goes.
    pub(crate) fn new(home: Home) -> (Promise<T>, Self) {
        let place = Arc::new(Oneshot::new());
        let Some((sender, receiver)) = Oneshot::split(place) else { unreachable!("it was made just now") };
        (sender, Self { receiver, home })
    }

    /// Whether the result is there.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.receiver.is_settled()
    }

    /// Blocks this thread until the result is there: for threads, never for async tasks.
    ///
    /// # Errors
    ///
    /// [`Panicked`](JoinError::Panicked), [`Aborted`](JoinError::Aborted),
    /// [`WouldDeadlock`](JoinError::WouldDeadlock).
    pub fn join_blocking(&mut self) -> Result<T, JoinError> {
        self.join_until(None)
    }

    /// The same, for at most `timeout`. A result that is there is never refused for the time's sake.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](JoinError::TimedOut), and those of [`join_blocking`](Self::join_blocking).
    pub fn join_blocking_timeout(&mut self, timeout: Duration) -> Result<T, JoinError> {
        self.join_until(Some(timeout))
    }

    fn join_until(&mut self, timeout: Option<Duration>) -> Result<T, JoinError> {
        if self.home.is_here() && !self.is_finished() {
            return Err(JoinError::WouldDeadlock);
        }
        match timeout {
            None => block_on(self),
            Some(timeout) => {
                block_on_until(ThreadsTimer.now() + timeout, self).unwrap_or(Err(JoinError::TimedOut))
            }
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(cx).map(|received| match received {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(failed)) => Err(failed.observe()),
            Err(_abandoned) => Err(JoinError::Aborted),
        })
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}
