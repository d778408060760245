//! What a rate limiter promises: the quotas as plain values, the line by a clock in hand, word beside machine.

mod line;
mod quotas;
mod words;

use core::cell::Cell;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use super::Quota;
use crate::{Clock, Inline, Instant, Local, ManualClock, ManualSleep, Platform, Timer};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

pub(super) fn quota(tokens: u32, period: Duration) -> Quota {
    Quota::per(tokens, period).unwrap()
}

/// A platform with a fast path, for one thread.
pub(super) struct Fast;

impl Platform for Fast {
    type RawMutex = mutex::raw_impls::local::LocalRawMutex;
    type CrowdedMutex = Self::RawMutex;
    const FAST_PATH: bool = true;
}

pub(super) type TestClock = ManualClock<Local, Inline<64>>;

/// A timer that counts the sleeps that have been polled and not yet dropped.
pub(super) struct Counting<'a> {
    pub(super) clock: &'a TestClock,
    pub(super) armed: &'a Cell<usize>,
}

pub(super) struct CountedSleep<'a> {
    sleep: ManualSleep<'a, Local, Inline<64>>,
    armed: &'a Cell<usize>,
    counted: bool,
}

impl Clock for Counting<'_> {
    fn now(&self) -> Instant {
        self.clock.now()
    }
}

impl<'a> Timer for Counting<'a> {
    type Sleep = CountedSleep<'a>;

    fn sleep_until(&self, deadline: Instant) -> CountedSleep<'a> {
        CountedSleep { sleep: self.clock.sleep_until(deadline), armed: self.armed, counted: false }
    }
}

impl Future for CountedSleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.counted {
            self.counted = true;
            self.armed.set(self.armed.get() + 1);
        }
        Pin::new(&mut self.sleep).poll(cx)
    }
}

impl Drop for CountedSleep<'_> {
    fn drop(&mut self) {
        if self.counted {
            self.armed.set(self.armed.get() - 1);
        }
    }
}

pub(super) fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
