//! Schedulers: order and outcomes on clocks that are set by hand, and the platform's own time.
#![expect(clippy::missing_errors_doc, reason = "the error is what does not hold")]

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use tidegate_core::scheduler::{
    Config, Expired, InsertError, JoinError, MissedTickBehavior, NextError, Scheduler, TryNextError,
};
use tidegate_core::{
    Blocking, Clock, Inline, Instant, ManualClock, ManualWallClock, Platform, Storage, Timed, WallTime,
};

use crate::outcome::{check, demand, ready};
use crate::{Check, Outcome, World};

const SECOND: Duration = Duration::from_secs(1);
/// Long enough for every timer to tell from nothing.
const SHORT: Duration = Duration::from_millis(2);

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once, with the waker of the task that awaits it.
async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

fn secs(secs: u64) -> Instant {
    Instant::EPOCH + Duration::from_secs(secs)
}

fn noon(secs: u64) -> WallTime {
    WallTime::from_unix(Duration::from_secs(43_200 + secs))
}

/// By deadline, whatever that is, and ties in the order of insertion; also those that come late.
pub fn payloads_come_out_by_deadline_and_ties_by_insertion<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let clock = ManualClock::<P, Inline<2>>::new();
        let scheduler: Scheduler<u8, P, S, _> = Scheduler::with_timer(&clock);
        // 2³⁶ ms, and the last instants there are.
        let far = [(1 << 36) * 1_000_000, u64::MAX - 1, u64::MAX - 1, u64::MAX].map(Instant::from_nanos);
        for (payload, deadline) in (5..).zip(far) {
            demand!(scheduler.insert_at(deadline, payload));
        }
        for (payload, deadline) in [(0, 3), (1, 1), (3, 2), (4, 1)] {
            demand!(scheduler.insert_at(secs(deadline), payload));
        }
        check!(scheduler.len() == 8 && scheduler.peek_deadline() == Some(secs(1)));
        check!(scheduler.try_next().err() == Some(TryNextError::NotDue { earliest: Some(secs(1)) }));
        clock.set(secs(2));
        for payload in [1, 4] {
            check!(*demand!(scheduler.try_next()).get_ref() == payload);
        }
        demand!(scheduler.insert_at(secs(0), 10));
        for payload in [10, 3] {
            check!(*demand!(scheduler.try_next()).get_ref() == payload);
        }
        clock.set(Instant::MAX);
        for payload in [0, 5, 6, 7] {
            check!(*demand!(scheduler.try_next()).get_ref() == payload);
        }
        check!(scheduler.try_next().err() == Some(TryNextError::NotDue { earliest: None }));
        check!(scheduler.drain().map(Expired::into_inner).eq([8]));
        Ok(())
    }
    scenario::<P, S>().into()
}

/// What has been cancelled or reset does not come out as it would have; stale keys do nothing.
pub fn what_is_cancelled_or_reset_does_not_come_out<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let clock = ManualClock::<P, Inline<2>>::new();
        let scheduler: Scheduler<u8, P, S, _> = Scheduler::with_timer(&clock);
        let one = demand!(scheduler.insert_at(secs(1), 1));
        let two = demand!(scheduler.insert_at(secs(2), 2));
        let three = demand!(scheduler.insert_at(secs(3), 3));
        check!(scheduler.cancel(one) == Some(1) && scheduler.cancel(one).is_none());
        check!(!scheduler.reset_at(one, secs(1)));
        let four = demand!(scheduler.insert_at(secs(3), 4));
        check!(scheduler.cancel(one).is_none());
        check!(scheduler.reset_at(two, secs(5)) && scheduler.reset_at(three, secs(3)));
        clock.set(secs(4));
        for payload in [4, 3] {
            check!(*demand!(scheduler.try_next()).get_ref() == payload);
        }
        check!(scheduler.try_next().is_err());
        check!(scheduler.cancel(four).is_none());
        check!(scheduler.reset_after(two, Duration::ZERO));
        check!(*demand!(scheduler.try_next()).get_ref() == 2);
        check!(scheduler.is_empty());
        Ok(())
    }
    scenario::<P, S>().into()
}

