//! Shutdown: its phases on a clock that is set by hand, and in the platform's own time.
#![expect(clippy::missing_errors_doc, reason = "the error is what does not hold")]

use core::future::{Future, pending, ready};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use tidegate_core::shutdown::{BeginError, Heard, Phase, Reason, SecondSignal, Shutdown, WaitError};
use tidegate_core::{Blocking, Clock, Inline, ManualClock, Platform, Storage, Timed};

use crate::outcome::{check, demand};
use crate::{Check, Outcome, World};

const SECOND: Duration = Duration::from_secs(1);
/// Long enough for every timer to tell from nothing.
const SHORT: Duration = Duration::from_millis(2);

type Of<'a, P> = Shutdown<P, Inline<2>, &'a ManualClock<P, Inline<2>>>;

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// One phase comes after the other, one run at a time, and a trigger amid the start-ups is kept.
pub fn phases_come_in_order<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::new();
        let shutdown: Of<'_, P> = Shutdown::with_timer(&clock);
        let start_ups = demand!(shutdown.begin());
        check!(matches!(shutdown.begin(), Err(BeginError::AlreadyRunning)));
        let mut waiter = pin!(shutdown.triggered());
        check!(poll(waiter.as_mut()).is_pending());
        check!(!shutdown.is_triggered());
        check!(shutdown.trigger_by(Reason::Signal(7)) == Heard::First);
        check!(shutdown.trigger() == Heard::Again);
        check!(poll(waiter.as_mut()) == Poll::Ready(Ok(Reason::Signal(7))));
        let Poll::Ready(callbacks) = poll(pin!(start_ups.triggered())) else { return Err(late(line!())) };
        check!(callbacks.reason() == Reason::Signal(7));
        let mut joins = callbacks.joins();
        check!(poll(pin!(joins.join("there", Duration::ZERO, ready(3)))) == Poll::Ready(Ok(3)));
        check!(joins.finish().is_clean());
        check!(shutdown.phase() == Phase::Ended);
        check!(matches!(shutdown.begin(), Err(BeginError::Ended)));
        check!(shutdown.rearm() && !shutdown.is_triggered());
        check!(shutdown.begin().is_ok());
        Ok(())
    }
    scenario::<P>().into()
}

const fn late(line: u32) -> crate::Failure {
    crate::Failure { what: "it should be ready", file: file!(), line }
}

/// Each join has a deadline of its own, to the nanosecond; the report names who did not come.
pub fn joins_have_deadlines_of_their_own<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::new();
        let shutdown: Of<'_, P> = Shutdown::with_timer(&clock);
        shutdown.trigger();
        let start_ups = demand!(shutdown.begin());
        let Poll::Ready(callbacks) = poll(pin!(start_ups.triggered())) else { return Err(late(line!())) };
        let mut joins = callbacks.joins();
        check!(poll(pin!(joins.join("never", Duration::ZERO, pending::<()>()))).is_ready());
        {
            let mut first = pin!(joins.join("first", SECOND, pending::<()>()));
            check!(poll(first.as_mut()).is_pending());
            clock.advance(Duration::from_nanos(999_999_999));
            check!(poll(first.as_mut()).is_pending());
            clock.advance(Duration::from_nanos(1));
            check!(matches!(poll(first.as_mut()), Poll::Ready(Err(late)) if !late.forced));
        }
        {
            let mut ever = pin!(joins.join("ever", Duration::MAX, pending::<()>()));
            check!(poll(ever.as_mut()).is_pending());
            clock.advance(Duration::MAX);
            check!(poll(ever.as_mut()).is_pending());
        }
        let report = joins.finish();
        check!(report.late() == ["never", "first"]);
        check!(report.missing() == 3);
        Ok(())
    }
    scenario::<P>().into()
}

/// A second signal does what it is to do; a nested scope ends before the one around it, and by the same trigger.
pub fn second_signals_and_nested_scopes<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::new();
        let outer: Of<'_, P> = Shutdown::with_timer_and_second_signal(&clock, SecondSignal::Ignore);
        let inner: Of<'_, P> = Shutdown::with_timer(&clock);
        let within = outer.nest();
        check!(within.is_some());
        let mut outer_run = pin!(demand!(outer.begin()).triggered());
        let mut inner_run = pin!(demand!(inner.begin()).triggered_within(outer.triggered_reason()));
        check!(poll(inner_run.as_mut()).is_pending());
        check!(outer.trigger_by(Reason::Signal(2)) == Heard::First);
        check!(outer.trigger_by(Reason::Signal(2)) == Heard::Again);
        check!(poll(outer_run.as_mut()).is_pending());
        let Poll::Ready(callbacks) = poll(inner_run.as_mut()) else { return Err(late(line!())) };
        check!(inner.trigger_by(Reason::Signal(2)) == Heard::Again);
        let mut joins = callbacks.joins();
        {
            let mut join = pin!(joins.join("cut short", None, pending::<()>()));
            check!(poll(join.as_mut()).is_pending());
            check!(inner.trigger_by(Reason::Signal(2)) == Heard::ForceExit);
            check!(matches!(poll(join.as_mut()), Poll::Ready(Err(late)) if late.forced));
        }
        check!(joins.finish().forced());
        drop(within);
        check!(poll(outer_run.as_mut()).is_ready());
        Ok(())
    }
    scenario::<P>().into()
}

/// A join is late by the platform's own time, and so is a trigger that does not come.
pub async fn a_join_is_late_by_the_platforms_time<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    let shutdown = Shutdown::<W::Platform, Inline<2>>::new();
    check!(shutdown.triggered_timeout(SHORT).await == Err(WaitError::TimedOut));
    check!(shutdown.waiters() == 0);
    let start_ups = demand!(shutdown.begin());
    let timer = <W::Platform as Timed>::TIMER;
    let callbacks = start_ups
        .triggered_or(async {
            let _ = shutdown.triggered_timeout(SHORT).await;
            Reason::Signal(1)
        })
        .await;
    check!(callbacks.reason() == Reason::Signal(1));
    let mut joins = callbacks.joins();
    let end = timer.now() + SHORT;
    check!(joins.join("late", SHORT, pending::<()>()).await.is_err());
    check!(timer.now() >= end);
    check!(joins.finish().late() == ["late"]);
    Ok(())
}

/// A thread waits for the trigger, in vain and not.
pub async fn a_thread_waits_for_the_trigger<'a, W: World<'a, Platform: Blocking + Timed>>(_: &W) -> Check {
    let shutdown = Shutdown::<W::Platform, Inline<2>>::new();
    check!(shutdown.triggered_blocking_timeout(Duration::ZERO) == Err(WaitError::TimedOut));
    check!(shutdown.triggered_blocking_timeout(SHORT) == Err(WaitError::TimedOut));
    shutdown.trigger();
    check!(shutdown.triggered_blocking() == Ok(Reason::Requested));
    check!(shutdown.triggered_blocking_timeout(Duration::MAX) == Ok(Reason::Requested));
    Ok(())
}
