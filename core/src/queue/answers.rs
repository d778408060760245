//! What the machine of a queue is asked for, and what it answers.

use crate::wait_queue::WaiterKey;

#[cfg(doc)]
use super::Machine;

/// What there is to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Room for an item. Who is granted it must [fill](Machine::fill) it or [release](Machine::release) it.
    Room,
    /// An item. Who is granted it must [take](Machine::take_claimed) it or [release](Machine::release) it.
    Item,
    /// That every item ever put in has been reported as done.
    Done,
}

/// The answer to [`Machine::wait`].
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<W> {
    /// It is the caller's already; the waker was not needed.
    Granted(W),
    /// The caller stands in line under this key.
    Queued(WaiterKey),
}

/// Why [`Machine::wait`] turned somebody down; the waker comes back.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused<W> {
    /// The queue has been closed, and nothing is left to wait for.
    Closed(W),
    /// There is no room for another waiter.
    Full(W),
}

/// The answer to [`Machine::poll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is the caller's; the key is used up.
    Granted,
    /// The queue has been closed, and nothing is left to wait for; the key is used up.
    Closed,
    /// The caller still waits, and will be woken by the waker that it showed.
    Waiting,
    /// The caller still waits, but another waker is registered: call [`Machine::register`].
    WakerDiffers,
}
