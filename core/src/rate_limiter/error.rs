//! What can be refused, and why.

use core::error::Error;
use core::fmt;

use crate::Instant;

/// Too early: the tokens can be had at [`earliest`](Self::earliest), if nobody else takes them first.
///
/// Asking before is never of any use. While others wait in line `earliest` is a lower bound: they go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct NotUntil {
    /// The first point at which the quota admits it, by the limiter's clock; [`Instant::MAX`] means never. How long that
    /// is from a time on, [`duration_since`](Instant::duration_since) says.
    pub earliest: Instant,
}

impl fmt::Display for NotUntil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not before {} of the clock", self.earliest)
    }
}

impl Error for NotUntil {}

/// Why a request for tokens here and now was turned down. Nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TryAcquireError {
    /// Too early.
    NotUntil(NotUntil),
    /// Zero tokens were asked for, which would mean nothing.
    ZeroTokens,
    /// More tokens were asked for than can ever be had at once.
    ExceedsBurst,
}

impl TryAcquireError {
    pub(super) const fn not_until(earliest: Instant) -> Self {
        Self::NotUntil(NotUntil { earliest })
    }

    /// The earliest time at which it would be admitted, if there is one.
    #[must_use]
    pub const fn earliest(&self) -> Option<Instant> {
        match self {
            Self::NotUntil(not_until) => Some(not_until.earliest),
            _ => None,
        }
    }
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUntil(not_until) => not_until.fmt(f),
            Self::ZeroTokens => f.write_str("zero tokens were asked for"),
            Self::ExceedsBurst => f.write_str("more tokens were asked for than can be had at once"),
        }
    }
}

impl Error for TryAcquireError {}

/// Why a request to wait for tokens was turned down. Nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AcquireError {
    /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
    Full,
    /// Zero tokens were asked for, which would mean nothing.
    ZeroTokens,
    /// More tokens were asked for than can ever be had at once, or than could be since the quota was changed.
    ExceedsBurst,
    /// The time was up first; only calls with a timeout say so.
    TimedOut,
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "there is no room for another waiter",
            Self::ZeroTokens => "zero tokens were asked for",
            Self::ExceedsBurst => "more tokens were asked for than can be had at once",
            Self::TimedOut => "the tokens did not come in time",
        })
    }
}

impl Error for AcquireError {}
