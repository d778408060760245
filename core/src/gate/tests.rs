//! What one thread can see of a gate, step by step, on a clock that a test sets.

use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::boxed::Box;
use std::vec::Vec;

use super::*;
use crate::lockout::{FifoLockout, Lockout};
use crate::rate_limiter::{NotUntil, Quota, RateLimiter};
use crate::semaphore::Semaphore;
use crate::testing::poll;
use crate::{Inline, Instant, Local, ManualClock};

type Room = Inline<16>;
type Clocked = ManualClock<Local, Inline<64>>;
type Permits = Semaphore<Local, Room>;
type Rate<'c> = RateLimiter<Local, Room, &'c Clocked>;
type Rest<'c> = Lockout<Local, Room, &'c Clocked>;
type InLine<'c> = FifoLockout<Local, Room, &'c Clocked>;

const SECOND: Duration = Duration::from_secs(1);

fn secs(secs: u64) -> Instant {
    Instant::EPOCH + Duration::from_secs(secs)
}

/// So many per second, as many at once.
fn rate(clock: &Clocked, tokens: u32) -> Rate<'_> {
    RateLimiter::with_timer(Quota::per(tokens, SECOND).unwrap(), clock)
}

#[test]
fn a_gate_of_nothing_holds_nobody_back() {
    let gate = Gate::<Local>::new();
    let _inside = gate.try_enter().unwrap();
    assert!(matches!(poll(pin!(gate.enter())), Poll::Ready(Ok(_))));
}

#[test]
fn every_part_refuses_and_what_was_taken_comes_back() {
    let clock = Clocked::new();
    let (permits, tokens, lockout) = (Permits::new(1), rate(&clock, 2), Rest::with_timer(&clock));
    let gate = Gate::<Local, _, _, _>::with_parts(&permits, &tokens, &lockout);
    let pass = gate.try_enter().unwrap();
    assert_eq!(gate.try_enter().unwrap_err(), TryEnterError::NoPermits);
    assert_eq!(tokens.available(), 1);
    drop(pass);
    let key = lockout.lock_for(SECOND).unwrap();
    assert_eq!(gate.try_enter().unwrap_err(), TryEnterError::Locked(Locked { until: secs(1) }));
    assert_eq!((permits.available_permits(), tokens.available()), (1, 1));
    assert!(lockout.lift(key));
    drop(gate.try_enter().unwrap());
    let earliest = Instant::from_nanos(500_000_000);
    assert_eq!(gate.try_enter().unwrap_err(), TryEnterError::NotUntil(NotUntil { earliest }));
    assert_eq!(permits.available_permits(), 1);
    permits.close();
    assert_eq!(gate.try_enter().unwrap_err(), TryEnterError::Closed);
    assert!(matches!(poll(pin!(gate.enter())), Poll::Ready(Err(GateError::Closed))));
}

#[test]
fn dropped_at_any_stage_it_leaves_nothing_behind() {
    for stage in 0..3 {
        let clock = Clocked::new();
        let (permits, tokens, lockout) = (Permits::new(1), rate(&clock, 1), InLine::with_timer(&clock));
        let gate = Gate::<Local>::new().semaphore(&permits).limiter(&tokens).lockout(&lockout);
        let held = (stage == 0).then(|| permits.try_acquire().unwrap());
        if stage == 1 {
            lockout.lock_for(SECOND).unwrap();
        }
        if stage == 2 {
            tokens.try_acquire(1).unwrap();
        }
        {
            let mut behind = Box::pin(gate.enter());
            {
                let mut dropped = pin!(gate.enter());
                assert!(poll(dropped.as_mut()).is_pending());
                assert!(poll(behind.as_mut()).is_pending());
                assert_eq!(
                    (lockout.waiters(), tokens.waiters()),
                    (usize::from(stage == 1), usize::from(stage == 2))
                );
            }
            drop(held);
            clock.advance(SECOND);
            assert!(matches!(poll(behind.as_mut()), Poll::Ready(Ok(_))), "stage {stage}");
        }
        assert_eq!((permits.available_permits(), permits.waiters()), (1, 0));
        assert_eq!((lockout.waiters(), tokens.waiters(), tokens.available()), (0, 0, 0));
        clock.advance(SECOND);
        assert_eq!(tokens.available(), 1);
    }
}

#[test]
fn a_lockout_that_begins_while_one_waits_for_a_token_gives_the_token_back() {
    let clock = Clocked::new();
    let (permits, tokens, lockout) = (Permits::new(4), rate(&clock, 1), Rest::with_timer(&clock));
    let gate = Gate::<Local>::new().semaphore(&permits).limiter(&tokens).lockout(&lockout);
    tokens.try_acquire(1).unwrap();
    let mut enter = pin!(gate.enter());
    assert!(poll(enter.as_mut()).is_pending());
    lockout.lock_for(10 * SECOND).unwrap();
    clock.advance(SECOND);
    assert!(poll(enter.as_mut()).is_pending());
    assert_eq!((tokens.available(), lockout.waiters()), (1, 1), "refunded, and waiting for the end");
    clock.set(secs(10));
    assert!(matches!(poll(enter.as_mut()), Poll::Ready(Ok(_))));
    assert_eq!(tokens.available(), 0);
}

