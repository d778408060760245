//! What one thread can see of the handle, step by step, on clocks that a test sets.

use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::Poll;
use std::panic;
use std::sync::Arc;
use std::task::Wake as StdWake;
use std::vec::Vec;

use super::*;
use crate::testing::{count, poll, poll_with};
use crate::{Inline, Local, ManualClock, ManualWallClock, Priority};

type Clocked = ManualClock<Local, Inline<64>>;
type Plain<'c> = Scheduler<u32, Local, Inline<64>, &'c Clocked>;
type Walled<'c> = Scheduler<u32, Local, Inline<64>, &'c Clocked, &'c ManualWallClock<Local>>;

const SECOND: Duration = Duration::from_secs(1);

fn secs(secs: u64) -> Instant {
    Instant::EPOCH + Duration::from_secs(secs)
}

fn noon(secs: u64) -> WallTime {
    WallTime::from_unix(Duration::from_secs(43_200 + secs))
}

fn taken(next: Poll<Result<Expired<u32>, NextError>>) -> u32 {
    match next {
        Poll::Ready(Ok(expired)) => expired.into_inner(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn they_come_out_by_deadline_and_ties_by_insertion() {
    let clock = Clocked::new();
    let scheduler = Plain::with_timer(&clock);
    for (payload, after) in [(1, 5), (2, 3), (3, 5), (4, 0), (5, 3)] {
        scheduler.insert_after(after * SECOND, payload).unwrap();
    }
    assert_eq!(scheduler.try_next().map(Expired::into_inner), Ok(4));
    assert_eq!(scheduler.try_next(), Err(TryNextError::NotDue { earliest: Some(secs(3)) }));
    clock.advance(10 * SECOND);
    // Long past, and after others that were due earlier have come out.
    scheduler.insert_at(secs(1), 6).unwrap();
    let order: Vec<u32> = core::iter::from_fn(|| scheduler.try_next().ok()).map(Expired::into_inner).collect();
    assert_eq!(order, [6, 2, 5, 1, 3]);
    assert_eq!(scheduler.try_next(), Err(TryNextError::NotDue { earliest: None }));
}

#[test]
fn an_earlier_deadline_rings_whoever_keeps_time_and_a_later_one_nobody() {
    let clock = Clocked::new();
    let scheduler = Plain::with_timer(&clock);
    let ((leads, leader), (follows, follower)) = (count(), count());
    let (mut first, mut second) = (pin!(scheduler.next()), pin!(scheduler.next()));
    assert!(poll_with(first.as_mut(), &leader).is_pending());
    assert!(poll_with(second.as_mut(), &follower).is_pending());
    assert_eq!(clock.next_deadline(), None, "there is nothing to wait for");

    let key = scheduler.insert_at(secs(10), 1).unwrap();
    assert_eq!((leads.get(), follows.get()), (1, 0));
    assert!(poll_with(first.as_mut(), &leader).is_pending());
    assert_eq!(clock.next_deadline(), Some(secs(10)));
    scheduler.insert_at(secs(20), 2).unwrap();
    assert_eq!((leads.get(), follows.get()), (1, 0));
    scheduler.insert_at(secs(5), 3).unwrap();
    assert_eq!((leads.get(), follows.get()), (2, 0));
    assert!(poll_with(first.as_mut(), &leader).is_pending());
    assert_eq!(clock.next_deadline(), Some(secs(5)));
    assert!(scheduler.reset_at(key, secs(4)));
    assert_eq!((leads.get(), follows.get()), (3, 0));
    assert!(poll_with(first.as_mut(), &leader).is_pending());

    // The alarm goes off for one, and the other takes over.
    clock.set(secs(4));
    assert_eq!((leads.get(), follows.get()), (4, 0));
    assert_eq!(taken(poll_with(first.as_mut(), &leader)), 1);
    assert_eq!(follows.get(), 1);
    assert!(poll_with(second.as_mut(), &follower).is_pending());
    assert_eq!(clock.next_deadline(), Some(secs(5)));
    assert!(poll(first.as_mut()).is_pending(), "once it has been ready it stays pending");
}

#[test]
fn a_consumer_that_is_dropped_loses_no_payload_and_strands_nobody() {
    let clock = Clocked::new();
    let scheduler = Plain::with_timer(&clock);
    scheduler.insert_at(secs(1), 7).unwrap();
    let (called, waker) = count();
    let mut second = pin!(scheduler.next());
    {
        let mut first = pin!(scheduler.next());
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll_with(second.as_mut(), &waker).is_pending());
        clock.set(secs(1));
        assert_eq!(called.get(), 0, "the first one is");
    }
    assert_eq!(called.get(), 1);
    assert_eq!(taken(poll(second.as_mut())), 7);
}

#[test]
fn after_the_keeper_has_gone_with_the_last_payload_a_later_one_calls_the_next() {
    let clock = Clocked::new();
    let scheduler = Plain::with_timer(&clock);
    let (called, waker) = count();
    let (mut first, mut second) = (pin!(scheduler.next()), pin!(scheduler.next()));
    scheduler.insert_at(secs(1), 1).unwrap();
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll_with(second.as_mut(), &waker).is_pending());
    clock.set(secs(1));
    assert_eq!(taken(poll(first.as_mut())), 1);
    assert_eq!(called.get(), 0, "there is nothing for it");

    scheduler.insert_at(secs(2), 2).unwrap();
    assert_eq!(called.get(), 1, "to keep time");
    assert!(poll_with(second.as_mut(), &waker).is_pending());
    clock.set(secs(2));
    assert_eq!(taken(poll(second.as_mut())), 2);
}

#[test]
fn what_came_out_by_the_wall_clock_and_recurs_rings_whoever_keeps_time() {
    let (clock, wall) = (Clocked::new(), ManualWallClock::new(noon(0)));
    let scheduler = Walled::with_clocks(&clock, &wall, Config::new());
    let every = scheduler.insert_every(SECOND / 2, MissedTickBehavior::Burst, 1).unwrap();
    assert!(scheduler.reset_at_system_time(every, noon(2)));
    scheduler.insert_at(secs(10), 2).unwrap();
    let (called, waker) = count();
    let mut next = pin!(scheduler.next());
    assert!(poll_with(next.as_mut(), &waker).is_pending());

    wall.set(noon(2));
    assert_eq!(scheduler.try_next().map(Expired::into_inner), Ok(1), "somebody else has it");
    assert_eq!(called.get(), 1, "it is to come again before anything else");
    assert!(poll_with(next.as_mut(), &waker).is_pending());
    clock.advance(SECOND / 2);
    assert_eq!(taken(poll_with(next.as_mut(), &waker)), 1);
}

#[test]
fn the_most_urgent_consumer_keeps_time() {
    let clock = Clocked::new();
    let scheduler = Plain::with_timer(&clock);
    scheduler.insert_at(secs(1), 7).unwrap();
    let (mut first, mut urgent) = (pin!(scheduler.next()), pin!(scheduler.next().priority(Priority(-1))));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(urgent.as_mut()).is_pending());
    let (called, waker) = count();
    assert!(poll_with(urgent.as_mut(), &waker).is_pending());
    clock.set(secs(1));
    assert_eq!(called.get(), 1);
    assert_eq!(taken(poll(urgent.as_mut())), 7);
}

