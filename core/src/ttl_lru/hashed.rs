//! The map by hashes that are known already: for those who hash before they take a lock.
//!
//! All calls for one key must bring the same hash; the map's own hasher is not asked.

use core::hash::{BuildHasher, Hash};
use core::time::Duration;

use super::{Displaced, Timed, TtlLru};
use crate::Instant;
use crate::storage::Storage;

impl<K, V, S: Storage, H> TtlLru<K, V, S, H> {
    /// The value of the key that is sought, if it is live at `now`; it is then the most recent.
    #[inline]
    pub(crate) fn get_hashed(
        &mut self,
        hash: u32,
        is_sought: impl FnMut(&K) -> bool,
        now: Instant,
    ) -> Option<&mut V> {
        let place = self.table.find(hash, is_sought)?;
        let now = self.at_least(now);
        if !self.table.at(place)?.value.is_live(now) {
            return None;
        }
        Some(&mut self.table.touch(place)?.value)
    }

    /// As [`insert_with_ttl`](Self::insert_with_ttl).
    pub(crate) fn insert_hashed(
        &mut self,
        hash: u32,
        key: K,
        value: V,
        ttl: Duration,
        now: Instant,
    ) -> Option<Displaced<K, V>>
    where
        K: Hash + Eq,
        H: BuildHasher,
    {
        let found = self.table.find(hash, |candidate| *candidate == key);
        let now = self.at_least(now);
        let timed = Timed { value, deadline: now.saturating_add(ttl) };
        match found {
            Some(place) => self.replace(place, key, timed, now),
            None if self.capacity > 0 && ttl.is_zero() => Some(Displaced::Expired(key, timed.value)),
            None => self.insert_new(hash, key, timed, now),
        }
    }

    /// Takes the entry of the key that is sought out, live or not.
    pub(crate) fn remove_hashed(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool) -> Option<(K, V)> {
        let place = self.table.find(hash, is_sought)?;
        self.take(place).map(|(key, timed)| (key, timed.value))
    }
}
