//! What can be refused, and why.

use core::error::Error;
use core::fmt;

/// Why a group takes no new member in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EnterError {
    /// The group has been closed, and its last member has left.
    Closed,
    /// There are as many members as can be counted: a quarter of the address space.
    TooMany,
}

impl fmt::Display for EnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the group is closed",
            Self::TooMany => "the group has as many members as can be counted",
        })
    }
}

impl Error for EnterError {}

/// Why nobody waits for the group's end any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CloseError {
    /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
    Full,
    /// The time was up first; only calls with a timeout say so.
    TimedOut,
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "there is no room for another waiter",
            Self::TimedOut => "the group did not finish in time",
        })
    }
}

impl Error for CloseError {}
