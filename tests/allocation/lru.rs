//! The caches that evict: nothing once they are full, and so much for each entry.

use core::time::Duration;

use tidegate_core::lru::Lru;
use tidegate_core::ttl_lru::TtlLru;
use tidegate_core::{Heap, Instant};

use crate::{least_allocations, region};

const CAPACITY: usize = 1_000;

/// Hits, misses, evictions, removals: allocations once the cache is full.
pub(crate) fn churn() -> usize {
    let mut cache: Lru<usize, usize, Heap> = Lru::new(CAPACITY);
    let mut key = 0;
    least_allocations(|| {
        for _ in 0..4 * CAPACITY {
            key += 1;
            cache.insert(key, key);
            cache.get(&(key - key % CAPACITY));
            if key % 3 == 0 {
                cache.remove(&key.wrapping_sub(10));
            }
        }
    })
}

/// The same with lifetimes of many lengths.
pub(crate) fn timed_churn() -> usize {
    let mut cache: TtlLru<usize, usize, Heap> = TtlLru::new(CAPACITY, Duration::from_millis(1));
    let mut key = 0;
    least_allocations(|| {
        for _ in 0..4 * CAPACITY {
            key += 1;
            let now = Instant::from_nanos(key as u64 * 100);
            cache.insert_with_ttl(key, key, Duration::from_nanos(1 << (key % 30)), now);
            if key % 5 == 0 {
                cache.handle_timeout(now);
            }
            if key % 3 == 0 {
                cache.remove(&key.wrapping_sub(10), now);
            }
        }
    })
}

/// The bytes that a full cache of `u64` to `u64` holds for each entry, and the allocations for all of them.
pub(crate) fn reserved(capacity: usize) -> (f64, usize) {
    let region = region();
    let mut cache: Lru<u64, u64, Heap> = Lru::new(capacity);
    cache.reserve();
    for key in 0..2 * capacity as u64 {
        cache.insert(key, key);
    }
    let change = region.change();
    let held = change.bytes_allocated - change.bytes_deallocated;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let per_entry = held as f64 / cache.len() as f64;
    (per_entry, change.allocations + change.reallocations)
}

/// The bytes that a cache with lifetimes holds after a flood of keys.
pub(crate) fn flooded() -> usize {
    let region = region();
    let mut cache: TtlLru<u64, u64, Heap> = TtlLru::new(CAPACITY, Duration::from_secs(1));
    for key in 0..200_000 {
        cache.insert_with_ttl(key, key, Duration::from_secs(key % 100), Instant::from_nanos(key));
    }
    let change = region.change();
    change.bytes_allocated - change.bytes_deallocated
}
