//! A bounded table admits what an unbounded one does; and the line of each key.

mod line;

use core::hash::BuildHasherDefault;
use core::time::Duration;
use std::collections::HashMap;
use std::hash::DefaultHasher;

use proptest::prelude::*;

use super::super::{Quota, TokenBucket};
#[cfg(feature = "alloc")]
use super::table::{Entered, Table};
use super::{InvalidQuota, KeyedError, KeyedRateLimiter, WhenFull};
use crate::Rooms;
use crate::{Clock, Inline, Instant, Local, Platform};

type Hasher = BuildHasherDefault<DefaultHasher>;
type Limiter<const SHARDS: usize> = KeyedRateLimiter<u64, Local, Inline<64>, Instant, Hasher, SHARDS>;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn bucket(tokens: u32, nanos: u64, burst: u32) -> TokenBucket {
    TokenBucket::new(Quota::per(tokens, Duration::from_nanos(nanos)).unwrap().burst(burst).unwrap()).unwrap()
}

fn limiter<const SHARDS: usize>(bucket: TokenBucket, capacity: usize, when_full: WhenFull) -> Limiter<SHARDS> {
    Limiter::with_parts(bucket, capacity, when_full, Instant::EPOCH, Hasher::default())
}

fn check<const SHARDS: usize>(limiter: &Limiter<SHARDS>) {
    check_any(limiter);
}

fn check_any<P: Platform, S: Rooms, T: Clock, const SHARDS: usize>(
    limiter: &KeyedRateLimiter<u64, P, S, T, Hasher, SHARDS>,
) {
    for shard in &limiter.shards {
        shard.with(|machine| machine.table().check(|key| limiter.place(key).hash));
    }
    assert!(limiter.len() <= limiter.capacity());
}

#[test]
fn what_makes_no_sense_is_an_error() {
    struct Still;
    impl crate::Platform for Still {
        type RawMutex = mutex::raw_impls::local::LocalRawMutex;
        type CrowdedMutex = Self::RawMutex;
        const FAST_PATH: bool = false;
    }
    struct Never;
    impl crate::Clock for Never {
        fn now(&self) -> Instant {
            Instant::EPOCH
        }
    }
    impl crate::Timer for Never {
        type Sleep = core::future::Pending<()>;
        fn sleep_until(&self, _deadline: Instant) -> Self::Sleep {
            core::future::pending()
        }
    }
    impl crate::Timed for Still {
        type Timer = Never;
        const TIMER: Never = Never;
    }
    type Small = KeyedRateLimiter<u64, Still, Inline<4>, Never, Hasher>;
    let quota = Quota::per(2, Duration::from_secs(1)).unwrap();
    assert_eq!(Small::new(quota, 0).unwrap_err(), InvalidQuota::NoRoom);
    assert_eq!(Small::new(quota, 5).unwrap_err(), InvalidQuota::NoRoom);
    let sliding = Quota::sliding(2, Duration::from_secs(1)).unwrap();
    assert_eq!(Small::new(sliding, 4).unwrap_err(), InvalidQuota::NotABucket);
    let small = Small::new(quota, 4).unwrap();
    assert_eq!(small.try_acquire(&1, 0), Err(KeyedError::ZeroTokens));
    assert_eq!(small.try_acquire(&1, 3), Err(KeyedError::ExceedsBurst));
    assert!(small.is_empty(), "what is refused takes no room");
    assert_eq!(small.try_acquire(&1, 2), Ok(()));
    small.refund(&1, 1);
    assert_eq!(small.try_acquire(&1, 1), Ok(()));
    assert!(small.try_acquire(&1, 1).is_err());
    let none: Limiter<0> = limiter(bucket(1, 1, 1), 4, WhenFull::Refuse);
    assert_eq!(none.try_acquire_at(&1, 1, at(0)), Err(KeyedError::Full));
}

#[test]
fn the_fullest_is_forgotten_if_one_must_be() {
    let limiter: Limiter<1> = limiter(bucket(1, 1_000, 4), 3, WhenFull::ForgetFullest);
    for (key, tokens) in [(1, 3), (2, 1), (3, 4)] {
        assert_eq!(limiter.try_acquire_at(&key, tokens, at(0)), Ok(()));
    }
    assert_eq!(limiter.try_acquire_at(&4, 4, at(0)), Ok(()), "in the place of key 2");
    assert!(limiter.try_acquire_at(&1, 2, at(0)).is_err());
    assert!(limiter.try_acquire_at(&3, 1, at(0)).is_err());
    assert_eq!(limiter.try_acquire_at(&2, 4, at(0)), Ok(()), "in the place of key 1, and full again");
    assert!(limiter.try_acquire_at(&3, 1, at(0)).is_err());
    check(&limiter);
}

