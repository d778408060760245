//! What can be refused, and why.

use core::error::Error;
use core::fmt;
use std::io;

use super::Panic;

/// Why a handle has no result to give.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// The task panicked, with this.
    Panicked(Panic),
    /// The task was aborted, or never began because its executor had stopped before.
    Aborted,
    /// The time was up first; the handle is still good. Only calls with a timeout say so.
    TimedOut,
    /// The caller is on the very thread that is to run the task, and would wait for itself. The handle is still
    /// good. Only calls that block say so.
    WouldDeadlock,
}

impl JoinError {
    /// What the task panicked with, if it did.
    ///
    /// # Errors
    ///
    /// Gives the error back if it is another one.
    pub fn into_panic(self) -> Result<Panic, Self> {
        match self {
            Self::Panicked(panic) => Ok(panic),
            other => Err(other),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panic) => write!(f, "the task {panic}"),
            Self::Aborted => f.write_str("the task was aborted"),
            Self::TimedOut => f.write_str("the task did not end in time"),
            Self::WouldDeadlock => f.write_str("the task runs on this very thread, which cannot wait for it"),
        }
    }
}

impl Error for JoinError {}

/// Why a task was not started. Gives back what should have been run.
#[non_exhaustive]
pub enum SpawnError<F> {
    /// The group, the executor or the loop is closed.
    Closed(F),
    /// There are as many tasks as can be counted.
    TooMany(F),
    /// There is no runtime to run it on, here.
    NoRuntime(F),
    /// The operating system refused a thread, for this reason.
    NoThread(F, io::Error),
}

impl<F> SpawnError<F> {
    /// What should have been run.
    pub fn into_inner(self) -> F {
        match self {
            Self::Closed(inner) | Self::TooMany(inner) | Self::NoRuntime(inner) | Self::NoThread(inner, _) => {
                inner
            }
        }
    }

    /// The same error about something else.
    pub fn map<G>(self, other: impl FnOnce(F) -> G) -> SpawnError<G> {
        match self {
            Self::Closed(inner) => SpawnError::Closed(other(inner)),
            Self::TooMany(inner) => SpawnError::TooMany(other(inner)),
            Self::NoRuntime(inner) => SpawnError::NoRuntime(other(inner)),
            Self::NoThread(inner, error) => SpawnError::NoThread(other(inner), error),
        }
    }

    /// Whether it is closed.
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "Closed(..)",
            Self::TooMany(_) => "TooMany(..)",
            Self::NoRuntime(_) => "NoRuntime(..)",
            Self::NoThread(..) => "NoThread(..)",
        })
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(_) => f.write_str("it is closed"),
            Self::TooMany(_) => f.write_str("there are as many tasks as can be counted"),
            Self::NoRuntime(_) => f.write_str("there is no runtime to run it on"),
            Self::NoThread(_, error) => write!(f, "there is no thread to run it on: {error}"),
        }
    }
}

impl<F> Error for SpawnError<F> {}

/// Why a wait for everybody has ended before everybody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShutdownError {
    /// The time was up first. Whatever is left goes on.
    TimedOut,
    /// The caller is one of those who are to be waited for.
    WouldDeadlock,
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the tasks did not end in time",
            Self::WouldDeadlock => "the caller is one of the tasks that are to be waited for",
        })
    }
}

impl Error for ShutdownError {}

/// Why a background loop's `run` has no result to give.
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
