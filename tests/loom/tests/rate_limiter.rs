//! The rate limiter's word, thread against thread: nothing is admitted twice, whatever is changed beside it.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test rate_limiter
//! ```
//!
//! A waiter that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};
use core::time::Duration;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use tidegate_core::rate_limiter::{Quota, RateLimiter};
use tidegate_core::{Heap, Instant};
use tidegate_loom::{Loom, Step, model, model_with_preemptions};

type Limiter<T> = RateLimiter<Loom, Heap, T>;

fn quota(burst: u32) -> Quota {
    Quota::per(1, Duration::from_nanos(10)).and_then(|quota| quota.burst(burst)).expect("it makes sense")
}

fn still(burst: u32) -> Arc<Limiter<Instant>> {
    Arc::new(RateLimiter::with_timer(quota(burst), Instant::EPOCH))
}

/// How many are admitted at a time until one is refused.
fn rest(limiter: &Limiter<Instant>, now: Instant) -> usize {
    (0..10).take_while(|_| limiter.try_acquire_at(1, now).is_ok()).count()
}

#[test]
fn the_burst_is_admitted_and_no_more() {
    model(|| {
        let limiter = still(2);
        let takers = [1, 2].map(|tokens| {
            let limiter = limiter.clone();
            thread::spawn(move || if limiter.try_acquire(tokens).is_ok() { tokens } else { 0 })
        });
        let here = usize::from(limiter.try_acquire(1).is_ok());
        let there: u32 = takers.into_iter().map(|taker| taker.join().unwrap()).sum();
        assert_eq!(here + there as usize + rest(&limiter, Instant::EPOCH), 2);
    });
}

#[test]
fn what_is_taken_while_the_quota_changes_counts() {
    model_with_preemptions(2, || {
        let limiter = still(1);
        let changer = {
            let limiter = limiter.clone();
            thread::spawn(move || {
                limiter.set_quota(quota(2)).unwrap();
                limiter.set_quota(quota(3)).unwrap();
            })
        };
        let taken = (0..2).filter(|_| limiter.try_acquire(1).is_ok()).count();
        changer.join().unwrap();
        assert_eq!(taken + rest(&limiter, Instant::EPOCH), 3);
    });
}

/// The word of a full bucket looks the same under every quota; what it counts in does not.
#[test]
fn what_is_taken_of_a_full_bucket_while_the_quota_changes_is_paid_in_full() {
    model(|| {
        let limiter = still(1);
        let changer = {
            let limiter = limiter.clone();
            thread::spawn(move || {
                let slow = Quota::per(1, Duration::from_nanos(1_000)).expect("it makes sense");
                limiter.set_quota(slow).unwrap();
            })
        };
        assert!(limiter.try_acquire(1).is_ok());
        changer.join().unwrap();
        assert_eq!(rest(&limiter, Instant::from_nanos(999)), 0);
        assert_eq!(rest(&limiter, Instant::from_nanos(1_000)), 1);
    });
}

/// Who goes by what another has left in the word goes by the plan of that one, too.
#[test]
fn what_is_taken_after_another_is_paid_by_the_same_plan() {
    model_with_preemptions(2, || {
        let limiter = still(2);
        let changer = {
            let limiter = limiter.clone();
            thread::spawn(move || {
                let slow = Quota::per(1, Duration::from_nanos(1_000)).and_then(|quota| quota.burst(2));
                limiter.set_quota(slow.expect("it makes sense")).unwrap();
                assert!(limiter.try_acquire(1).is_ok());
            })
        };
        assert!(limiter.try_acquire(1).is_ok());
        changer.join().unwrap();
        assert_eq!(rest(&limiter, Instant::from_nanos(999)), 0);
        assert_eq!(rest(&limiter, Instant::from_nanos(1_000)), 1);
    });
}