#[test]
fn the_wall_clock_may_be_set_and_is_looked_at_while_anything_goes_by_it() {
    let (clock, wall) = (Clocked::new(), ManualWallClock::new(noon(0)));
    let scheduler = Walled::with_clocks(&clock, &wall, Config::new());
    let (called, waker) = count();
    let mut next = pin!(scheduler.next());
    assert!(poll_with(next.as_mut(), &waker).is_pending());
    let far = scheduler.insert_at_system_time(noon(3_600), 1).unwrap();
    assert_eq!(called.get(), 1);
    assert!(poll_with(next.as_mut(), &waker).is_pending());
    assert_eq!(clock.next_deadline(), Some(secs(1)), "to look at the wall clock again");

    // Backwards: it is not due when it would have been.
    wall.set(noon(0));
    clock.advance(3_600 * SECOND);
    assert!(poll_with(next.as_mut(), &waker).is_pending());
    // Forwards: it is due within a second.
    wall.set(noon(3_600));
    let before = called.get();
    clock.advance(SECOND);
    assert_eq!(called.get(), before + 1);
    assert_eq!(taken(poll_with(next.as_mut(), &waker)), 1);
    assert_eq!(scheduler.cancel(far), None);

    // Near: to the nanosecond. And nothing is looked at any more once it is gone.
    let mut next = pin!(scheduler.next());
    wall.set(noon(0));
    let near = scheduler.insert_at_system_time(noon(0) + Duration::from_nanos(5), 2).unwrap();
    assert!(poll_with(next.as_mut(), &waker).is_pending());
    assert_eq!(clock.next_deadline(), Some(secs(3_601) + Duration::from_nanos(5)));
    assert_eq!(scheduler.cancel(near), Some(2));
    clock.advance(SECOND);
    assert!(poll_with(next.as_mut(), &waker).is_pending());
    assert_eq!(clock.next_deadline(), None);
}

