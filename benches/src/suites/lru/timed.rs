//! Hits where values have lifetimes.

use core::hint::black_box;
use core::time::Duration;

use cached::{Cached, LruTtlCache};
use tidegate_core::lru::Lru;
use tidegate_core::ttl_lru::TtlLru;
use tidegate_core::{Heap, Instant};
use tidegate_threads::{Clock, QuantaClock, ThreadsTimer};

use super::Hasher;
use super::keys::{Draws, scatter};
use super::work::filled;
use crate::harness::{Batch, Contenders, Group, Row, repeat};

const CAPACITY: usize = 10_000;
/// Nothing expires meanwhile.
const TTL: Duration = Duration::from_hours(1);

pub(super) fn group() -> Group {
    Group {
        name: "ttl_lru/hit",
        about: "a key that is there and has not expired, 10 000 entries",
        rows: vec![
            Row::new("the system's clock", |row| clocked(row, || ThreadsTimer.now()))
                .countable(true)
                .at_most(0.75, "cached"),
            Row::new("the processor's clock", |row| {
                let clock = QuantaClock::new();
                clocked(row, move || clock.now());
            })
            .at_most(0.75, "cached"),
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

fn without_lifetimes() -> Lru<u64, u64, Heap> {
    let mut cache = Lru::new(CAPACITY);
    cache.reserve();
    filled(cache, CAPACITY)
}

/// With whatever clock ours has; `cached` has the system's, and no other.
fn clocked(row: &mut Contenders, now: impl Fn() -> Instant + Clone + 'static) {
    row.add("tidegate", own(now.clone()));

    let builder = LruTtlCache::builder().max_size(CAPACITY).ttl(TTL).hasher(Hasher::default());
    let mut cached = builder.build().expect("a capacity and a lifetime");
    for rank in 0..CAPACITY as u64 {
        cached.cache_set(scatter(rank), rank);
    }
    let mut next = Draws::new(CAPACITY).cycle();
    row.add("cached", repeat(move || _ = black_box(cached.cache_get(&next()))));
    // What no order of use and no lifetime could undercut: to find the key, and to read the clock.
    let map = without_lifetimes();
    let (mut next, clock) = (Draws::new(CAPACITY).cycle(), now.clone());
    row.add("our clock, peek", repeat(move || _ = black_box((clock(), map.peek(&next())))));
    row.add("our clock alone", repeat(move || _ = black_box(now())));
    row.add("the system's alone", repeat(|| _ = black_box(std::time::Instant::now())));
}

fn given(row: &mut Contenders) {
    row.add("tidegate", own(|| Instant::from_nanos(black_box(1))));

    let mut cache = without_lifetimes();
    let mut next = Draws::new(CAPACITY).cycle();
    row.add("tidegate Lru", repeat(move || _ = black_box(cache.get(&next()))));
}
