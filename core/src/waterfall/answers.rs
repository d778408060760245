//! What a [`Machine`] answers.

use core::fmt;

use super::gather::{Gather, Lot};
#[cfg(doc)]
use super::machine::Machine;
use crate::time::Instant;
use crate::wait_queue::WaiterKey;

/// Why an item was not put.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused<I> {
    /// It would be the first of its batch: say what time it is.
    NeedsTime(I),
    /// There is no room, or others wait for room.
    Full(I),
    /// The waterfall is closed.
    Closed(I),
}

/// The answer to [`Machine::wait_to_put`] and to [`Machine::wait_to_flush`].
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<W> {
    /// There is nothing to wait for; the waker was not needed.
    Done(W),
    /// It stands in line.
    Queued(WaiterKey),
}

/// The answer to [`Machine::poll_put`].
#[derive(Debug, PartialEq, Eq)]
pub enum Putting<I> {
    /// The item has been accepted; the key is used up.
    Accepted,
    /// The waterfall has been closed, and here the item is; the key is used up.
    Closed(I),
    /// The item still waits, and the waker that was shown is registered.
    Waiting,
    /// The item still waits, but another waker is registered: call [`Machine::register_put`].
    WakerDiffers,
}

/// Why there is no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// None is to leave, or as many as may be are in flight.
    NotYet,
    /// There will never be one again.
    Ended,
}

/// The answer to [`Machine::wait_to_take`].
pub enum Entered<W, G: Gather> {
    /// A batch; the waker was not needed.
    Taken(Lot<G::Buffer>, W),
    /// There will never be one again; the waker was not needed.
    Ended(W),
    /// The caller stands in line.
    Queued {
        /// By this key it asks again.
        key: WaiterKey,
        /// It is to ask again at this instant, unwoken; see [`Taking::Waiting`].
        alarm: Option<Instant>,
    },
}

impl<W, G: Gather> fmt::Debug for Entered<W, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken(..) => "Taken(..)",
            Self::Ended(_) => "Ended(..)",
            Self::Queued { .. } => "Queued { .. }",
        })
    }
}

/// The answer to [`Machine::poll_take`].
#[derive(Debug)]
pub enum Taking<B> {
    /// A batch; the key is used up.
    Taken(Lot<B>),
    /// There will never be one again; the key is used up.
    Ended,
    /// Still none, and the waker that was shown is registered.
    Waiting {
        /// The caller is the first in line, and keeps time for all: it is to ask again at this instant, unwoken.
        /// Whoever drives the machine by [`Machine::poll_timeout`] may ignore it.
        alarm: Option<Instant>,
    },
    /// Still none, but another waker is registered: call [`Machine::register_take`].
    WakerDiffers,
}

/// The answer to [`Machine::poll_flush`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushing {
    /// All has come to an end; the key is used up.
    Finished,
    /// The waterfall was stopped before that; the key is used up.
    Stopped,
    /// Not yet, and the waker that was shown is registered.
    Waiting,
    /// Not yet, but another waker is registered: call [`Machine::register_flush`].
    WakerDiffers,
}

/// What has gone through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Stats {
    /// How many items have been accepted.
    pub accepted: u64,
    /// How many batches have come to an end well.
    pub done: u64,
    /// How many batches have failed, or were dropped.
    pub failed: u64,
    /// How many items have been accepted and have not come to an end.
    pub unfinished: usize,
    /// How many batches are in flight.
    pub in_flight: usize,
}
