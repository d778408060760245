//! The limiter with a bucket per key in the simulator: every order, cancelled at every poll, exactly on time.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::collections::BTreeMap;
use std::rc::Rc;

use tidegate_sim::{
    Instant, KeyedRateLimiter, Priority, Quota, SimError, advance, cancel_after, cancel_before, for_each_seed,
    now, sleep, spawn,
};

use crate::limiter::due;

const TASKS: u64 = 18;
const KEYS: u64 = 3;

/// Tasks come for several keys, some give up at one poll or another; the others are all served, each at the very
/// nanosecond at which its key has tokens again.
#[test]
fn whoever_stays_is_served_at_the_nanosecond() -> Result<(), SimError> {
    for_each_seed(0..300, |seed| async move {
        let quota = Quota::per(3, Duration::from_secs(7)).expect("it makes sense");
        // Some have a shard to themselves, and others not.
        let limiter = Rc::new(KeyedRateLimiter::<u64>::new(quota, 3).expect("it makes sense"));
        let admitted = Rc::new(RefCell::new(BTreeMap::<u64, Vec<Instant>>::new()));
        let mut tasks = Vec::new();
        for task in 0..TASKS {
            let (limiter, admitted, key) = (Rc::clone(&limiter), Rc::clone(&admitted), seed + task % KEYS);
            tasks.push(spawn(async move {
                let acquire = limiter.acquire(&key, 1).priority(Priority((task / KEYS % 3) as i32));
                let outcome = match (task / KEYS + seed) % 4 {
                    0 => cancel_after(seed / 4 % 4, acquire).await,
                    1 => cancel_before(seed / 4 % 4, acquire).await,
                    _ => Some(acquire.await),
                };
                if let Some(outcome) = outcome {
                    outcome.expect("it makes sense");
                    admitted.borrow_mut().entry(key).or_default().push(now());
                }
            }));
        }
        for task in tasks {
            task.await.expect("no task panics");
        }
        assert_eq!(limiter.waiters(), 0);
        for admitted in admitted.borrow().values() {
            assert!(admitted.len() as u64 >= TASKS / KEYS / 3);
            for (before, time) in admitted.iter().enumerate() {
                assert!(due(quota, *time) > before as u128, "early");
                // A nanosecond before there was no room, unless somebody took it and gave it back.
                let earlier = Instant::from_nanos(time.as_nanos().saturating_sub(1));
                let gone = TASKS / KEYS - admitted.len() as u64;
                let room = due(quota, earlier) <= before as u128 + u128::from(gone);
                assert!(room || *time == Instant::EPOCH, "late");
            }
        }
    })
}

/// A flood of new keys beside those that are waited for: they stay, and whoever waits is served.
#[test]
fn a_flood_of_keys_strands_nobody() -> Result<(), SimError> {
    for_each_seed(0..100, |seed| async move {
        let quota = Quota::per(1, Duration::from_secs(1)).expect("it makes sense");
        let limiter = Rc::new(KeyedRateLimiter::<u64>::new(quota, 4).expect("it makes sense"));
        let served = Rc::new(Cell::new(0));
        for key in 0..KEYS {
            for _ in 0..4 {
                let (limiter, served) = (Rc::clone(&limiter), Rc::clone(&served));
                drop(spawn(async move {
                    limiter.acquire(&key, 1).await.expect("there is room for so many keys");
                    served.set(served.get() + 1);
                }));
            }
        }
        sleep(Duration::from_millis(1)).await;
        let mut admitted = 0;
        for step in 0..100 {
            sleep(Duration::from_millis(50)).await;
            admitted += u64::from(limiter.try_acquire(&(seed + 10 + step), 1).is_ok());
            assert!(limiter.len() <= 4);
        }
        assert_eq!((served.get(), limiter.waiters()), (4 * KEYS, 0));
        assert!(admitted > 4, "there was room for one of them each second");
    })
}

/// A clock that jumps serves at once who is due by then, of every key, and nobody else.
#[test]
fn a_clock_that_jumps_serves_each_burst_and_goes_on() -> Result<(), SimError> {
    for_each_seed(0..100, |_seed| async {
        let quota = Quota::per(2, Duration::from_secs(1)).expect("it makes sense");
        let limiter = Rc::new(KeyedRateLimiter::<u64>::new(quota, 10).expect("it makes sense"));
        let served = Rc::new(Cell::new(0));
        for key in 0..KEYS {
            limiter.acquire(&key, 2).await.expect("it makes sense");
            for _ in 0..6 {
                let (limiter, served) = (Rc::clone(&limiter), Rc::clone(&served));
                drop(spawn(async move {
                    limiter.acquire(&key, 1).await.expect("it makes sense");
                    served.set(served.get() + 1);
                }));
            }
        }
        sleep(Duration::from_nanos(1)).await;
        advance(Duration::from_hours(24 * 365));
        sleep(Duration::from_nanos(1)).await;
        assert_eq!(served.get(), 2 * KEYS);
        sleep(Duration::from_secs(2)).await;
        assert_eq!((served.get(), limiter.waiters()), (6 * KEYS, 0));
    })
}
