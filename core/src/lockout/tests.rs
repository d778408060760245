//! What one thread can see of the handle, step by step, on a clock that a test sets.

use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::boxed::Box;
use std::vec::Vec;

use super::*;
use crate::testing::{count, poll};
use crate::{Inline, Local, ManualClock, Priority};

type Clocked = ManualClock<Local, Inline<64>>;
type Plain<'c> = Lockout<Local, Inline<64>, &'c Clocked>;
type Fifo<'c> = FifoLockout<Local, Inline<64>, &'c Clocked>;

const SECOND: Duration = Duration::from_secs(1);

fn secs(secs: u64) -> Instant {
    Instant::EPOCH + Duration::from_secs(secs)
}

#[test]
fn the_last_end_counts_in_whatever_order_they_come() {
    for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
        let clock = Clocked::new();
        let lockout = Plain::with_timer(&clock);
        for span in order {
            lockout.lock_for(span * SECOND).unwrap();
        }
        assert_eq!(lockout.locked_until(), Some(secs(3)));
        clock.set(Instant::from_nanos(2_999_999_999));
        assert_eq!(lockout.try_pass().map_err(|locked| locked.until), Err(secs(3)));
        clock.set(secs(3));
        assert_eq!((lockout.try_pass(), lockout.locked_until()), (Ok(()), None));
    }
}

#[test]
fn a_lockout_is_lifted_once() {
    let clock = Clocked::new();
    let lockout = Plain::with_timer(&clock);
    let (long, short) = (lockout.lock_for(9 * SECOND).unwrap(), lockout.lock_for(SECOND).unwrap());
    assert!(lockout.lift(long));
    assert!(!lockout.lift(long));
    assert_eq!(lockout.locked_until(), Some(secs(1)));
    clock.advance(SECOND);
    assert!(!lockout.lift(short), "it has ended");
    assert!(lockout.try_pass().is_ok());
}

#[test]
fn one_that_is_over_before_the_last_cannot_be_lifted_either() {
    let clock = Clocked::new();
    let lockout = Plain::with_timer(&clock);
    lockout.lock_for(9 * SECOND).unwrap();
    let short = lockout.lock_for(SECOND).unwrap();
    clock.advance(SECOND);
    assert!(!lockout.lift(short));
}

#[test]
fn spans_that_overflow_last_until_they_are_lifted() {
    let clock = Clocked::new();
    clock.set(secs(5));
    let lockout = Plain::with_timer(&clock);
    let key = lockout.lock_for(Duration::MAX).unwrap();
    assert_eq!(lockout.locked_until(), Some(Instant::MAX));
    let mut wait = pin!(lockout.wait());
    assert!(poll(wait.as_mut()).is_pending());
    assert_eq!(clock.next_deadline(), None, "nothing to wait for but the lift");
    clock.set(Instant::MAX);
    assert!(lockout.try_pass().is_err());
    assert!(lockout.lift(key));
    assert!(poll(wait).is_ready());
}

#[test]
fn a_lockout_of_no_length_locks_nothing() {
    let clock = Clocked::new();
    clock.set(secs(5));
    let lockout = Plain::with_timer(&clock);
    for key in [lockout.lock_for(Duration::ZERO), lockout.lock_until(secs(5)), lockout.lock_until(Instant::EPOCH)]
    {
        assert!(lockout.try_pass().is_ok());
        assert!(!lockout.lift(key.unwrap()));
    }
}

#[test]
fn full_storage_refuses_and_recovers() {
    let clock = Clocked::new();
    let lockout: Lockout<Local, Inline<2>, _> = Lockout::with_timer(&clock);
    lockout.lock_for(9 * SECOND).unwrap();
    lockout.lock_for(SECOND).unwrap();
    assert_eq!(lockout.lock_for(2 * SECOND), Err(Full));
    let (mut one, mut two, mut three) = (pin!(lockout.wait()), pin!(lockout.wait()), pin!(lockout.wait()));
    assert!(poll(one.as_mut()).is_pending());
    assert!(poll(two.as_mut()).is_pending());
    assert_eq!(poll(three.as_mut()), Poll::Ready(Err(WaitError::Full)));
    clock.advance(SECOND);
    assert!(lockout.lock_for(SECOND).is_ok(), "what is over makes room");
    clock.advance(8 * SECOND);
    assert!(poll(one).is_ready());
    assert!(poll(two).is_ready());
    assert!(poll(three).is_pending(), "it has been ready");
}

