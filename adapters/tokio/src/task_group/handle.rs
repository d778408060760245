//! [`JoinHandle`]: a task's result to come, awaited or waited for.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use tidegate_core::Blocking;
use tidegate_threads::JoinError;
use tidegate_threads::task::{Failed, Home};
use tokio::task;

use super::Tracker;
use crate::Tokio;

/// How a task of a group ended, on its way to the handle.
pub(crate) type Outcome<T> = Result<T, Failed<Arc<Tracker>>>;

/// A task's result to come: to be awaited in any runtime, or waited for by any thread.
///
/// Dropping it lets the task go on by itself. If that panics then, it counts as unobserved.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` and dropping that future loses nothing. Once the result has been taken, asking again says
/// [`JoinError::Aborted`].
#[must_use = "await it, wait for it, abort it, or drop it on purpose"]
pub struct JoinHandle<T> {
    /// `None` once the result has been taken.
    task: Option<task::JoinHandle<Outcome<T>>>,
    /// Where it must not be waited for.
    home: Home,
}

impl<T> JoinHandle<T> {
    pub(crate) const fn new(task: task::JoinHandle<Outcome<T>>, home: Home) -> Self {
        Self { task: Some(task), home }
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(task::JoinHandle::is_finished)
    }

    /// Aborts the task: it is dropped where it awaits next, and the handle says [`JoinError::Aborted`], unless it ends
    /// before.
    pub fn abort(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    /// Blocks this thread until the result is there: for threads outside of the runtime and for `spawn_blocking`,
    /// never for async tasks.
    ///
    /// # Errors
    ///
    /// [`Panicked`](JoinError::Panicked), [`Aborted`](JoinError::Aborted) and, for a task of a
    /// [`BackgroundLoop`](crate::BackgroundLoop) waited for in that very loop,
    /// [`WouldDeadlock`](JoinError::WouldDeadlock).
    pub fn join_blocking(&mut self) -> Result<T, JoinError> {
        self.check()?;
        Tokio::block_on(self)
    }

    /// The same, for at most `timeout`. A result that is there is never refused for the time's sake.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](JoinError::TimedOut), and those of [`join_blocking`](Self::join_blocking).
    pub fn join_blocking_timeout(&mut self, timeout: Duration) -> Result<T, JoinError> {
        self.check()?;
        Tokio::block_on_until(Tokio::now() + timeout, self).unwrap_or(Err(JoinError::TimedOut))
    }

    fn check(&self) -> Result<(), JoinError> {
        if self.home.is_here() && !self.is_finished() { Err(JoinError::WouldDeadlock) } else { Ok(()) }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(task) = &mut self.task else { return Poll::Ready(Err(JoinError::Aborted)) };
        let joined = core::task::ready!(Pin::new(task).poll(cx));
        self.task = None;
        Poll::Ready(match joined {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(failed)) => Err(failed.observe()),
            // It can only have panicked outside of its own code: when it was dropped, aborted.
            Err(error) => Err(match error.try_into_panic() {
                Ok(payload) => JoinError::Panicked(tidegate_threads::Panic::new(payload)),
                Err(_cancelled) => JoinError::Aborted,
            }),
        })
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}
