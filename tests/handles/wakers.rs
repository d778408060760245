//! Wakers are foreign code: they run outside the lock, whatever they do, and take nobody down with them.

use core::hash::BuildHasherDefault;
use core::iter;
use core::panic::AssertUnwindSafe;
use core::task::{Poll, Waker};
use core::time::Duration;
use std::hash::DefaultHasher;
use std::panic;
use std::sync::Arc;

use tidegate_core::rate_limiter::{KeyedRateLimiter, Quota, RateLimiter, TokenBucket, WhenFull};
use tidegate_core::semaphore::{Acquire, AcquireError, Config, HeadOfLine, Semaphore};
use tidegate_core::{Heap, Local, ManualClock, Platform, Priority};
use tidegate_tests::{Count, Hook, poll_once, poll_with};
use tidegate_threads::{Threads, priority};

type Shared = Arc<Semaphore<Threads, Heap>>;

fn shared(permits: usize, config: Config) -> Shared {
    Arc::new(Semaphore::with_config(permits, config))
}

/// So many waiters for one permit each, and the count of their wakes.
fn crowd(semaphore: &Shared, waiters: usize) -> (Vec<Acquire<Shared>>, Arc<Count>) {
    let (count, waker) = Count::new();
    let mut crowd: Vec<_> =
        iter::repeat_with(|| Semaphore::acquire_owned(Arc::clone(semaphore), 1)).take(waiters).collect();
    for acquire in &mut crowd {
        assert!(poll_with(acquire, &waker).is_pending());
    }
    (crowd, count)
}

/// A waker that uses the semaphore in every way while it is woken and while it is dropped.
fn meddler(semaphore: &Shared) -> Waker {
    let meddle = |semaphore: Shared| {
        move || {
            drop(semaphore.try_acquire());
            assert!(poll_once(&mut semaphore.acquire()).is_pending() || !semaphore.is_closed());
            semaphore.add_permits(1).unwrap();
            semaphore.reduce_permits(1);
            let _ = (semaphore.available_permits(), semaphore.waiters());
        }
    };
    Hook::waker(meddle(Arc::clone(semaphore)), meddle(Arc::clone(semaphore)))
}

#[test]
fn a_replaced_waker_is_dropped_outside_the_lock() {
    let semaphore = shared(0, Config::new());
    let mut acquire = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
    assert!(poll_with(&mut acquire, &meddler(&semaphore)).is_pending());
    // The only clone of the meddler is the one in line. It is dropped here, and meddles.
    let (count, waker) = Count::new();
    assert!(poll_with(&mut acquire, &waker).is_pending());
    semaphore.add_permits(1).unwrap();
    assert_eq!(count.get(), 1);
    assert!(poll_with(&mut acquire, &waker).is_ready());
}

#[test]
fn a_cancelled_waker_is_dropped_outside_the_lock() {
    let semaphore = shared(0, Config::new());
    let mut acquire = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
    assert!(poll_with(&mut acquire, &meddler(&semaphore)).is_pending());
    drop(acquire);
    assert_eq!((semaphore.waiters(), semaphore.available_permits()), (0, 0));
}

/// The first in a limiter's line is served at its own poll, and its waker is left over.
#[test]
fn the_waker_of_who_serves_itself_is_dropped_outside_the_lock() {
    let (clock, quota) = (clock(), Quota::per(1, Duration::from_secs(1)).unwrap());
    let limiter = Arc::new(RateLimiter::<Threads, Heap, _>::with_timer(quota, clock));
    assert!(limiter.try_acquire(1).is_ok());
    let first = RateLimiter::acquire_owned(Arc::clone(&limiter), 1);
    serves_itself(clock, first, move || assert_eq!(limiter.waiters(), 0));
}

/// So it is in the line of a key.
#[test]
fn the_waker_of_who_serves_itself_is_dropped_outside_the_lock_of_its_key() {
    type Keyed = KeyedRateLimiter<u8, Threads, Heap, &'static Clock, BuildHasherDefault<DefaultHasher>>;
    let (clock, quota) = (clock(), Quota::per(1, Duration::from_secs(1)).unwrap());
    let bucket = TokenBucket::new(quota).unwrap();
    let limiter = Arc::new(Keyed::with_parts(bucket, 4, WhenFull::Refuse, clock, BuildHasherDefault::default()));
    assert!(limiter.try_acquire(&0, 1).is_ok());
    let first = Keyed::acquire_owned(Arc::clone(&limiter), 0, 1);
    serves_itself(clock, first, move || assert!(limiter.try_acquire(&0, 1).is_err(), "its token is taken"));
}

type Clock = ManualClock<Threads, Heap>;

fn clock() -> &'static Clock {
    Box::leak(Box::new(Clock::new()))
}

