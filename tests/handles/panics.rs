//! Wakes that panic, in any list of wakes: nobody is stranded, and what the caller was about to get comes back.

use core::future::{Pending, pending};
use core::hash::BuildHasherDefault;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::Waker;
use core::time::Duration;
use std::hash::DefaultHasher;
use std::panic;
use std::sync::{Arc, Mutex};

use tidegate_core::lockout::{InOrder, Lockout, Order, Together};
use tidegate_core::rate_limiter::{Acquire, KeyedRateLimiter, Quota, RateLimiter, TokenBucket, WhenFull};
use tidegate_core::{Clock, Heap, Instant, Priority, Timer};
use tidegate_tests::{Count, Hook, poll_once, poll_with};
use tidegate_threads::{Threads, priority};

/// A clock that is set, and wakes nobody.
#[derive(Debug, Default)]
struct Silent(AtomicU64);

impl Silent {
    fn set_secs(&self, secs: u64) {
        self.0.store(secs * 1_000_000_000, Ordering::SeqCst);
    }
}

impl Clock for Silent {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

impl Timer for &Silent {
    type Sleep = Pending<()>;

    fn sleep_until(&self, _deadline: Instant) -> Pending<()> {
        pending()
    }
}

type Limiter<'a> = RateLimiter<Threads, Heap, &'a Silent>;
type Waiting<'a> = Pin<Box<Acquire<&'a Limiter<'a>>>>;

/// So many per second, as many at once, and all of them taken.
fn exhausted(clock: &Silent, tokens: u32) -> Limiter<'_> {
    let limiter = Limiter::with_timer(Quota::per(tokens, Duration::from_secs(1)).unwrap(), clock);
    limiter.try_acquire(tokens).unwrap();
    limiter
}

fn panicking() -> Waker {
    Hook::waker(|| panic!("on purpose"), || ())
}

fn is_caught<T>(call: impl FnOnce() -> T) -> bool {
    panic::catch_unwind(AssertUnwindSafe(call)).is_err()
}

/// So many who wait for a token, of which one has a waker that panics.
fn line<'a>(limiter: &'a Limiter<'a>, waiters: usize, bad: usize) -> (Vec<Waiting<'a>>, Arc<Count>) {
    let (count, waker) = Count::new();
    let mut line: Vec<Waiting<'_>> = (0..waiters).map(|_| Box::pin(limiter.acquire(1))).collect();
    for (place, acquire) in line.iter_mut().enumerate() {
        let waker = if place == bad { &panicking() } else { &waker };
        assert!(poll_with(acquire, waker).is_pending());
    }
    (line, count)
}

#[test]
fn nobody_in_a_limiters_line_is_stranded() {
    for bad in [0, 1, 15, 16, 17, 39] {
        let clock = Silent::default();
        let limiter = exhausted(&clock, 50);
        let (mut line, count) = line(&limiter, 40, bad);
        clock.set_secs(1);
        assert!(is_caught(|| limiter.refund(1)), "it went on to the caller");
        assert_eq!(count.get(), 39);
        assert!(line.iter_mut().all(|acquire| poll_once(acquire).is_ready()));
        assert_eq!((limiter.available(), limiter.waiters()), (11, 0), "50 came, and one that was put back");
    }
}

/// Those who are due are served along with it: two lists of wakes, of which either panics.
#[test]
fn a_limiters_newcomer_gets_its_tokens_back() {
    for bad in [0, 19] {
        for waits in [false, true] {
            let clock = Silent::default();
            let limiter = exhausted(&clock, 50);
            let (mut line, _) = line(&limiter, 20, bad);
            clock.set_secs(1);
            let newcomer = || {
                let mut acquire = Box::pin(limiter.acquire(5).priority(Priority(-9)));
                let polled = waits.then(|| poll_once(&mut acquire));
                polled.map_or_else(|| limiter.try_acquire(5), |_| Ok(()))
            };
            assert!(is_caught(|| priority::scope(Priority(-9), newcomer)));
            assert!(line.iter_mut().all(|acquire| poll_once(acquire).is_ready()));
            assert_eq!(limiter.available(), 30, "50 came, and 20 are taken");
        }
    }
}

type Keyed<'a> = KeyedRateLimiter<u8, Threads, Heap, &'a Silent, BuildHasherDefault<DefaultHasher>>;

