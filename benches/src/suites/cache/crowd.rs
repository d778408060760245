//! A hundred callers who ask for one value that is not there.

use core::convert::Infallible;
use core::future::Future;
use core::hint::black_box;
use std::time::Instant;

use singleflight_async::SingleFlight;
use tokio::runtime::Builder;
use tokio::task::yield_now;

use super::{Own, moka, once_map, quick};
use crate::harness::{Batch, Contenders, Group, Row, leak};
use crate::suites::lru::keys::scatter;

const CALLERS: usize = 100;
const CAPACITY: usize = 10_000;

pub(super) fn group() -> Group {
    let row = Row::new("100 callers", callers).countable(true);
    let peers = ["quick_cache", "asyncband OnceMap", "singleflight-async"];
    Group {
        name: "cache/crowd",
        about: "one caller of a hundred, each a task of its own, on one miss; the loader yields once",
        rows: vec![peers.into_iter().fold(row, |row, peer| row.at_most(1.0, peer))],
    }
}

fn callers(row: &mut Contenders) {
    let cache = leak(Own::new(CAPACITY));
    row.add("tidegate", crowd(move |key| async move { cache.get_or_load(&key, || late(key)).await.unwrap_or(0) }));
    let cache = leak(quick(CAPACITY));
    row.add(
        "quick_cache",
        crowd(move |key| async move {
            let late = async { Ok::<_, Infallible>(late(key).await) };
            cache.get_or_insert_async(&key, late).await.unwrap_or(0)
        }),
    );
    let map = leak(once_map());
    row.add("asyncband OnceMap", crowd(move |key| map.compute(key, move || late(key))));
    let flights = leak(SingleFlight::<u64, u64>::new());
    row.add("singleflight-async", crowd(move |key| flights.work(key, move || late(key))));
    let cache = leak(moka(CAPACITY));
    row.add("moka", crowd(move |key| cache.get_with(key, late(key))));
    row.add("spawn and yield", crowd(late));
}

/// Ready when it is polled for the second time, when all the others have asked.
async fn late(key: u64) -> u64 {
    yield_now().await;
    key
}

fn crowd<F: Future<Output = u64> + Send + 'static>(ask: impl Fn(u64) -> F + 'static) -> impl FnMut(u64) -> Batch {
    let runtime = Builder::new_current_thread().build().expect("a runtime can be had");
    let mut rank = 0;
    move |operations| {
        let rounds = operations.div_ceil(CALLERS as u64);
        let start = Instant::now();
        for _ in 0..rounds {
            rank += 1;
            let key = scatter(rank);
            runtime.block_on(async {
                let tasks: [_; CALLERS] = core::array::from_fn(|_| tokio::spawn(ask(key)));
                for task in tasks {
                    assert_eq!(black_box(task.await.expect("no caller panics")), key);
                }
            });
        }
        Batch { operations: rounds * CALLERS as u64, elapsed: start.elapsed() }
    }
}
