//! [`Lru`]: a bounded map that evicts what has not been used for longest.
//!
//! A pure data structure, in the sense of `&mut self`: no lock, no clock, nobody to wake. `table.rs` has the
//! entries and their order, [`HashIndex`](crate::HashIndex) finds them, and what is here knows keys and hashers.

mod displaced;
mod hasher;
mod iter;
pub(crate) mod table;
#[cfg(all(test, not(loom)))]
mod tests;
#[cfg(debug_assertions)]
pub(crate) mod walk;

use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::mem;

use crate::storage::Storage;
pub use displaced::Displaced;
pub use hasher::DefaultHashBuilder;
pub(crate) use hasher::fold;
pub use iter::Iter;
use table::Table;

/// A map of at most `capacity` entries, which evicts the one that has not been used for longest.
///
/// Use is [`get`](Self::get), [`get_mut`](Self::get_mut), [`insert`](Self::insert) and
/// [`get_or_insert_with`](Self::get_or_insert_with); [`peek`](Self::peek) and iteration are not. What is evicted
/// or replaced is handed out, never dropped unseen, except where a method says so.
///
/// A capacity of 0 keeps nothing. `Inline<N>` has room for `N`, and a greater capacity means that.
///
/// # Foreign code
///
/// The key's `Hash` and `Eq` and the hasher run before anything changes. If one of them panics, the map is as it
/// was. A key whose hash changes, or disagrees with `Eq`, may not be found, or be there twice; it is evicted in
/// its turn like any other.
///
/// # Cost
///
/// Every operation is O(1) expected. On the heap nothing is allocated per entry, and nothing at all once there
/// have been `capacity` entries; until then room grows by doubling, unless [`reserve`](Self::reserve) had it
/// made. The memory per entry, at full capacity, is key, value and 23 bytes.
///
/// ```
/// use tidegate_core::Inline;
/// use tidegate_core::lru::{Displaced, Lru};
///
/// let mut cache: Lru<&str, u32, Inline<2>> = Lru::new(2);
/// assert_eq!(cache.insert("one", 1), None);
/// assert_eq!(cache.insert("two", 2), None);
/// assert_eq!(cache.get("one"), Some(&1));
///
/// // "two" has not been used for longest.
/// assert_eq!(cache.insert("three", 3), Some(Displaced::Evicted("two", 2)));
/// assert_eq!(cache.insert("one", 11), Some(Displaced::Replaced("one", 1)));
/// assert!(cache.iter().eq([(&"one", &11), (&"three", &3)]));
/// ```
pub struct Lru<K, V, S: Storage, H = DefaultHashBuilder> {
    table: Table<K, V, S>,
    capacity: usize,
    hasher: H,
}

impl<K, V, S: Storage> Lru<K, V, S> {
    /// An empty map with the default hasher.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self::with_hasher(capacity, DefaultHashBuilder)
    }
}

impl<K, V, S: Storage, H> Lru<K, V, S, H> {
    /// An empty map with a hasher of the caller's.
    #[must_use]
    pub const fn with_hasher(capacity: usize, hasher: H) -> Self {
        Self { table: Table::new(), capacity: Self::bounded(capacity), hasher }
    }

    const fn bounded(capacity: usize) -> usize {
        if capacity < Table::<K, V, S>::LIMIT { capacity } else { Table::<K, V, S>::LIMIT }
    }

    /// How many entries there can be.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// The hasher.
    #[must_use]
    pub const fn hasher(&self) -> &H {
        &self.hasher
    }

    /// Makes room for `capacity` entries now, all at once. `Inline` storage has it anyway.
    pub fn reserve(&mut self) {
        self.table.reserve(self.capacity);
    }

    /// Changes the capacity. If there are more entries than that, the least recent are dropped: to have them
    /// instead, [pop](Self::pop_lru) them before. The room on the heap is kept.
    ///
    /// # Cost
    ///
    /// O(1) for every entry dropped.
    pub fn resize(&mut self, capacity: usize) {
        self.capacity = Self::bounded(capacity);
        while self.table.len() > self.capacity {
            drop(self.pop_lru());
        }
    }

