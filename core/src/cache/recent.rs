//! [`Recent`]: the map of a [`Cache`](super::Cache) whose values live forever, made for hits from several threads.
//!
//! It does what [`Lru`](crate::lru::Lru) does, but a hit only *notes* the place that was used; the notes are worked
//! off before anything is added or taken out, or when there are enough of them. So the order of use is exact whenever
//! it matters. What a hit writes are a few bytes at the end of the struct, beside the lock; entries are only read. A
//! cache line that another core has written costs several times what all else of a hit does, and relinking at
//! each hit writes four.
//!
//! # Invariants
//!
//! 1. Entries, hashes and links are equally many, without gaps: taking an entry out moves the last one into its place.
//! 2. Following `older` from the newest visits every place once and ends at the oldest; `newer` leads back.
//! 3. Every place is filed in the index under its hash, once.
//! 4. What has been noted are places in use.

use core::fmt;
use core::mem;

use super::store::Entry;
use crate::index::HashIndex;
use crate::lru::Displaced;
use crate::slab::NONE;
use crate::storage::{Buffer, Storage};

/// How many hits are noted before they are worked off: as many as fit beside the lock in a cache line.
pub(super) const NOTES: usize = 20;

#[derive(Clone, Copy)]
struct Link {
    newer: u32,
    older: u32,
}

/// A map that evicts what has not been used for longest, exactly; hits are cheap for several threads in turn.
#[repr(C)]
pub struct Recent<K, O, S: Storage> {
    entries: S::Buffer<(K, O)>,
    /// What each place is filed under.
    hashes: S::Buffer<u32>,
    links: S::Buffer<Link>,
    index: S::Index,
    capacity: usize,
    newest: u32,
    oldest: u32,
    /// The places used last, `noted` of them, that are not at the front yet.
    pub(super) notes: [u16; NOTES],
    noted: u32,
}

impl<K, O, S: Storage> Recent<K, O, S> {
    const ROOM: usize = {
        let room = <S::Buffer<(K, O)> as Buffer<(K, O)>>::CAPACITY;
        if room < NONE as usize >> 1 { room } else { NONE as usize >> 1 }
    };

    pub(super) const EMPTY: Self = Self {
        entries: <S::Buffer<(K, O)> as Buffer<(K, O)>>::EMPTY,
        hashes: <S::Buffer<u32> as Buffer<u32>>::EMPTY,
        links: <S::Buffer<Link> as Buffer<Link>>::EMPTY,
        index: <S::Index as HashIndex>::EMPTY,
        capacity: 0,
        newest: NONE,
        oldest: NONE,
        notes: [0; NOTES],
        noted: 0,
    };

    pub(super) fn len(&self) -> usize {
        self.entries.as_slice().len()
    }

    #[inline]
    fn find(&self, hash: u32, mut is_sought: impl FnMut(&K) -> bool) -> Option<u32> {
        let entries = self.entries.as_slice();
        self.index.find(hash, |place| entries.get(place as usize).is_some_and(|(key, _)| is_sought(key)))
    }

    #[inline]
    pub(super) fn get(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool) -> Option<&O> {
        let place = self.find(hash, is_sought)?;
        self.note(place);
        self.entries.as_slice().get(place as usize).map(|(_, value)| value)
    }

    /// Gives a key a value, the most recent, and hands out what had to go for it.
    pub(super) fn insert(&mut self, entry: Entry<K, O, ()>, capacity: usize) -> Option<Displaced<K, O>>
    where
        K: Eq,
    {
        let Entry { hash, key, value, .. } = entry;
        self.capacity = capacity.min(Self::ROOM);
        // The only foreign code, before anything changes.
        let found = self.find(hash, |candidate| *candidate == key);
        self.work_off();
        if let Some(place) = found {
            self.touch(place);
            let former = mem::replace(&mut self.entries.as_mut_slice().get_mut(place as usize)?.1, value);
            return Some(Displaced::Replaced(key, former));
        }
        if self.capacity == 0 {
            return Some(Displaced::Evicted(key, value));
        }
        if self.len() < self.capacity {
            return self.push(hash, key, value).err().map(|(key, value)| Displaced::Evicted(key, value));
        }
        let place = self.oldest;
        let former = mem::replace(self.hashes.as_mut_slice().get_mut(place as usize)?, hash);
        self.index.remove(former, place);
        self.index.insert(hash, place);
        self.touch(place);
        let (key, value) = mem::replace(self.entries.as_mut_slice().get_mut(place as usize)?, (key, value));
        Some(Displaced::Evicted(key, value))
    }

