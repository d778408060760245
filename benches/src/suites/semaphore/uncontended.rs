//! One thread, and a permit that is free.

use std::sync::Arc;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::semaphore::{FairSemaphore, GreedySemaphore, Semaphore as _};
use futures_intrusive::sync::Semaphore as FuturesIntrusive;
use priority_semaphore::PrioritySemaphore;

use super::floor::Atomics;
use super::{cycle, now};
use crate::harness::{Contenders, Group, Row};

type Greedy = GreedySemaphore<CriticalSectionRawMutex>;
type Fair = FairSemaphore<CriticalSectionRawMutex, 4>;

pub(super) fn group() -> Group {
    Group {
        name: "semaphore/uncontended",
        about: "a free permit taken and given back, one thread",
        rows: vec![
            Row::new("try_acquire", try_acquire).countable(true).at_most(0.7, "tokio").at_most(1.1, "atomics"),
            Row::new("acquire, polled once", acquire).countable(true).at_most(0.65, "tokio"),
        ],
    }
}

fn try_acquire(row: &mut Contenders) {
    row.add("tidegate", cycle(tidegate_tokio::Semaphore::new(1), |s| s.try_acquire().expect("free")))
        .add("tokio", cycle(tokio::sync::Semaphore::new(1), |s| s.try_acquire().expect("free")))
        .add("async-lock", cycle(async_lock::Semaphore::new(1), |s| s.try_acquire().expect("free")))
        .add("asyncband", cycle(asyncband::semaphore::Semaphore::new(1), |s| s.try_acquire(1).expect("free")))
        .add("maitake-sync", cycle(maitake_sync::Semaphore::new(1), |s| s.try_acquire(1).expect("free")))
        .add("futures-intrusive", cycle(FuturesIntrusive::new(true, 1), |s| s.try_acquire(1).expect("free")))
        .add("priority-semaphore", cycle(Arc::new(PrioritySemaphore::new(1)), |s| s.try_acquire(0).expect("free")))
        .add("embassy-sync greedy", cycle(Greedy::new(1), |s| s.try_acquire(1).expect("free")))
        .add("embassy-sync fair", cycle(Fair::new(1), |s| s.try_acquire(1).expect("free")))
        .add("atomics", cycle(Atomics::new(1), |s| s.try_acquire().expect("free")));
}

fn acquire(row: &mut Contenders) {
    row.add("tidegate", cycle(tidegate_tokio::Semaphore::new(1), |s| now(s.acquire()).expect("open")))
        .add("tokio", cycle(tokio::sync::Semaphore::new(1), |s| now(s.acquire()).expect("open")))
        .add("async-lock", cycle(async_lock::Semaphore::new(1), |s| now(s.acquire())))
        .add("asyncband", cycle(asyncband::semaphore::Semaphore::new(1), |s| now(s.acquire(1))))
        .add("maitake-sync", cycle(maitake_sync::Semaphore::new(1), |s| now(s.acquire(1)).expect("open")))
        .add("futures-intrusive", cycle(FuturesIntrusive::new(true, 1), |s| now(s.acquire(1))))
        .add(
            "priority-semaphore",
            cycle(Arc::new(PrioritySemaphore::new(1)), |s| now(s.acquire(0)).expect("open")),
        )
        .add("embassy-sync greedy", cycle(Greedy::new(1), |s| now(s.acquire(1)).expect("infallible")))
        .add("embassy-sync fair", cycle(Fair::new(1), |s| now(s.acquire(1)).expect("room to wait")))
        .add("atomics", cycle(Atomics::new(1), |s| s.try_acquire().expect("free")));
}
