//! Rate limiters: exact on a clock that is set by hand, and in the platform's own time.
#![expect(clippy::missing_errors_doc, reason = "the error is what does not hold")]

use core::future::{Future, poll_fn};
use core::hash::{BuildHasherDefault, Hasher};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use tidegate_core::rate_limiter::{
    AcquireError, KeyedAcquireError, KeyedError, KeyedRateLimiter, Quota, RateLimiter, TokenBucket,
    TryAcquireError, WhenFull,
};
use tidegate_core::{Blocking, Clock, Inline, Instant, ManualClock, Platform, Priority, Storage, Timed};

use crate::outcome::{check, demand};
use crate::{Check, Outcome, World};

const SECOND: Duration = Duration::from_secs(1);
/// Long enough for every timer to tell from nothing.
const SHORT: Duration = Duration::from_millis(2);

const DONE: Poll<Result<(), AcquireError>> = Poll::Ready(Ok(()));

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once, with the waker of the task that awaits it.
async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// Refused until the promised time, which is rounded up, and admitted at it; without drift.
pub fn a_rate_is_kept_to_the_nanosecond<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::<P, Inline<1>>::new();
        let bucket: RateLimiter<P, Inline<3>, _> =
            RateLimiter::with_timer(demand!(Quota::per(3, 7 * SECOND)), &clock);
        check!(bucket.try_acquire(3).is_ok());
        for promised in [2_333_333_334, 4_666_666_667, 7_000_000_000] {
            check!(bucket.try_acquire(1).err().and_then(|refused| refused.earliest()) == Some(at(promised)));
            clock.set(at(promised - 1));
            check!(bucket.try_acquire(1).is_err());
            clock.set(at(promised));
            check!(bucket.try_acquire(1).is_ok());
        }
        check!(bucket.try_acquire(0) == Err(TryAcquireError::ZeroTokens));
        check!(bucket.try_acquire(4) == Err(TryAcquireError::ExceedsBurst));

        let window: RateLimiter<P, Inline<3>, _> =
            RateLimiter::with_timer(demand!(Quota::sliding(3, SECOND)), &clock);
        for after in [0, 300, 900] {
            clock.set(at(7_000_000_000) + Duration::from_millis(after));
            check!(window.try_acquire(1).is_ok());
        }
        check!(window.try_acquire(2).err().and_then(|refused| refused.earliest()) == Some(at(8_300_000_000)));
        clock.set(at(8_299_999_999));
        check!(window.try_acquire(1).is_ok());
        check!(window.try_acquire(1).is_err());
        Ok(())
    }
    scenario::<P>().into()
}

/// The most urgent first, then in order of arrival; whoever is first holds the timer, and hands it on.
pub fn tokens_are_had_in_turn<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::<P, Inline<2>>::new();
        let limiter: RateLimiter<P, Inline<4>, _> =
            RateLimiter::with_timer(demand!(Quota::per(1, SECOND)), &clock);
        check!(limiter.try_acquire(1).is_ok());
        let (mut second, mut third) = (pin!(limiter.acquire(1)), pin!(limiter.acquire(1)));
        let mut first = pin!(limiter.acquire(1).priority(Priority(-1)));
        {
            let mut gone = pin!(limiter.acquire(1));
            check!(poll(gone.as_mut()).is_pending());
            check!(poll(second.as_mut()).is_pending());
            check!(poll(third.as_mut()).is_pending());
            check!(poll(first.as_mut()).is_pending());
            check!(poll(pin!(limiter.acquire(1))) == Poll::Ready(Err(AcquireError::Full)));
        }
        check!(poll(first.as_mut()).is_pending());
        check!(clock.next_deadline() == Some(at(1_000_000_000)));
        clock.advance(SECOND);
        check!(poll(second.as_mut()).is_pending());
        check!(poll(third.as_mut()).is_pending());
        check!(limiter.try_acquire(1).is_err());
        check!(poll(first.as_mut()) == DONE);
        check!(poll(second.as_mut()).is_pending());
        clock.advance(SECOND);
        check!(poll(third.as_mut()).is_pending());
        check!(poll(second.as_mut()) == DONE);
        check!(poll(third.as_mut()).is_pending());
        check!(clock.next_deadline() == Some(at(3_000_000_000)));
        clock.advance(SECOND);
        check!(poll(third.as_mut()) == DONE);
        check!(limiter.waiters() == 0);
        Ok(())
    }
    scenario::<P>().into()
}