#[test]
fn a_clock_that_comes_back_from_afar_locks_no_new_key_out() {
    let limiter: Limiter<1> = limiter(bucket(1, 1_000, 1), 2, WhenFull::Refuse);
    let year = Instant::EPOCH + Duration::from_hours(24 * 365);
    assert_eq!(limiter.try_acquire_at(&1, 1, year), Ok(()));
    assert_eq!(limiter.try_acquire_at(&2, 1, year), Ok(()));
    assert_eq!(limiter.try_acquire_at(&3, 1, at(0)), Err(KeyedError::Full));
    assert_eq!(limiter.try_acquire_at(&3, 1, at(1_000)), Ok(()));
    check(&limiter);
}

#[test]
fn a_key_that_begins_anew_is_found_when_it_is_full() {
    let limiter: Limiter<1> = limiter(bucket(1, 1_000, 1), 2, WhenFull::Refuse);
    let hours = |hours| Instant::EPOCH + Duration::from_hours(hours);
    assert_eq!(limiter.try_acquire_at(&1, 1, hours(48)), Ok(()));
    // Two days back: the bucket is empty from now on, and full a microsecond later.
    assert!(limiter.try_acquire_at(&1, 1, at(0)).is_err());
    check(&limiter);
    assert_eq!(limiter.try_acquire_at(&2, 1, at(1)), Ok(()));
    assert_eq!(limiter.try_acquire_at(&3, 1, at(1_000)), Ok(()), "in the place of key 1");
}

#[test]
fn every_key_begins_with_a_full_bucket_whatever_the_template() {
    let mut used = bucket(1, 1_000, 2);
    assert_eq!(used.try_acquire(2, at(0)), Ok(()));
    let limiter: Limiter<1> = limiter(used, 2, WhenFull::Refuse);
    assert_eq!(limiter.try_acquire_at(&1, 2, at(0)), Ok(()));
}

/// Several blocks of buckets: what is known of a block from earlier must not decide.
#[test]
#[cfg(feature = "alloc")]
fn the_fullest_of_all_is_forgotten_however_many_there_are() {
    let limiter: KeyedRateLimiter<u64, Local, crate::Heap, Instant, Hasher> =
        KeyedRateLimiter::with_parts(bucket(1, 1_000, 4), 128, WhenFull::ForgetFullest, at(0), Hasher::default());
    for (keys, tokens) in [(0..64, 1), (64..128, 2), (0..64, 2)] {
        for key in keys {
            assert_eq!(limiter.try_acquire_at(&key, tokens, at(0)), Ok(()));
        }
    }
    assert_eq!(limiter.try_acquire_at(&200, 4, at(0)), Ok(()), "in the place of one that has two left");
    for key in 0..64 {
        assert!(limiter.try_acquire_at(&key, 2, at(0)).is_err(), "key {key} had one left");
    }
}

/// Room moves between shards while keys come, are used and are forgotten.
#[test]
#[cfg(feature = "alloc")]
fn the_tables_hold_together_while_room_moves() {
    let limiter: KeyedRateLimiter<u64, Local, crate::Heap, Instant, Hasher, 2> =
        KeyedRateLimiter::with_parts(bucket(1, 100, 4), 200, WhenFull::ForgetFullest, at(0), Hasher::default());
    let mut random = 1_u64;
    for step in 0..4_000_u64 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let key = (random >> 33) % 1_000;
        let _ = limiter.try_acquire_at(&key, 1 + (random >> 60) as u32 % 4, at(step));
        for shard in &limiter.shards {
            shard.with(|machine| machine.table().check(|key| limiter.place(key).hash));
        }
        assert!(limiter.len() <= 200);
    }
    assert_eq!(limiter.len(), 200);
}

