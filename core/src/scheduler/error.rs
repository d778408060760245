//! What can be refused, and why.

use core::error::Error;
use core::fmt;

use crate::time::Instant;

/// Why a payload was not taken. It is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum InsertError<T> {
    /// There is no room: [`Inline`](crate::Inline) storage is full. On the heap there is room for 2²⁶.
    Full(T),
    /// The scheduler has been closed.
    Closed(T),
    /// A period of zero would never let anything else come out.
    ZeroPeriod(T),
}

impl<T> InsertError<T> {
    /// The payload.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(payload) | Self::Closed(payload) | Self::ZeroPeriod(payload) => payload,
        }
    }
}

impl<T> fmt::Display for InsertError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "there is no room for another payload",
            Self::Closed(_) => "the scheduler is closed",
            Self::ZeroPeriod(_) => "the period is zero",
        })
    }
}

impl<T: fmt::Debug> Error for InsertError<T> {}

/// Why no payload comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NextError {
    /// The scheduler has been closed.
    Closed,
    /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
    Full,
    /// The time was up first; only calls with a timeout say so.
    TimedOut,
}

impl fmt::Display for NextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the scheduler is closed",
            Self::Full => "there is no room for another waiter",
            Self::TimedOut => "nothing came out in time",
        })
    }
}

impl Error for NextError {}

/// Why no payload comes out here and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TryNextError {
    /// None is due.
    NotDue {
        /// When it is worth asking again, as things are; `None` if there is nothing to wait for.
        earliest: Option<Instant>,
    },
    /// The scheduler has been closed.
    Closed,
}

impl fmt::Display for TryNextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDue { earliest: Some(earliest) } => write!(f, "nothing is due before {earliest}"),
            Self::NotDue { earliest: None } => f.write_str("nothing will become due"),
            Self::Closed => f.write_str("the scheduler is closed"),
        }
    }
}

impl Error for TryNextError {}

/// Why nobody waits for the last payload any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum JoinError {
    /// The scheduler was closed with payloads in it.
    Closed,
    /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
    Full,
    /// The time was up first; only calls with a timeout say so.
    TimedOut,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the scheduler was closed with payloads in it",
            Self::Full => "there is no room for another waiter",
            Self::TimedOut => "there were payloads left when the time was up",
        })
    }
}

impl Error for JoinError {}
