//! The cache that computes once: nothing when it is full, whoever comes and goes.

use core::future::{pending, ready};
use core::pin::pin;

use tidegate_tests::poll_once;
use tidegate_threads::Cache;

use crate::least_allocations;

const CAPACITY: usize = 1_000;

/// Hits, misses with eviction, calls that wait, and drivers that are followed.
pub(crate) fn churn() -> usize {
    let cache = Cache::<usize, usize>::new(CAPACITY);
    let mut key = 0;
    least_allocations(|| {
        for _ in 0..4 * CAPACITY {
            key += 1;
            assert!(matches!(cache.get_or_load_blocking(&key, || key), Ok(value) if value == key));
            cache.get(&(key - key % 10));
            let other = key + 1_000_000;
            let mut driver = pin!(Some(cache.get_or_load(&other, pending::<usize>)));
            assert!(driver.as_mut().as_pin_mut().is_some_and(|mut driver| poll_once(&mut driver).is_pending()));
            let mut waiter = pin!(cache.get_or_load(&other, || ready(other)));
            assert!(poll_once(&mut waiter).is_pending());
            driver.set(None);
            assert!(poll_once(&mut waiter).is_ready());
            if key % 3 == 0 {
                cache.invalidate(&other);
            }
        }
    })
}
