//! Two threads, eight permits: nobody ever waits, but the cache line wanders.

use core::hint::black_box;
use std::sync::Arc;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::semaphore::{GreedySemaphore, Semaphore as _};
use futures_intrusive::sync::Semaphore as FuturesIntrusive;
use priority_semaphore::PrioritySemaphore;

use super::floor::Atomics;
use super::now;
use crate::harness::{Batch, Contenders, Group, Placement, Row, leak, race_threads};

const PERMITS: usize = 8;

type Greedy = GreedySemaphore<CriticalSectionRawMutex>;

pub(super) fn group() -> Group {
    Group {
        name: "semaphore/hammer",
        about: "one of eight permits taken and given back by two threads at once, each operation counted",
        rows: vec![
            Row::new("try_acquire", try_acquire).cores(2).at_most(0.7, "tokio"),
            Row::new("acquire, polled once", acquire).cores(2).at_most(0.7, "tokio"),
        ],
    }
}

fn try_acquire(row: &mut Contenders) {
    row.add("tidegate", hammer(tidegate_tokio::Semaphore::new(PERMITS), |s| s.try_acquire().expect("free")))
        .add("tokio", hammer(tokio::sync::Semaphore::new(PERMITS), |s| s.try_acquire().expect("free")))
        .add("async-lock", hammer(async_lock::Semaphore::new(PERMITS), |s| s.try_acquire().expect("free")))
        .add(
            "asyncband",
            hammer(asyncband::semaphore::Semaphore::new(PERMITS), |s| s.try_acquire(1).expect("free")),
        )
        .add("maitake-sync", hammer(maitake_sync::Semaphore::new(PERMITS), |s| s.try_acquire(1).expect("free")))
        .add(
            "futures-intrusive",
            hammer(FuturesIntrusive::new(true, PERMITS), |s| s.try_acquire(1).expect("free")),
        )
        .add(
            "priority-semaphore",
            hammer(Arc::new(PrioritySemaphore::new(PERMITS)), |s| s.try_acquire(0).expect("free")),
        )
        .add("embassy-sync greedy", hammer(Greedy::new(PERMITS), |s| s.try_acquire(1).expect("free")))
        .add("atomics", hammer(Atomics::new(PERMITS), |s| s.try_acquire().expect("free")));
}

fn acquire(row: &mut Contenders) {
    row.add("tidegate", hammer(tidegate_tokio::Semaphore::new(PERMITS), |s| now(s.acquire()).expect("open")))
        .add("tokio", hammer(tokio::sync::Semaphore::new(PERMITS), |s| now(s.acquire()).expect("open")))
        .add("async-lock", hammer(async_lock::Semaphore::new(PERMITS), |s| now(s.acquire())))
        .add("asyncband", hammer(asyncband::semaphore::Semaphore::new(PERMITS), |s| now(s.acquire(1))))
        .add("maitake-sync", hammer(maitake_sync::Semaphore::new(PERMITS), |s| now(s.acquire(1)).expect("open")))
        .add("futures-intrusive", hammer(FuturesIntrusive::new(true, PERMITS), |s| now(s.acquire(1))))
        .add(
            "priority-semaphore",
            hammer(Arc::new(PrioritySemaphore::new(PERMITS)), |s| now(s.acquire(0)).expect("open")),
        )
        .add("embassy-sync greedy", hammer(Greedy::new(PERMITS), |s| now(s.acquire(1)).expect("infallible")))
        .add("atomics", hammer(Atomics::new(PERMITS), |s| s.try_acquire().expect("free")));
}

fn hammer<S, P>(
    semaphore: S,
    acquire: impl Fn(&'static S) -> P + Sync + 'static,
) -> impl FnMut(u64) -> Batch + 'static
where
    S: Sync + 'static,
{
    let semaphore = leak(semaphore);
    move |operations| {
        let half = operations.div_ceil(2);
        let work = || {
            for _ in 0..half {
                let permit = acquire(black_box(semaphore));
                black_box(semaphore);
                drop(permit);
            }
        };
        Batch { operations: 2 * half, elapsed: race_threads(Placement::Apart, work, work) }
    }
}
