//! The line, by a clock in hand.

use core::cell::Cell;
use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;
use std::boxed::Box;

use super::super::{Acquire, AcquireError, Config, InvalidQuota, Quota, RateLimiter};
use super::{Counting, Fast, SECOND, TestClock, at, poll, quota};
use crate::{Clock, Inline, Instant, Priority, Timer};

type Limiter<'a> = RateLimiter<Fast, Inline<8>, Counting<'a>>;

struct Setting {
    clock: TestClock,
    armed: Cell<usize>,
}

impl Setting {
    fn new() -> Self {
        Self { clock: TestClock::new(), armed: Cell::new(0) }
    }

    fn limiter(&self, quotas: &[Quota]) -> Limiter<'_> {
        self.configured(quotas, Config::new())
    }

    fn configured(&self, quotas: &[Quota], config: Config) -> Limiter<'_> {
        RateLimiter::with_config(quotas, config, Counting { clock: &self.clock, armed: &self.armed }).unwrap()
    }

    /// Advances to just before the next deadline, where all who wait still wait; and then to it.
    fn step<const N: usize>(&self, waiters: &mut [Pin<&mut Acquire<&Limiter<'_>>>; N]) -> Duration {
        let due = self.clock.next_deadline().expect("somebody holds a timer");
        let from = self.clock.now();
        self.clock.set(at(due.as_nanos() - 1));
        for waiter in waiters {
            assert!(poll(waiter.as_mut()).is_pending(), "early");
        }
        self.clock.set(due);
        due.duration_since(from)
    }
}

const DONE: Poll<Result<(), AcquireError>> = Poll::Ready(Ok(()));

#[test]
fn by_priority_then_arrival_with_one_timer_and_exactly_on_time() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(3, Duration::from_secs(7))]);
    assert!(limiter.try_acquire(3).is_ok());
    let mut first = pin!(limiter.acquire(1));
    let mut second = pin!(limiter.acquire(1));
    let mut urgent = pin!(limiter.acquire(1).priority(Priority(-1)));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    assert_eq!(setting.armed.get(), 1);
    assert!(poll(urgent.as_mut()).is_pending());
    assert!(poll(first.as_mut()).is_pending(), "it lets its timer go");
    assert_eq!(setting.armed.get(), 1);

    let third = Duration::from_secs(7) / 3 + Duration::from_nanos(1);
    assert_eq!(setting.step(&mut [urgent.as_mut(), first.as_mut(), second.as_mut()]), third);
    assert!(poll(second.as_mut()).is_pending());
    assert_eq!(poll(urgent.as_mut()), DONE);
    assert_eq!(poll(urgent.as_mut()), Poll::Pending, "for good");
    assert!(poll(first.as_mut()).is_pending());
    assert_eq!(setting.armed.get(), 1);
    setting.step(&mut [first.as_mut(), second.as_mut()]);
    assert_eq!(poll(first.as_mut()), DONE);
    assert!(poll(second.as_mut()).is_pending());
    setting.step(&mut [second.as_mut()]);
    assert_eq!(setting.clock.now(), at(7_000_000_000), "three per seven seconds, without drift");
    assert_eq!(poll(second.as_mut()), DONE);
    assert_eq!((setting.armed.get(), limiter.waiters()), (0, 0));
}

#[test]
fn a_head_that_is_dropped_hands_its_turn_on() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(1, SECOND)]);
    assert!(limiter.try_acquire(1).is_ok());
    let mut next = pin!(limiter.acquire(1));
    {
        let mut head = pin!(limiter.acquire(1));
        assert!(poll(head.as_mut()).is_pending());
        assert!(poll(next.as_mut()).is_pending());
        assert_eq!(setting.armed.get(), 1);
    }
    assert_eq!(setting.armed.get(), 0);
    assert!(poll(next.as_mut()).is_pending());
    assert_eq!(setting.armed.get(), 1);
    setting.clock.advance(SECOND);
    assert_eq!(poll(next.as_mut()), DONE);
}

#[test]
fn a_grant_that_is_dropped_unseen_is_refunded() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(1, SECOND)]);
    assert!(limiter.try_acquire(1).is_ok());
    {
        let mut head = pin!(limiter.acquire(1));
        assert!(poll(head.as_mut()).is_pending());
        setting.clock.advance(SECOND);
        // Somebody else's call serves the one who was first.
        assert!(limiter.try_acquire(1).is_err());
        assert_eq!(limiter.waiters(), 0);
    }
    assert!(limiter.try_acquire(1).is_ok());
}

#[test]
fn nobody_overtakes_who_waits_unless_more_urgent() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(4, SECOND)]);
    assert!(limiter.try_acquire(2).is_ok());
    let mut large = pin!(limiter.acquire(4));
    assert!(poll(large.as_mut()).is_pending());
    // Two are left, and gather for the one that wants four.
    let refused = limiter.try_acquire(1).unwrap_err();
    assert_eq!(refused.earliest(), Some(at(500_000_000)));
    let mut urgent = pin!(limiter.acquire(2).priority(Priority(-1)));
    assert_eq!(poll(urgent.as_mut()), DONE);
    assert!(poll(large.as_mut()).is_pending());
    assert_eq!(setting.clock.next_deadline(), Some(at(1_000_000_000)), "told anew");
    setting.step(&mut [large.as_mut()]);
    assert_eq!(poll(large.as_mut()), DONE);
}