/// Several wait; each payload goes to one of them, and one that gives up loses none.
pub fn each_payload_goes_to_one_consumer<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let clock = ManualClock::<P, Inline<4>>::new();
        let scheduler: Scheduler<u8, P, S, _> = Scheduler::with_timer(&clock);
        let (mut second, mut third) = (pin!(scheduler.next()), pin!(scheduler.next()));
        {
            let mut first = pin!(scheduler.next());
            check!(poll(first.as_mut()).is_pending());
            demand!(scheduler.insert_at(secs(1), 1));
            demand!(scheduler.insert_at(secs(1), 2));
            check!(poll(first.as_mut()).is_pending());
            check!(poll(second.as_mut()).is_pending());
            check!(poll(third.as_mut()).is_pending());
            check!(clock.next_deadline() == Some(secs(1)));
            clock.set(secs(1));
        }
        check!(*ready!(poll(third.as_mut())).get_ref() == 1);
        check!(*ready!(poll(second.as_mut())).get_ref() == 2);
        check!(poll(second.as_mut()).is_pending());
        check!((scheduler.waiters(), scheduler.len()) == (0, 0));
        Ok(())
    }
    scenario::<P, S>().into()
}

/// Each policy makes of missed ticks what it says.
pub fn a_recurring_payload_keeps_its_rate<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>(behavior: MissedTickBehavior, at_once: usize, next: u64) -> Check {
        let clock = ManualClock::<P, Inline<2>>::new();
        let scheduler: Scheduler<u8, P, Inline<2>, _> = Scheduler::with_timer(&clock);
        check!(scheduler.insert_every(Duration::ZERO, behavior, 7).err() == Some(InsertError::ZeroPeriod(7)));
        let key = demand!(scheduler.insert_every(2 * SECOND, behavior, 7));
        for tick in [2, 4] {
            clock.set(secs(tick));
            check!(*demand!(scheduler.try_next()).get_ref() == 7);
            check!(scheduler.peek_deadline() == Some(secs(tick + 2)));
        }
        clock.set(secs(11));
        for _ in 0..at_once {
            check!(demand!(scheduler.try_next()).key() == key);
        }
        check!(scheduler.try_next().is_err());
        check!(scheduler.peek_deadline() == Some(secs(next)));
        check!(scheduler.cancel(key) == Some(7) && scheduler.is_empty());
        Ok(())
    }
    // Missed: those of 6, 8 and 10 seconds.
    scenario::<P>(MissedTickBehavior::Burst, 3, 12)
        .and_then(|()| scenario::<P>(MissedTickBehavior::Delay, 1, 13))
        .and_then(|()| scenario::<P>(MissedTickBehavior::Skip, 1, 12))
        .into()
}

/// What goes by the wall clock follows it, forwards and backwards; it is looked at as long as there is any.
pub fn the_wall_clock_may_be_set<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let (clock, wall) = (ManualClock::<P, Inline<2>>::new(), ManualWallClock::<P>::new(noon(0)));
        let scheduler: Scheduler<u8, P, Inline<3>, _, _> = Scheduler::with_clocks(&clock, &wall, Config::new());
        demand!(scheduler.insert_at_system_time(noon(100), 1));
        let mut next = pin!(scheduler.next());
        check!(poll(next.as_mut()).is_pending());
        check!(clock.next_deadline() == Some(secs(1)));
        wall.set(noon(0));
        clock.set(secs(100));
        check!(poll(next.as_mut()).is_pending());
        demand!(scheduler.insert_at_system_time(noon(50), 2));
        wall.set(noon(75));
        check!(*ready!(poll(next.as_mut())).get_ref() == 2);
        check!(scheduler.peek_wall_deadline() == Some(noon(100)));
        wall.set(noon(100));
        check!(*demand!(scheduler.try_next()).get_ref() == 1);
        check!(scheduler.peek_wall_deadline().is_none());
        Ok(())
    }
    scenario::<P>().into()
}

/// Full storage gives payloads back, and turns consumers away.
pub fn a_full_scheduler_gives_back_and_recovers<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::<P, Inline<2>>::new();
        let scheduler: Scheduler<u8, P, Inline<2>, _> = Scheduler::with_timer(&clock);
        let first = demand!(scheduler.insert_at(secs(5), 1));
        demand!(scheduler.insert_at(secs(6), 2));
        check!(scheduler.insert_at(secs(1), 3).err() == Some(InsertError::Full(3)));
        check!(scheduler.cancel(first) == Some(1));
        demand!(scheduler.insert_every(SECOND, MissedTickBehavior::Skip, 4));
        check!(scheduler.insert_at(secs(1), 5).err() == Some(InsertError::Full(5)));
        let (mut one, mut two) = (pin!(scheduler.next()), pin!(scheduler.next()));
        check!(poll(one.as_mut()).is_pending() && poll(two.as_mut()).is_pending());
        check!(matches!(poll(pin!(scheduler.next())), Poll::Ready(Err(NextError::Full))));
        clock.set(secs(6));
        check!(*ready!(poll(one.as_mut())).get_ref() == 4);
        check!(*ready!(poll(two.as_mut())).get_ref() == 2);
        Ok(())
    }
    scenario::<P>().into()
}

