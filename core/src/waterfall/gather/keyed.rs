//! [`PerKey`]: a batch for each key.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::iter;
use core::marker::PhantomData;

use super::super::config::Config;
use super::{Due, Gather, Lot, NotAdded, Units, sealed};
use crate::index::HashIndex;
use crate::lru::fold;
use crate::slab::{NONE, Slab};
use crate::stock::Shelf;
use crate::storage::{Buffer, Storage};
use crate::time::Instant;

/// A pair of key and item, and the key's hash.
#[derive(Debug)]
pub struct Hashed<K, V> {
    hash: u32,
    pair: (K, V),
}

/// What the pairs of one key are kept in.
type Pairs<K, V, S> = <S as Storage>::Buffer<(K, V)>;

/// A batch of one key.
struct Entry<B> {
    hash: u32,
    items: B,
    /// When its first item was accepted.
    since: Instant,
    unit: u64,
    before: u32,
    behind: u32,
}

/// Both ends of a chain of entries.
#[derive(Clone, Copy)]
struct Chain {
    head: u32,
    tail: u32,
}

impl Chain {
    const EMPTY: Self = Self { head: NONE, tail: NONE };
}

/// A batch for each key, in order of the first items' acceptance. What is put is a pair of a key and a value, and so
/// are the items of a batch; all of them have the same key.
///
/// `Q` has room for the keys, `S` for the items of one batch. There is at most one batch of a key that is still being
/// gathered. When somebody waits because there is no place for a new key, the batch that has been gathered for longest
/// leaves before its time.
///
/// `H` hashes the keys, outside of the lock; where somebody may make them up, take one with a random seed. Their `Eq`
/// runs under the lock.
pub struct PerKey<K, V, S: Storage, Q: Storage, H> {
    entries: Slab<Entry<Pairs<K, V, S>>, Q>,
    /// Those that are still being gathered, by key.
    index: Q::Index,
    /// How many places there is room for in the index.
    places: usize,
    shelf: S::Shelf<Pairs<K, V, S>>,
    /// Those that are still being gathered, by the time of their first item.
    open: Chain,
    /// Those that are to leave.
    ready: Chain,
    len: usize,
    batches: u64,
    next: u64,
    hasher: PhantomData<fn() -> H>,
}

impl<K: Eq, V, S: Storage, Q: Storage, H> PerKey<K, V, S, Q, H> {
    /// Room for keys.
    const KEYS: usize = {
        let room = <Q::Buffer<u8> as Buffer<u8>>::CAPACITY;
        if room < NONE as usize { room } else { NONE as usize - 1 }
    };

    fn find(&self, hash: u32, key: &K) -> Option<u32> {
        self.index.find(hash, |place| {
            let first = self.entries.at(place).and_then(|entry| entry.items.as_slice().first());
            first.is_some_and(|(candidate, _)| candidate == key)
        })
    }

    fn has_place(&self, config: &Config) -> bool {
        self.batches < config.keys().min(Self::KEYS) as u64
    }

    /// Makes room in the index for a place.
    fn index_up_to(&mut self, place: u32) {
        if (place as usize) < self.places {
            return;
        }
        self.places = (self.places * 2).max(16);
        self.index.clear();
        self.index.reserve(self.places, iter::empty());
        let mut filed = self.open.head;
        while let Some(entry) = self.entries.at(filed) {
            self.index.insert(entry.hash, filed);
            filed = entry.behind;
        }
    }

    fn append(&mut self, ready: bool, place: u32) {
        let chain = if ready { &mut self.ready } else { &mut self.open };
        let last = chain.tail;
        chain.tail = place;
        if last == NONE {
            chain.head = place;
        }
        if let Some(last) = self.entries.at_mut(last) {
            last.behind = place;
        }
        if let Some(entry) = self.entries.at_mut(place) {
            (entry.before, entry.behind) = (last, NONE);
        }
    }

    fn unlink(&mut self, ready: bool, place: u32) {
        let Some(entry) = self.entries.at(place) else { return };
        let (hash, before, behind) = (entry.hash, entry.before, entry.behind);
        let chain = if ready { &mut self.ready } else { &mut self.open };
        match self.entries.at_mut(before) {
            Some(entry) => entry.behind = behind,
            None => chain.head = behind,
        }
        match self.entries.at_mut(behind) {
            Some(entry) => entry.before = before,
            None => chain.tail = before,
        }
        if !ready {
            self.index.remove(hash, place);
        }
    }

    /// Nothing more joins this batch: it is to leave.
    fn close(&mut self, place: u32) {
        self.unlink(false, place);
        self.append(true, place);
    }

    /// Adds to a batch that is there.
    fn add_to(&mut self, place: u32, quantity: usize, item: Hashed<K, V>) -> Result<bool, NotAdded<Hashed<K, V>>> {
        let Some(entry) = self.entries.at_mut(place) else { return Err(NotAdded::Full(item)) };
        let hash = item.hash;
        entry.items.push(item.pair).map_err(|pair| NotAdded::Full(Hashed { hash, pair }))?;
        let fills = entry.items.as_slice().len() >= quantity;
        if fills {
            self.close(place);
        }
        Ok(fills)
    }
}

impl<K, V, S: Storage, Q: Storage, H> sealed::Sealed for PerKey<K, V, S, Q, H> {}

impl<K: Hash + Eq, V, S: Storage, Q: Storage, H: BuildHasher> Gather for PerKey<K, V, S, Q, H> {
    type Input = (K, V);
    type Item = Hashed<K, V>;
    type Value = (K, V);
    type Buffer = S::Buffer<(K, V)>;
    type Prepare = H;