#[test]
fn all_are_woken_at_the_end_though_one_alone_keeps_time() {
    let clock = Clocked::new();
    let lockout = Plain::with_timer(&clock);
    lockout.lock_for(SECOND).unwrap();
    let (woken, waker) = count();
    let mut cx = Context::from_waker(&waker);
    let mut waits: Vec<_> = (0..50).map(|_| Box::pin(lockout.wait())).collect();
    for wait in &mut waits {
        assert!(wait.as_mut().poll(&mut cx).is_pending());
    }
    clock.advance(SECOND);
    assert_eq!(woken.get(), 1, "the first in line had the one timer");
    assert!(waits[0].as_mut().poll(&mut cx).is_ready());
    assert_eq!(woken.get(), 50);
    assert!(waits.iter_mut().skip(1).all(|wait| wait.as_mut().poll(&mut cx).is_ready()));
    assert_eq!(lockout.waiters(), 0);
}

#[test]
fn whoever_keeps_time_hands_it_on() {
    let clock = Clocked::new();
    let lockout = Plain::with_timer(&clock);
    lockout.lock_for(SECOND).unwrap();
    let (woken, waker) = count();
    let mut first = Box::pin(lockout.wait());
    let mut second = pin!(lockout.wait());
    assert!(poll(first.as_mut()).is_pending());
    assert!(second.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(first);
    assert_eq!((woken.get(), clock.next_deadline()), (1, None));
    assert!(second.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(clock.next_deadline(), Some(secs(1)));
}

#[test]
fn a_lift_brings_the_alarm_forward_and_a_lock_puts_it_off() {
    let clock = Clocked::new();
    let lockout = Fifo::with_timer(&clock);
    let long = lockout.lock_for(9 * SECOND).unwrap();
    lockout.lock_for(2 * SECOND).unwrap();
    let (woken, waker) = count();
    let mut cx = Context::from_waker(&waker);
    let mut wait = pin!(lockout.wait());
    assert!(wait.as_mut().poll(&mut cx).is_pending());
    assert!(lockout.lift(long));
    assert_eq!(woken.get(), 1, "it slept for too long");
    assert!(wait.as_mut().poll(&mut cx).is_pending());
    assert_eq!(clock.next_deadline(), Some(secs(2)));
    lockout.lock_for(3 * SECOND).unwrap();
    assert_eq!(woken.get(), 1, "it may as well look once too early");
    clock.set(secs(2));
    assert!(wait.as_mut().poll(&mut cx).is_pending());
    assert_eq!(clock.next_deadline(), Some(secs(3)));
    clock.set(secs(3));
    assert!(wait.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn in_order_nobody_overtakes_and_the_cancelled_stop_nobody() {
    let clock = Clocked::new();
    let lockout = Fifo::with_timer(&clock);
    lockout.lock_for(SECOND).unwrap();
    let wakes: [_; 4] = core::array::from_fn(|_| count());
    let mut waits: Vec<_> = (0..4).map(|_| Some(Box::pin(lockout.wait()))).collect();
    let poll = |who: usize, waits: &mut Vec<Option<Pin<Box<Wait<_>>>>>| {
        waits[who].as_mut().unwrap().as_mut().poll(&mut Context::from_waker(&wakes[who].1)).is_ready()
    };
    for who in 0..4 {
        assert!(!poll(who, &mut waits));
    }
    clock.advance(SECOND);
    assert!(!poll(1, &mut waits) && !poll(3, &mut waits), "it is the first one's turn");
    waits[0] = None;
    assert_eq!(wakes[1].0.get(), 1);
    assert!(lockout.try_pass().is_err(), "others came before");
    assert!(!poll(2, &mut waits));
    waits[2] = None;
    assert!(poll(1, &mut waits));
    assert_eq!(wakes[3].0.get(), 1);
    assert!(poll(3, &mut waits));
    assert!(lockout.try_pass().is_ok());
}

#[test]
fn a_lockout_that_begins_before_the_poll_holds_back_and_keeps_the_place() {
    let clock = Clocked::new();
    let lockout = Fifo::with_timer(&clock);
    let key = lockout.lock_for(SECOND).unwrap();
    let (mut first, mut second) = (pin!(lockout.wait()), pin!(lockout.wait()));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    assert!(lockout.lift(key));
    lockout.lock_for(5 * SECOND).unwrap();
    assert!(poll(second.as_mut()).is_pending());
    assert!(poll(first.as_mut()).is_pending());
    clock.advance(5 * SECOND);
    assert!(poll(second.as_mut()).is_pending());
    assert!(poll(first.as_mut()).is_ready());
    assert!(poll(second.as_mut()).is_ready());
}

#[test]
fn the_more_urgent_pass_first() {
    let clock = Clocked::new();
    let lockout = Fifo::with_timer(&clock);
    lockout.lock_for(SECOND).unwrap();
    let (mut calm, mut urgent) = (pin!(lockout.wait()), pin!(lockout.wait().priority(Priority(-1))));
    assert!(poll(calm.as_mut()).is_pending());
    assert!(poll(urgent.as_mut()).is_pending());
    clock.advance(SECOND);
    assert!(poll(calm.as_mut()).is_pending());
    assert!(poll(urgent.as_mut()).is_ready());
    assert!(poll(calm.as_mut()).is_ready());
}

#[test]
fn there_is_one_timer_and_none_for_who_has_passed() {
    let clock = Clocked::new();
    let lockout = Fifo::with_timer(&clock);
    let key = lockout.lock_for(SECOND).unwrap();
    let (mut calm, mut urgent) = (pin!(lockout.wait()), Box::pin(lockout.wait().priority(Priority(-1))));
    assert!(poll(calm.as_mut()).is_pending());
    assert!(poll(urgent.as_mut()).is_pending());
    assert!(poll(calm.as_mut()).is_pending());
    drop(urgent);
    assert_eq!(clock.next_deadline(), None, "who was overtaken had left the time to the other");
    assert!(poll(calm.as_mut()).is_pending());
    assert_eq!(clock.next_deadline(), Some(secs(1)));
    assert!(lockout.lift(key));
    assert!(poll(calm.as_mut()).is_ready());
    assert_eq!(clock.next_deadline(), None);
}

#[test]
fn a_clock_that_goes_backwards_admits_nobody_early_and_revives_nothing() {
    let clock = Clocked::new();
    clock.set(secs(1_000));
    let lockout = Plain::with_timer(&clock);
    lockout.lock_for(10 * SECOND).unwrap();
    let mut wait = pin!(lockout.wait());
    assert!(poll(wait.as_mut()).is_pending());
    clock.set(Instant::EPOCH);
    assert!(lockout.try_pass().is_err());
    assert!(poll(wait.as_mut()).is_pending());
    clock.set(secs(31_536_000));
    assert!(poll(wait).is_ready());
    clock.set(secs(1_000));
    assert!(lockout.try_pass().is_ok(), "what was seen to be over is over");
    // It lasts for as long as it says by the clock as it is, not by the year that came to nothing.
    lockout.lock_for(10 * SECOND).unwrap();
    clock.set(secs(1_009));
    assert!(lockout.try_pass().is_err());
    clock.set(secs(1_010));
    assert!(lockout.try_pass().is_ok());
}

/// A clock that stands a little earlier each time it is read, and a sleep that is over at once.
struct Backwards(core::cell::Cell<u64>);

impl crate::Clock for &Backwards {
    fn now(&self) -> Instant {
        self.0.set(self.0.get() - 1);
        Instant::from_nanos(self.0.get())
    }
}

impl Timer for &Backwards {
    type Sleep = core::future::Ready<()>;

    fn sleep_until(&self, _deadline: Instant) -> Self::Sleep {
        core::future::ready(())
    }
}

#[test]
fn a_sleep_that_is_over_is_believed() {
    let clock = Backwards(core::cell::Cell::new(1_000));
    let lockout: FifoLockout<Local, Inline<2>, _> = FifoLockout::with_timer(&clock);
    lockout.lock_until(Instant::from_nanos(5_000)).unwrap();
    assert!(poll(pin!(lockout.wait())).is_ready());
}

#[test]
fn wait_with_a_timeout_gives_its_place_up() {
    let clock = Clocked::new();
    let lockout = Fifo::with_timer(&clock);
    lockout.lock_for(5 * SECOND).unwrap();
    {
        let mut wait = pin!(lockout.wait_timeout(SECOND));
        assert!(poll(wait.as_mut()).is_pending());
        clock.advance(SECOND);
        assert_eq!(poll(wait), Poll::Ready(Err(WaitError::TimedOut)));
    }
    assert_eq!(lockout.waiters(), 0);
    clock.advance(4 * SECOND);
    assert_eq!(poll(pin!(lockout.wait_timeout(Duration::ZERO))), Poll::Ready(Ok(())));
}

#[test]
fn a_machine_that_has_settled_says_so() {
    let mut machine: Machine<Waker, Inline<4>> = Machine::new();
    let key = machine.lock_until(secs(0), secs(1)).unwrap();
    let entered = machine.enter(secs(0), Priority(0), Waker::noop().clone());
    assert!(matches!(entered, Ok(Entry::Queued { .. })));
    assert!(machine.lift(secs(0), key));
    assert!(machine.is_unsettled());
    assert!(!machine.settle(&mut WakeList::new()), "one waiter fits into any list");
    assert!(!machine.is_unsettled());
}
