//! The maps, each by its own names.

use core::hint::black_box;
use core::num::NonZero;

use tidegate_core::Storage;
use tidegate_core::lru::Lru;

use super::Hasher;

/// A map from `u64` to `u64` that evicts. The value made for a key is the key.
pub(super) trait Cache: 'static {
    fn get(&mut self, key: u64) -> Option<u64>;
    fn insert(&mut self, key: u64, value: u64);
    fn get_or_insert(&mut self, key: u64) -> u64;
}

impl<S: Storage> Cache for Lru<u64, u64, S> {
    fn get(&mut self, key: u64) -> Option<u64> {
        self.get(&key).copied()
    }

    fn insert(&mut self, key: u64, value: u64) {
        black_box(self.insert(key, value));
    }

    fn get_or_insert(&mut self, key: u64) -> u64 {
        self.get_or_insert_with(key, || key).copied().unwrap_or(key)
    }
}

type Schnellru = schnellru::LruMap<u64, u64, schnellru::ByLength, Hasher>;

pub(super) fn schnellru(capacity: usize) -> Schnellru {
    let capacity = u32::try_from(capacity).expect("far below");
    Schnellru::with_hasher(schnellru::ByLength::new(capacity), Hasher::default())
}

impl Cache for Schnellru {
    fn get(&mut self, key: u64) -> Option<u64> {
        self.get(&key).copied()
    }

    fn insert(&mut self, key: u64, value: u64) {
        black_box(self.insert(key, value));
    }

    fn get_or_insert(&mut self, key: u64) -> u64 {
        self.get_or_insert(key, || key).copied().unwrap_or(key)
    }
}

fn nonzero(capacity: usize) -> NonZero<usize> {
    NonZero::new(capacity).expect("not zero")
}

type LruCrate = lru::LruCache<u64, u64, Hasher>;

pub(super) fn lru(capacity: usize) -> LruCrate {
    LruCrate::with_hasher(nonzero(capacity), Hasher::default())
}

impl Cache for LruCrate {
    fn get(&mut self, key: u64) -> Option<u64> {
        self.get(&key).copied()
    }

    fn insert(&mut self, key: u64, value: u64) {
        black_box(self.push(key, value));
    }

    fn get_or_insert(&mut self, key: u64) -> u64 {
        *self.get_or_insert(key, || key)
    }
}

type Hashlink = hashlink::LruCache<u64, u64, Hasher>;

pub(super) fn hashlink(capacity: usize) -> Hashlink {
    Hashlink::with_hasher(capacity, Hasher::default())
}

impl Cache for Hashlink {
    fn get(&mut self, key: u64) -> Option<u64> {
        self.get(&key).copied()
    }

    fn insert(&mut self, key: u64, value: u64) {
        black_box(self.insert(key, value));
    }

    fn get_or_insert(&mut self, key: u64) -> u64 {
        // It has no such method that respects the capacity.
        if let Some(value) = self.get(&key) {
            return *value;
        }
        black_box(self.insert(key, key));
        key
    }
}

type Clru = clru::CLruCache<u64, u64, Hasher>;

pub(super) fn clru(capacity: usize) -> Clru {
    Clru::with_hasher(nonzero(capacity), Hasher::default())
}

impl Cache for Clru {
    fn get(&mut self, key: u64) -> Option<u64> {
        self.get(&key).copied()
    }

    fn insert(&mut self, key: u64, value: u64) {
        black_box(self.put(key, value));
    }

    fn get_or_insert(&mut self, key: u64) -> u64 {
        *self.put_or_modify(key, |key, ()| *key, |_, _, ()| (), ())
    }
}

/// `quick_cache`, the kind that is not shared.
pub(super) struct Quick(quick_cache::unsync::Cache<u64, u64, quick_cache::UnitWeighter, Hasher>);

impl Quick {
    pub(super) fn new(capacity: usize) -> Self {
        Self(quick_cache::unsync::Cache::with(
            capacity,
            capacity as u64,
            quick_cache::UnitWeighter,
            Hasher::default(),
            quick_cache::unsync::DefaultLifecycle::default(),
        ))
    }
}

impl Cache for Quick {
    fn get(&mut self, key: u64) -> Option<u64> {
        self.0.get(&key).copied()
    }

    fn insert(&mut self, key: u64, value: u64) {
        self.0.insert(key, value);
    }

    fn get_or_insert(&mut self, key: u64) -> u64 {
        let value = self.0.get_or_insert_with(&key, || Ok::<_, core::convert::Infallible>(key));
        value.ok().flatten().copied().unwrap_or(key)
    }
}
