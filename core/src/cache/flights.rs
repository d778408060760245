//! [`Flights`]: what is being computed, and what has been and is still to be read.
//!
//! A flight is *filed* under its key's hash for as long as newcomers may join it. It stays in its place, unfiled, for
//! as long as anybody who has joined is to read its outcome.

use super::answers::Caller;
use crate::index::HashIndex;
use crate::slab::{Key, NONE, Slab};
use crate::storage::Storage;

/// A line of places, doubly linked; `NONE` where there is nobody.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    pub(super) head: u32,
    pub(super) tail: u32,
}

impl Chain {
    pub(super) const EMPTY: Self = Self { head: NONE, tail: NONE };

    pub(super) const fn is_empty(self) -> bool {
        self.head == NONE
    }
}

/// A computation.
pub(super) struct Flight<K, O> {
    /// `None` once it has gone into the map.
    pub(super) key: Option<K>,
    pub(super) hash: u32,
    /// Whether newcomers find it.
    pub(super) filed: bool,
    /// Whether somebody computes.
    pub(super) driven: bool,
    /// Who is just now inside the computation.
    pub(super) inside: Option<Caller>,
    /// What came of it, as long as somebody is to read it.
    pub(super) outcome: Option<O>,
    /// Those who wait, in order of arrival. After the end, they are in the machine's chain of those to be woken.
    pub(super) line: Chain,
    /// How many have joined and not left, woken or not.
    pub(super) joined: u32,
}

/// Flights at stable places, found by hash as long as they are filed.
pub(super) struct Flights<K, O, S: Storage> {
    slab: Slab<Flight<K, O>, S>,
    index: S::Index,
    /// How many places the index has room for.
    room: usize,
    len: usize,
}

impl<K, O, S: Storage> Flights<K, O, S> {
    pub(super) const fn new() -> Self {
        Self { slab: Slab::new(), index: <S::Index as HashIndex>::EMPTY, room: 0, len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The flight filed under this hash with the key that is sought.
    #[inline]
    pub(super) fn find(&self, hash: u32, mut is_sought: impl FnMut(&K) -> bool) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        self.index.find(hash, |place| {
            self.slab.at(place).and_then(|flight| flight.key.as_ref()).is_some_and(&mut is_sought)
        })
    }

    /// Begins a flight, or gives the key back if there is no room.
    pub(super) fn begin(&mut self, hash: u32, key: K, caller: Caller) -> Result<Key, K> {
        let flight = Flight {
            key: Some(key),
            hash,
            filed: true,
            driven: true,
            inside: Some(caller),
            outcome: None,
            line: Chain::EMPTY,
            joined: 0,
        };
        match self.slab.insert(flight) {
            Ok(key) => {
                self.len += 1;
                if key.index as usize >= self.room {
                    self.make_room(key.index);
                }
                self.index.insert(hash, key.index);
                Ok(key)
            }
            // It was put in a few lines above.
            Err(Flight { key: Some(key), .. }) => Err(key),
            Err(Flight { key: None, .. }) => unreachable!("a flight begins with its key"),
        }
    }

    /// Makes room for places up to `place`, which is not filed yet.
    #[cold]
    fn make_room(&mut self, place: u32) {
        self.room = (place as usize + 1).saturating_mul(2).max(8);
        self.index.clear();
        // Flights come and go, so their hashes have gaps: they are filed one by one.
        self.index.reserve(self.room, core::iter::empty());
        for place in 0..place {
            if let Some(flight) = self.slab.at(place)
                && flight.filed
            {
                self.index.insert(flight.hash, place);
            }
        }
    }

    /// Newcomers do not find it any more.
    pub(super) fn unfile(&mut self, place: u32) {
        if let Some(flight) = self.slab.at_mut(place)
            && core::mem::take(&mut flight.filed)
        {
            self.index.remove(flight.hash, place);
        }
    }

    /// Newcomers find none of them any more.
    pub(super) fn unfile_all(&mut self) {
        if self.len == 0 {
            return;
        }
        self.index.clear();
        // A place that was never taken is beyond `room`.
        for place in 0..self.room {
            let Ok(place) = u32::try_from(place) else { return };
            if let Some(flight) = self.slab.at_mut(place) {
                flight.filed = false;
            }
        }
    }

    /// Vacates a place.
    pub(super) fn remove(&mut self, place: u32) -> Option<Flight<K, O>> {
        self.unfile(place);
        let flight = self.slab.remove(place)?;
        self.len -= 1;
        Some(flight)
    }

    #[inline]
    pub(super) fn at(&self, place: u32) -> Option<&Flight<K, O>> {
        self.slab.at(place)
    }

    #[inline]
    pub(super) fn at_mut(&mut self, place: u32) -> Option<&mut Flight<K, O>> {
        self.slab.at_mut(place)
    }

    /// The place that `key` names, unless it has been vacated since.
    #[inline]
    pub(super) fn index_of(&self, key: Key) -> Option<u32> {
        self.slab.index_of(key)
    }

    /// The key to a place in use.
    #[inline]
    pub(super) fn key_at(&self, place: u32) -> Option<Key> {
        self.slab.key_at(place)
    }

    /// How often a place is filed under a hash.
    #[cfg(debug_assertions)]
    pub(super) fn find_all(&self, hash: u32, sought: u32) -> usize {
        let mut times = 0;
        let found = self.index.find(hash, |place| {
            times += usize::from(place == sought);
            false
        });
        debug_assert_eq!(found, None, "nothing was chosen");
        times
    }

    /// The flights and their places.
    #[cfg(debug_assertions)]
    pub(super) fn places(&self) -> impl Iterator<Item = (u32, &Flight<K, O>)> {
        (0..).take(self.room).filter_map(|place| Some((place, self.slab.at(place)?)))
    }
}