/// Whoever waited out a lockout enters at the quota's rate, not all at once on tokens taken before.
#[test]
fn the_quota_holds_for_entries_after_a_lockout() {
    let clock = Clocked::new();
    let (permits, tokens, lockout) = (Permits::new(12), rate(&clock, 3), InLine::with_timer(&clock));
    let gate = Gate::<Local>::new().semaphore(&permits).limiter(&tokens).lockout(&lockout);
    for _ in 0..3 {
        drop(gate.try_enter().unwrap());
    }
    let mut waiting: Vec<_> = (0..12).map(|_| Box::pin(gate.enter())).collect();
    assert!(waiting.iter_mut().all(|enter| poll(enter.as_mut()).is_pending()));
    // They stand in the limiter's line. The peer says: not for a minute.
    lockout.lock_for(60 * SECOND).unwrap();
    let mut entered = Vec::new();
    for tick in 0..3_000_u64 {
        clock.set(Instant::from_nanos(tick * 50_000_000));
        waiting.retain_mut(|enter| {
            let inside = poll(enter.as_mut()).is_ready();
            if inside {
                entered.push(tick);
            }
            !inside
        });
    }
    assert_eq!((entered.len(), entered[0]), (12, 1_200), "all, and none before the end");
    // Burst and rate are three in a second, so no more than six in any.
    for first in &entered {
        assert!(entered.iter().filter(|&tick| (first..&(first + 20)).contains(&tick)).count() <= 6, "{entered:?}");
    }
    assert_eq!((permits.available_permits(), permits.waiters()), (12, 0));
}

#[test]
fn a_pass_by_a_shared_pointer_borrows_nothing() {
    use std::rc::Rc;

    let shared = Rc::new(Permits::new(1));
    let gate = Gate::<Local>::new().semaphore(Rc::clone(&shared));
    let pass = gate.try_enter().unwrap();
    drop(gate);
    assert_eq!(shared.available_permits(), 0, "the pass borrows nothing");
    drop(pass.into_permit());
    assert_eq!(shared.available_permits(), 1);
}

/// Nor is anybody overtaken who waited for the end of a lockout, and has not yet passed.
#[test]
fn whoever_tries_stands_behind_who_waited() {
    let clock = Clocked::new();
    let lockout = InLine::with_timer(&clock);
    let gate = Gate::<Local>::new().lockout(&lockout);
    lockout.lock_for(SECOND).unwrap();
    let mut waited = pin!(gate.enter());
    assert!(poll(waited.as_mut()).is_pending());
    clock.advance(SECOND);
    assert!(matches!(gate.try_enter(), Err(TryEnterError::Locked(_))));
    assert!(matches!(poll(waited.as_mut()), Poll::Ready(Ok(_))));
    assert!(gate.try_enter().is_ok());
}

#[test]
fn the_more_urgent_gets_the_permit() {
    let permits = Permits::new(1);
    let gate = Gate::<Local>::new().semaphore(&permits);
    let held = gate.try_enter().unwrap();
    let mut patient = pin!(gate.enter_with_priority(Priority(5)));
    let mut urgent = pin!(gate.enter_with_priority(Priority(-5)));
    assert!(poll(patient.as_mut()).is_pending());
    assert!(poll(urgent.as_mut()).is_pending());
    drop(held);
    assert!(poll(patient.as_mut()).is_pending());
    assert!(matches!(poll(urgent.as_mut()), Poll::Ready(Ok(_))));
}

/// A priority that is named counts in every line, and not that of the scope.
#[test]
fn the_more_urgent_goes_first_in_every_line() {
    for locked in [false, true] {
        let clock = Clocked::new();
        let (permits, tokens, lockout) = (Permits::new(2), rate(&clock, 1), InLine::with_timer(&clock));
        let gate = Gate::<Local>::new().semaphore(&permits).limiter(&tokens).lockout(&lockout);
        if locked {
            lockout.lock_for(SECOND).unwrap();
        } else {
            tokens.try_acquire(1).unwrap();
        }
        let mut patient = pin!(gate.enter_with_priority(Priority(5)));
        let mut urgent = pin!(gate.enter_with_priority(Priority(-5)));
        assert!(poll(patient.as_mut()).is_pending());
        assert!(poll(urgent.as_mut()).is_pending());
        assert_eq!((lockout.waiters(), tokens.waiters()), if locked { (2, 0) } else { (0, 2) });
        clock.advance(SECOND);
        assert!(poll(patient.as_mut()).is_pending(), "locked: {locked}");
        assert!(matches!(poll(urgent.as_mut()), Poll::Ready(Ok(_))), "locked: {locked}");
    }
}