/// What is woken along with it may panic.
#[test]
fn a_keyed_limiters_newcomer_gets_its_tokens_back() {
    for bad in [0, 15, 16, 19] {
        for waits in [false, true] {
            let clock = Silent::default();
            let bucket = TokenBucket::new(Quota::per(50, Duration::from_secs(1)).unwrap()).unwrap();
            let limiter: Keyed<'_> =
                KeyedRateLimiter::with_parts(bucket, 4, WhenFull::Refuse, &clock, BuildHasherDefault::default());
            limiter.try_acquire(&1, 50).unwrap();
            let (count, waker) = Count::new();
            let mut line: Vec<_> = (0..20).map(|_| Box::pin(limiter.acquire(&1, 1))).collect();
            for (place, acquire) in line.iter_mut().enumerate() {
                let waker = if place == bad { &panicking() } else { &waker };
                assert!(poll_with(acquire, waker).is_pending());
            }
            clock.set_secs(1);
            let newcomer = || {
                let mut acquire = Box::pin(limiter.acquire(&1, 5).priority(Priority(-9)));
                let polled = waits.then(|| poll_once(&mut acquire));
                polled.map_or_else(|| limiter.try_acquire(&1, 5), |_| Ok(()))
            };
            assert!(is_caught(|| priority::scope(Priority(-9), newcomer)));
            assert_eq!(count.get(), 19, "nobody else is stranded");
            assert!(line.iter_mut().all(|acquire| poll_once(acquire).is_ready()));
            assert_eq!((limiter.level(&1).available, limiter.waiters()), (30, 0));
        }
    }
}

/// All wait for more than the quota has from now on. While the first is woken, another hears of it, and a wake
/// of the next list panics under its poll: it has not had any tokens to give back.
#[test]
fn a_limiters_refused_waiter_gives_nothing_back() {
    let clock: &'static Silent = Box::leak(Box::default());
    let limiter: &'static Limiter<'_> = Box::leak(Box::new(exhausted(clock, 2)));
    let second = Arc::new(Mutex::new(Some(Box::pin(limiter.acquire(2)))));
    let hears = {
        let second = Arc::clone(&second);
        move || {
            let mut acquire = second.lock().unwrap().take().expect("it is woken once");
            assert!(is_caught(|| poll_once(&mut acquire)));
            drop(acquire);
        }
    };
    let mut first = Box::pin(limiter.acquire(2));
    assert!(poll_with(&mut first, &Hook::waker(hears, || ())).is_pending());
    assert!(poll_once(second.lock().unwrap().as_mut().unwrap()).is_pending());
    let mut others: Vec<_> = (0..40).map(|_| Box::pin(limiter.acquire(2))).collect();
    for (place, acquire) in others.iter_mut().enumerate() {
        let waker = if place == 20 { &panicking() } else { Waker::noop() };
        assert!(poll_with(acquire, waker).is_pending());
    }
    limiter.set_quota(Quota::per(1, Duration::from_secs(1)).unwrap()).unwrap();
    assert!(second.lock().unwrap().is_none(), "it has been heard of");
    assert_eq!(limiter.available(), 0);
    assert!(others.iter_mut().all(|acquire| poll_once(acquire).is_ready()));
}

/// What cannot be lifted, because nobody has its key, must not be in force.
#[test]
fn a_lockout_that_nobody_has_the_key_of_is_none() {
    fn in_either<O: Order>() {
        for bad in [0, 19] {
            let clock = Silent::default();
            let lockout = Lockout::<Threads, Heap, _, O>::with_timer(&clock);
            lockout.lock_until(Instant::from_nanos(1)).unwrap();
            let (count, waker) = Count::new();
            let mut line: Vec<_> = (0..20).map(|_| Box::pin(lockout.wait())).collect();
            for (place, wait) in line.iter_mut().enumerate() {
                let waker = if place == bad { &panicking() } else { &waker };
                assert!(poll_with(wait, waker).is_pending());
            }
            // The first end has come, which nobody has seen; whoever is first hears that there is another.
            clock.set_secs(1);
            let locked = is_caught(|| lockout.lock_for(Duration::MAX));
            assert_eq!(locked, bad == 0);
            if locked {
                assert_eq!(lockout.locked_until(), None);
                assert!(line.iter_mut().all(|wait| poll_with(wait, &waker).is_ready()));
                assert!(lockout.try_pass().is_ok());
            } else {
                assert_eq!(lockout.locked_until(), Some(Instant::MAX));
            }
            assert!(count.get() > 0);
            // From the end, so that nobody is woken to lead.
            while line.pop().is_some() {}
        }
    }
    in_either::<Together>();
    in_either::<InOrder>();
}
