//! What is done with a map.

use core::hint::black_box;

use super::contender::Cache;
use super::keys::{Draws, scatter};
use crate::harness::{Batch, repeat};

/// Work that any map can do.
pub(super) trait Work {
    fn batches<C: Cache>(&self, cache: C) -> impl FnMut(u64) -> Batch + use<Self, C> + 'static;
}

/// The same keys in whatever map, as many as it has room for.
pub(super) fn filled<C: Cache>(mut cache: C, capacity: usize) -> C {
    for rank in 0..capacity as u64 {
        cache.insert(scatter(rank), rank);
    }
    cache
}

/// All keys are there.
pub(super) struct Hit {
    capacity: usize,
    draws: Draws,
}

impl Hit {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, draws: Draws::new(capacity) }
    }
}

impl Work for Hit {
    fn batches<C: Cache>(&self, cache: C) -> impl FnMut(u64) -> Batch + use<C> + 'static {
        let mut cache = filled(cache, self.capacity);
        let mut next = self.draws.cycle();
        repeat(move || _ = black_box(cache.get(next())))
    }
}

/// No key is there, and one has to go.
pub(super) struct Insert {
    capacity: usize,
}

impl Insert {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { capacity }
    }
}

impl Work for Insert {
    fn batches<C: Cache>(&self, cache: C) -> impl FnMut(u64) -> Batch + use<C> + 'static {
        let mut cache = filled(cache, self.capacity);
        let mut rank = self.capacity as u64;
        repeat(move || {
            rank += 1;
            cache.insert(scatter(rank), rank);
        })
    }
}

/// Some keys are there.
pub(super) struct GetOrInsert {
    capacity: usize,
    draws: Draws,
}

impl GetOrInsert {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, draws: Draws::new(10 * capacity) }
    }
}

impl Work for GetOrInsert {
    fn batches<C: Cache>(&self, cache: C) -> impl FnMut(u64) -> Batch + use<C> + 'static {
        let mut cache = filled(cache, self.capacity);
        let mut next = self.draws.cycle();
        repeat(move || _ = black_box(cache.get_or_insert(next())))
    }
}
