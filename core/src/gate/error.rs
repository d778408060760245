//! What can be refused, and why.

use core::error::Error;
use core::fmt;

use crate::lockout::{Locked, WaitError};
use crate::rate_limiter::{self, NotUntil};
use crate::semaphore;

/// Why nobody waits to enter any more. Nothing is held or used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GateError {
    /// The semaphore has been closed.
    Closed,
    /// There is no room for another waiter in the [`Inline`](crate::Inline) storage of one of the parts.
    Full,
    /// The rate limiter never has a token.
    ExceedsBurst,
    /// The time was up first; only calls with a timeout say so.
    TimedOut,
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the gate's semaphore is closed",
            Self::Full => "there is no room for another waiter",
            Self::ExceedsBurst => "the gate's rate limiter never has a token",
            Self::TimedOut => "the gate did not open in time",
        })
    }
}

impl Error for GateError {}

impl From<semaphore::AcquireError> for GateError {
    fn from(error: semaphore::AcquireError) -> Self {
        use semaphore::AcquireError::{Closed, Full, TimedOut, TooManyPermits, ZeroPermits};
        match error {
            Full => Self::Full,
            TimedOut => Self::TimedOut,
            // The middle one and the last are not said about one permit.
            Closed | ZeroPermits | TooManyPermits => Self::Closed,
        }
    }
}

impl From<rate_limiter::AcquireError> for GateError {
    fn from(error: rate_limiter::AcquireError) -> Self {
        use rate_limiter::AcquireError::{ExceedsBurst, Full, TimedOut, ZeroTokens};
        match error {
            Full => Self::Full,
            TimedOut => Self::TimedOut,
            // The latter is not said about one token.
            ExceedsBurst | ZeroTokens => Self::ExceedsBurst,
        }
    }
}

impl From<WaitError> for GateError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Full => Self::Full,
            WaitError::TimedOut => Self::TimedOut,
        }
    }
}

/// Why nobody enters here and now. Nothing is held or used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TryEnterError {
    /// The semaphore has been closed.
    Closed,
    /// No permit is free, or others are waiting for it.
    NoPermits,
    /// There is a lockout, or others are waiting for its end.
    Locked(Locked),
    /// The rate limiter has no token, or others are waiting for it.
    NotUntil(NotUntil),
    /// The rate limiter never has a token.
    ExceedsBurst,
}

impl fmt::Display for TryEnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the gate's semaphore is closed"),
            Self::NoPermits => f.write_str("no permit is free"),
            Self::Locked(locked) => locked.fmt(f),
            Self::NotUntil(not_until) => not_until.fmt(f),
            Self::ExceedsBurst => f.write_str("the gate's rate limiter never has a token"),
        }
    }
}

impl Error for TryEnterError {}

impl From<semaphore::TryAcquireError> for TryEnterError {
    fn from(error: semaphore::TryAcquireError) -> Self {
        use semaphore::TryAcquireError::{Closed, NoPermits, TooManyPermits, ZeroPermits};
        match error {
            NoPermits => Self::NoPermits,
            // The latter two are not said about one permit.
            Closed | ZeroPermits | TooManyPermits => Self::Closed,
        }
    }
}

impl From<rate_limiter::TryAcquireError> for TryEnterError {
    fn from(error: rate_limiter::TryAcquireError) -> Self {
        use rate_limiter::TryAcquireError::{ExceedsBurst, NotUntil, ZeroTokens};
        match error {
            NotUntil(not_until) => Self::NotUntil(not_until),
            // The latter is not said about one token.
            ExceedsBurst | ZeroTokens => Self::ExceedsBurst,
        }
    }
}

impl From<Locked> for TryEnterError {
    fn from(locked: Locked) -> Self {
        Self::Locked(locked)
    }
}
