//! [`RunError`]: why [`BackgroundLoop::run`](super::BackgroundLoop::run) has no result.

use core::error::Error;
use core::fmt;

use tidegate_threads::{JoinError, SpawnError};

/// Why [`BackgroundLoop::run`](super::BackgroundLoop::run) has no result to give.
#[non_exhaustive]
pub enum RunError<F> {
    /// It was not started; gives the future back.
    Refused(SpawnError<F>),
    /// The caller is in the loop, and would block the thread that is to run it; gives the future back.
    WouldDeadlock(F),
    /// It was started, and ended without a result.
    Failed(JoinError),
}

impl<F> fmt::Debug for RunError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => f.debug_tuple("Refused").field(refused).finish(),
            Self::WouldDeadlock(_) => f.write_str("WouldDeadlock(..)"),
            Self::Failed(failed) => f.debug_tuple("Failed").field(failed).finish(),
        }
    }
}

impl<F> fmt::Display for RunError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::WouldDeadlock(_) => f.write_str("the loop's own thread cannot wait for the loop"),
            Self::Failed(failed) => failed.fmt(f),
        }
    }
}

impl<F> Error for RunError<F> {}
