//! Values that are not there, and are had at once.

use core::convert::Infallible;
use core::hint::black_box;

use singleflight_async::SingleFlight;

use super::{Own, moka, now, once_map, quick};
use crate::harness::{Contenders, Group, Row, leak, repeat};
use crate::suites::lru::keys::scatter;

/// Full all the time: a value goes for each that comes.
const CAPACITY: usize = 10_000;

pub(super) fn group() -> Group {
    let row = Row::new("a loader that is ready", ready).countable(true);
    let peers = ["quick_cache", "asyncband OnceMap", "singleflight-async"];
    Group {
        name: "cache/miss",
        about: "a key that nobody has asked for before; the cache is full",
        rows: vec![peers.into_iter().fold(row, |row, peer| row.at_most(1.0, peer))],
    }
}

/// Keys that never come again.
fn fresh() -> impl FnMut() -> u64 {
    let mut rank = 0;
    move || {
        rank += 1;
        scatter(rank)
    }
}

fn ready(row: &mut Contenders) {
    let cache = leak(Own::new(CAPACITY));
    let mut next = fresh();
    row.add(
        "tidegate",
        repeat(move || {
            let key = next();
            let _ = black_box(now(cache.get_or_load(&key, async || key)));
        }),
    );
    let cache = leak(quick(CAPACITY));
    let mut next = fresh();
    row.add(
        "quick_cache",
        repeat(move || {
            let key = next();
            let _ = black_box(now(cache.get_or_insert_async(&key, async { Ok::<_, Infallible>(key) })));
        }),
    );
    // It evicts nothing, so what it has computed is taken out again.
    let map = leak(once_map());
    let mut next = fresh();
    row.add(
        "asyncband OnceMap",
        repeat(move || {
            let key = next();
            black_box(now(map.compute(key, async || key)));
            map.discard(&key);
        }),
    );
    let flights = leak(SingleFlight::<u64, u64>::new());
    let mut next = fresh();
    row.add(
        "singleflight-async",
        repeat(move || {
            let key = next();
            black_box(now(flights.work(key, || async move { key })));
        }),
    );
    let cache = leak(moka(CAPACITY));
    let mut next = fresh();
    row.add(
        "moka",
        repeat(move || {
            let key = next();
            black_box(now(cache.get_with(key, async move { key })));
        }),
    );
}
