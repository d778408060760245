//! [`Table`]: entries from the most to the least recent, found by hash.
//!
//! ```text
//!   newest                                       oldest
//!   ┌──▼──┐  older ►  ┌─────┐       ┌─────┐     ┌───▼──┐
//!   │     │ ◄ newer   │     │ … … … │     │     │      │
//!   └─────┘           └─────┘       └─────┘     └──────┘
//! ```
//!
//! # Invariants
//!
//! 1. `nodes` and `hashes` are of one length, without gaps: taking an entry out moves the last one into its place.
//! 2. Following `older` from the newest visits every entry once and ends at the oldest; `newer` leads back. What
//!    lies beyond an end is `NONE`.
//! 3. Every place is filed in the index under its hash, once.
//!
//! Nothing here runs foreign code but the question asked in [`find`](Table::find), which changes nothing, and the
//! drops in [`clear`](Table::clear), which come last.

use core::mem;

use crate::index::HashIndex;
use crate::slab::NONE;
use crate::storage::{Buffer, Storage};

/// The most entries there can be: places and links are numbered in 31 bits.
const MOST: usize = (u32::MAX >> 1) as usize;

/// An entry with its neighbours: all that a hit touches, in one piece.
pub(crate) struct Node<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    newer: u32,
    older: u32,
}

/// Entries from the most to the least recent, found by hash.
pub(crate) struct Table<K, V, S: Storage> {
    nodes: S::Buffer<Node<K, V>>,
    /// What each place is filed under. A hit has no use for it, so it stands apart.
    hashes: S::Buffer<u32>,
    index: S::Index,
    newest: u32,
    oldest: u32,
}

impl<K, V, S: Storage> Table<K, V, S> {
    pub(crate) const LIMIT: usize = {
        let limit = <S::Buffer<Node<K, V>> as Buffer<Node<K, V>>>::CAPACITY;
        if limit < MOST { limit } else { MOST }
    };

