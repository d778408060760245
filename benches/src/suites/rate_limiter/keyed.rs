//! A thousand keys, all known.

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};
use std::hash::RandomState;

use governor::RateLimiter as Governor;
use tidegate_core::rate_limiter::{TokenBucket, WhenFull};
use tidegate_threads::{KeyedRateLimiter, QuantaClock};

use super::{plenty, plenty_of_governor};
use crate::harness::{Batch, Group, Placement, Row, leak, race_threads, repeat};

const KEYS: u64 = 1_000;

type Keyed = KeyedRateLimiter<u64, QuantaClock>;

pub(super) fn group() -> Group {
    Group {
        name: "rate_limiter/keyed",
        about: "one token of one of a thousand keys asked for, the clock is quanta's",
        rows: vec![
            Row::new("one thread", |row| {
                let ours = leak(keyed());
                let governors = leak(Governor::keyed(plenty_of_governor()));
                row.add("tidegate", one(move |key| ours.try_acquire(key, 1).is_ok()))
                    .add("governor, DashMap", one(move |key| governors.check_key(key).is_ok()));
            })
            .at_most(0.9, "governor, DashMap"),
            Row::new("two threads", |row| {
                let ours = leak(keyed());
                let governors = leak(Governor::keyed(plenty_of_governor()));
                row.add("tidegate", two(move |key| ours.try_acquire(key, 1).is_ok()))
                    .add("governor, DashMap", two(move |key| governors.check_key(key).is_ok()));
            })
            .cores(2)
            .at_most(0.9, "governor, DashMap"),
        ],
    }
}

fn keyed() -> Keyed {
    let bucket = TokenBucket::new(plenty()).expect("it is a bucket");
    Keyed::with_parts(bucket, 10_000, WhenFull::Refuse, QuantaClock::new(), RandomState::new())
}

/// An order of the keys that a prefetcher does not guess: each so many times the one before, and so many more.
#[derive(Clone, Copy)]
struct Order {
    /// One beyond a multiple of twenty: else it would come round before it has been through all thousand.
    times: u64,
    /// Without a divisor in common with a thousand, for the same reason.
    plus: u64,
}

/// Two different ones, so that two threads do not follow each other from key to key.
const ORDERS: [Order; 2] = [Order { times: 621, plus: 389 }, Order { times: 821, plus: 617 }];

impl Order {
    fn after(self, key: u64) -> u64 {
        (key * self.times + self.plus) % KEYS
    }
}

fn one(check: impl Fn(&u64) -> bool + 'static) -> impl FnMut(u64) -> Batch + 'static {
    let mut key = 0;
    repeat(move || {
        key = ORDERS[0].after(key);
        black_box(check(black_box(&key)));
    })
}

fn two(check: impl Fn(&u64) -> bool + Sync + 'static) -> impl FnMut(u64) -> Batch + 'static {
    let seed = AtomicU64::new(1);
    move |operations| {
        let half = operations.div_ceil(2);
        let [first, second] = ORDERS.map(|order| {
            let (seed, check) = (&seed, &check);
            move || {
                let mut key = seed.fetch_add(7, Ordering::Relaxed) % KEYS;
                for _ in 0..half {
                    key = order.after(key);
                    black_box(check(black_box(&key)));
                }
            }
        });
        Batch { operations: 2 * half, elapsed: race_threads(Placement::Apart, first, second) }
    }
}
