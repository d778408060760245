//! The rate limiter in the simulator: every order, cancelled at every poll, exactly on time.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::rc::Rc;

use tidegate_sim::{
    Instant, Priority, Quota, RateLimiter, SimError, advance, cancel_after, cancel_before, for_each_seed, now,
    sleep, spawn,
};

const TASKS: u64 = 12;

/// What may have been admitted since the beginning.
pub(crate) fn due(quota: Quota, time: Instant) -> u128 {
    let elapsed = u128::from(time.as_nanos());
    u128::from(quota.max_tokens()) + elapsed * u128::from(quota.tokens()) / quota.period().as_nanos()
}

/// Tasks come, some give up at one poll or another; the others are all served, each at the very nanosecond at which
/// the quota has room again.
#[test]
fn whoever_stays_is_served_at_the_nanosecond() -> Result<(), SimError> {
    for_each_seed(0..300, |seed| async move {
        let quota = Quota::per(3, Duration::from_secs(7)).expect("it makes sense");
        let limiter = Rc::new(RateLimiter::new(quota));
        let admitted = Rc::new(RefCell::new(Vec::new()));
        let mut tasks = Vec::new();
        for task in 0..TASKS {
            let (limiter, admitted) = (Rc::clone(&limiter), Rc::clone(&admitted));
            tasks.push(spawn(async move {
                let acquire = limiter.acquire(1).priority(Priority((task % 3) as i32));
                let outcome = match (task + seed) % 4 {
                    0 => cancel_after(seed / 4 % 4, acquire).await,
                    1 => cancel_before(seed / 4 % 4, acquire).await,
                    _ => Some(acquire.await),
                };
                if let Some(outcome) = outcome {
                    outcome.expect("it makes sense");
                    admitted.borrow_mut().push(now());
                }
            }));
        }
        for task in tasks {
            task.await.expect("no task panics");
        }
        assert_eq!(limiter.waiters(), 0);
        let admitted = admitted.borrow();
        assert!(admitted.len() as u64 >= TASKS / 2);
        for (before, time) in admitted.iter().enumerate() {
            assert!(due(quota, *time) > before as u128, "early");
            // A nanosecond before there was no room, unless somebody took it and gave it back.
            let earlier = Instant::from_nanos(time.as_nanos().saturating_sub(1));
            let gone = TASKS - admitted.len() as u64;
            assert!(due(quota, earlier) <= before as u128 + u128::from(gone) || *time == Instant::EPOCH, "late");
        }
    })
}

/// The quota changes under those who wait, slower and faster; all are served, and never more than either allows.
#[test]
fn a_quota_that_changes_strands_nobody() -> Result<(), SimError> {
    for_each_seed(0..200, |seed| async move {
        let per = |millis| Quota::per(1, Duration::from_millis(millis)).expect("it makes sense");
        let limiter = Rc::new(RateLimiter::new(per(1_000)));
        let served = Rc::new(Cell::new(0));
        let mut tasks = Vec::new();
        for _ in 0..TASKS {
            let (limiter, served) = (Rc::clone(&limiter), Rc::clone(&served));
            tasks.push(spawn(async move {
                limiter.acquire(1).await.expect("it makes sense");
                served.set(served.get() + 1);
            }));
        }
        for millis in [10_000, 100, 60_000, 500 + seed] {
            sleep(Duration::from_millis(250)).await;
            limiter.set_quota(per(millis)).expect("of the same kind");
        }
        for task in tasks {
            task.await.expect("no task panics");
        }
        assert_eq!((served.get(), limiter.waiters()), (TASKS, 0));
    })
}

/// A clock that jumps serves at once who is due by then, and nobody else.
#[test]
fn a_clock_that_jumps_serves_the_burst_and_goes_on() -> Result<(), SimError> {
    for_each_seed(0..100, |_seed| async {
        let limiter = Rc::new(RateLimiter::new(Quota::per(2, Duration::from_secs(1)).expect("it makes sense")));
        limiter.acquire(2).await.expect("it makes sense");
        let served = Rc::new(Cell::new(0));
        for _ in 0..6 {
            let (limiter, served) = (Rc::clone(&limiter), Rc::clone(&served));
            drop(spawn(async move {
                limiter.acquire(1).await.expect("it makes sense");
                served.set(served.get() + 1);
            }));
        }
        sleep(Duration::from_nanos(1)).await;
        advance(Duration::from_hours(24 * 365));
        sleep(Duration::from_nanos(1)).await;
        assert_eq!(served.get(), 2);
        sleep(Duration::from_secs(2)).await;
        assert_eq!((served.get(), limiter.waiters()), (6, 0));
    })
}
