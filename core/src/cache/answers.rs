//! What the machine of a cache is asked by, and what it answers.

use crate::lru::Displaced;
use crate::slab;

#[cfg(doc)]
use super::Machine;

/// Names a computation in flight, to its driver, who completes or abandons it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlightKey(pub(super) slab::Key);

/// Names one who waits for a computation. It goes stale when its place is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JoinKey(pub(super) slab::Key);

/// Who calls: two calls of one caller, one inside the other, bear the same mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller(pub usize, pub usize);

/// How much there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many values that are ready.
    pub capacity: usize,
    /// So many computations in flight, counted until the last who waits has read.
    pub flights: usize,
}

/// What has been counted, from the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Stats {
    /// Calls that found a value.
    pub hits: u64,
    /// Calls that computed, also those that took over from another.
    pub misses: u64,
    /// Calls that found a computation in flight, and waited for it.
    pub joined: u64,
    /// Values that went to make room for others, not counting those whose time was up.
    pub evicted: u64,
}

/// The answer to [`Machine::enter`].
#[derive(Debug, PartialEq, Eq)]
pub enum Entered<K, O, W> {
    /// The value is there. Key and waker were not needed, and are to be dropped outside of the lock.
    Ready(O, K, W),
    /// The caller is to compute; it is inside until [`Machine::rest`] says otherwise.
    Drive(FlightKey, Option<K>, W),
    /// The caller waits.
    Joined(JoinKey, K),
    /// The caller is inside of this very computation.
    Recursive(K, W),
    /// There is no room for a flight, or for another who waits.
    Full(K, W),
}

/// The answer to [`Machine::poll`].
#[derive(Debug, PartialEq, Eq)]
pub enum Progress<K, O, W> {
    /// The outcome; the key is used up. What is left is to be dropped outside of the lock.
    Done(O, Leftover<K, O, W>),
    /// The caller is to compute; the key is used up.
    Drive(FlightKey, Leftover<K, O, W>),
    /// Nobody computes, and the caller says that it cannot; the key is used up.
    Abandoned(Leftover<K, O, W>),
    /// The caller still waits, and will be woken by the waker that it showed.
    Waiting,
    /// The caller still waits, but another waker is registered, or none: call [`Machine::register`].
    WakerDiffers,
}

/// What has no place any more, to be dropped outside of the lock.
#[must_use = "drop it outside of the lock"]
#[derive(Debug, PartialEq, Eq)]
pub struct Leftover<K, O, W> {
    /// A key.
    pub key: Option<K>,
    /// An outcome that everybody has read, or that nobody wanted to.
    pub outcome: Option<O>,
    /// A value that was to be kept, and is not.
    pub refused: Option<O>,
    /// What went from the map.
    pub displaced: Option<Displaced<K, O>>,
    /// A waker.
    pub waker: Option<W>,
}

impl<K, O, W> Leftover<K, O, W> {
    pub(super) const NONE: Self = Self { key: None, outcome: None, refused: None, displaced: None, waker: None };
}