    fn push(&mut self, hash: u32, key: K, value: O) -> Result<(), (K, O)> {
        let len = self.len();
        let Ok(place) = u32::try_from(len) else { return Err((key, value)) };
        if len == 0 || len.is_power_of_two() {
            let room = len.saturating_mul(2).max(4).min(self.capacity);
            self.entries.reserve(room);
            self.hashes.reserve(room);
            self.links.reserve(room);
            self.index.reserve(room, self.hashes.as_slice().iter().copied());
        }
        self.index.reserve(len + 1, self.hashes.as_slice().iter().copied());
        self.entries.push((key, value))?;
        // The buffers of one storage hold equally many, so where the entry found room the rest does.
        let _ = self.hashes.push(hash);
        let _ = self.links.push(Link { newer: NONE, older: self.newest });
        self.index.insert(hash, place);
        match self.link(self.newest) {
            Some(newest) => newest.newer = place,
            None => self.oldest = place,
        }
        self.newest = place;
        self.check();
        Ok(())
    }

    /// Takes an entry out. The last one, if that is another, moves into its place.
    pub(super) fn remove(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool) -> Option<(K, O)> {
        let place = self.find(hash, is_sought)?;
        self.work_off();
        let Link { newer, older } = *self.links.as_slice().get(place as usize)?;
        self.index.remove(*self.hashes.as_slice().get(place as usize)?, place);
        self.join(newer, older);
        self.hashes.swap_remove(place as usize);
        self.links.swap_remove(place as usize);
        let entry = self.entries.swap_remove(place as usize);
        if let (Some(&hash), Some(&Link { newer, older })) =
            (self.hashes.as_slice().get(place as usize), self.links.as_slice().get(place as usize))
            && let Ok(last) = u32::try_from(self.len())
        {
            self.index.remove(hash, last);
            self.index.insert(hash, place);
            self.join(newer, place);
            self.join(place, older);
        }
        self.check();
        entry
    }

    /// Notes that a place was used.
    #[inline]
    fn note(&mut self, place: u32) {
        let noted = self.noted as usize;
        let last = noted.checked_sub(1).and_then(|last| self.notes.get(last));
        if last.is_some_and(|&last| u32::from(last) == place) {
            return;
        }
        if let (Ok(place), Some(note)) = (u16::try_from(place), self.notes.get_mut(noted)) {
            *note = place;
            self.noted += 1;
        } else {
            self.work_off_and_touch(place);
        }
    }

    #[inline(never)]
    fn work_off_and_touch(&mut self, place: u32) {
        self.work_off();
        self.touch(place);
    }

    /// Brings all that was noted to the front, in order: the last becomes the newest.
    fn work_off(&mut self) {
        let noted = mem::take(&mut self.noted) as usize;
        let notes = self.notes;
        for &place in notes.iter().take(noted) {
            self.touch(place.into());
        }
    }

    /// Makes a place the newest.
    fn touch(&mut self, place: u32) {
        if place == self.newest {
            return;
        }
        let newest = mem::replace(&mut self.newest, place);
        let Some(link) = self.link(place) else { return };
        let Link { newer, older } = mem::replace(link, Link { newer: NONE, older: newest });
        match self.link(older) {
            Some(older) => older.newer = newer,
            None => self.oldest = newer,
        }
        if let Some(newer) = self.link(newer) {
            newer.older = older;
        }
        if let Some(newest) = self.link(newest) {
            newest.newer = place;
        }
        self.check();
    }

    #[inline]
    fn link(&mut self, place: u32) -> Option<&mut Link> {
        self.links.as_mut_slice().get_mut(place as usize)
    }

    /// Makes two places neighbours; either may be `NONE`, which makes the other an end.
    fn join(&mut self, newer: u32, older: u32) {
        match self.link(newer) {
            Some(link) => link.older = older,
            None => self.newest = older,
        }
        match self.link(older) {
            Some(link) => link.newer = newer,
            None => self.oldest = newer,
        }
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    #[cfg(debug_assertions)]
    fn invariants(&self) {
        let len = self.len();
        assert_eq!((self.hashes.as_slice().len(), self.links.as_slice().len()), (len, len), "invariant 1");
        // Invariants 2 and 3.
        crate::lru::walk::walk(len, (self.newest, self.oldest), &self.index, |place| {
            let Link { newer, older } = *self.links.as_slice().get(place as usize)?;
            Some(crate::lru::walk::Step { newer, older, hash: *self.hashes.as_slice().get(place as usize)? })
        });
        let notes = self.notes.iter().take(self.noted as usize);
        assert!(notes.into_iter().all(|&place| usize::from(place) < len), "invariant 4");
    }
}

impl<K, O, S: Storage> fmt::Debug for Recent<K, O, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent")
            .field("len", &self.len())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
