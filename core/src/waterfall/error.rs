//! What can be refused, and why.

use core::error::Error;
use core::fmt;

/// Why an item was not put here and now. It is given back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TryPutError<T> {
    /// There is no room, or others wait for room.
    Full(T),
    /// The waterfall has been closed.
    Closed(T),
}

impl<T> TryPutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "there is no room for another item",
            Self::Closed(_) => "the waterfall is closed",
        })
    }
}

impl<T> Error for TryPutError<T> {}

/// Why an item was not put, though one would have waited. It is given back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PutError<T> {
    /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
    Full(T),
    /// The waterfall has been closed.
    Closed(T),
    /// The time was up first; only calls with a timeout say so.
    TimedOut(T),
}

impl<T> PutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) | Self::TimedOut(item) => item,
        }
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
            Self::TimedOut(_) => "TimedOut(..)",
        })
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "there is no room for another waiter",
            Self::Closed(_) => "the waterfall is closed",
            Self::TimedOut(_) => "there was no room in time",
        })
    }
}

impl<T> Error for PutError<T> {}

/// Why nobody waits for the end of what was put before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FlushError {
    /// There is no room for another waiter in [`Inline`](crate::Inline) storage. What was put before leaves now, all
    /// the same.
    Full,
    /// The waterfall was stopped, and did not finish in time.
    Stopped,
    /// The time was up first; only calls with a timeout say so.
    TimedOut,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "there is no room for another waiter",
            Self::Stopped => "the waterfall was stopped before it had finished",
            Self::TimedOut => "it did not finish in time",
        })
    }
}

impl Error for FlushError {}