/// A check that is refused burns nothing in any quota.
pub fn several_quotas_are_kept_or_none<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let quotas = [demand!(Quota::per(2, SECOND)), demand!(Quota::sliding(3, 60 * SECOND))];
        let clock = ManualClock::<P, Inline<1>>::new();
        let limiter: RateLimiter<P, Inline<3>, _> =
            demand!(RateLimiter::with_config(&quotas, tidegate_core::rate_limiter::Config::new(), &clock));
        check!(limiter.try_acquire(2).is_ok());
        for _ in 0..5 {
            check!(limiter.try_acquire(1).is_err());
        }
        clock.advance(SECOND);
        check!(limiter.try_acquire(2).err().and_then(|refused| refused.earliest()) == Some(at(60_000_000_000)));
        check!(limiter.try_acquire(1).is_ok());
        limiter.refund(1);
        check!(limiter.try_acquire(1).is_ok());
        check!(limiter.available() == 0);
        Ok(())
    }
    scenario::<P>().into()
}

/// Slower, faster, too small: whoever waits is told; and what is refunded goes to whoever is first.
pub fn a_changed_quota_is_a_new_plan<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::<P, Inline<1>>::new();
        let limiter: RateLimiter<P, Inline<2>, _> =
            RateLimiter::with_timer(demand!(Quota::per(2, SECOND)), &clock);
        check!(limiter.try_acquire(2).is_ok());
        let (mut first, mut large) = (pin!(limiter.acquire(1)), pin!(limiter.acquire(2)));
        check!(poll(first.as_mut()).is_pending());
        check!(poll(large.as_mut()).is_pending());
        for (seconds, due) in [(10, 5_000_000_000), (1, 500_000_000)] {
            demand!(limiter.set_quota(demand!(Quota::per(2, seconds * SECOND))));
            check!(poll(first.as_mut()).is_pending());
            check!(clock.next_deadline() == Some(at(due)));
        }
        limiter.refund(1);
        check!(poll(first.as_mut()) == DONE);
        check!(poll(large.as_mut()).is_pending());
        demand!(limiter.set_quota(demand!(Quota::per(1, SECOND))));
        check!(poll(large.as_mut()) == Poll::Ready(Err(AcquireError::ExceedsBurst)));
        Ok(())
    }
    scenario::<P>().into()
}

/// As good a hasher as three keys need.
#[derive(Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }
}

/// Every key has a bucket; one that is full again makes room, and otherwise a new key is refused.
pub fn keys_are_limited_each_and_bounded_in_number<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let bucket = demand!(TokenBucket::new(demand!(Quota::per(2, SECOND))));
        let keyed: KeyedRateLimiter<u8, P, Inline<2>, Instant, BuildHasherDefault<Plain>> =
            KeyedRateLimiter::with_parts(
                bucket,
                2,
                WhenFull::Refuse,
                Instant::EPOCH,
                BuildHasherDefault::default(),
            );
        check!(keyed.try_acquire(&1, 2).is_ok());
        check!(keyed.try_acquire(&1, 1).err().and_then(|refused| refused.earliest()) == Some(at(500_000_000)));
        check!(keyed.try_acquire(&2, 1).is_ok());
        check!(keyed.try_acquire(&3, 1) == Err(KeyedError::Full));
        check!(keyed.try_acquire_at(&3, 1, at(499_999_999)) == Err(KeyedError::Full));
        check!(keyed.try_acquire_at(&3, 2, at(500_000_000)).is_ok());
        check!(keyed.try_acquire_at(&1, 2, at(500_000_000)).is_err());
        check!(keyed.len() == 2);
        Ok(())
    }
    scenario::<P>().into()
}

