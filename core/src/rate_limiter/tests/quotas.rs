//! The quotas as plain values: exact, never early, all or nothing, and steadfast when the clock is not.

use core::time::Duration;
use std::vec::Vec;

use proptest::prelude::*;

use super::super::limits::Limits;
use super::super::{InvalidQuota, NotUntil, Quota, SlidingWindow, TokenBucket, TryAcquireError};
use super::{SECOND, at, quota};
use crate::{Inline, Instant};

const DAY: Duration = Duration::from_hours(24);

fn bucket(quota: Quota) -> TokenBucket {
    TokenBucket::new(quota).unwrap()
}

fn earliest(refused: Result<(), TryAcquireError>) -> Instant {
    refused.unwrap_err().earliest().expect("it is only too early")
}

/// What may have been admitted after `elapsed`, under saturation from a full bucket on.
fn due(quota: Quota, elapsed: u64) -> u128 {
    let period = quota.period().as_nanos();
    u128::from(quota.max_tokens()) + u128::from(elapsed) * u128::from(quota.tokens()) / period
}

#[test]
fn what_makes_no_sense_is_an_error() {
    assert_eq!(Quota::per(0, SECOND), Err(InvalidQuota::ZeroTokens));
    assert_eq!(Quota::sliding(0, SECOND), Err(InvalidQuota::ZeroTokens));
    assert_eq!(Quota::per(1, Duration::ZERO), Err(InvalidQuota::ZeroPeriod));
    assert_eq!(Quota::per(1, Duration::MAX), Err(InvalidQuota::TooLong));
    assert_eq!(quota(1, SECOND).burst(0), Err(InvalidQuota::ZeroBurst));
    assert_eq!(quota(1, DAY * 365 * 500).burst(2), Err(InvalidQuota::TooLong));
    assert_eq!(Quota::sliding(1, SECOND).unwrap().burst(2), Err(InvalidQuota::NotABucket));
    assert_eq!(bucket(quota(2, SECOND)).try_acquire(0, at(0)), Err(TryAcquireError::ZeroTokens));
    assert_eq!(bucket(quota(2, SECOND)).try_acquire(3, at(0)), Err(TryAcquireError::ExceedsBurst));
    let window = |n| SlidingWindow::<Inline<4>>::new(Quota::sliding(n, SECOND).unwrap());
    assert_eq!(window(5).unwrap_err(), InvalidQuota::NoRoom);
    assert_eq!(window(4).unwrap().try_acquire(5, at(0)), Err(TryAcquireError::ExceedsBurst));
    assert_eq!(window(4).unwrap().try_acquire(0, at(0)), Err(TryAcquireError::ZeroTokens));
    let wrong = |quotas: &[Quota]| Limits::<Inline<4>>::check(quotas).unwrap_err();
    assert_eq!(wrong(&[]), InvalidQuota::WrongNumber);
    assert_eq!(wrong(&[quota(1, SECOND); 5]), InvalidQuota::WrongNumber);
    assert_eq!(wrong(&[Quota::sliding(5, SECOND).unwrap()]), InvalidQuota::NoRoom);
}

/// The longest and the fastest quotas there are neither overflow nor admit early.
#[test]
fn extremes_hold() {
    let longest = Duration::from_nanos(u64::MAX);
    for quota in [
        quota(u32::MAX, Duration::from_nanos(1)).burst(u32::MAX).unwrap(),
        quota(u32::MAX, longest),
        quota(1, longest),
        quota(1, Duration::from_nanos(1)),
    ] {
        let mut bucket = bucket(quota);
        let max = bucket.burst();
        for now in [0, 1, 1 << 40, 1 << 62] {
            let first = bucket.try_acquire(max, at(now));
            let second = bucket.try_acquire(max, at(now));
            assert!(earliest(second) > at(now));
            assert!(first.is_ok() || earliest(first) > at(now));
        }
        // What would be full again only after the end of time is never to be had.
        assert_eq!(earliest(bucket.try_acquire(max, Instant::MAX)), Instant::MAX);
        assert_eq!(bucket.available(Instant::MAX), max);
    }
}

