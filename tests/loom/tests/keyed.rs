//! The limiter with a bucket per key, thread against thread: one capacity for all shards, nothing admitted twice, and
//! nobody in a key's line stranded.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test keyed
//! ```
//!
//! A waiter that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::future::Future;
use core::hash::{BuildHasher, Hasher};
use core::pin::pin;
use core::task::{Context, Waker};
use core::time::Duration;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use tidegate_core::rate_limiter::{KeyedError, KeyedRateLimiter, Quota, TokenBucket, WhenFull};
use tidegate_core::{Heap, Instant};
use tidegate_loom::{Loom, Step, model};

/// The key is the hash; the limiter stirs it.
#[derive(Clone, Copy, Debug)]
struct Plain;

impl BuildHasher for Plain {
    type Hasher = Number;

    fn build_hasher(&self) -> Number {
        Number(0)
    }
}

#[derive(Debug)]
struct Number(u64);

impl Hasher for Number {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Limiter = KeyedRateLimiter<u64, Loom, Heap, Instant, Plain, 2>;
type Timed = KeyedRateLimiter<u64, Loom, Heap, Step, Plain, 1>;

/// So many tokens at once, and another only after an hour.
fn limiter(burst: u32, capacity: usize, when_full: WhenFull) -> Arc<Limiter> {
    let quota = Quota::per(1, Duration::from_hours(1)).and_then(|quota| quota.burst(burst));
    let bucket = quota.and_then(TokenBucket::new).expect("it makes sense");
    Arc::new(KeyedRateLimiter::with_parts(bucket, capacity, when_full, Instant::EPOCH, Plain))
}

/// What two threads hear that ask for a token of a key each.
fn both(limiter: &Arc<Limiter>, keys: [u64; 2]) -> [Result<(), KeyedError>; 2] {
    let there = {
        let limiter = limiter.clone();
        thread::spawn(move || limiter.try_acquire(&keys[0], 1))
    };
    let here = limiter.try_acquire(&keys[1], 1);
    [there.join().unwrap(), here]
}

#[test]
fn a_new_key_gets_one_bucket_and_no_more() {
    model(|| {
        let limiter = limiter(1, 4, WhenFull::Refuse);
        let answers = both(&limiter, [7, 7]);
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        assert_eq!(limiter.len(), 1);
    });
}

/// Two keys in either shard, and room for one in all: whoever comes second is refused, wherever the room is.
#[test]
fn the_shards_have_one_capacity() {
    for keys in [[1, 2], [1, 3], [2, 4]] {
        model(move || {
            let limiter = limiter(1, 1, WhenFull::Refuse);
            let answers = both(&limiter, keys);
            assert!(limiter.len() <= 1, "more than there may be");
            assert!(answers.iter().filter(|answer| answer.is_ok()).count() <= 1, "{answers:?}");
            assert!(answers.iter().all(|answer| matches!(answer, Ok(()) | Err(KeyedError::Full))));
            // Room that was under way when both asked is there afterwards.
            let later = keys.map(|key| limiter.try_acquire(&key, 1));
            let full = later.iter().filter(|answer| **answer == Err(KeyedError::Full)).count();
            assert_eq!((limiter.len(), full), (1, 1), "{answers:?} {later:?}");
        });
    }
}

#[test]
fn who_is_forgotten_makes_room_for_one() {
    model(|| {
        let limiter = limiter(2, 2, WhenFull::ForgetFullest);
        assert!(limiter.try_acquire(&1, 2).is_ok() && limiter.try_acquire(&2, 2).is_ok());
        let answers = both(&limiter, [3, 4]);
        assert!(answers.iter().all(|answer| matches!(answer, Ok(()) | Err(KeyedError::Full))), "{answers:?}");
        assert!(limiter.len() <= 2);
        // Nobody is refused for good.
        assert!(limiter.try_acquire(&5, 1).is_ok());
    });
}

#[test]
fn a_refund_beside_a_take_is_not_lost() {
    model(|| {
        let limiter = limiter(2, 2, WhenFull::Refuse);
        assert!(limiter.try_acquire(&1, 2).is_ok());
        let refunder = {
            let limiter = limiter.clone();
            thread::spawn(move || limiter.refund(&1, 1))
        };
        let taken = usize::from(limiter.try_acquire(&1, 1).is_ok());
        refunder.join().unwrap();
        let rest = (0..3).take_while(|_| limiter.try_acquire(&1, 1).is_ok()).count();
        assert_eq!(taken + rest, 1);
    });
}

/// One token at once, and another when the clock has taken its step; room for so many keys, which share a lock.
fn timed(clock: &Step, capacity: usize) -> Arc<Timed> {
    let quota = Quota::per(1, Duration::from_nanos(10)).and_then(TokenBucket::new);
    let bucket = quota.expect("it makes sense");
    Arc::new(KeyedRateLimiter::with_parts(bucket, capacity, WhenFull::Refuse, clock.clone(), Plain))
}

/// The first in line leaves when it likes; the second is served by the clock, or by the tokens that the first had
/// and did not use.
#[test]
fn a_first_that_leaves_strands_nobody() {
    model(|| {
        let clock = Step::new();
        let limiter = timed(&clock, 2);
        assert!(limiter.try_acquire(&1, 1).is_ok());
        let waiter = {
            let limiter = limiter.clone();
            thread::spawn(move || block_on(limiter.acquire(&1, 1)).unwrap())
        };
        {
            let mut head = pin!(limiter.acquire(&1, 1));
            let _ = head.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            clock.advance();
            // Dropped here: refunded if it has been served unseen, and kept by nobody.
        }
        waiter.join().unwrap();
        assert_eq!(limiter.waiters(), 0);
    });
}

/// Who waits for one key and is not polled again holds nobody up who waits for another, with the same lock.
#[test]
fn keys_do_not_wait_for_each_other() {
    model(|| {
        let clock = Step::new();
        let limiter = timed(&clock, 2);
        for key in [1, 2] {
            assert!(limiter.try_acquire(&key, 1).is_ok());
        }
        let mut idle = pin!(limiter.acquire(&1, 1));
        let _ = idle.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let waiter = {
            let limiter = limiter.clone();
            thread::spawn(move || block_on(limiter.acquire(&2, 1)).unwrap())
        };
        clock.advance();
        waiter.join().unwrap();
        assert!(limiter.try_acquire(&2, 1).is_err());
    });
}

#[test]
fn a_refund_wakes_who_waits_for_the_key() {
    model(|| {
        let limiter = timed(&Step::new(), 2);
        assert!(limiter.try_acquire(&1, 1).is_ok());
        let waiter = {
            let limiter = limiter.clone();
            thread::spawn(move || block_on(limiter.acquire(&1, 1)).unwrap())
        };
        limiter.refund(&1, 1);
        waiter.join().unwrap();
        assert!(limiter.try_acquire(&1, 1).is_err());
    });
}

/// Somebody comes to wait for a key while a new one is after its room: it waits, or finds no room, and either has the
/// room in the end.
#[test]
fn who_comes_to_wait_keeps_the_key_or_finds_it_gone() {
    model(|| {
        let clock = Step::new();
        let limiter = timed(&clock, 1);
        assert!(limiter.try_acquire(&1, 1).is_ok());
        let newcomer = {
            let limiter = limiter.clone();
            thread::spawn(move || limiter.try_acquire(&2, 1))
        };
        let mut waiting = pin!(limiter.acquire(&1, 1));
        let first = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        clock.advance();
        let later = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let answer = newcomer.join().unwrap();
        assert!(first.is_pending() && later.is_ready(), "{first:?} {later:?}");
        assert_eq!(answer, Err(KeyedError::Full), "its bucket was empty, and is empty again");
        assert_eq!((limiter.len(), limiter.waiters()), (1, 0));
    });
}