/// Of each key the most urgent first, then in order of arrival, and no key waits for another; the first of each holds
/// a timer; a key that is waited for stays.
pub fn tokens_of_each_key_are_had_in_turn<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        const DONE: Poll<Result<(), KeyedAcquireError>> = Poll::Ready(Ok(()));
        let clock = ManualClock::<P, Inline<2>>::new();
        let bucket = demand!(TokenBucket::new(demand!(Quota::per(1, SECOND))));
        let keyed: KeyedRateLimiter<u8, P, (Inline<2>, Inline<4>), _, BuildHasherDefault<Plain>> =
            KeyedRateLimiter::with_parts(bucket, 2, WhenFull::Refuse, &clock, BuildHasherDefault::default());
        check!(keyed.try_acquire(&2, 1).is_ok());
        clock.set(at(500_000_000));
        check!(poll(pin!(keyed.acquire(&1, 1))) == DONE);
        let (mut second, mut third) = (pin!(keyed.acquire(&1, 1)), pin!(keyed.acquire(&1, 1)));
        let mut first = pin!(keyed.acquire(&1, 1).priority(Priority(-1)));
        let mut other = pin!(keyed.acquire(&2, 1));
        {
            let mut gone = pin!(keyed.acquire(&1, 1));
            check!(poll(gone.as_mut()).is_pending());
            check!(poll(second.as_mut()).is_pending());
            check!(poll(third.as_mut()).is_pending());
            check!(poll(first.as_mut()).is_pending());
            check!(poll(other.as_mut()) == Poll::Ready(Err(KeyedAcquireError::LineFull)));
        }
        check!(poll(first.as_mut()).is_pending());
        check!(clock.next_deadline() == Some(at(1_500_000_000)));
        let mut other = pin!(keyed.acquire(&2, 1));
        check!(poll(other.as_mut()).is_pending());
        check!(poll(first.as_mut()).is_pending());
        check!(clock.next_deadline() == Some(at(1_000_000_000)));
        check!(poll(pin!(keyed.acquire(&3, 1))) == Poll::Ready(Err(KeyedAcquireError::Full)));
        clock.set(at(1_000_000_000));
        check!(poll(other.as_mut()) == DONE);
        check!(poll(first.as_mut()).is_pending());
        check!(clock.next_deadline() == Some(at(1_500_000_000)));
        for (waiter, seconds) in [(first, 1), (second, 2), (third, 3)] {
            let mut waiter = waiter;
            clock.set(at(seconds * 1_000_000_000 + 499_999_999));
            check!(poll(waiter.as_mut()).is_pending());
            clock.set(at(seconds * 1_000_000_000 + 500_000_000));
            check!(keyed.try_acquire(&1, 1).is_err());
            check!(poll(waiter.as_mut()) == DONE);
        }
        check!(keyed.waiters() == 0 && keyed.len() == 2);
        Ok(())
    }
    scenario::<P>().into()
}

/// Three wait, the first gives up, and the others are served when the platform's time has come, not before.
pub async fn tokens_come_with_the_platforms_time<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    let quota = demand!(Quota::per(1, SHORT));
    let limiter = RateLimiter::<W::Platform, Inline<3>>::new(quota);
    let start = limiter.timer().now();
    demand!(limiter.acquire(1).await);
    let (mut second, mut third) = (pin!(limiter.acquire(1)), pin!(limiter.acquire(1)));
    {
        // Whether it has to wait depends on how busy the platform is; it takes nothing along.
        let mut first = pin!(limiter.acquire(1));
        if once(first.as_mut()).await.is_pending() {
            check!(once(second.as_mut()).await.is_pending());
        } else {
            limiter.refund(1);
        }
    }
    demand!(second.await);
    check!(limiter.timer().now() >= start + SHORT);
    demand!(third.as_mut().await);
    check!(limiter.timer().now() >= start + 2 * SHORT);
    check!(limiter.waiters() == 0);
    Ok(())
}

/// Who runs out of time leaves the line, and takes nothing along.
pub async fn a_wait_for_tokens_can_time_out<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    let quota = demand!(Quota::per(1, Duration::from_hours(1)));
    let limiter = RateLimiter::<W::Platform, Inline<2>>::new(quota);
    demand!(limiter.acquire_timeout(1, Duration::ZERO).await);
    check!(limiter.acquire_timeout(1, SHORT).await == Err(AcquireError::TimedOut));
    check!(limiter.waiters() == 0);
    limiter.refund(1);
    demand!(limiter.acquire_timeout(1, SHORT).await);
    Ok(())
}

