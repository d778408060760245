//! Step by step; the model is in `tests/models`.

use core::iter;

use super::*;
use crate::Inline;

const TTL: Duration = Duration::from_nanos(100);

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// The same test on both storages.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod inline {
            $(#[test] fn $name() { super::$name::<crate::Inline<8>>(); })*
        }
        #[cfg(feature = "alloc")]
        mod heap {
            $(#[test] fn $name() { super::$name::<crate::Heap>(); })*
        }
    };
}

on_both! {
    nobody_sees_an_expired_value
    use_does_not_prolong_a_life
    what_has_expired_goes_before_what_has_not
    a_clock_that_goes_back_changes_nothing
    a_lifetime_of_zero_is_over_at_once
    a_lifetime_beyond_the_end_of_time_has_none
    capacity_zero_keeps_nothing
    what_is_over_at_once_does_not_hide_behind_what_is_over_soon
    purging_is_bounded_and_complete
    lifetimes_of_all_lengths_are_purged_in_time
}

fn nobody_sees_an_expired_value<S: Storage>() {
    let mut cache: TtlLru<u32, u32, S> = TtlLru::new(4, TTL);
    cache.insert(1, 10, at(0));
    cache.insert_with_ttl(2, 20, TTL * 2, at(0));
    assert_eq!(cache.get(&1, at(99)), Some(&10));
    let now = at(100);
    assert_eq!((cache.get(&1, now).copied(), cache.peek(&1, now), cache.expires_at(&1, now)), (None, None, None));
    assert_eq!(cache.expires_at(&2, now), Some(at(200)));
    assert!(cache.iter(now).eq([(&2, &20)]));
    assert!(cache.iter(now).rev().eq([(&2, &20)]));
    assert_eq!(cache.len(), 2, "it has not been purged");
    assert_eq!(cache.remove(&1, now), None);
    assert_eq!(cache.insert(1, 11, now), None, "it was dropped");
    assert_eq!(cache.insert(1, 12, at(200)), Some(Displaced::Expired(1, 11)));
    assert_eq!(cache.get_or_insert_with(2, at(200), || 21), Some(&mut 21));
    assert_eq!(cache.pop_lru(at(250)), Some(Displaced::Evicted(1, 12)));
    assert_eq!(cache.pop_lru(at(300)), Some(Displaced::Expired(2, 21)));
    assert_eq!(cache.pop_lru(at(300)), None);
}

fn use_does_not_prolong_a_life<S: Storage>() {
    let mut cache: TtlLru<u32, u32, S> = TtlLru::new(4, TTL);
    cache.insert(1, 10, at(0));
    assert_eq!(cache.get_or_insert_with(1, at(50), || unreachable!("it is there")), Some(&mut 10));
    *cache.get_mut(&1, at(99)).unwrap() = 11;
    assert_eq!(cache.get(&1, at(100)), None);
    cache.insert(1, 12, at(150));
    assert_eq!(cache.insert(1, 13, at(160)), Some(Displaced::Replaced(1, 12)));
    assert_eq!(cache.get(&1, at(259)), Some(&13), "a new value has a life of its own");
}

fn what_has_expired_goes_before_what_has_not<S: Storage>() {
    let mut cache: TtlLru<u32, u32, S> = TtlLru::new(3, TTL);
    cache.insert(1, 10, at(0));
    cache.insert_with_ttl(2, 20, TTL / 2, at(0));
    cache.insert(3, 30, at(0));
    cache.get(&2, at(0));
    assert_eq!(cache.insert(4, 40, at(50)), Some(Displaced::Expired(2, 20)));
    assert_eq!(cache.insert(5, 50, at(51)), Some(Displaced::Evicted(1, 10)));
}

fn a_clock_that_goes_back_changes_nothing<S: Storage>() {
    let mut cache: TtlLru<u32, u32, S> = TtlLru::new(3, TTL);
    cache.insert(1, 10, at(1_000));
    assert_eq!(cache.get(&1, at(1_100)), None);
    assert_eq!((cache.get(&1, at(0)).copied(), cache.peek(&1, at(0))), (None, None));
    assert_eq!(cache.iter(at(0)).count(), 0);
    cache.insert(2, 20, at(0));
    assert_eq!(cache.expires_at(&2, at(0)), Some(at(1_200)));
    cache.handle_timeout(at(0));
    assert_eq!(cache.len(), 1);
}

fn a_lifetime_of_zero_is_over_at_once<S: Storage>() {
    let mut cache: TtlLru<u32, u32, S> = TtlLru::new(2, Duration::ZERO);
    assert_eq!(cache.insert(1, 10, at(5)), Some(Displaced::Expired(1, 10)));
    assert_eq!(cache.get_or_insert_with(1, at(5), || unreachable!("it would be gone")), None);
    cache.insert_with_ttl(1, 10, TTL, at(5));
    assert_eq!(cache.insert(1, 11, at(5)), Some(Displaced::Replaced(1, 10)));
    assert_eq!(cache.get(&1, at(5)), None);
    assert_eq!(cache.poll_timeout(), Some(at(5)));
    assert_eq!(cache.pop_expired(at(5)), Some((1, 11)));
    assert_eq!((cache.len(), cache.poll_timeout()), (0, None));
}

