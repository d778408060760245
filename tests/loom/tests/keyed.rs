//! The limiter with a bucket per key, thread against thread: one capacity for all shards, and nothing admitted twice.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test keyed
//! ```
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::hash::{BuildHasher, Hasher};
use core::time::Duration;

use loom::sync::Arc;
use loom::thread;
use tidegate_core::rate_limiter::{KeyedError, KeyedRateLimiter, Quota, TokenBucket, WhenFull};
use tidegate_core::{Heap, Instant};
use tidegate_loom::{Loom, model};

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
