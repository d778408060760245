//! The blocking colour.

use core::time::Duration;

use super::{Blocked, Expired, JoinError, NextError, Scheduler};
use crate::platform::Blocking;
use crate::storage::Storage;
use crate::time::{MaybeWall, Timer};

impl<T, P: Blocking, S: Storage, C: Timer, W: MaybeWall> Scheduler<T, P, S, C, W> {
    /// Waits for the next payload and blocks this thread meanwhile: for threads, never for async tasks. Otherwise as
    /// [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// Those of [`next`](Self::next).
    pub fn next_blocking(&self) -> Result<Expired<T>, NextError> {
        P::block_on(self.next())
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](NextError::TimedOut), and those of [`next`](Self::next). What is due is never refused for the
    /// time's sake.
    pub fn next_blocking_timeout(&self, timeout: Duration) -> Result<Expired<T>, NextError> {
        P::block_on_until(P::now() + timeout, self.next()).unwrap_or(Err(NextError::TimedOut))
    }

    /// All payloads as they come out, until the scheduler is closed. In between it blocks this thread: for threads,
    /// never for async tasks.
    pub const fn iter_blocking(&self) -> Blocked<'_, T, P, S, C, W> {
        Blocked::new(self)
    }

    /// Waits until there are no payloads and blocks this thread meanwhile. Otherwise as [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// Those of [`join`](Self::join).
    pub fn join_blocking(&self) -> Result<(), JoinError> {
        P::block_on(self.join())
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](JoinError::TimedOut), and those of [`join`](Self::join).
    pub fn join_blocking_timeout(&self, timeout: Duration) -> Result<(), JoinError> {
        P::block_on_until(P::now() + timeout, self.join()).unwrap_or(Err(JoinError::TimedOut))
    }
}