/// The last bucket moves into another block when room is ceded, and is full before anything that was there.
#[test]
#[cfg(feature = "alloc")]
fn a_bucket_that_moves_to_another_block_is_found_when_it_is_full() {
    let bucket = bucket(1, 10, 200);
    let mut table: Table<u64, crate::Heap, crate::Heap> = Table::new();
    // Full at 90, at 1000 the rest of the block, and at 50 the first of the next block.
    for (key, tokens) in [(0, 9)].into_iter().chain((1..64).map(|key| (key, 100))).chain([(64, 5)]) {
        let entered = table.enter(key, key, &bucket, tokens, at(0), 65, false);
        assert!(matches!(entered, Entered::Answered(Ok(()), None)));
    }
    assert_eq!(table.cede(bucket.capacity(), at(100), 65, false), 1);
    table.check(|key| *key);
    // The clock has stepped back: of the two that were full only the one that moved is.
    assert!(matches!(table.enter(70, 70, &bucket, 1, at(60), 65, false), Entered::Answered(Ok(()), Some(64))));
    assert!(matches!(table.enter(71, 71, &bucket, 1, at(60), 65, false), Entered::NoRoom(71)));
    table.check(|key| *key);
}

/// Ten million keys; in a debug build, which takes a hundred times as long, two hundred thousand.
#[test]
#[cfg(feature = "alloc")]
fn a_flood_of_new_keys_takes_no_more_room_than_there_is() {
    const CAPACITY: usize = 10_000;
    let keys = if cfg!(debug_assertions) { 200_000 } else { 10_000_000 };
    for when_full in [WhenFull::Refuse, WhenFull::ForgetFullest] {
        let limiter: KeyedRateLimiter<u64, Local, crate::Heap, Instant, Hasher, 8> = KeyedRateLimiter::with_parts(
            bucket(1, 1_000_000, 1),
            CAPACITY,
            when_full,
            Instant::EPOCH,
            Hasher::default(),
        );
        let mut admitted = 0;
        for key in 0..keys {
            // Twice as fast as buckets become full.
            let answer = limiter.try_acquire_at(&key, 1, at(key * 50));
            assert!(answer.is_ok() || when_full == WhenFull::Refuse && answer == Err(KeyedError::Full));
            admitted += u64::from(answer.is_ok());
        }
        assert_eq!(limiter.len(), CAPACITY);
        // A bucket is full again after a millisecond: so many times over.
        let expected = if when_full == WhenFull::Refuse { keys / 2 } else { keys };
        assert!(admitted.abs_diff(expected) <= CAPACITY as u64, "{admitted} of {expected}");
        let room: usize = limiter.shards.iter().map(|shard| shard.with(|machine| machine.table().places())).sum();
        assert!(room <= CAPACITY * 2, "{room} places for {CAPACITY} keys");
    }
}

fn agrees<const SHARDS: usize>(
    capacity: usize,
    template: TokenBucket,
    steps: &[(u64, u64, u32, bool)],
) -> Result<(), TestCaseError> {
    let limiter: Limiter<SHARDS> = limiter(template, capacity, WhenFull::Refuse);
    let mut unbounded: HashMap<u64, TokenBucket> = HashMap::new();
    let mut now = 0;
    for &(key, pause, tokens, refund) in steps {
        now += pause;
        let tokens = tokens.min(template.burst());
        let short = unbounded.values().filter(|bucket| bucket.available(at(now)) < template.burst()).count();
        let known = unbounded.entry(key).or_insert(template);
        match limiter.try_acquire_at(&key, tokens, at(now)) {
            Err(KeyedError::Full) => prop_assert!(short >= capacity, "refused though only {short} are short"),
            answer => prop_assert_eq!(answer, known.try_acquire(tokens, at(now)).map_err(KeyedError::from)),
        }
        if refund {
            limiter.refund(&key, 1);
            known.refund(1);
        }
        check(&limiter);
    }
    Ok(())
}

proptest! {
    #[test]
    fn with_fewer_short_of_full_than_it_holds_it_admits_what_an_unbounded_one_does(
        capacity in 1_usize..12, rate in 1_u32..4, period in 1_u64..50, burst in 1_u32..4,
        steps in prop::collection::vec((0_u64..20, 0_u64..20, 1_u32..4, prop::bool::weighted(0.1)), 1..200),
    ) {
        let template = bucket(rate, period, burst);
        agrees::<1>(capacity, template, &steps)?;
        agrees::<2>(capacity, template, &steps)?;
        agrees::<5>(capacity, template, &steps)?;
    }
}
