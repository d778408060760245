//! Lifetimes, on a clock that is set by hand.

use super::*;
use crate::{Clock, Instant, ManualClock};

type Hands = ManualClock<Local, Inline<4>>;
type Timed<'a, E = Infallible> = Cache<u32, u32, Local, Room, E, Expiring<u32, &'a Hands>>;

const SECOND: Duration = Duration::from_secs(1);

fn timed<E>(lifetimes: Expiring<u32, &Hands>) -> Timed<'_, E> {
    Cache::with_parts(Config::new(8), lifetimes, DefaultHashBuilder)
}

/// Computes the seconds that have passed.
fn seconds(cache: &Timed<'_>, clock: &Hands) -> Result<u32, LoadError<Infallible>> {
    now(cache.get_or_load(&1, || async { u32::try_from(clock.now().as_nanos() / 1_000_000_000).unwrap() }))
}

#[test]
fn a_lifetime_counts_from_completion_and_use_does_not_prolong_it() {
    let clock = Hands::new();
    let cache = timed(Expiring::with_clock(3 * SECOND, &clock));
    let source = Source::new();
    let mut call = Box::pin(cache.get_or_load(&1, source.loader()));
    assert!(poll(&mut call).is_pending());
    clock.advance(10 * SECOND);
    source.set(0);
    assert_eq!(poll(&mut call), Poll::Ready(Ok(0)));
    clock.advance(2 * SECOND);
    assert_eq!(seconds(&cache, &clock), Ok(0));
    clock.advance(Duration::from_nanos(999_999_999));
    assert_eq!((seconds(&cache, &clock), cache.get(&1)), (Ok(0), Some(0)));
    clock.advance(Duration::from_nanos(1));
    assert_eq!(cache.get(&1), None);
    assert_eq!(seconds(&cache, &clock), Ok(13));
}

#[test]
fn a_lifetime_of_zero_keeps_nothing_and_one_beyond_time_never_ends() {
    let clock = Hands::new();
    let cache = timed(Expiring::with_clock(Duration::ZERO, &clock));
    assert_eq!(seconds(&cache, &clock), Ok(0));
    assert_eq!((cache.get(&1), cache.len(), cache.stats().misses), (None, 0, 1));
    cache.insert(1, 1);
    assert_eq!(cache.get(&1), None);

    let cache = timed(Expiring::with_clock(Duration::MAX, &clock).stale_while_revalidate(Duration::MAX));
    clock.set(Instant::from_nanos(u64::MAX - 1));
    assert_eq!(now(cache.get_or_load(&1, || async { 1 })), Ok(1));
    assert_eq!(now(cache.get_or_load(&1, || async { 3 })), Ok(1));
    clock.set(Instant::MAX);
    cache.insert(2, 2);
    assert_eq!(cache.get(&2), Some(2));
    assert_eq!(now(cache.get_or_load(&2, || async { 3 })), Ok(2), "fresh for ever");
    assert_eq!(cache.poll_timeout(), None);
}

#[test]
fn a_clock_that_goes_back_brings_nothing_back() {
    let clock = Hands::new();
    clock.set(Instant::EPOCH + 100 * SECOND);
    let cache = timed(Expiring::with_clock(SECOND, &clock));
    assert_eq!(seconds(&cache, &clock), Ok(100));
    clock.advance(SECOND);
    assert_eq!(cache.get(&1), None);
    clock.set(Instant::EPOCH);
    assert_eq!(cache.get(&1), None);
    assert_eq!(seconds(&cache, &clock), Ok(0));
}

#[test]
fn values_may_say_for_how_long_they_live() {
    let clock = Hands::new();
    let cache = timed::<Infallible>(Expiring::with_clock(SECOND, &clock).by_value(|&value| value * SECOND));
    for value in [0, 2, 4] {
        cache.insert(value, value);
    }
    assert_eq!(cache.get(&0), None);
    clock.advance(2 * SECOND);
    assert_eq!((cache.get(&2), cache.get(&4)), (None, Some(4)));
}

