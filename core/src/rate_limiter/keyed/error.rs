//! What can be refused, and why.

use core::error::Error;
use core::fmt;

use super::super::error::{NotUntil, TryAcquireError};
use crate::Instant;

/// Why a request for tokens of a key was turned down. Nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyedError {
    /// Too early for this key.
    NotUntil(NotUntil),
    /// Zero tokens were asked for, which would mean nothing.
    ZeroTokens,
    /// More tokens were asked for than can ever be had at once.
    ExceedsBurst,
    /// The key is new, there are as many as may be, and none of them has a full bucket.
    Full,
}

impl KeyedError {
    /// The earliest time at which it would be admitted, if that is known.
    #[must_use]
    pub const fn earliest(&self) -> Option<Instant> {
        match self {
            Self::NotUntil(not_until) => Some(not_until.earliest),
            _ => None,
        }
    }
}

impl From<TryAcquireError> for KeyedError {
    fn from(error: TryAcquireError) -> Self {
        match error {
            TryAcquireError::NotUntil(not_until) => Self::NotUntil(not_until),
            TryAcquireError::ZeroTokens => Self::ZeroTokens,
            TryAcquireError::ExceedsBurst => Self::ExceedsBurst,
        }
    }
}

impl fmt::Display for KeyedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUntil(not_until) => not_until.fmt(f),
            Self::ZeroTokens => TryAcquireError::ZeroTokens.fmt(f),
            Self::ExceedsBurst => TryAcquireError::ExceedsBurst.fmt(f),
            Self::Full => f.write_str("there is no room for another key"),
        }
    }
}

impl Error for KeyedError {}

/// Why a request to wait for tokens of a key was turned down. Nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyedAcquireError {
    /// The key is new, there are as many as may be, and none of them can make room: see
    /// [`WhenFull`](super::WhenFull).
    Full,
    /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
    LineFull,
    /// Zero tokens were asked for, which would mean nothing.
    ZeroTokens,
    /// More tokens were asked for than can ever be had at once.
    ExceedsBurst,
    /// The time was up first; only calls with a timeout say so.
    TimedOut,
}

impl fmt::Display for KeyedAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "there is no room for another key",
            Self::LineFull => "there is no room for another waiter",
            Self::ZeroTokens => "zero tokens were asked for",
            Self::ExceedsBurst => "more tokens were asked for than can be had at once",
            Self::TimedOut => "the tokens did not come in time",
        })
    }
}

impl Error for KeyedAcquireError {}