    pub(crate) const fn new() -> Self {
        Self {
            nodes: <S::Buffer<Node<K, V>> as Buffer<Node<K, V>>>::EMPTY,
            hashes: <S::Buffer<u32> as Buffer<u32>>::EMPTY,
            index: <S::Index as HashIndex>::EMPTY,
            newest: NONE,
            oldest: NONE,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.nodes.as_slice().len()
    }

    /// The most recent entry, or `NONE`.
    #[inline]
    pub(crate) const fn newest(&self) -> u32 {
        self.newest
    }

    /// The least recent entry, or `NONE`.
    #[inline]
    pub(crate) const fn oldest(&self) -> u32 {
        self.oldest
    }

    /// The neighbour, or `NONE`.
    #[inline]
    pub(crate) fn older(&self, place: u32) -> u32 {
        self.at(place).map_or(NONE, |node| node.older)
    }

    /// The neighbour, or `NONE`.
    #[inline]
    pub(crate) fn newer(&self, place: u32) -> u32 {
        self.at(place).map_or(NONE, |node| node.newer)
    }

    #[inline]
    pub(crate) fn at(&self, place: u32) -> Option<&Node<K, V>> {
        self.nodes.as_slice().get(place as usize)
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, place: u32) -> Option<&mut Node<K, V>> {
        self.nodes.as_mut_slice().get_mut(place as usize)
    }

    /// The entry filed under `hash` whose key is the one sought.
    #[inline]
    pub(crate) fn find(&self, hash: u32, mut is_sought: impl FnMut(&K) -> bool) -> Option<u32> {
        let nodes = self.nodes.as_slice();
        self.index.find(hash, |place| nodes.get(place as usize).is_some_and(|node| is_sought(&node.key)))
    }

    /// Makes an entry the newest.
    #[inline]
    pub(crate) fn touch(&mut self, place: u32) -> Option<&mut V> {
        let (newest, oldest) = (self.newest, self.oldest);
        let nodes = self.nodes.as_mut_slice();
        if place != newest {
            let node = nodes.get_mut(place as usize)?;
            let (newer, older) = (node.newer, node.older);
            node.newer = NONE;
            node.older = newest;
            // Neighbours are written and not read: a hit need not wait for them to arrive from memory.
            if place == oldest {
                self.oldest = newer;
            } else if let Some(node) = nodes.get_mut(older as usize) {
                node.newer = newer;
            }
            if let Some(node) = nodes.get_mut(newer as usize) {
                node.older = older;
            }
            if let Some(node) = nodes.get_mut(newest as usize) {
                node.newer = place;
            }
            self.newest = place;
            self.check();
        }
        Some(&mut self.nodes.as_mut_slice().get_mut(place as usize)?.value)
    }

    /// Makes room for `entries` in all, at once.
    pub(crate) fn reserve(&mut self, entries: usize) {
        let entries = entries.min(Self::LIMIT);
        self.nodes.reserve(entries);
        self.hashes.reserve(entries);
        self.index.reserve(entries, self.hashes.as_slice().iter().copied());
    }

    /// Adds an entry, the newest; there are to be `limit` in the end.
    ///
    /// # Errors
    ///
    /// Gives key and value back if there is no room.
    pub(crate) fn push(&mut self, hash: u32, key: K, value: V, limit: usize) -> Result<u32, (K, V)> {
        let len = self.len();
        if len >= Self::LIMIT {
            return Err((key, value));
        }
        if len == 0 || len.is_power_of_two() {
            self.reserve(len.saturating_mul(2).max(4).min(limit.max(len + 1)));
        }
        let newest = self.newest;
        if let Err(node) = self.nodes.push(Node { key, value, newer: NONE, older: newest }) {
            return Err((node.key, node.value));
        }
        // The buffers of one storage hold equally many, so where the node found room its hash does.
        let _ = self.hashes.push(hash);
        #[expect(clippy::cast_possible_truncation, reason = "less than LIMIT")]
        let place = len as u32;
        self.index.reserve(len + 1, self.hashes.as_slice().iter().take(len).copied());
        self.index.insert(hash, place);
        match self.at_mut(newest) {
            Some(node) => node.newer = place,
            None => self.oldest = place,
        }
        self.newest = place;
        self.check();
        Ok(place)
    }

    /// Puts an entry, the newest, in the place of another.
    #[inline]
    pub(crate) fn supplant(&mut self, place: u32, hash: u32, key: K, value: V) -> Option<(K, V)> {
        let former = mem::replace(self.hashes.as_mut_slice().get_mut(place as usize)?, hash);
        self.index.remove(former, place);
        self.index.insert(hash, place);
        let value = mem::replace(self.touch(place)?, value);
        let key = mem::replace(&mut self.at_mut(place)?.key, key);
        Some((key, value))
    }

    /// Takes an entry out. The last one, if that is another, moves into its place.
    pub(crate) fn remove(&mut self, place: u32) -> Option<(K, V)> {
        let &hash = self.hashes.as_slice().get(place as usize)?;
        let node = self.at(place)?;
        let (newer, older) = (node.newer, node.older);
        self.index.remove(hash, place);
        self.join(newer, older);
        self.hashes.swap_remove(place as usize);
        let node = self.nodes.swap_remove(place as usize)?;
        if let Some(&hash) = self.hashes.as_slice().get(place as usize)
            && let Some(&Node { newer, older, .. }) = self.at(place)
        {
            #[expect(clippy::cast_possible_truncation, reason = "at most LIMIT")]
            let last = self.len() as u32;
            self.index.remove(hash, last);
            self.index.insert(hash, place);
            self.join(newer, place);
            self.join(place, older);
        }
        self.check();
        Some((node.key, node.value))
    }

    /// Makes two places neighbours; either may be `NONE`, which makes the other an end.
    fn join(&mut self, newer: u32, older: u32) {
        match self.at_mut(newer) {
            Some(node) => node.older = older,
            None => self.newest = older,
        }
        match self.at_mut(older) {
            Some(node) => node.newer = newer,
            None => self.oldest = newer,
        }
    }

    /// Drops every entry and keeps the room.
    pub(crate) fn clear(&mut self) {
        (self.newest, self.oldest) = (NONE, NONE);
        self.index.clear();
        self.hashes.clear();
        self.nodes.clear();
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    #[cfg(debug_assertions)]
    fn invariants(&self) {
        let len = self.len();
        assert_eq!(self.hashes.as_slice().len(), len, "invariant 1");
        // Invariants 2 and 3.
        super::walk::walk(len, (self.newest, self.oldest), &self.index, |place| {
            let Node { newer, older, .. } = *self.at(place)?;
            Some(super::walk::Step { newer, older, hash: *self.hashes.as_slice().get(place as usize)? })
        });
    }
}
