//! The map by hashes that are known already: for those who hash before they take a lock.
//!
//! All calls for one key must bring the same hash; the map's own hasher is not asked.

use core::mem;

use super::{Displaced, Lru};
use crate::storage::Storage;

impl<K, V, S: Storage, H> Lru<K, V, S, H> {
    /// The value of the key that is sought, which is then the most recent.
    #[inline]
    pub(crate) fn get_hashed(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool) -> Option<&mut V> {
        let place = self.table.find(hash, is_sought)?;
        self.table.touch(place)
    }

    /// As [`insert`](Self::insert).
    pub(crate) fn insert_hashed(&mut self, hash: u32, key: K, value: V) -> Option<Displaced<K, V>>
    where
        K: Eq,
    {
        if let Some(place) = self.table.find(hash, |candidate| *candidate == key) {
            let former = mem::replace(self.table.touch(place)?, value);
            return Some(Displaced::Replaced(key, former));
        }
        let displaced = if self.table.len() < self.capacity {
            self.table.push(hash, key, value, self.capacity).err()
        } else if self.capacity == 0 {
            Some((key, value))
        } else {
            self.table.supplant(self.table.oldest(), hash, key, value)
        };
        displaced.map(|(key, value)| Displaced::Evicted(key, value))
    }

    /// As [`remove_entry`](Self::remove_entry).
    pub(crate) fn remove_hashed(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool) -> Option<(K, V)> {
        self.table.remove(self.table.find(hash, is_sought)?)
    }
}