#[test]
fn a_changed_quota_is_a_new_plan_for_who_waits() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(2, SECOND)]);
    assert!(limiter.try_acquire(2).is_ok());
    let mut head = pin!(limiter.acquire(1));
    let mut big = pin!(limiter.acquire(2));
    assert!(poll(head.as_mut()).is_pending());
    assert!(poll(big.as_mut()).is_pending());
    for (tokens, period, due) in [(2, SECOND * 10, 5), (2, SECOND * 4, 2), (2, SECOND * 200, 100)] {
        limiter.set_quota(quota(tokens, period)).unwrap();
        assert!(poll(head.as_mut()).is_pending());
        assert_eq!(setting.clock.next_deadline(), Some(at(due * 1_000_000_000)));
    }
    limiter.set_quota(quota(1, SECOND)).unwrap();
    assert!(poll(head.as_mut()).is_pending());
    setting.step(&mut [head.as_mut()]);
    assert_eq!(poll(head.as_mut()), DONE);
    // It waits for more than there can ever be.
    assert_eq!(poll(big.as_mut()), Poll::Ready(Err(AcquireError::ExceedsBurst)));
    assert_eq!(limiter.waiters(), 0);
    assert_eq!(limiter.set_quota(Quota::sliding(1, SECOND).unwrap()), Err(InvalidQuota::Mismatch));
    assert_eq!(limiter.set_quotas(&[quota(1, SECOND); 2]), Err(InvalidQuota::Mismatch));
}

#[test]
fn a_refund_serves_who_waits() {
    let setting = Setting::new();
    for kind in [Quota::per, Quota::sliding] {
        let limiter = setting.limiter(&[kind(2, SECOND).unwrap()]);
        assert!(limiter.try_acquire(2).is_ok());
        let mut head = pin!(limiter.acquire(1));
        assert!(poll(head.as_mut()).is_pending());
        limiter.refund(1);
        assert_eq!(poll(head.as_mut()), DONE);
        assert!(limiter.try_acquire(1).is_err());
    }
}

#[test]
fn granularity_serves_several_at_once_and_nobody_early() {
    let setting = Setting::new();
    let config = Config::new().granularity(Duration::from_millis(10));
    let limiter = setting.configured(&[quota(1_000, SECOND).burst(5).unwrap()], config);
    setting.clock.advance(Duration::from_millis(5));
    assert!(limiter.try_acquire(5).is_ok());
    let mut waiters = [(); 7].map(|()| std::boxed::Box::pin(limiter.acquire(1)));
    for waiter in &mut waiters {
        assert!(poll(waiter.as_mut()).is_pending());
    }
    // They are due after 6, 7, … 12 ms.
    for (time, served) in [(10_000_000, 5), (20_000_000, 2)] {
        assert_eq!(setting.clock.next_deadline(), Some(at(time)));
        setting.clock.set(at(time));
        let done: usize = waiters.iter_mut().map(|waiter| usize::from(poll(waiter.as_mut()) == DONE)).sum();
        assert_eq!((done, setting.armed.get()), (served, usize::from(served == 5)));
    }
}

#[test]
fn a_full_house_and_bad_wishes_are_errors() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(1, SECOND)]);
    assert_eq!(poll(pin!(limiter.acquire(0))), Poll::Ready(Err(AcquireError::ZeroTokens)));
    assert_eq!(poll(pin!(limiter.acquire(2))), Poll::Ready(Err(AcquireError::ExceedsBurst)));
    assert!(limiter.try_acquire(1).is_ok());
    let mut waiters = [(); 8].map(|()| std::boxed::Box::pin(limiter.acquire(1)));
    for waiter in &mut waiters {
        assert!(poll(waiter.as_mut()).is_pending());
    }
    assert_eq!(poll(pin!(limiter.acquire(1))), Poll::Ready(Err(AcquireError::Full)));
    drop(waiters);
    assert_eq!((limiter.waiters(), setting.armed.get()), (0, 0));
}

#[test]
fn a_timeout_gives_the_place_up() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(1, SECOND)]);
    assert_eq!(poll(pin!(limiter.acquire_timeout(1, Duration::ZERO))), DONE);
    let mut late = pin!(limiter.acquire_timeout(1, Duration::from_millis(1)));
    let mut patient = pin!(limiter.acquire(1));
    assert!(poll(late.as_mut()).is_pending());
    assert!(poll(patient.as_mut()).is_pending());
    setting.clock.advance(Duration::from_millis(1));
    assert_eq!(poll(late.as_mut()), Poll::Ready(Err(AcquireError::TimedOut)));
    assert_eq!(limiter.waiters(), 1);
    assert!(poll(patient.as_mut()).is_pending());
    setting.clock.set(at(1_000_000_000));
    assert_eq!(poll(patient.as_mut()), DONE);
}