#[test]
fn of_either_clock_the_one_due_for_longer_comes_first() {
    let (clock, wall) = (Clocked::new(), ManualWallClock::new(noon(0)));
    let scheduler = Walled::with_clocks(&clock, &wall, Config::new());
    scheduler.insert_at(secs(8), 1).unwrap();
    scheduler.insert_at_system_time(noon(3), 2).unwrap();
    scheduler.insert_at(secs(3), 3).unwrap();
    scheduler.insert_at_system_time(noon(1), 4).unwrap();
    clock.advance(10 * SECOND);
    wall.set(noon(5));
    let order: Vec<u32> = scheduler.drain_due().collect();
    assert_eq!(order, [3, 4, 1, 2], "due for 7, 4, 2 and 2 seconds");
}

#[test]
fn granularity_lets_several_out_at_once_and_none_early() {
    let clock = Clocked::new();
    let config = Config::new().granularity(Duration::from_millis(10));
    let scheduler: Plain<'_> = Scheduler::with_clocks(&clock, NoWall, config);
    for nanos in [1, 9_999_999, 10_000_000, 10_000_001] {
        scheduler.insert_at(Instant::from_nanos(nanos), 0).unwrap();
    }
    let mut next = pin!(scheduler.next());
    assert!(poll(next.as_mut()).is_pending());
    assert_eq!(clock.next_deadline(), Some(Instant::from_nanos(10_000_000)));
    clock.set(Instant::from_nanos(10_000_000));
    assert_eq!(taken(poll(next.as_mut())), 0);
    assert_eq!(scheduler.drain_due().count(), 2);
    assert_eq!(
        scheduler.try_next(),
        Err(TryNextError::NotDue { earliest: Some(Instant::from_nanos(20_000_000)) })
    );
}

#[test]
fn close_is_heard_by_all_and_keeps_what_is_there() {
    let clock = Clocked::new();
    let scheduler = Plain::with_timer(&clock);
    let key = scheduler.insert_at(secs(1), 1).unwrap();
    scheduler.insert_at(Instant::MAX, 2).unwrap();
    scheduler.insert_every(SECOND, MissedTickBehavior::Burst, 3).unwrap();
    scheduler.insert_at(Instant::EPOCH, 4).unwrap();
    let (woken, waker) = count();
    let mut nexts: Vec<_> = (0..40).map(|_| std::boxed::Box::pin(scheduler.next())).collect();
    assert_eq!(taken(poll(nexts[0].as_mut())), 4);
    for next in &mut nexts[1..] {
        assert!(poll_with(next.as_mut(), &waker).is_pending());
    }
    let mut join = pin!(scheduler.join());
    assert!(poll_with(join.as_mut(), &waker).is_pending());
    scheduler.close();
    scheduler.close();
    assert_eq!(woken.get(), 40);
    for next in &mut nexts[1..] {
        assert_eq!(poll(next.as_mut()), Poll::Ready(Err(NextError::Closed)));
    }
    assert_eq!(poll(join.as_mut()), Poll::Ready(Err(JoinError::Closed)));
    clock.advance(5 * SECOND);
    assert_eq!(scheduler.try_next(), Err(TryNextError::Closed));
    assert_eq!(poll(pin!(scheduler.next())), Poll::Ready(Err(NextError::Closed)));
    assert_eq!(scheduler.insert_at(secs(1), 9), Err(InsertError::Closed(9)));
    assert_eq!(scheduler.insert_every(SECOND, MissedTickBehavior::Skip, 9), Err(InsertError::Closed(9)));
    assert_eq!(scheduler.cancel(key), Some(1));
    assert_eq!(scheduler.drain().map(Expired::into_inner).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(poll(pin!(scheduler.join())), Poll::Ready(Ok(())));
}

#[test]
fn who_joins_hears_of_the_last_one_though_others_come_at_once() {
    let clock = Clocked::new();
    let scheduler = Plain::with_timer(&clock);
    assert_eq!(poll(pin!(scheduler.join())), Poll::Ready(Ok(())));
    let key = scheduler.insert_at(secs(1), 1).unwrap();
    let (woken, waker) = count();
    let mut joins: Vec<_> = (0..40).map(|_| scheduler.join()).collect();
    for join in &mut joins {
        assert!(poll_with(Pin::new(join), &waker).is_pending());
    }
    drop(joins.pop());
    scheduler.cancel(key);
    assert_eq!(woken.get(), 39);
    scheduler.insert_at(secs(2), 2).unwrap();
    for join in &mut joins {
        assert_eq!(poll(Pin::new(join)), Poll::Ready(Ok(())));
    }
    assert!(poll(pin!(scheduler.join())).is_pending());
}

#[test]
fn what_makes_no_sense_is_given_back() {
    let clock = Clocked::new();
    let scheduler: Scheduler<u32, Local, Inline<2>, _> = Scheduler::with_timer(&clock);
    let zero = scheduler.insert_every(Duration::ZERO, MissedTickBehavior::Skip, 5);
    assert_eq!(zero, Err(InsertError::ZeroPeriod(5)));
    let key = scheduler.insert_after(Duration::MAX, 1).unwrap();
    assert_eq!(scheduler.deadline(key), Some(Deadline::At(Instant::MAX)));
    scheduler.insert_every(Duration::MAX, MissedTickBehavior::Burst, 2).unwrap();
    assert_eq!(scheduler.insert_at(secs(1), 3), Err(InsertError::Full(3)));
    assert_eq!(scheduler.insert_every(SECOND, MissedTickBehavior::Skip, 3), Err(InsertError::Full(3)));
    clock.set(Instant::MAX);
    assert_eq!(scheduler.try_next(), Err(TryNextError::NotDue { earliest: None }));
    assert_eq!((scheduler.cancel(key), scheduler.cancel(key)), (Some(1), None));
    assert!(!scheduler.reset_at(key, secs(1)));
    let (mut first, mut second) = (pin!(scheduler.next()), pin!(scheduler.next()));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    assert_eq!(poll(pin!(scheduler.next())), Poll::Ready(Err(NextError::Full)));
}

#[test]
fn a_wake_that_panics_loses_no_payload_and_strands_nobody() {
    struct Bomb;

    impl StdWake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("as agreed");
        }
    }

    let clock = Clocked::new();
    let scheduler = Plain::with_timer(&clock);
    let bomb = Waker::from(Arc::new(Bomb));
    let (woken, waker) = count();
    scheduler.insert_at(secs(1), 1).unwrap();
    let mut joins: Vec<_> = (0..40).map(|_| scheduler.join()).collect();
    for (who, join) in joins.iter_mut().enumerate() {
        assert!(poll_with(Pin::new(join), if who == 3 { &bomb } else { &waker }).is_pending());
    }
    clock.set(secs(1));
    let mut next = pin!(scheduler.next());
    let unwound = panic::catch_unwind(AssertUnwindSafe(|| poll(next.as_mut())));
    assert!(unwound.is_err());
    assert_eq!(woken.get(), 39);
    assert_eq!(scheduler.try_next().map(Expired::into_inner), Ok(1));
}

