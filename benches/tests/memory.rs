//! What a key costs in memory: a million of them, beside governor's.

use core::num::NonZero;
use core::time::Duration;
use std::hash::RandomState;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tidegate_core::Instant;
use tidegate_core::rate_limiter::{Quota, TokenBucket, WhenFull};
use tidegate_threads::KeyedRateLimiter;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const KEYS: u32 = 1_000_000;

/// How much is allocated and kept by `fill`, per key.
fn bytes_per_key<T>(fill: impl FnOnce() -> T) -> usize {
    let region = Region::new(ALLOCATOR);
    let kept = fill();
    let change = region.change();
    drop(kept);
    change.bytes_allocated.saturating_sub(change.bytes_deallocated) / KEYS as usize
}

#[test]
fn a_key_costs_no_more_than_governors() {
    let hour = Duration::from_hours(1);
    let ours = bytes_per_key(|| {
        let bucket = TokenBucket::new(Quota::per(1, hour).expect("it makes sense")).expect("it is a bucket");
        let limiter: KeyedRateLimiter<u64, Instant> = KeyedRateLimiter::with_parts(
            bucket,
            KEYS as usize,
            WhenFull::Refuse,
            Instant::EPOCH,
            RandomState::new(),
        );
        for key in 0..u64::from(KEYS) {
            assert!(limiter.try_acquire(&key, 1).is_ok());
        }
        assert_eq!(limiter.len(), KEYS as usize);
        assert!(limiter.try_acquire(&u64::from(KEYS), 1).is_err(), "bounded");
        limiter
    });
    let governors = bytes_per_key(|| {
        let limiter = governor::RateLimiter::keyed(governor::Quota::per_hour(NonZero::<u32>::MIN));
        for key in 0..u64::from(KEYS) {
            assert!(limiter.check_key(&key).is_ok());
        }
        limiter
    });
    println!("bytes per key: {ours}, governor {governors}");
    assert!(ours <= governors, "{ours} bytes per key, governor {governors}");
}