/// Two jumps so far that the word gets a new anchor each, and the place of the first is used again.
#[test]
fn what_is_taken_while_the_anchor_moves_counts() {
    const FAR: Instant = Instant::from_nanos(2_000_000_000);
    const FARTHER: Instant = Instant::from_nanos(4_000_000_000);
    model(|| {
        // So many parts to a nanosecond that an anchor is good for a second.
        let fine = Quota::per(8_388_607, Duration::from_secs(1)).and_then(|quota| quota.burst(1));
        let limiter: Arc<Limiter<Instant>> =
            Arc::new(RateLimiter::with_timer(fine.expect("it makes sense"), Instant::EPOCH));
        let jumper = {
            let limiter = limiter.clone();
            thread::spawn(move || {
                // Refused if the other was faster, whose time is later.
                let _ = limiter.try_acquire_at(1, FAR);
                limiter.try_acquire_at(1, FARTHER).is_ok()
            })
        };
        let here = limiter.try_acquire_at(1, FARTHER).is_ok();
        let there = jumper.join().unwrap();
        assert!(here != there, "{here} {there}");
        assert_eq!(rest(&limiter, FARTHER), 0);
    });
}

/// When to come again is said by one plan or by the other, and never by a mixture.
#[test]
fn a_refusal_while_the_quota_changes_is_of_one_plan() {
    model_with_preemptions(2, || {
        let limiter = still(2);
        assert!(limiter.try_acquire(2).is_ok());
        let changer = {
            let limiter = limiter.clone();
            thread::spawn(move || {
                let slow = Quota::per(1, Duration::from_nanos(1_000)).and_then(|quota| quota.burst(4));
                limiter.set_quota(slow.expect("it makes sense")).unwrap();
            })
        };
        // Two are missing in either plan, of two or of four: then there are two, or the first comes after 10 ns.
        match limiter.try_acquire(1) {
            Ok(()) => {}
            Err(refused) => assert_eq!(refused.earliest(), Some(Instant::from_nanos(10))),
        }
        changer.join().unwrap();
        assert!(rest(&limiter, Instant::EPOCH) >= 1);
    });
}

/// The same where both plans refuse, and a mixture would refuse for longer.
#[test]
fn a_refusal_while_the_burst_shrinks_is_of_one_plan() {
    model_with_preemptions(2, || {
        let limiter = still(3);
        assert!(limiter.try_acquire(3).is_ok());
        let changer = {
            let limiter = limiter.clone();
            thread::spawn(move || limiter.set_quota(quota(1)).unwrap())
        };
        for _ in 0..2 {
            let earliest = limiter.try_acquire(1).unwrap_err().earliest();
            assert_eq!(earliest, Some(Instant::from_nanos(10)));
        }
        changer.join().unwrap();
    });
}

#[test]
fn a_refund_is_not_lost_beside_a_take() {
    model(|| {
        let limiter = still(2);
        assert!(limiter.try_acquire(2).is_ok());
        let refunder = {
            let limiter = limiter.clone();
            thread::spawn(move || limiter.refund(1))
        };
        let taken = usize::from(limiter.try_acquire(1).is_ok());
        refunder.join().unwrap();
        assert_eq!(taken + rest(&limiter, Instant::EPOCH), 1);
    });
}

/// The first in line leaves when it likes; the second is served by the clock, or by the tokens that the first had
/// and did not use.
#[test]
fn a_head_that_leaves_strands_nobody() {
    model(|| {
        let clock = Step::new();
        let limiter: Arc<Limiter<Step>> = Arc::new(RateLimiter::with_timer(quota(1), clock.clone()));
        assert!(limiter.try_acquire(1).is_ok());
        let waiter = {
            let limiter = limiter.clone();
            thread::spawn(move || block_on(limiter.acquire(1)).unwrap())
        };
        {
            let mut head = pin!(limiter.acquire(1));
            let _ = head.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            clock.advance();
            // Dropped here: refunded if it has been served unseen, and kept by nobody.
        }
        waiter.join().unwrap();
        assert_eq!(limiter.waiters(), 0);
    });
}

#[test]
fn a_refund_wakes_who_waits() {
    model(|| {
        let limiter: Arc<Limiter<Step>> = Arc::new(RateLimiter::with_timer(quota(1), Step::new()));
        assert!(limiter.try_acquire(1).is_ok());
        let waiter = {
            let limiter = limiter.clone();
            thread::spawn(move || block_on(limiter.acquire(1)).unwrap())
        };
        limiter.refund(1);
        waiter.join().unwrap();
        assert!(limiter.try_acquire(1).is_err());
    });
}
