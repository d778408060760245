//! Values that are there.

use core::convert::Infallible;
use core::hint::black_box;

use super::{Own, Quick, moka, now, once_map, quick};
use crate::harness::{Batch, Contenders, Group, Placement, Row, leak, race_threads, repeat};
use crate::suites::lru::keys::{Draws, scatter};

const ENTRIES: usize = 10_000;
/// Room for all, however unevenly they are spread over shards.
const CAPACITY: usize = 2 * ENTRIES;

pub(super) fn group() -> Group {
    Group {
        name: "cache/hit",
        about: "a value that is there, 10 000 keys by Zipf's law",
        rows: vec![
            Row::new("one thread", one).countable(true).at_most(0.9, "quick_cache"),
            Row::new("two threads", two).cores(2).at_most(0.9, "quick_cache"),
            Row::new("two threads, all keys alike", two_alike).cores(2).at_most(0.9, "quick_cache"),
        ],
    }
}

fn own() -> &'static Own {
    let cache = leak(Own::new(CAPACITY));
    fill(|key| _ = now(cache.get_or_load(&key, async || key)));
    cache
}

fn quick_cache() -> &'static Quick {
    let cache = leak(quick(CAPACITY));
    fill(|key| cache.insert(key, key));
    cache
}

fn fill(mut insert: impl FnMut(u64)) {
    (0..ENTRIES as u64).map(scatter).for_each(&mut insert);
}

fn one(row: &mut Contenders) {
    let draws = Draws::new(ENTRIES);
    let add = |row: &mut Contenders, name: &str, mut get: Box<dyn FnMut(u64)>| {
        let mut next = draws.cycle();
        row.add(name, repeat(move || get(next())));
    };
    let cache = own();
    let mut next = draws.cycle();
    row.add("tidegate", repeat(move || _ = black_box(get_own(cache, next()))));
    let cache = quick_cache();
    let mut next = draws.cycle();
    row.add("quick_cache", repeat(move || _ = black_box(get_quick(cache, next()))));
    let map = leak(once_map());
    fill(|key| _ = now(map.compute(key, async || key)));
    let mut next = draws.cycle();
    row.add(
        "asyncband OnceMap",
        repeat(move || {
            let key = next();
            black_box(now(map.compute(key, async || key)));
        }),
    );
    let cache = leak(moka(CAPACITY));
    fill(|key| _ = now(cache.get_with(key, async move { key })));
    add(row, "moka", Box::new(move |key| _ = black_box(now(cache.get_with(key, async move { key })))));
}

#[inline]
fn get_own(cache: &Own, key: u64) -> Option<u64> {
    now(cache.get_or_load(&key, async || key)).ok()
}

#[inline]
fn get_quick(cache: &Quick, key: u64) -> Option<u64> {
    now(cache.get_or_insert_async(&key, async { Ok::<_, Infallible>(key) })).ok()
}

fn two(row: &mut Contenders) {
    contend(row, Draws::new(ENTRIES));
}

fn two_alike(row: &mut Contenders) {
    contend(row, Draws::even(ENTRIES));
}

fn contend(row: &mut Contenders, draws: Draws) {
    let (cache, quick) = (own(), quick_cache());
    let map = leak(once_map());
    fill(|key| _ = now(map.compute(key, async || key)));
    row.add("tidegate", race(draws, move |key| _ = black_box(get_own(cache, key))))
        .add("quick_cache", race(draws, move |key| _ = black_box(get_quick(quick, key))))
        .add("asyncband OnceMap", race(draws, move |key| _ = black_box(now(map.compute(key, async || key)))));
}

/// Two threads, each at a place of its own among the draws.
fn race(draws: Draws, get: impl Fn(u64) + Sync + 'static) -> impl FnMut(u64) -> Batch + 'static {
    move |operations| {
        let half = operations.div_ceil(2);
        let work = |skip: usize| {
            let mut next = draws.cycle_from(skip);
            for _ in 0..half {
                get(next());
            }
        };
        let elapsed = race_threads(Placement::Apart, || work(0), || work(333_333));
        Batch { operations: 2 * half, elapsed }
    }
}
