//! On threads.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Barrier;
use std::thread;

use tidegate_threads::{AcquireError, Permit, Semaphore};

use crate::{WINDOWS, least_allocations};

const THREADS: usize = 4;
const ROUNDS: usize = 500;

pub(crate) fn blocking() -> usize {
    contended(Semaphore::acquire_blocking)
}

pub(crate) fn blocking_for_a_time() -> usize {
    contended(|semaphore| semaphore.acquire_blocking_timeout(Duration::from_hours(1)))
}

fn contended(acquire: fn(&Semaphore) -> Result<Permit<'_>, AcquireError>) -> usize {
    let semaphore = Semaphore::new(1);
    let waited = AtomicUsize::new(0);
    // All threads, and the one that measures.
    let barrier = Barrier::new(THREADS + 1);
    let allocations = thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..WINDOWS {
                    barrier.wait();
                    for _ in 0..ROUNDS {
                        let permit = acquire(&semaphore);
                        assert!(permit.is_ok());
                        // Whoever holds the permit stays until somebody waits, or all others have gone home.
                        for _ in 0..100 {
                            if semaphore.waiters() > 0 {
                                waited.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                            thread::yield_now();
                        }
                    }
                    barrier.wait();
                }
            });
        }
        least_allocations(|| {
            barrier.wait();
            barrier.wait();
        })
    });
    assert!(waited.load(Ordering::Relaxed) > ROUNDS, "they contended");
    allocations
}