/// Over any horizon, under saturation: `burst + ⌊elapsed · n / period⌋`. Every admission is asked for one
/// nanosecond too early, and refused; then at the promised time, and had.
#[test]
fn awkward_rates_do_not_drift() {
    for quota in [
        quota(3, Duration::from_secs(7)),
        quota(1_000_003, SECOND),
        quota(1, DAY * 30),
        quota(7, DAY * 30).burst(2).unwrap(),
        quota(999_983, DAY).burst(2).unwrap(),
        quota(u32::MAX, SECOND).burst(20).unwrap(),
    ] {
        let mut bucket = bucket(quota);
        let start = 12_345_678_901;
        let (mut now, mut admitted) = (start, 0_u128);
        // At one per 30 days that is some 570 years.
        for _ in 0..7_000 {
            match bucket.try_acquire(1, at(now)) {
                Ok(()) => admitted += 1,
                Err(refused) => {
                    let next = refused.earliest().unwrap().as_nanos();
                    assert_eq!(admitted, due(quota, now - start), "{quota:?}");
                    assert!(bucket.try_acquire(1, at(next - 1)).is_err());
                    assert!(due(quota, next - start) > admitted, "{quota:?}: early");
                    assert_eq!(due(quota, next - 1 - start), admitted, "{quota:?}: needlessly late");
                    now = next;
                }
            }
        }
    }
}

/// The same after 10⁹ admissions; in a debug build, which takes a hundred times as long, after 10⁷.
#[test]
fn a_billion_admissions_do_not_drift() {
    let target = if cfg!(debug_assertions) { 10_000_000 } else { 1_000_000_000 };
    let quota = quota(1_000_003, SECOND).burst(1_000).unwrap();
    let mut bucket = bucket(quota);
    let (mut now, mut admitted) = (0, 0_u128);
    while admitted < target {
        match bucket.try_acquire(1, at(now)) {
            Ok(()) => admitted += 1,
            Err(refused) => now = refused.earliest().unwrap().as_nanos(),
        }
    }
    assert!(bucket.try_acquire(1, at(now)).is_err());
    assert_eq!(admitted, due(quota, now));
}

#[test]
fn a_clock_that_stands_still_admits_the_burst_and_no_more() {
    let mut bucket = bucket(quota(5, SECOND));
    let admitted = (0..1_000).filter(|_| bucket.try_acquire(1, at(77)).is_ok()).count();
    assert_eq!(admitted, 5);
}

#[test]
fn a_clock_that_jumps_a_year_fills_the_bucket_and_no_more() {
    let mut bucket = bucket(quota(5, SECOND));
    assert_eq!(bucket.try_acquire(5, at(0)), Ok(()));
    let year = Instant::EPOCH + DAY * 365;
    let admitted = (0..1_000).filter(|_| bucket.try_acquire(1, year).is_ok()).count();
    assert_eq!(admitted, 5);
    assert_eq!(earliest(bucket.try_acquire(1, year)), year + SECOND / 5);
}

#[test]
fn a_clock_that_runs_backwards_admits_nothing_early() {
    let mut bucket = bucket(quota(1, SECOND));
    let mut window = SlidingWindow::<Inline<1>>::new(Quota::sliding(1, SECOND).unwrap()).unwrap();
    let late = Instant::EPOCH + Duration::from_secs(100);
    assert!(bucket.try_acquire(1, late).is_ok() && window.try_acquire(1, late).is_ok());
    for back in (0..100).rev() {
        let now = Instant::EPOCH + Duration::from_secs(back);
        assert_eq!(earliest(bucket.try_acquire(1, now)), late + SECOND);
        assert_eq!(earliest(window.try_acquire(1, now)), late + SECOND);
    }
    assert!(bucket.try_acquire(1, late + SECOND).is_ok() && window.try_acquire(1, late + SECOND).is_ok());
}

