//! What can be refused, and why.

use core::error::Error;
use core::fmt;

/// Why a request to wait for permits was turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AcquireError {
    /// The semaphore has been closed.
    Closed,
    /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
    Full,
    /// Zero permits were asked for, which would mean nothing.
    ZeroPermits,
    /// More permits were asked for than a semaphore can ever have.
    TooManyPermits,
    /// The time was up first; only calls with a timeout say so.
    TimedOut,
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the semaphore is closed",
            Self::Full => "there is no room for another waiter",
            Self::ZeroPermits => "zero permits were asked for",
            Self::TooManyPermits => "more permits were asked for than a semaphore can have",
            Self::TimedOut => "the permits did not come in time",
        })
    }
}

impl Error for AcquireError {}

/// Why a request for permits here and now was turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TryAcquireError {
    /// The semaphore has been closed.
    Closed,
    /// Too few permits are free, or others are waiting for them.
    NoPermits,
    /// Zero permits were asked for, which would mean nothing.
    ZeroPermits,
    /// More permits were asked for than a semaphore can ever have.
    TooManyPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the semaphore is closed",
            Self::NoPermits => "too few permits are free",
            Self::ZeroPermits => "zero permits were asked for",
            Self::TooManyPermits => "more permits were asked for than a semaphore can have",
        })
    }
}

impl Error for TryAcquireError {}

/// The semaphore would have had more permits than it can; it is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct TooManyPermits;

impl fmt::Display for TooManyPermits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a semaphore cannot have that many permits")
    }
}

impl Error for TooManyPermits {}
