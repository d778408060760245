//! What can be refused, and why.

use core::error::Error;
use core::fmt;

/// An item was not wanted, and is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError<T> {
    /// Nobody has demanded it yet.
    NotDemanded(T),
    /// Nobody ever will: the consumer is gone.
    Closed(T),
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDemanded(_) => "the item has not been demanded",
            Self::Closed(_) => "the consumer is gone",
        })
    }
}

impl<T: fmt::Debug> Error for PushError<T> {}

/// The consumer wants nothing any more: whoever produces is to stop. Gives the item back that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stopped<T>(pub T);

impl<T> fmt::Display for Stopped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the consumer is gone")
    }
}

impl<T: fmt::Debug> Error for Stopped<T> {}

/// A capacity of zero, or one beyond the room that the storage has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct InvalidCapacity;

impl fmt::Display for InvalidCapacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a capacity is at least one, and at most what there is room for")
    }
}

impl Error for InvalidCapacity {}