/// Whoever waits for a second is served, and its waker, dropped once, meddles.
fn serves_itself(clock: &Clock, mut first: impl Future + Unpin, meddle: impl Fn() + Send + Sync + 'static) {
    let (dropped, counts) = Count::new();
    let meddle = move || {
        meddle();
        counts.wake_by_ref();
    };
    assert!(poll_with(&mut first, &Hook::waker(|| (), meddle)).is_pending());
    clock.advance(Duration::from_secs(1));
    assert_eq!(dropped.get(), 0, "it is in line");
    assert!(poll_once(&mut first).is_ready());
    assert_eq!(dropped.get(), 1);
}

#[test]
fn whoever_is_woken_may_use_the_semaphore_at_once() {
    for config in [Config::new(), Config::new().barging(true), Config::new().max_bypass(1)] {
        let semaphore = shared(0, config);
        let mut first = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
        let mut second = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
        assert!(poll_with(&mut first, &meddler(&semaphore)).is_pending());
        assert!(poll_with(&mut second, &meddler(&semaphore)).is_pending());
        semaphore.add_permits(2).unwrap();
        assert!(poll_once(&mut first).is_ready());
        assert!(poll_once(&mut second).is_ready());
        assert_eq!((semaphore.waiters(), semaphore.available_permits()), (0, 2));
    }
}

#[test]
fn a_wake_that_panics_strands_nobody_past_one_batch() {
    for place in [0, 1, 15, 16, 17, 39] {
        let semaphore = shared(0, Config::new());
        let (mut before, before_count) = crowd(&semaphore, place);
        let mut bad = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
        assert!(poll_with(&mut bad, &Hook::waker(|| panic!("on purpose"), || ())).is_pending());
        let (mut behind, behind_count) = crowd(&semaphore, 40 - place);
        let woken = panic::catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(41)));
        assert!(woken.is_err(), "it went on to the caller");
        assert_eq!((before_count.get(), behind_count.get()), (place, 40 - place));
        for acquire in before.iter_mut().chain([&mut bad]).chain(&mut behind) {
            assert!(poll_once(acquire).is_ready());
        }
        assert_eq!(semaphore.available_permits(), 41);
    }
}

#[test]
fn a_wake_that_panics_during_close_strands_nobody() {
    let semaphore = shared(0, Config::new());
    let mut bad = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
    assert!(poll_with(&mut bad, &Hook::waker(|| panic!("on purpose"), || ())).is_pending());
    let (mut behind, count) = crowd(&semaphore, 40);
    assert!(panic::catch_unwind(AssertUnwindSafe(|| semaphore.close())).is_err());
    assert_eq!(count.get(), 40);
    for acquire in behind.iter_mut().chain([&mut bad]) {
        assert!(matches!(poll_once(acquire), Poll::Ready(Err(AcquireError::Closed))));
    }
}

/// While one task takes its permit, another is woken, whose wake panics. The permit comes back, once.
#[test]
fn a_wake_that_panics_under_a_grant_costs_no_permit_and_makes_none() {
    let semaphore = shared(3, Config::new().barging(true));
    let kept = semaphore.try_acquire().unwrap();
    let others = semaphore.try_acquire_many(2).unwrap();
    let mut first = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
    assert!(poll_once(&mut first).is_pending());
    let mut second = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
    assert!(poll_with(&mut second, &Hook::waker(|| panic!("on purpose"), || ())).is_pending());
    drop(others);
    let polled = panic::catch_unwind(AssertUnwindSafe(|| poll_once(&mut first)));
    assert!(polled.is_err(), "the second was woken and panicked");
    drop(first);
    assert!(poll_once(&mut second).is_ready());
    assert_eq!(semaphore.available_permits(), 2, "one of three is kept");
    drop(kept);
    assert_eq!(semaphore.available_permits(), 3);
}

/// A newcomer that passes makes twenty overdue: two lists of wakes, and the last wake of the second panics.
#[test]
fn a_wake_that_panics_in_a_later_batch_costs_the_newcomer_no_permit() {
    let semaphore = shared(21, Config::new().max_bypass(1));
    let mut large = Semaphore::acquire_owned(Arc::clone(&semaphore), 100);
    assert!(poll_once(&mut large).is_pending());
    let panics = Hook::waker(|| panic!("on purpose"), || ());
    let mut behind: Vec<_> = iter::repeat_with(|| semaphore.acquire().priority(Priority(9))).take(20).collect();
    for (place, acquire) in behind.iter_mut().enumerate() {
        let waker = if place == 19 { &panics } else { Waker::noop() };
        assert!(poll_with(acquire, waker).is_pending());
    }
    let newcomer = || priority::scope(Priority(-9), || drop(semaphore.try_acquire().unwrap()));
    assert!(panic::catch_unwind(AssertUnwindSafe(newcomer)).is_err(), "the last one was woken");
    let served: Vec<_> = behind.iter_mut().map(poll_once).collect();
    assert!(served.iter().all(Poll::is_ready));
    assert_eq!(semaphore.available_permits(), 1, "the newcomer's came back");
}

