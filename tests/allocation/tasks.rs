//! On tokio.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use tidegate_tests::poll_once;
use tidegate_tokio::{Priority, Semaphore};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

use crate::{Least, WINDOWS, least_allocations, region};

const TASKS: usize = 100;
const ROUNDS: usize = 20;

pub(crate) fn uncontended() -> usize {
    let semaphore = Semaphore::new(2);
    let owned = Arc::new(Semaphore::new(2));
    least_allocations(|| {
        for _ in 0..1_000 {
            let one = semaphore.try_acquire();
            assert!(one.is_ok() && poll_once(&mut semaphore.acquire()).is_ready());
            assert!(Semaphore::try_acquire_owned(Arc::clone(&owned), 2).is_ok());
        }
    })
}

/// Waiters who give up, granted or not.
pub(crate) fn cancelled() -> usize {
    let semaphore = Semaphore::new(1);
    least_allocations(|| {
        for _ in 0..1_000 {
            let held = semaphore.try_acquire();
            let mut first = semaphore.acquire();
            let mut second = semaphore.acquire().priority(Priority(1));
            assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
            drop(held);
            drop(first);
            assert!(poll_once(&mut second).is_ready());
        }
    })
}

pub(crate) fn one_thread() -> usize {
    contended(&Builder::new_current_thread().build().expect("a runtime can be had"), 1)
}

pub(crate) fn two_threads() -> usize {
    contended(&Builder::new_multi_thread().worker_threads(2).build().expect("a runtime can be had"), 1)
}

pub(crate) fn many_priorities() -> usize {
    contended(&Builder::new_current_thread().build().expect("a runtime can be had"), 64)
}

/// Rounds of tasks that are there all the time, and start each round when they are told to.
fn contended(runtime: &Runtime, priorities: usize) -> usize {
    struct Shared {
        semaphore: Semaphore,
        start: Semaphore,
        finished: AtomicUsize,
        waited: AtomicUsize,
    }
    let shared = Arc::new(Shared {
        semaphore: Semaphore::new(3),
        start: Semaphore::new(0),
        finished: AtomicUsize::new(0),
        waited: AtomicUsize::new(0),
    });
    for task in 0..TASKS {
        let shared = Arc::clone(&shared);
        runtime.spawn(async move {
            let priority = Priority(i32::try_from(task % priorities).unwrap_or(0));
            while let Ok(start) = shared.start.acquire().await {
                start.forget();
                for _ in 0..ROUNDS {
                    let permit = shared.semaphore.acquire().priority(priority).await;
                    shared.waited.fetch_max(shared.semaphore.waiters(), Ordering::Relaxed);
                    yield_now().await;
                    drop(permit);
                }
                shared.finished.fetch_add(1, Ordering::Release);
            }
        });
    }
    let mut least = Least::new();
    runtime.block_on(async {
        for _ in 0..WINDOWS {
            let region = region();
            shared.finished.store(0, Ordering::Relaxed);
            assert!(shared.start.add_permits(TASKS).is_ok());
            while shared.finished.load(Ordering::Acquire) < TASKS {
                yield_now().await;
            }
            least.window(&region);
        }
    });
    assert!(shared.waited.load(Ordering::Relaxed) > TASKS / 2, "they contended");
    shared.start.close();
    least.0
}
