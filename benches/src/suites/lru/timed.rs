//! Hits where values have lifetimes.

use core::hint::black_box;
use core::time::Duration;
use std::time;

use cached::{Cached, LruTtlCache};
use tidegate_core::lru::Lru;
use tidegate_core::ttl_lru::TtlLru;
use tidegate_core::{Heap, Instant};

use super::Hasher;
use super::keys::{Draws, scatter};
use crate::harness::{Batch, Contenders, Group, Row, repeat};

const CAPACITY: usize = 10_000;
/// Nothing expires meanwhile.
const TTL: Duration = Duration::from_hours(1);

pub(super) fn group() -> Group {
    Group {
        name: "ttl_lru/hit",
        about: "a key that is there and has not expired, 10 000 entries",
        rows: vec![
            Row::new("the system's clock", clocked).countable(true).at_most(0.75, "cached"),
            Row::new("given the time", given).countable(true).at_most(1.25, "tidegate Lru"),
        ],
    }
}

fn own(now: impl Fn() -> Instant + 'static) -> impl FnMut(u64) -> Batch + 'static {
    let mut cache: TtlLru<u64, u64, Heap> = TtlLru::new(CAPACITY, TTL);
    cache.reserve();
    for rank in 0..CAPACITY as u64 {
        cache.insert(scatter(rank), rank, now());
    }
    let mut next = Draws::new(CAPACITY).cycle();
    repeat(move || _ = black_box(cache.get(&next(), now())))
}

fn clocked(row: &mut Contenders) {
    let start = time::Instant::now();
    let nanos = move || {
        let since = start.elapsed();
        since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())
    };
    row.add("tidegate", own(move || Instant::from_nanos(nanos())));

    let builder = LruTtlCache::builder().max_size(CAPACITY).ttl(TTL).hasher(Hasher::default());
    let mut cached = builder.build().expect("a capacity and a lifetime");
    for rank in 0..CAPACITY as u64 {
        cached.cache_set(scatter(rank), rank);
    }
    let mut next = Draws::new(CAPACITY).cycle();
    row.add("cached", repeat(move || _ = black_box(cached.cache_get(&next()))));
}

fn given(row: &mut Contenders) {
    row.add("tidegate", own(|| Instant::from_nanos(black_box(1))));

    let mut cache: Lru<u64, u64, Heap> = Lru::new(CAPACITY);
    cache.reserve();
    for rank in 0..CAPACITY as u64 {
        cache.insert(scatter(rank), rank);
    }
    let mut next = Draws::new(CAPACITY).cycle();
    row.add("tidegate Lru", repeat(move || _ = black_box(cache.get(&next()))));
}