/// One wild reading does not shut the door for a year, nor does it open it.
#[test]
fn a_clock_that_comes_back_from_afar_begins_anew_and_empty() {
    let mut bucket = bucket(quota(4, SECOND));
    let mut window = SlidingWindow::<Inline<4>>::new(Quota::sliding(4, SECOND).unwrap()).unwrap();
    let (now, year) = (at(5_000_000_000), Instant::EPOCH + DAY * 365);
    assert!(bucket.try_acquire(1, year).is_ok() && window.try_acquire(4, year).is_ok());
    assert_eq!(earliest(bucket.try_acquire(1, now)), now + SECOND / 4);
    assert_eq!(earliest(window.try_acquire(1, now)), now + SECOND);
    assert!(bucket.try_acquire(4, now + SECOND).is_ok() && window.try_acquire(4, now + SECOND).is_ok());
}

#[test]
fn a_refused_check_burns_nothing_in_any_quota() {
    let quotas = [quota(50, SECOND), quota(60, SECOND * 60), Quota::sliding(55, SECOND).unwrap()];
    let mut limits = Limits::<Inline<64>>::several(Limits::<Inline<64>>::check(&quotas).unwrap());
    assert_eq!(limits.try_acquire(50, at(0)), Ok(()));
    for _ in 0..1_000 {
        assert!(limits.try_acquire(1, at(0)).is_err());
    }
    // Had the other two paid for the refusals, they would be empty.
    assert_eq!(limits.available(at(0)), 0);
    let soon = at(100_000_000);
    assert_eq!(limits.available(soon), 5);
    assert_eq!(limits.try_acquire(5, soon), Ok(()));
    // 60 per minute: 55 are gone since the beginning, and 8 are wanted.
    let refused = limits.try_acquire(8, at(2_000_000_000)).unwrap_err();
    assert_eq!(refused, TryAcquireError::NotUntil(NotUntil { earliest: at(3_000_000_000) }));
}

#[test]
fn a_changed_quota_keeps_what_has_been_taken() {
    let mut bucket = bucket(quota(10, SECOND));
    assert_eq!(bucket.try_acquire(7, at(0)), Ok(()));
    bucket.set_quota(quota(20, SECOND), at(0)).unwrap();
    assert_eq!(bucket.available(at(0)), 13);
    bucket.set_quota(quota(5, SECOND), at(0)).unwrap();
    assert_eq!(bucket.available(at(0)), 0);
    assert_eq!(earliest(bucket.try_acquire(1, at(0))), at(200_000_000));
    assert_eq!(bucket.set_quota(Quota::sliding(5, SECOND).unwrap(), at(0)), Err(InvalidQuota::NotABucket));

    let mut window = SlidingWindow::<Inline<8>>::new(Quota::sliding(4, SECOND).unwrap()).unwrap();
    for now in [1, 2, 3, 4] {
        assert!(window.try_acquire(1, at(now)).is_ok());
    }
    window.set_quota(Quota::sliding(2, SECOND).unwrap()).unwrap();
    assert_eq!(earliest(window.try_acquire(1, at(5))), at(1_000_000_003));
    window.set_quota(Quota::sliding(8, SECOND).unwrap()).unwrap();
    assert_eq!(window.available(at(5)), 6);
}

#[test]
fn refunded_tokens_can_be_had_again_and_no_more_than_fit() {
    let mut bucket = bucket(quota(3, Duration::from_secs(7)));
    assert_eq!(bucket.try_acquire(3, at(9)), Ok(()));
    bucket.refund(2);
    assert_eq!(bucket.available(at(9)), 2);
    bucket.refund(1_000);
    assert_eq!(bucket.available(at(9)), 3);
    let mut window = SlidingWindow::<Inline<3>>::new(Quota::sliding(3, SECOND).unwrap()).unwrap();
    assert!(window.try_acquire(3, at(9)).is_ok());
    window.refund(2);
    assert_eq!(window.available(at(9)), 2);
    window.refund(1_000);
    assert_eq!(window.available(at(9)), 3);
}

/// What is owed is rounded up when the quota changes: never early.
#[test]
fn a_changed_quota_forgives_no_fraction() {
    let mut bucket = bucket(quota(3, Duration::from_secs(7)).burst(1).unwrap());
    assert_eq!(bucket.try_acquire(1, at(0)), Ok(()));
    // A nanosecond of 2⅓ s has passed, so three sevenths of one of a second.
    bucket.set_quota(quota(1, SECOND), at(1)).unwrap();
    assert_eq!(earliest(bucket.try_acquire(1, at(1))), at(1_000_000_001));
}