/// Between two batches of a close one who waits may be polled by another task than before.
#[test]
fn a_waiter_that_moves_during_close_is_woken_where_it_is() {
    let semaphore = shared(0, Config::new());
    let last = Arc::new(std::sync::Mutex::new(Semaphore::acquire_owned(Arc::clone(&semaphore), 1)));
    let (count, waker) = Count::new();
    let mut first = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
    let moving = Hook::waker(
        {
            let last = Arc::clone(&last);
            move || {
                // The last one now belongs to another task, whose waker it is.
                let polled = poll_with(&mut *last.lock().unwrap(), &waker);
                assert!(polled.is_pending() || matches!(polled, Poll::Ready(Err(AcquireError::Closed))));
                if polled.is_ready() {
                    waker.wake_by_ref();
                }
            }
        },
        || (),
    );
    assert!(poll_with(&mut first, &moving).is_pending());
    let (_behind, _) = crowd(&semaphore, 20);
    assert!(poll_once(&mut *last.lock().unwrap()).is_pending());
    semaphore.close();
    assert_eq!(count.get(), 1, "the task that polled it last has heard of the close");
}

/// Permits for many waiters are handed out a batch at a time; nobody gets in between the batches.
#[test]
fn nobody_barges_in_between_two_batches() {
    let semaphore = shared(0, Config::new().head_of_line(HeadOfLine::Bypass { at_most: 100 }));
    let mut large = Semaphore::acquire_owned(Arc::clone(&semaphore), 50);
    assert!(poll_once(&mut large).is_pending());
    let mut first = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
    let (barged, _waker) = Count::new();
    let barging = Hook::waker(
        {
            let (semaphore, barged) = (Arc::clone(&semaphore), Arc::clone(&barged));
            move || {
                if let Ok(permit) = semaphore.try_acquire() {
                    permit.forget();
                    Waker::from(Arc::clone(&barged)).wake();
                }
            }
        },
        || (),
    );
    assert!(poll_with(&mut first, &barging).is_pending());
    let (mut behind, count) = crowd(&semaphore, 19);
    semaphore.add_permits(20).unwrap();
    assert_eq!(barged.get(), 0, "those in line came first");
    assert_eq!(count.get(), 19);
    assert!(behind.iter_mut().all(|acquire| poll_once(acquire).is_ready()));
}

/// Whoever asks between the batches is not refused what nobody in line is waiting for.
#[test]
fn what_is_left_over_can_be_had_between_two_batches() {
    let semaphore = shared(0, Config::new());
    let (had, waker) = Count::new();
    let asking = {
        let semaphore = Arc::clone(&semaphore);
        move || {
            if let Ok(permit) = semaphore.try_acquire_many(3) {
                drop(permit);
                waker.wake_by_ref();
            }
        }
    };
    let mut first = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
    assert!(poll_with(&mut first, &Hook::waker(asking, || ())).is_pending());
    let (_behind, woken) = crowd(&semaphore, 16);
    semaphore.add_permits(20).unwrap();
    assert_eq!((had.get(), woken.get()), (1, 16));
}

/// One who goes ahead may be the last that a less urgent waiter had to sit through.
fn who_is_overdue_after_a_newcomer_is_served<P: Platform>() {
    let semaphore = Semaphore::<P, Heap>::with_config(2, Config::new().max_bypass(1));
    let (count, waker) = Count::new();
    let mut large = semaphore.acquire_many(5);
    let mut overdue = semaphore.acquire().priority(Priority(9));
    assert!(poll_once(&mut large).is_pending());
    assert!(poll_with(&mut overdue, &waker).is_pending());
    let Poll::Ready(Ok(urgent)) = poll_with(&mut semaphore.acquire().priority(Priority(-9)), Waker::noop()) else {
        panic!("it is more urgent than all who wait");
    };
    assert_eq!(count.get(), 1, "it has sat through one grant, and a permit is free");
    assert!(poll_with(&mut overdue, &waker).is_ready());
    drop(urgent);
}

#[test]
fn who_becomes_overdue_is_served_at_once() {
    who_is_overdue_after_a_newcomer_is_served::<Local>();
    who_is_overdue_after_a_newcomer_is_served::<Threads>();
}

/// A new head of the line lets others pass, even if the head before it would not any more.
fn a_new_head_lets_others_pass<P: Platform>() {
    let config = Config::new().head_of_line(HeadOfLine::Bypass { at_most: 1 });
    let semaphore = Semaphore::<P, Heap>::with_config(1, config);
    let (count, waker) = Count::new();
    let mut large = semaphore.acquire_many(5);
    assert!(poll_once(&mut large).is_pending());
    drop(semaphore.try_acquire().unwrap());
    let mut small = semaphore.acquire();
    assert!(poll_with(&mut small, &waker).is_pending());
    assert_eq!(semaphore.available_permits(), 1);
    let mut larger = semaphore.acquire_many(6).priority(Priority(-1));
    assert!(poll_once(&mut larger).is_pending());
    assert_eq!(count.get(), 1, "the head cannot be served, and has let nobody pass yet");
    assert!(poll_with(&mut small, &waker).is_ready());
}

#[test]
fn a_new_head_lets_those_behind_it_pass_at_once() {
    a_new_head_lets_others_pass::<Local>();
    a_new_head_lets_others_pass::<Threads>();
}