    /// Takes the least recent entry out.
    pub fn pop_lru(&mut self) -> Option<(K, V)> {
        self.table.remove(self.table.oldest())
    }

    /// The least recent entry: the next to be evicted. Looking does not touch it.
    #[must_use]
    pub fn peek_lru(&self) -> Option<(&K, &V)> {
        let node = self.table.at(self.table.oldest())?;
        Some((&node.key, &node.value))
    }

    /// The entries, from the most to the least recent. Looking touches none.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V, S> {
        Iter::new(&self.table)
    }

    /// Drops every entry and keeps the room.
    pub fn clear(&mut self) {
        self.table.clear();
    }
}

impl<K: Hash + Eq, V, S: Storage, H: BuildHasher> Lru<K, V, S, H> {
    #[inline]
    fn find<Q>(&self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.table.find(fold(self.hasher.hash_one(key)), |candidate| candidate.borrow() == key)
    }

    /// The value of `key`, which is then the most recent.
    #[inline]
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.get_mut(key).map(|value| &*value)
    }

    /// The value of `key`, to be changed in place; it is then the most recent.
    #[inline]
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let place = self.find(key)?;
        self.table.touch(place)
    }

    /// The value of `key`, which stays as recent as it was.
    #[inline]
    #[must_use]
    pub fn peek<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Some(&self.table.at(self.find(key)?)?.value)
    }

    /// Whether there is a value of `key`. Asking touches nothing.
    #[must_use]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.find(key).is_some()
    }

    /// Gives `key` a value, the most recent, and hands out what had to go for it: the value it had before, or
    /// the least recent entry if the map was full. With a capacity of 0 it hands back what it was given.
    pub fn insert(&mut self, key: K, value: V) -> Option<Displaced<K, V>> {
        let hash = fold(self.hasher.hash_one(&key));
        if let Some(place) = self.table.find(hash, |candidate| *candidate == key) {
            let former = mem::replace(self.table.touch(place)?, value);
            return Some(Displaced::Replaced(key, former));
        }
        self.insert_new(hash, key, value).map(|(key, value)| Displaced::Evicted(key, value))
    }

    /// The value of `key`, which is then the most recent; if there is none, the one that `make` makes.
    ///
    /// `None` only with a capacity of 0; then `make` is not called. What is evicted is dropped: to have it
    /// instead, use [`get_mut`](Self::get_mut) and [`insert`](Self::insert). If `make` panics, the map is as it
    /// was.
    #[inline]
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> Option<&mut V> {
        let hash = fold(self.hasher.hash_one(&key));
        if let Some(place) = self.table.find(hash, |candidate| *candidate == key) {
            return self.table.touch(place);
        }
        if self.capacity == 0 {
            return None;
        }
        drop(self.insert_new(hash, key, make()));
        Some(&mut self.table.at_mut(self.table.newest())?.value)
    }

    /// Takes the value of `key` out.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// Takes the value of `key` out, and the key that was kept with it.
    pub fn remove_entry<Q>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.table.remove(self.find(key)?)
    }

    /// Adds an entry with a key that is not there, and gives back what goes for it.
    #[inline]
    fn insert_new(&mut self, hash: u32, key: K, value: V) -> Option<(K, V)> {
        if self.table.len() < self.capacity {
            self.table.push(hash, key, value, self.capacity).err()
        } else if self.capacity == 0 {
            Some((key, value))
        } else {
            self.table.supplant(self.table.oldest(), hash, key, value)
        }
    }
}

impl<'a, K, V, S: Storage, H> IntoIterator for &'a Lru<K, V, S, H> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V, S>;

    fn into_iter(self) -> Iter<'a, K, V, S> {
        self.iter()
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S: Storage, H> fmt::Debug for Lru<K, V, S, H> {
    /// The entries, from the most to the least recent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}