/// A closed scheduler refuses payloads, hands none out, tells all who wait, and keeps what is there to be drained.
pub fn a_closed_scheduler_hands_nothing_out<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let clock = ManualClock::<P, Inline<2>>::new();
        let scheduler: Scheduler<u8, P, S, _> = Scheduler::with_timer(&clock);
        demand!(scheduler.insert_at(secs(1), 1));
        demand!(scheduler.insert_at(secs(0), 2));
        let mut next = pin!(scheduler.next());
        check!(*ready!(poll(next.as_mut())).get_ref() == 2);
        let (mut next, mut join) = (pin!(scheduler.next()), pin!(scheduler.join()));
        check!(poll(next.as_mut()).is_pending() && poll(join.as_mut()).is_pending());
        scheduler.close();
        clock.set(secs(1));
        check!(matches!(poll(next.as_mut()), Poll::Ready(Err(NextError::Closed))));
        check!(poll(join.as_mut()) == Poll::Ready(Err(JoinError::Closed)));
        check!(scheduler.try_next().err() == Some(TryNextError::Closed));
        check!(scheduler.insert_at(secs(1), 3).err() == Some(InsertError::Closed(3)));
        check!(scheduler.drain().map(Expired::into_inner).eq([1]));
        check!(poll(pin!(scheduler.join())) == Poll::Ready(Ok(())));
        Ok(())
    }
    scenario::<P, S>().into()
}

/// Two wait, the first gives up, and the other gets each payload in the platform's time, not before.
pub async fn payloads_come_out_in_the_platforms_time<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    let scheduler = Scheduler::<u8, W::Platform, Inline<3>>::new();
    let mut second = pin!(scheduler.next());
    let deadline = {
        let mut first = pin!(scheduler.next());
        check!(once(first.as_mut()).await.is_pending());
        check!(once(second.as_mut()).await.is_pending());
        let deadline = scheduler.timer().now() + SHORT;
        demand!(scheduler.insert_at(deadline + SHORT, 2));
        demand!(scheduler.insert_at(deadline, 1));
        deadline
    };
    check!(*demand!(second.await).get_ref() == 1);
    check!(scheduler.timer().now() >= deadline);
    let mut stream = pin!(scheduler.stream());
    check!(stream.next().await.is_some_and(|expired| expired.into_inner() == 2));
    check!(scheduler.timer().now() >= deadline + SHORT);
    demand!(scheduler.join().await);
    scheduler.close();
    check!(stream.next().await.is_none());
    Ok(())
}

/// Who runs out of time leaves the line, and the payload stays.
pub async fn a_wait_for_a_payload_can_time_out<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    let scheduler = Scheduler::<u8, W::Platform, Inline<3>>::new();
    let key = demand!(scheduler.insert_after(Duration::MAX, 1));
    check!(scheduler.next_timeout(SHORT).await.err() == Some(NextError::TimedOut));
    check!(scheduler.join_timeout(SHORT).await == Err(JoinError::TimedOut));
    check!((scheduler.waiters(), scheduler.len()) == (0, 1));
    check!(scheduler.reset_after(key, Duration::ZERO));
    check!(*demand!(scheduler.next_timeout(Duration::ZERO).await).get_ref() == 1);
    Ok(())
}

/// A thread waits for payloads one by one, gives up in time, and iterates to the end.
pub async fn a_thread_waits_for_payloads<'a, W: World<'a, Platform: Blocking + Timed>>(_: &W) -> Check {
    let scheduler = Scheduler::<u8, W::Platform, Inline<4>>::new();
    let start = scheduler.timer().now();
    demand!(scheduler.insert_at(start + SHORT, 1));
    check!(*demand!(scheduler.next_blocking()).get_ref() == 1);
    check!(scheduler.timer().now() >= start + SHORT);
    demand!(scheduler.join_blocking());
    let never = demand!(scheduler.insert_after(Duration::MAX, 2));
    check!(scheduler.next_blocking_timeout(SHORT).err() == Some(NextError::TimedOut));
    check!(scheduler.join_blocking_timeout(SHORT) == Err(JoinError::TimedOut));
    check!(scheduler.cancel(never) == Some(2));
    demand!(scheduler.insert_every(SHORT, MissedTickBehavior::Burst, 3));
    let mut ticks = 0;
    for tick in &scheduler {
        check!(tick.into_inner() == 3);
        ticks += 1;
        if ticks == 3 {
            scheduler.close();
        }
    }
    check!(ticks == 3);
    check!(scheduler.next_blocking().err() == Some(NextError::Closed));
    Ok(())
}