#[test]
fn a_clone_that_panics_changes_nothing() {
    struct Fragile(bool);

    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert!(!self.0, "as agreed");
            Self(false)
        }
    }

    let mut machine = Machine::<Fragile, Waker, Inline<2>>::new();
    machine.insert_every(secs(1), SECOND, MissedTickBehavior::Burst, Fragile(true)).unwrap_or_else(|_| panic!());
    let unwound = panic::catch_unwind(AssertUnwindSafe(|| machine.pop(secs(1)).is_some()));
    assert!(unwound.is_err());
    assert_eq!((machine.len(), machine.poll_timeout()), (1, Some(secs(1))));
}

#[cfg(feature = "alloc")]
#[test]
fn a_crowd_that_is_due_at_once_comes_out_in_order_over_several_locks() {
    let clock = Clocked::new();
    let scheduler: Scheduler<u32, Local, crate::Heap, _> = Scheduler::with_timer(&clock);
    for payload in 0..5_000 {
        scheduler.insert_at(secs(u64::from(payload % 10)), payload).unwrap();
    }
    clock.set(secs(100));
    for expected in 0..5_000 {
        let next = taken(poll(pin!(scheduler.next())));
        assert_eq!(next, expected / 500 + expected % 500 * 10);
    }
    assert!(scheduler.is_empty());
}

impl<W: MaybeWall> Scheduler<u32, Local, Inline<64>, &Clocked, W> {
    /// What is due, and not what will be.
    fn drain_due(&self) -> impl Iterator<Item = u32> {
        core::iter::from_fn(|| self.try_next().ok()).map(Expired::into_inner)
    }
}

#[test]
fn a_closed_machine_gives_nothing_out_by_any_clock() {
    let mut machine: Machine<u8, Waker, Inline<4>> = Machine::new();
    let (instant, wall) = (Instant::from_nanos(1), WallTime::from_unix_nanos(1));
    machine.insert_at(instant, 1).unwrap();
    machine.insert_at_wall(wall, 2).unwrap();
    machine.close();
    assert!(machine.pop((instant, wall)).is_none());
}
