//! The limiter and the lockout at the tick rates that boards have: never early by the true time, and late by less
//! than a tick.
//!
//! An image has one rate, fixed when it is compiled; this clock has any, by the same arithmetic.

use core::cell::Cell;
use core::future::Future;
use core::hash::BuildHasherDefault;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::hash::DefaultHasher;

use tidegate_core::lockout::Lockout;
use tidegate_core::rate_limiter::{Quota, RateLimiter, TokenBucket, WhenFull};
use tidegate_core::{Clock, Inline, Instant, Timer};

use crate::{Embassy, KeyedRateLimiter, ticks};

type Hasher = BuildHasherDefault<DefaultHasher>;

const RATES: [u64; 3] = [1_000, 32_768, 1_000_000];

/// A driver that has counted so many ticks, and goes on when it is told.
struct Driver {
    hz: u64,
    ticks: Cell<u64>,
    /// When it is to wake somebody.
    alarm: Cell<u64>,
}

/// Ends with the tick that it was set to.
struct Sleep<'a>(&'a Driver, u64);

impl Clock for &Driver {
    fn now(&self) -> Instant {
        Instant::from_nanos(ticks::to_nanos(self.ticks.get(), self.hz))
    }
}

impl<'a> Timer for &'a Driver {
    type Sleep = Sleep<'a>;

    fn sleep_until(&self, deadline: Instant) -> Sleep<'a> {
        Sleep(self, ticks::from_nanos(deadline.as_nanos(), self.hz))
    }
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        if self.0.ticks.get() >= self.1 {
            return Poll::Ready(());
        }
        self.0.alarm.set(self.1);
        Poll::Pending
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls the future at each alarm that it sets, and at the tick before, until it is ready.
fn wait_for<F: Future>(driver: &Driver, future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
        let next = driver.ticks.get() + 1;
        driver.ticks.set(next.max(driver.alarm.get() - 1));
    }
}

#[test]
fn a_limiter_is_never_early_and_late_by_less_than_a_tick() {
    never_early_and_late_by_less_than_a_tick(|driver, quota| {
        let limiter: RateLimiter<Embassy, Inline<2>, _> = RateLimiter::with_timer(quota, driver);
        move || wait_for(driver, limiter.acquire(1)).unwrap()
    });
}

#[test]
fn the_line_of_a_key_is_never_early_and_late_by_less_than_a_tick() {
    never_early_and_late_by_less_than_a_tick(|driver, quota| {
        let (bucket, hasher) = (TokenBucket::new(quota).unwrap(), BuildHasherDefault::default());
        let limiter: KeyedRateLimiter<u8, Hasher, 2, 1, _> =
            KeyedRateLimiter::with_parts(bucket, 2, WhenFull::Refuse, driver, hasher);
        move || wait_for(driver, limiter.acquire(&7, 1)).unwrap()
    });
}

/// Takes a token after the other, as `limiter` does that has this clock and this quota.
fn never_early_and_late_by_less_than_a_tick<F: FnMut()>(limiter: impl Fn(&'static Driver, Quota) -> F) {
    let second = Duration::from_secs(1);
    for hz in RATES {
        for (tokens, period) in [(3_u32, 7 * second), (1_003, second), (999, Duration::from_millis(1_001))] {
            let driver: &Driver =
                Box::leak(Box::new(Driver { hz, ticks: Cell::new(hz / 3), alarm: Cell::new(1) }));
            let start = driver.ticks.get();
            let quota = Quota::per(tokens, period).and_then(|quota| quota.burst(2)).unwrap();
            let mut acquire = limiter(driver, quota);
            for admitted in 1..=40_u128 {
                let before = driver.ticks.get();
                acquire();
                // So many tokens have come by the true time: `ticks / hz · tokens / period`, as a fraction.
                let came = |ticks: u64| u128::from(ticks - start) * u128::from(tokens) * 1_000_000_000;
                let token = u128::from(hz) * period.as_nanos();
                // The clock rounds the time down, by less than a nanosecond, at the start as well.
                let rounding = u128::from(tokens) * u128::from(hz);
                let needed = admitted.saturating_sub(2) * token;
                let now = driver.ticks.get();
                assert!(came(now) + rounding >= needed, "early at {hz} Hz");
                if now > before {
                    assert!(came(now - 1) < needed + rounding, "late at {hz} Hz");
                }
            }
        }
    }
}

#[test]
fn a_lockout_ends_with_the_first_tick_that_is_not_too_early() {
    for hz in RATES {
        for nanos in [1, 30_517, 30_518, 999_999, 1_000_001, 123_456_789] {
            let driver = Driver { hz, ticks: Cell::new(hz + 5), alarm: Cell::new(1) };
            let lockout: Lockout<Embassy, Inline<2>, &Driver> = Lockout::with_timer(&driver);
            let end = (&driver).now() + Duration::from_nanos(nanos);
            lockout.lock_until(end).unwrap();
            wait_for(&driver, lockout.wait()).unwrap();
            assert_eq!(driver.ticks.get(), ticks::from_nanos(end.as_nanos(), hz));
            assert!((&driver).now() >= end, "early at {hz} Hz");
        }
    }
}