/// While the clock is back a little, what was taken counts from where it had been.
#[test]
fn a_window_keeps_its_times_in_order() {
    let mut window =
        SlidingWindow::<Inline<2>>::new(Quota::sliding(2, Duration::from_nanos(10)).unwrap()).unwrap();
    assert!(window.try_acquire(1, at(100)).is_ok());
    assert!(window.try_acquire(1, at(50)).is_ok());
    assert_eq!(earliest(window.try_acquire(1, at(70))), at(110));
    assert_eq!(earliest(window.try_acquire(2, at(70))), at(110));
}

/// A bucket as a fraction, with one common denominator: units of `1 / (n · period)` of a token.
struct Exact {
    tokens: u128,
    period: u128,
    level: u128,
    last: u64,
    burst: u128,
}

impl Exact {
    fn try_acquire(&mut self, tokens: u32, now: u64) -> bool {
        let came = u128::from(now - self.last) * self.tokens;
        self.last = now;
        self.level = (self.level + came).min(self.burst * self.period);
        let wanted = u128::from(tokens) * self.period;
        let had = wanted <= self.level;
        if had {
            self.level -= wanted;
        }
        had
    }
}

proptest! {
    #[test]
    fn a_bucket_is_a_bucket_of_fractions(
        tokens in 1_u32..2_000, period in 1_u64..5_000, burst in 1_u32..50,
        steps in prop::collection::vec((0_u64..4_000, 1_u32..5), 1..200),
    ) {
        let quota = quota(tokens, Duration::from_nanos(period)).burst(burst).unwrap();
        let mut bucket = bucket(quota);
        let burst = u128::from(burst);
        let period = u128::from(period);
        let mut exact =
            Exact { tokens: u128::from(tokens), period, level: burst * period, last: 0, burst };
        let mut now = 0;
        for (pause, wanted) in steps {
            now += pause;
            let wanted = wanted.min(quota.max_tokens());
            let refused = bucket.try_acquire(wanted, at(now));
            prop_assert_eq!(refused.is_ok(), exact.try_acquire(wanted, now));
            if let Err(refused) = refused {
                let earliest = refused.earliest().unwrap();
                let mut early = bucket;
                prop_assert!(early.try_acquire(wanted, at(earliest.as_nanos() - 1)).is_err());
                prop_assert!(early.try_acquire(wanted, earliest).is_ok());
            }
        }
    }

    #[test]
    fn a_window_is_a_log(
        limit in 1_u32..8, period in 1_u64..40,
        steps in prop::collection::vec((0_u64..15, 1_u32..5, any::<bool>()), 1..200),
    ) {
        let quota = Quota::sliding(limit, Duration::from_nanos(period)).unwrap();
        let mut window = SlidingWindow::<Inline<8>>::new(quota).unwrap();
        let mut log: Vec<u64> = Vec::new();
        let mut now = 0;
        for (pause, wanted, refund) in steps {
            now += pause;
            let wanted = wanted.min(limit);
            let counted = |now: u64| log.iter().filter(|&&time| time + period > now).count();
            let fits = counted(now) + wanted as usize <= limit as usize;
            let answer = window.try_acquire(wanted, at(now));
            prop_assert_eq!(answer.is_ok(), fits);
            match answer {
                Ok(()) => {
                    log.extend(core::iter::repeat_n(now, wanted as usize));
                    if refund {
                        window.refund(1);
                        log.pop();
                    }
                }
                Err(refused) => {
                    let earliest = refused.earliest().unwrap().as_nanos();
                    prop_assert!(counted(earliest) + wanted as usize <= limit as usize);
                    prop_assert!(counted(earliest - 1) + wanted as usize > limit as usize);
                }
            }
            // Never more than the limit inside of any window.
            for &from in &log {
                let inside = log.iter().filter(|&&time| (from..from + period).contains(&time)).count();
                prop_assert!(inside <= limit as usize);
            }
        }
    }
}
