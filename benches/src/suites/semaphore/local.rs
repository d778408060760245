//! Semaphores that are not `Sync`: no lock, no atomics.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::semaphore::{FairSemaphore, GreedySemaphore, Semaphore as _};
use futures_intrusive::sync::LocalSemaphore as FuturesIntrusive;
use tidegate_core::semaphore::Semaphore;
use tidegate_core::{Inline, Local};

use super::floor::Number;
use super::{cycle, now};
use crate::harness::{Contenders, Group, Row};

type Tidegate = Semaphore<Local, Inline<4>>;
type Greedy = GreedySemaphore<NoopRawMutex>;
type Fair = FairSemaphore<NoopRawMutex, 4>;

pub(super) fn group() -> Group {
    Group {
        name: "semaphore/local",
        about: "a free permit taken and given back, not `Sync`",
        rows: vec![
            Row::new("try_acquire", try_acquire).countable(true).at_most(1.2, "embassy-sync greedy"),
            Row::new("acquire, polled once", acquire).countable(true).at_most(1.2, "embassy-sync greedy"),
        ],
    }
}

fn try_acquire(row: &mut Contenders) {
    row.add("tidegate", cycle(Tidegate::new(1), |s| s.try_acquire().expect("free")))
        .add("embassy-sync greedy", cycle(Greedy::new(1), |s| s.try_acquire(1).expect("free")))
        .add("embassy-sync fair", cycle(Fair::new(1), |s| s.try_acquire(1).expect("free")))
        .add("futures-intrusive", cycle(FuturesIntrusive::new(true, 1), |s| s.try_acquire(1).expect("free")))
        .add("a number", cycle(Number::new(1), |s| s.try_acquire().expect("free")));
}

fn acquire(row: &mut Contenders) {
    row.add("tidegate", cycle(Tidegate::new(1), |s| now(s.acquire()).expect("open")))
        .add("embassy-sync greedy", cycle(Greedy::new(1), |s| now(s.acquire(1)).expect("infallible")))
        .add("embassy-sync fair", cycle(Fair::new(1), |s| now(s.acquire(1)).expect("room to wait")))
        .add("futures-intrusive", cycle(FuturesIntrusive::new(true, 1), |s| now(s.acquire(1))))
        .add("a number", cycle(Number::new(1), |s| s.try_acquire().expect("free")));
}
