//! What can be refused, and why.

use core::error::Error;
use core::fmt;

use crate::time::Instant;

/// Nobody may pass for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Locked {
    /// When the last lockout ends, as things are: it may be extended or lifted. [`Instant::MAX`] if it does not
    /// end before it is lifted. If this is not in the future, no lockout is in force, but others are in line.
    pub until: Instant,
}

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "locked out until {}", self.until)
    }
}

impl Error for Locked {}

/// There is no room for another lockout in [`Inline`](crate::Inline) storage; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no room for another lockout")
    }
}

impl Error for Full {}

/// Why nobody waits for the end any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WaitError {
    /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
    Full,
    /// The time was up first; only calls with a timeout say so.
    TimedOut,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "there is no room for another waiter",
            Self::TimedOut => "the lockouts did not end in time",
        })
    }
}

impl Error for WaitError {}
