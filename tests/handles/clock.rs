//! The clock for tests wakes whoever is due, come what may.

use core::panic::AssertUnwindSafe;
use core::pin::pin;
use core::time::Duration;
use std::panic;

use tidegate_core::Timer;
use tidegate_tests::{Count, Hook, poll_once, poll_with};
use tidegate_threads::{Instant, ManualClock};

#[test]
fn a_wake_that_panics_strands_no_sleeper_past_one_batch() {
    let clock = ManualClock::new();
    let (count, waker) = Count::new();
    let mut bad = pin!((&clock).sleep_until(Instant::from_nanos(1)));
    assert!(poll_with(&mut bad, &Hook::waker(|| panic!("on purpose"), || ())).is_pending());
    let mut others: Vec<_> = (0..40).map(|_| Box::pin((&clock).sleep_until(Instant::from_nanos(1)))).collect();
    assert!(others.iter_mut().all(|sleep| poll_with(sleep, &waker).is_pending()));
    assert!(panic::catch_unwind(AssertUnwindSafe(|| clock.advance(Duration::from_secs(1)))).is_err());
    assert_eq!(count.get(), 40);
    assert!(poll_once(&mut bad).is_ready());
}