/// A thread waits for tokens, and gives up in time.
pub async fn a_thread_waits_for_tokens<'a, W: World<'a, Platform: Blocking + Timed>>(_: &W) -> Check {
    let limiter = RateLimiter::<W::Platform, Inline<2>>::new(demand!(Quota::per(1, SHORT)));
    demand!(limiter.acquire_blocking(1));
    let soon = limiter.try_acquire(1).err().and_then(|refused| refused.earliest());
    demand!(limiter.acquire_blocking(1));
    check!(soon.is_none_or(|soon| limiter.timer().now() >= soon));
    demand!(limiter.set_quota(demand!(Quota::per(1, Duration::from_hours(1)))));
    check!(limiter.acquire_blocking_timeout(1, SHORT) == Err(AcquireError::TimedOut));
    check!(limiter.acquire_blocking(2) == Err(AcquireError::ExceedsBurst));
    Ok(())
}

type Keyed<P> = KeyedRateLimiter<u8, P, Inline<4>, <P as Timed>::Timer, BuildHasherDefault<Plain>>;

/// Two wait for one key and the first gives up, one waits for another key: each is served when the platform's time has
/// come, not before; and one who waits for longer than it wants to leaves nothing behind.
pub async fn tokens_of_a_key_come_with_the_platforms_time<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    let keyed = demand!(Keyed::<W::Platform>::new(demand!(Quota::per(1, SHORT)), 4));
    let start = keyed.timer().now();
    demand!(keyed.acquire(&1, 1).await);
    demand!(keyed.acquire(&2, 1).await);
    let (mut second, mut other) = (pin!(keyed.acquire(&1, 1)), pin!(keyed.acquire(&2, 1)));
    {
        // Whether it has to wait depends on how busy the platform is; it takes nothing along.
        let mut first = pin!(keyed.acquire(&1, 1));
        if once(first.as_mut()).await.is_pending() {
            check!(once(second.as_mut()).await.is_pending());
        } else {
            keyed.refund(&1, 1);
        }
    }
    demand!(other.as_mut().await);
    check!(keyed.timer().now() >= start + SHORT);
    demand!(second.await);
    check!(keyed.timer().now() >= start + SHORT);

    let slow = demand!(Keyed::<W::Platform>::new(demand!(Quota::per(1, Duration::from_hours(1))), 4));
    demand!(slow.acquire_timeout(&1, 1, Duration::ZERO).await);
    check!(slow.acquire_timeout(&1, 1, SHORT).await == Err(KeyedAcquireError::TimedOut));
    check!(slow.waiters() == 0);
    slow.refund(&1, 1);
    demand!(slow.acquire_timeout(&1, 1, SHORT).await);
    Ok(())
}

/// A thread waits for tokens of a key, and gives up in time.
pub async fn a_thread_waits_for_tokens_of_a_key<'a, W: World<'a, Platform: Blocking + Timed>>(_: &W) -> Check {
    let keyed = demand!(Keyed::<W::Platform>::new(demand!(Quota::per(1, SHORT)), 4));
    demand!(keyed.acquire_blocking(&1, 1));
    let soon = keyed.try_acquire(&1, 1).err().and_then(|refused| refused.earliest());
    demand!(keyed.acquire_blocking(&1, 1));
    check!(soon.is_none_or(|soon| keyed.timer().now() >= soon));
    check!(keyed.acquire_blocking(&1, 2) == Err(KeyedAcquireError::ExceedsBurst));
    let slow = demand!(Keyed::<W::Platform>::new(demand!(Quota::per(1, Duration::from_hours(1))), 4));
    demand!(slow.acquire_blocking_timeout(&1, 1, Duration::ZERO));
    check!(slow.acquire_blocking_timeout(&1, 1, SHORT) == Err(KeyedAcquireError::TimedOut));
    Ok(())
}