    const EMPTY: Self = Self {
        entries: Slab::new(),
        index: Q::Index::EMPTY,
        places: 0,
        shelf: <S::Shelf<Pairs<K, V, S>> as Shelf<_>>::EMPTY,
        open: Chain::EMPTY,
        ready: Chain::EMPTY,
        len: 0,
        batches: 0,
        next: 0,
        hasher: PhantomData,
    };
    const CAPACITY: usize = <Pairs<K, V, S> as Buffer<(K, V)>>::CAPACITY.saturating_mul(Self::KEYS);

    fn prepare(hasher: &H, pair: (K, V)) -> Hashed<K, V> {
        Hashed { hash: fold(hasher.hash_one(&pair.0)), pair }
    }

    fn restore(item: Hashed<K, V>) -> (K, V) {
        item.pair
    }

    fn len(&self) -> usize {
        self.len
    }

    fn next_unit(&self) -> u64 {
        self.next
    }

    fn units(&self) -> u64 {
        self.batches
    }

    fn has_room(&self, config: &Config, item: &Hashed<K, V>) -> bool {
        self.has_place(config) || self.find(item.hash, &item.pair.0).is_some()
    }

    fn join(&mut self, config: &Config, item: &mut Option<Hashed<K, V>>) -> bool {
        let Some(newcomer) = item.as_ref() else { return false };
        let Some(entry) = self.find(newcomer.hash, &newcomer.pair.0).and_then(|place| self.entries.at_mut(place))
        else {
            return false;
        };
        if entry.items.as_slice().len() + 1 >= config.max_quantity() {
            return false;
        }
        let Some(Hashed { hash, pair }) = item.take() else { return false };
        match entry.items.push(pair) {
            Ok(()) => {
                self.len += 1;
                true
            }
            Err(pair) => {
                *item = Some(Hashed { hash, pair });
                false
            }
        }
    }

    fn add(
        &mut self,
        config: &Config,
        now: Option<Instant>,
        item: Hashed<K, V>,
    ) -> Result<bool, NotAdded<Hashed<K, V>>> {
        if let Some(place) = self.find(item.hash, &item.pair.0) {
            let fills = self.add_to(place, config.max_quantity(), item)?;
            self.len += 1;
            return Ok(fills);
        }
        if !self.has_place(config) {
            return Err(NotAdded::Full(item));
        }
        let Some(now) = now else { return Err(NotAdded::NeedsTime(item)) };
        let items = self.shelf.take().unwrap_or(<Pairs<K, V, S> as Buffer<(K, V)>>::EMPTY);
        let hash = item.hash;
        let entry = Entry { hash, items, since: now, unit: self.next, before: NONE, behind: NONE };
        let Ok(key) = self.entries.insert(entry) else { return Err(NotAdded::Full(item)) };
        self.index_up_to(key.index);
        self.append(false, key.index);
        self.index.insert(hash, key.index);
        self.next += 1;
        self.batches += 1;
        self.len += 1;
        self.add_to(key.index, config.max_quantity(), item)?;
        Ok(true)
    }

    fn due(&self, config: &Config) -> Due {
        if self.ready.head != NONE {
            return Due::Now;
        }
        match self.entries.at(self.open.head).map(|first| first.since + config.interval()) {
            None | Some(Instant::MAX) => Due::Never,
            Some(end) => Due::At(end),
        }
    }

    fn ripen(&mut self, config: &Config, now: Instant) {
        while let Some(first) = self.entries.at_mut(self.open.head) {
            // The clock has gone back. The interval begins anew: so nothing leaves early, and nothing is stuck.
            first.since = first.since.min(now);
            let end = first.since + config.interval();
            if end > now || end == Instant::MAX {
                return;
            }
            self.close(self.open.head);
        }
    }

    fn flush(&mut self) {
        while self.open.head != NONE {
            self.close(self.open.head);
        }
    }

    fn press(&mut self) {
        if self.ready.head == NONE && self.open.head != NONE {
            self.close(self.open.head);
        }
    }

    fn take(&mut self, _config: &Config) -> Option<Lot<S::Buffer<(K, V)>>> {
        let ready = self.ready.head != NONE;
        let place = if ready { self.ready.head } else { self.open.head };
        self.unlink(ready, place);
        let entry = self.entries.remove(place)?;
        self.batches -= 1;
        self.len -= entry.items.as_slice().len();
        Some(Lot { items: entry.items, units: Units { first: entry.unit, count: 1 } })
    }

    fn shelve(&mut self, empty: S::Buffer<(K, V)>) {
        self.shelf.put(empty);
    }

    #[cfg(debug_assertions)]
    fn invariants(&self, config: &Config) {
        debug_assert!(self.batches <= config.keys() as u64, "keys are bounded");
        // Every batch is counted, which is too much to do at each step where there are many.
        if self.batches > 64 {
            return;
        }
        let mut counted = (0, 0);
        for (chain, ready) in [(self.open, false), (self.ready, true)] {
            let (mut before, mut place) = (NONE, chain.head);
            while let Some(entry) = self.entries.at(place) {
                debug_assert_eq!(entry.before, before, "a chain holds together");
                let len = entry.items.as_slice().len();
                debug_assert!(len > 0 && len <= config.max_quantity(), "a batch has items, and not too many");
                debug_assert!(ready || len < config.max_quantity(), "a full batch is to leave");
                counted = (counted.0 + 1, counted.1 + len);
                (before, place) = (place, entry.behind);
            }
            debug_assert_eq!(chain.tail, before, "a chain has its end");
        }
        debug_assert_eq!(counted, (self.batches, self.len), "every batch is in a chain");
    }
}

impl<K, V, S: Storage, Q: Storage, H> fmt::Debug for PerKey<K, V, S, Q, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerKey").field("len", &self.len).field("batches", &self.batches).finish_non_exhaustive()
    }
}
