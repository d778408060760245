//! The semaphore as threads use it: blocking, with timeouts, both colours in one line.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Mutex;
use std::thread;

use tidegate_threads::{AcquireError, Priority, Semaphore, block_on, priority};

#[test]
fn never_more_inside_than_there_are_permits() {
    static SEMAPHORE: Semaphore = Semaphore::new(2);
    let inside = AtomicUsize::new(0);
    thread::scope(|scope| {
        for colour in 0..6 {
            let inside = &inside;
            scope.spawn(move || {
                for _ in 0..500 {
                    let _permit = match colour % 2 {
                        0 => SEMAPHORE.acquire_blocking().unwrap(),
                        _ => block_on(SEMAPHORE.acquire()).unwrap(),
                    };
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!((SEMAPHORE.available_permits(), SEMAPHORE.waiters()), (2, 0));
}

#[test]
fn the_scope_decides_who_is_first() {
    let semaphore = Semaphore::new(0);
    let order = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for (place, urgency) in [5, -5, 0].into_iter().enumerate() {
            let (semaphore, order) = (&semaphore, &order);
            scope.spawn(move || {
                let permit = priority::scope(Priority(urgency), || semaphore.acquire_blocking()).unwrap();
                order.lock().unwrap().push(urgency);
                drop(permit);
            });
            while semaphore.waiters() <= place {
                thread::yield_now();
            }
        }
        semaphore.add_permits(1).unwrap();
    });
    assert_eq!(order.into_inner().unwrap(), [-5, 0, 5]);
}

#[test]
fn a_timeout_leaves_the_line_as_it_was() {
    let semaphore = Semaphore::new(0);
    let millis = Duration::from_millis(2);
    assert_eq!(semaphore.acquire_blocking_timeout(millis).unwrap_err(), AcquireError::TimedOut);
    assert_eq!(block_on(semaphore.acquire_timeout(millis)).unwrap_err(), AcquireError::TimedOut);
    assert_eq!(pollster::block_on(semaphore.acquire_timeout(millis)).unwrap_err(), AcquireError::TimedOut);
    assert_eq!(semaphore.waiters(), 0);
    semaphore.add_permits(1).unwrap();
    assert!(semaphore.acquire_blocking_timeout(Duration::ZERO).is_ok());
    assert!(semaphore.acquire_blocking_timeout(Duration::MAX).is_ok());
}

#[test]
fn closing_wakes_blocked_threads() {
    let semaphore = Semaphore::new(0);
    thread::scope(|scope| {
        let blocked: Vec<_> = (0..3).map(|_| scope.spawn(|| semaphore.acquire_blocking().unwrap_err())).collect();
        while semaphore.waiters() < 3 {
            thread::yield_now();
        }
        semaphore.close();
        for thread in blocked {
            assert_eq!(thread.join().unwrap(), AcquireError::Closed);
        }
    });
}