/// The timer had been set by a clock a year ahead; the next call of anybody puts it right.
#[test]
fn a_wild_reading_strands_nobody() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(1, SECOND)]);
    setting.clock.advance(Duration::from_hours(24 * 365));
    assert!(limiter.try_acquire(1).is_ok());
    let mut waiter = pin!(limiter.acquire(1));
    assert!(poll(waiter.as_mut()).is_pending());
    setting.clock.set(at(5));
    assert!(limiter.try_acquire(1).is_err());
    assert!(poll(waiter.as_mut()).is_pending());
    assert_eq!(setting.clock.next_deadline(), Some(at(1_000_000_005)));
    setting.clock.advance(SECOND);
    assert_eq!(poll(waiter.as_mut()), DONE);
}

#[test]
fn at_the_end_of_time_a_waiter_waits() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(1, SECOND)]);
    setting.clock.set(crate::Instant::MAX);
    let mut waiter = pin!(limiter.acquire(1));
    assert!(poll(waiter.as_mut()).is_pending());
    assert_eq!(setting.armed.get(), 0);
}

/// Also when it would take a place behind others, which it never leaves.
#[test]
fn who_asks_for_too_much_is_turned_down_at_once() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(2, SECOND)]);
    assert!(limiter.try_acquire(2).is_ok());
    let mut first = pin!(limiter.acquire(1));
    assert!(poll(first.as_mut()).is_pending());
    assert_eq!(poll(pin!(limiter.acquire(3))), Poll::Ready(Err(AcquireError::ExceedsBurst)));
    assert_eq!(poll(pin!(limiter.acquire(0))), Poll::Ready(Err(AcquireError::ZeroTokens)));
    assert_eq!(limiter.waiters(), 1);
}

/// A timer whose sleeps are always over.
struct Hasty;

impl Clock for Hasty {
    fn now(&self) -> Instant {
        Instant::EPOCH
    }
}

impl Timer for Hasty {
    type Sleep = core::future::Ready<()>;

    fn sleep_until(&self, _deadline: Instant) -> Self::Sleep {
        core::future::ready(())
    }
}

#[test]
fn a_timer_that_goes_off_early_neither_admits_nor_spins() {
    let limiter: RateLimiter<Fast, Inline<1>, Hasty> = RateLimiter::with_timer(quota(1, SECOND), Hasty);
    assert!(limiter.try_acquire(1).is_ok());
    let mut early = pin!(limiter.acquire(1));
    for _ in 0..3 {
        assert!(poll(early.as_mut()).is_pending());
    }
    assert_eq!(limiter.waiters(), 1);
}

#[test]
fn what_comes_back_of_who_leaves_comes_back_then() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[Quota::per(3, Duration::from_nanos(16)).unwrap()]);
    assert!(limiter.try_acquire(3).is_ok());
    let mut unseen = Box::pin(limiter.acquire(2));
    assert!(poll(unseen.as_mut()).is_pending());
    setting.clock.set(at(11));
    // Serves it, and says when the next two are there.
    assert_eq!(limiter.try_acquire(2).unwrap_err().earliest(), Some(at(22)));
    let mut next = pin!(limiter.acquire(2));
    assert!(poll(next.as_mut()).is_pending());
    setting.clock.set(at(17));
    drop(unseen);
    // By now there is room for one of the two only.
    assert_eq!(limiter.try_acquire(2).unwrap_err().earliest(), Some(at(23)));
    assert_eq!(poll(next.as_mut()), DONE);
}

#[test]
fn a_leader_that_is_served_by_a_refund_lets_its_timer_go() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(1, SECOND)]);
    assert!(limiter.try_acquire(1).is_ok());
    let mut first = pin!(limiter.acquire(1));
    assert!(poll(first.as_mut()).is_pending());
    assert_eq!(setting.armed.get(), 1);
    limiter.refund(1);
    assert_eq!(poll(first.as_mut()), DONE);
    assert_eq!(setting.armed.get(), 0, "though the future is still there");
}

#[test]
fn who_has_been_deposed_does_not_take_what_is_for_the_first() {
    let setting = Setting::new();
    let limiter = setting.limiter(&[quota(1, SECOND)]);
    assert!(limiter.try_acquire(1).is_ok());
    let mut deposed = pin!(limiter.acquire(1));
    let mut urgent = pin!(limiter.acquire(1).priority(Priority(-1)));
    assert!(poll(deposed.as_mut()).is_pending());
    assert!(poll(urgent.as_mut()).is_pending());
    setting.clock.advance(SECOND);
    assert!(poll(deposed.as_mut()).is_pending(), "its timer is over, but it is not its turn");
    assert_eq!(poll(urgent.as_mut()), DONE);
}