fn what_is_over_at_once_does_not_hide_behind_what_is_over_soon<S: Storage>() {
    let mut cache: TtlLru<u32, u32, S> = TtlLru::new(2, Duration::from_nanos(1));
    cache.insert(1, 10, at(0));
    cache.insert(2, 20, at(0));
    cache.insert_with_ttl(1, 11, Duration::ZERO, at(0));
    assert_eq!(cache.insert(3, 30, at(0)), Some(Displaced::Expired(1, 11)));
    assert_eq!(cache.poll_timeout().map(|due| due <= at(1)), Some(true));
}

fn a_lifetime_beyond_the_end_of_time_has_none<S: Storage>() {
    let mut cache: TtlLru<u32, u32, S> = TtlLru::new(2, Duration::MAX);
    cache.insert(1, 10, at(5));
    assert_eq!(cache.poll_timeout(), None);
    assert_eq!(cache.get(&1, Instant::MAX), Some(&10));
    cache.handle_timeout(Instant::MAX);
    cache.set_ttl(TTL);
    cache.insert(2, 20, Instant::MAX);
    assert_eq!((cache.ttl(), cache.len(), cache.get(&2, Instant::MAX)), (TTL, 2, Some(&20)));
}

fn capacity_zero_keeps_nothing<S: Storage>() {
    let mut cache: TtlLru<u32, u32, S> = TtlLru::new(0, TTL);
    assert_eq!(cache.insert(1, 10, at(0)), Some(Displaced::Evicted(1, 10)));
    assert_eq!(cache.get_or_insert_with(1, at(0), || unreachable!("nowhere to put it")), None);
    assert_eq!((cache.len(), cache.poll_timeout()), (0, None));
    cache.resize(1);
    assert_eq!(cache.insert(1, 10, at(0)), None);
    cache.resize(0);
    assert_eq!((cache.len(), cache.poll_timeout()), (0, None));
}

fn purging_is_bounded_and_complete<S: Storage>() {
    let mut cache: TtlLru<u32, u32, S> = TtlLru::new(8, TTL);
    for key in 0..8 {
        cache.insert(key, key, at(u64::from(key)));
    }
    assert_eq!(cache.poll_timeout(), Some(at(100)));
    assert_eq!(cache.pop_expired(at(99)), None);
    assert_eq!(iter::from_fn(|| cache.pop_expired(at(103))).map(|(key, _)| key).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(cache.poll_timeout(), Some(at(104)));
    cache.handle_timeout(at(1_000));
    assert_eq!((cache.len(), cache.poll_timeout()), (0, None));
}

/// Shorter and shorter ones behind longer ones of the same class.
fn lifetimes_of_all_lengths_are_purged_in_time<S: Storage>() {
    for shift in [4, 20, 50] {
        let mut cache: TtlLru<u64, u64, S> = TtlLru::new(8, TTL);
        let unit = 1_u64 << shift;
        let deadlines = [1_999, 1_500, 1_001, 1_998, 500, 1_002, 700, 1_000];
        for deadline in deadlines {
            cache.insert_with_ttl(deadline, 0, Duration::from_nanos(deadline * unit), at(0));
        }
        let mut sorted = deadlines;
        sorted.sort_unstable();
        for (left, deadline) in (0..8).rev().zip(sorted) {
            let now = at(deadline * unit);
            assert!(cache.poll_timeout().is_some_and(|due| due <= now));
            while cache.poll_timeout().is_some_and(|due| due <= now) {
                cache.handle_timeout(now);
            }
            assert_eq!(cache.len(), left, "at {deadline} of {shift}");
        }
    }
}

#[test]
fn it_can_be_a_constant() {
    const EMPTY: TtlLru<u32, u32, Inline<2>> = TtlLru::new(2, TTL);
    assert!(EMPTY.is_empty());
    assert_eq!(format!("{EMPTY:?}"), "TtlLru { len: 0, capacity: 2, ttl: 100ns, .. }");
}

/// Thousands expire at one moment: every call deals with a few, and says that more are left.
#[cfg(feature = "alloc")]
#[test]
fn a_crowd_is_purged_in_bounded_steps() {
    let mut cache: TtlLru<u32, u32, crate::Heap> = TtlLru::new(1_000, TTL);
    cache.reserve();
    for key in 0..1_000 {
        cache.insert(key, key, at(0));
    }
    let mut calls = 0;
    while cache.poll_timeout().is_some_and(|due| due <= at(100)) {
        let before = cache.len();
        cache.handle_timeout(at(100));
        assert!(before - cache.len() <= STEPS);
        calls += 1;
    }
    assert!(cache.is_empty() && calls >= 1_000 / STEPS);
}
