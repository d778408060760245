//! What can be refused, and why.

use core::error::Error;
use core::fmt;

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CallError<I> {
    /// There is no room for another request, or for another one that waits for room, in
    /// [`Inline`](crate::Inline) storage. Here it is.
    Full(I),
    /// The batcher has been closed. Here is the request.
    Closed(I),
    /// The time was up first; only calls with a timeout say so. Here is the request if it was still waiting for room, and
    /// so will not be answered. Without it, it has been accepted: it may be answered yet, and nobody hears of that.
    TimedOut(Option<I>),
    /// Whoever had the request has dropped it, or answered fewer than there were.
    Dropped,
}

impl<I> fmt::Debug for CallError<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
            Self::TimedOut(_) => "TimedOut(..)",
            Self::Dropped => "Dropped",
        })
    }
}

impl<I> fmt::Display for CallError<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "there is no room for another request",
            Self::Closed(_) => "the batcher is closed",
            Self::TimedOut(_) => "there was no answer in time",
            Self::Dropped => "the request was dropped without an answer",
        })
    }
}

impl<I> Error for CallError<I> {}
