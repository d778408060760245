//! Eight permits, passed on from task to task while many wait.
//!
//! Eight, so that the executor always has something to run: with one permit it would go looking for other work
//! between any two polls, at a price that has nothing to do with semaphores.

use core::future::Future;
use core::sync::atomic::{AtomicBool, Ordering};
use std::rc::Rc;
use std::sync::Arc;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::semaphore::{FairSemaphore, Semaphore as _};
use futures_intrusive::sync::Semaphore as FuturesIntrusive;
use priority_semaphore::PrioritySemaphore;
use tokio::task::yield_now;

use crate::harness::{Batch, Contenders, Group, Pool, Row, Workers, leak, race_tasks};

/// How many tasks have a permit.
pub(super) const PERMITS: usize = 8;
/// How many wait for one.
pub(super) const WAITERS: [usize; 4] = [10, 100, 1_000, 10_000];

type EmbassyFair = FairSemaphore<CriticalSectionRawMutex, { 10_000 + PERMITS }>;

pub(super) fn groups() -> [Group; 3] {
    let rows = |workers: Workers| {
        WAITERS.map(|waiters| {
            Row::new(format!("{waiters} waiters"), move |row| contenders(row, workers, waiters))
                .cores(workers.count())
                .countable(workers == Workers::One && waiters <= 1_000)
                .at_most(0.9, "tokio")
                .at_most(1.1, "futures-intrusive")
        })
    };
    [
        Group {
            name: "semaphore/handoff/one worker",
            about: "a permit held over a yield and passed on, eight permits, one worker",
            rows: rows(Workers::One).into(),
        },
        Group {
            name: "semaphore/handoff/two workers",
            about: "a permit held over a yield and passed on, eight permits, two workers",
            rows: rows(Workers::Two).into(),
        },
        Group {
            name: "semaphore/handoff/flat",
            about: "the handoff on one worker beside itself with fewer who wait",
            rows: vec![flat()],
        },
    ]
}

fn contenders(row: &mut Contenders, workers: Workers, waiters: usize) {
    let pool = Rc::new(Pool::new(workers));
    let on = || pool.clone();
    row.add("tidegate", tidegate(on(), waiters))
        .add(
            "tokio",
            handoff(on(), waiters, tokio::sync::Semaphore::new(PERMITS), |s, _| async {
                s.acquire().await.expect("open")
            }),
        )
        .add(
            "async-lock (barges)",
            handoff(on(), waiters, async_lock::Semaphore::new(PERMITS), |s, _| s.acquire()),
        )
        .add(
            "asyncband",
            handoff(on(), waiters, asyncband::semaphore::Semaphore::new(PERMITS), |s, _| s.acquire(1)),
        )
        .add(
            "maitake-sync",
            handoff(on(), waiters, maitake_sync::Semaphore::new(PERMITS), |s, _| async {
                s.acquire(1).await.expect("open")
            }),
        )
        .add(
            "futures-intrusive",
            handoff(on(), waiters, FuturesIntrusive::new(true, PERMITS), |s, _| s.acquire(1)),
        )
        .add(
            "priority-semaphore",
            handoff(on(), waiters, Arc::new(PrioritySemaphore::new(PERMITS)), |s, _| async {
                s.acquire(0).await.expect("open")
            }),
        )
        .add(
            "embassy-sync fair",
            handoff(on(), waiters, EmbassyFair::new(PERMITS), |s, _| async {
                s.acquire(1).await.expect("room to wait")
            }),
        )
        .add("two yields", two_yields(on(), waiters));
}

/// Tidegate against itself: what a handoff costs must not depend on how many wait.
fn flat() -> Row {
    let name = |waiters| format!("tidegate, {waiters} waiters");
    Row::new("one worker", move |row| {
        let pool = Rc::new(Pool::new(Workers::One));
        for waiters in WAITERS.into_iter().rev() {
            row.add(name(waiters), tidegate(pool.clone(), waiters));
        }
    })
    .at_most(1.25, "tidegate, 10 waiters")
}

pub(super) fn tidegate(pool: Rc<Pool>, waiters: usize) -> impl FnMut(u64) -> Batch + 'static {
    handoff(pool, waiters, tidegate_tokio::Semaphore::new(PERMITS), |s, _| async {
        s.acquire().await.expect("open")
    })
}

/// Batches in which every task takes a permit, yields, and gives it back, time and again, and `waiters` tasks
/// always wait; `acquire` is told which of the tasks it is for.
pub(super) fn handoff<S, A>(
    pool: Rc<Pool>,
    waiters: usize,
    semaphore: S,
    acquire: impl Fn(&'static S, usize) -> A + Copy + Send + 'static,
) -> impl FnMut(u64) -> Batch + 'static
where
    S: Sync + 'static,
    A: Future<Output: Send> + Send + 'static,
{
    let semaphore = leak(semaphore);
    move |operations| {
        let gate = async {
            let mut permits = Vec::with_capacity(PERMITS);
            for _ in 0..PERMITS {
                permits.push(acquire(semaphore, 0).await);
            }
            permits
        };
        race_tasks(&pool, waiters + PERMITS, operations, gate, |index, rounds| async move {
            for _ in 0..rounds {
                let permit = acquire(semaphore, index).await;
                yield_now().await;
                drop(permit);
            }
        })
    }
}

/// The floor: a handoff costs two polls, one that gets the permit and one that comes back from the yield.
fn two_yields(pool: Rc<Pool>, waiters: usize) -> impl FnMut(u64) -> Batch + 'static {
    /// Lets the tasks go when dropped.
    struct Gate(&'static AtomicBool);

    impl Drop for Gate {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }

    let open: &AtomicBool = leak(AtomicBool::new(false));
    move |operations| {
        let gate = async {
            open.store(false, Ordering::Relaxed);
            Gate(open)
        };
        race_tasks(&pool, waiters + PERMITS, operations, gate, |_, rounds| async move {
            while !open.load(Ordering::Acquire) {
                yield_now().await;
            }
            for _ in 0..rounds {
                yield_now().await;
                yield_now().await;
            }
        })
    }
}