#[test]
fn errors_may_live_for_less() {
    let clock = Hands::new();
    let lifetimes = Expiring::with_clock(9 * SECOND, &clock).errors_for(SECOND);
    let cache: Timed<'_, &str> =
        Cache::with_parts(Config::new(8).keep_errors(true), lifetimes, DefaultHashBuilder);
    assert_eq!(now(cache.get_or_load(&1, || async { Err::<u32, _>("no") })), Err(LoadError::Failed("no")));
    assert_eq!(now(cache.get_or_load(&1, || async { Ok(1) })), Err(LoadError::Failed("no")));
    clock.advance(SECOND);
    assert_eq!(now(cache.get_or_load(&1, || async { Ok(1) })), Ok(1));
}

#[test]
fn what_has_expired_is_purged_on_request_and_goes_first() {
    let clock = Hands::new();
    let cache = timed::<Infallible>(Expiring::with_clock(SECOND, &clock));
    for key in 0..8 {
        cache.insert(key, key);
    }
    assert_eq!(cache.poll_timeout(), Some(Instant::EPOCH + SECOND));
    clock.advance(SECOND);
    cache.insert(9, 9);
    assert_eq!((cache.len(), cache.stats().evicted), (8, 0), "it took the room of one whose time is up");
    cache.purge();
    assert_eq!((cache.len(), cache.get(&9)), (1, Some(9)));
}

#[test]
fn a_stale_value_is_served_while_one_computes_anew() {
    let clock = Hands::new();
    let cache = timed(Expiring::with_clock(SECOND, &clock).stale_while_revalidate(SECOND));
    assert_eq!(seconds(&cache, &clock), Ok(0));
    clock.advance(SECOND);
    let source = Source::new();
    let mut refresher = Some(Box::pin(cache.get_or_load(&1, source.loader())));
    assert!(poll(refresher.as_mut().unwrap()).is_pending());
    assert_eq!(now(cache.get_or_load(&1, source.loader())), Ok(0), "stale, at once");
    refresher = None;
    assert_eq!(cache.in_flight(), 0);
    let mut next = Box::pin(cache.get_or_load(&1, source.loader()));
    assert!(poll(&mut next).is_pending(), "the next computes");
    clock.advance(SECOND / 2);
    source.set(5);
    assert_eq!(poll(&mut next), Poll::Ready(Ok(5)));
    assert_eq!(cache.get(&1), Some(5));
    clock.advance(SECOND * 3 / 2);
    assert_eq!(cache.get(&1), Some(5), "stale again");
    clock.advance(SECOND / 2);
    assert_eq!(cache.get(&1), None, "its time is up for good");
    drop(refresher);
}

#[test]
fn a_failure_to_compute_anew_leaves_the_old_value_for_its_time() {
    let clock = Hands::new();
    let cache: Timed<'_, &str> = timed(Expiring::with_clock(SECOND, &clock).stale_while_revalidate(SECOND));
    cache.insert(1, 1);
    clock.advance(SECOND);
    assert_eq!(now(cache.get_or_load(&1, || async { Err::<u32, _>("no") })), Err(LoadError::Failed("no")));
    assert_eq!(cache.get(&1), Some(1));
    clock.advance(SECOND);
    assert_eq!(cache.get(&1), None);
}

#[test]
fn errors_are_never_stale_and_what_is_not_kept_is_not_either() {
    let clock = Hands::new();
    let lifetimes = Expiring::with_clock(SECOND, &clock).stale_while_revalidate(SECOND).errors_for(SECOND);
    let cache: Timed<'_, &str> =
        Cache::with_parts(Config::new(8).keep_errors(true), lifetimes, DefaultHashBuilder);
    let fail = || now(cache.get_or_load(&1, || async { Err::<u32, _>("no") }));
    cache.insert(1, 1);
    clock.advance(SECOND);
    assert_eq!(fail(), Err(LoadError::Failed("no")));
    assert_eq!(cache.get(&1), None, "the error has taken the place of the old value");
    assert_eq!((fail(), cache.stats().misses), (Err(LoadError::Failed("no")), 1), "it is kept");
    clock.advance(SECOND);
    let source = Source::<Result<u32, &str>>::new();
    let mut refresher = Box::pin(cache.get_or_load(&1, source.loader()));
    assert!(poll(&mut refresher).is_pending());
    assert!(poll(&mut Box::pin(cache.get_or_load(&1, source.loader()))).is_pending(), "it is not served any more");

    let cache = timed(Expiring::with_clock(Duration::ZERO, &clock).stale_while_revalidate(SECOND));
    assert!(seconds(&cache, &clock).is_ok());
    assert_eq!((cache.get(&1), cache.len()), (None, 0));
}
