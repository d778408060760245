//! What one thread can see of the handle, step by step, on a clock that a test sets.

use core::cell::Cell;
use core::future::{self, Future};
use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::{Poll, Waker};
use core::time::Duration;
use std::boxed::Box;
use std::panic;
use std::string::ToString;
use std::sync::Arc;
use std::task::Wake as StdWake;
use std::vec::Vec;

use super::*;
use crate::testing::{count, poll, poll_with};
use crate::{Clock, Inline, Instant, Local, ManualClock};

type Clocked = ManualClock<Local, Inline<64>>;
type Plain<'c> = Shutdown<Local, Inline<40>, &'c Clocked>;

const SECOND: Duration = Duration::from_secs(1);
const SIGNAL: Reason = Reason::Signal(2);

/// The output of a future that is ready when first polled.
fn now<F: Future>(future: F) -> F::Output {
    match poll(pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it is not ready"),
    }
}

#[test]
fn phases_come_in_order_and_end() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    assert_eq!(shutdown.phase(), Phase::Idle);
    let start_ups = shutdown.begin().unwrap();
    assert_eq!(shutdown.phase(), Phase::StartUps);
    assert_eq!(shutdown.begin().unwrap_err(), BeginError::AlreadyRunning);
    let (woken, waker) = count();
    let mut wait = pin!(start_ups.triggered());
    assert!(poll_with(wait.as_mut(), &waker).is_pending());
    assert_eq!((shutdown.phase(), shutdown.is_triggered()), (Phase::Waiting, false));
    assert_eq!(shutdown.trigger(), Heard::First);
    assert_eq!(woken.get(), 1);
    assert!(shutdown.is_triggered());
    let Poll::Ready(callbacks) = poll(wait.as_mut()) else { panic!("it was triggered") };
    assert!(poll(wait.as_mut()).is_pending());
    assert_eq!((shutdown.phase(), callbacks.reason()), (Phase::Callbacks, Reason::Requested));
    let mut joins = callbacks.joins();
    assert_eq!(now(joins.join("first", None, future::ready(1))), Ok(1));
    assert_eq!(shutdown.phase(), Phase::Joins);
    let report = joins.finish();
    assert!(report.is_clean());
    assert_eq!(shutdown.phase(), Phase::Ended);
    assert_eq!(shutdown.begin().unwrap_err(), BeginError::Ended);
    assert!(shutdown.is_triggered(), "whoever looks late sees it still");
}

#[test]
fn a_trigger_before_the_run_or_amid_its_start_ups_is_kept() {
    for early in [true, false] {
        let clock = Clocked::new();
        let shutdown = Plain::with_timer(&clock);
        if early {
            shutdown.trigger_by(SIGNAL);
        }
        let start_ups = shutdown.begin().unwrap();
        if !early {
            shutdown.trigger_by(SIGNAL);
        }
        shutdown.trigger();
        assert_eq!(now(start_ups.triggered()).reason(), SIGNAL, "the first reason counts");
    }
}

#[test]
fn a_trigger_wakes_all_more_than_fit_into_one_batch() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    let (woken, waker) = count();
    let mut waiters: Vec<_> = (0..40).map(|_| shutdown.triggered()).collect();
    for waiter in &mut waiters {
        assert!(poll_with(Pin::new(waiter), &waker).is_pending());
    }
    assert_eq!(now(shutdown.triggered()), Err(WaitError::Full));
    drop(waiters.pop());
    assert_eq!(shutdown.waiters(), 39);
    shutdown.trigger();
    assert_eq!((woken.get(), shutdown.waiters()), (39, 0));
    for waiter in &mut waiters {
        assert_eq!(poll(Pin::new(waiter)), Poll::Ready(Ok(Reason::Requested)));
        assert!(poll(Pin::new(waiter)).is_pending());
    }
    assert_eq!(now(shutdown.triggered()), Ok(Reason::Requested));
}

#[test]
fn a_wake_that_panics_keeps_nobody_from_hearing() {
    struct Bomb;
    impl StdWake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("on purpose");
        }
    }
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    let (woken, waker) = count();
    let bomb = Waker::from(Arc::new(Bomb));
    let mut waiters: Vec<_> = (0..40).map(|_| shutdown.triggered()).collect();
    for (place, waiter) in waiters.iter_mut().enumerate() {
        let waker = if place == 3 { &bomb } else { &waker };
        assert!(poll_with(Pin::new(waiter), waker).is_pending());
    }
    assert!(panic::catch_unwind(AssertUnwindSafe(|| shutdown.trigger())).is_err());
    assert_eq!(woken.get(), 39);
}

#[test]
fn another_waker_replaces_the_one_before() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    let ((old, first), (new, second)) = (count(), count());
    let mut waiter = shutdown.triggered();
    let mut run = pin!(shutdown.begin().unwrap().triggered());
    for waker in [&first, &second] {
        assert!(poll_with(Pin::new(&mut waiter), waker).is_pending());
        assert!(poll_with(run.as_mut(), waker).is_pending());
    }
    shutdown.trigger();
    assert_eq!((old.get(), new.get()), (0, 2));
}

#[test]
fn joins_are_late_by_their_own_deadlines() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    shutdown.trigger();
    let mut joins = now(shutdown.begin().unwrap().triggered()).joins();
    {
        let mut first = pin!(joins.join("first", 2 * SECOND, future::pending::<()>()));
        let (woken, waker) = count();
        assert!(poll_with(first.as_mut(), &waker).is_pending());
        clock.set(Instant::from_nanos(1_999_999_999));
        assert!(poll_with(first.as_mut(), &waker).is_pending());
        clock.advance(Duration::from_nanos(1));
        assert_eq!(woken.get(), 1);
        assert_eq!(poll(first.as_mut()), Poll::Ready(Err(Late { name: "first", forced: false })));
        assert!(poll(first.as_mut()).is_pending());
    }
    assert_eq!(now(joins.join("no time, but there", Duration::ZERO, future::ready(()))), Ok(()));
    assert!(now(joins.join("no time", Duration::ZERO, future::pending::<()>())).is_err());
    {
        let mut long = pin!(joins.join("ever", Duration::MAX, future::pending::<()>()));
        assert!(poll(long.as_mut()).is_pending());
        clock.set(Instant::MAX);
        assert!(poll(long.as_mut()).is_pending(), "beyond the end of time");
    }
    let report = joins.finish();
    assert_eq!(report.late(), ["first", "no time", "ever"]);
    assert!(!report.is_clean() && !report.forced());
    assert_eq!(report.to_string(), "it was requested; did not come: first, no time, ever");
}

#[test]
fn more_late_ones_than_have_room_are_counted() {
    let clock = Clocked::new();
    let shutdown: Shutdown<Local, Inline<1>, _> = Shutdown::with_timer(&clock);
    shutdown.trigger();
    let mut joins = now(shutdown.begin().unwrap().triggered()).joins();
    for name in ["one", "two", "three"] {
        assert!(now(joins.join(name, Duration::ZERO, future::pending::<()>())).is_err());
    }
    let report = joins.finish();
    assert_eq!((report.late(), report.missing()), (&["one"][..], 3));
    assert_eq!(report.to_string(), "it was requested; did not come: one and 2 more");
}

#[test]
fn a_join_that_is_leaked_is_late_and_harms_no_other() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    shutdown.trigger();
    let mut joins = now(shutdown.begin().unwrap().triggered()).joins();
    let mut leaked = Box::pin(joins.join("leaked", SECOND, future::pending::<()>()));
    assert!(poll(leaked.as_mut()).is_pending());
    core::mem::forget(leaked);
    let mut next = Box::pin(joins.join("next", 3 * SECOND, future::pending::<()>()));
    assert!(poll(next.as_mut()).is_pending());
    clock.advance(SECOND);
    assert!(poll(next.as_mut()).is_pending(), "the deadline is its own");
    clock.advance(2 * SECOND);
    assert_eq!(poll(next.as_mut()), Poll::Ready(Err(Late { name: "next", forced: false })));
    drop(next);
    assert_eq!(joins.finish().late(), ["leaked", "next"]);
}

#[test]
fn a_second_signal_cuts_short_or_is_ignored() {
    for (second, heard) in [(SecondSignal::ForceExit, Heard::ForceExit), (SecondSignal::Ignore, Heard::Again)] {
        let clock = Clocked::new();
        let shutdown = Plain::with_timer_and_second_signal(&clock, second);
        let start_ups = shutdown.begin().unwrap();
        assert_eq!(shutdown.trigger_by(SIGNAL), Heard::First);
        let mut joins = now(start_ups.triggered()).joins();
        let (woken, waker) = count();
        {
            let mut join = pin!(joins.join("join", None, future::pending::<()>()));
            assert!(poll_with(join.as_mut(), &waker).is_pending());
            assert_eq!(shutdown.trigger(), Heard::Again);
            assert_eq!(shutdown.trigger_by(Reason::Signal(15)), heard);
            let forced = heard == Heard::ForceExit;
            assert_eq!(woken.get(), usize::from(forced));
            let late = Late { name: "join", forced: true };
            let expected = if forced { Poll::Ready(Err(late)) } else { Poll::Pending };
            assert_eq!(poll(join.as_mut()), expected);
        }
        assert_eq!(joins.finish().forced(), heard == Heard::ForceExit);
    }
}

#[test]
fn a_signal_after_a_request_is_the_first_signal() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    let _run = shutdown.begin().unwrap();
    shutdown.trigger();
    assert_eq!(shutdown.trigger_by(SIGNAL), Heard::Again);
    assert_eq!(shutdown.trigger_by(SIGNAL), Heard::ForceExit);
}

#[test]
fn nothing_is_forced_before_a_run_or_after_it() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    assert_eq!(shutdown.trigger_by(SIGNAL), Heard::First);
    assert_eq!(shutdown.trigger_by(SIGNAL), Heard::Again);
    let report = now(shutdown.begin().unwrap().triggered()).joins().finish();
    assert!(report.is_clean());
    assert_eq!(shutdown.trigger_by(SIGNAL), Heard::Again);
}

#[test]
fn nested_scopes_end_first() {
    let clock = Clocked::new();
    let (outer, inner) = (Plain::with_timer(&clock), Plain::with_timer(&clock));
    let (woken, waker) = count();
    let mut outer_run = pin!(outer.begin().unwrap().triggered());
    let within = outer.nest().unwrap();
    let mut inner_run = pin!(inner.begin().unwrap().triggered_within(outer.triggered_reason()));
    assert!(poll_with(outer_run.as_mut(), &waker).is_pending());
    assert!(poll(inner_run.as_mut()).is_pending());
    outer.trigger_by(SIGNAL);
    assert!(poll_with(outer_run.as_mut(), &waker).is_pending());
    let Poll::Ready(callbacks) = poll(inner_run.as_mut()) else { panic!("the outer one was triggered") };
    assert_eq!(callbacks.reason(), SIGNAL);
    // It heard of the same signal by another way: that is not a second one.
    assert_eq!(inner.trigger_by(SIGNAL), Heard::Again);
    drop(callbacks);
    assert!(poll_with(outer_run.as_mut(), &waker).is_pending());
    drop(within);
    assert_eq!(woken.get(), 1);
    assert!(poll(outer_run.as_mut()).is_ready());
    assert!(outer.nest().is_none(), "its callbacks have begun");
}

#[test]
fn an_inner_trigger_does_not_reach_the_outer() {
    let clock = Clocked::new();
    let (outer, inner) = (Plain::with_timer(&clock), Plain::with_timer(&clock));
    let run = inner.begin().unwrap();
    inner.trigger();
    assert!(now(run.triggered_within(outer.triggered_reason())).joins().finish().is_clean());
    assert!(!outer.is_triggered());
    assert_eq!(outer.waiters(), 0);
}

#[test]
fn a_forced_outer_does_not_wait_for_the_nested() {
    let clock = Clocked::new();
    let outer = Plain::with_timer(&clock);
    let _within = outer.nest().unwrap();
    let mut run = pin!(outer.begin().unwrap().triggered());
    outer.trigger_by(SIGNAL);
    assert!(poll(run.as_mut()).is_pending());
    assert_eq!(outer.trigger_by(SIGNAL), Heard::ForceExit);
    assert!(poll(run.as_mut()).is_ready());
}

#[test]
fn a_run_given_up_has_ended_and_can_be_made_ready_again() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    assert!(!shutdown.rearm(), "nothing has ended");
    let run = shutdown.begin().unwrap();
    assert!(!shutdown.rearm(), "it is in progress");
    let mut waiter = shutdown.triggered();
    let mut second = shutdown.triggered();
    assert!(poll(Pin::new(&mut waiter)).is_pending() && poll(Pin::new(&mut second)).is_pending());
    shutdown.trigger();
    drop(run);
    assert_eq!(shutdown.phase(), Phase::Ended);
    assert!(shutdown.rearm());
    assert_eq!((shutdown.phase(), shutdown.is_triggered()), (Phase::Idle, false));
    assert!(poll(Pin::new(&mut waiter)).is_ready(), "it was told before");
    drop(second);
    let run = shutdown.begin().unwrap();
    let mut wait = pin!(run.triggered());
    assert!(poll(wait.as_mut()).is_pending());
}

#[test]
fn a_second_run_knows_nothing_of_the_first() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer_and_second_signal(&clock, SecondSignal::ForceExit);
    for _ in 0..2 {
        let run = shutdown.begin().unwrap();
        assert_eq!(shutdown.trigger_by(SIGNAL), Heard::First, "also though the last run had one");
        let mut joins = now(run.triggered()).joins();
        assert!(now(joins.join("late", Duration::ZERO, future::pending::<()>())).is_err());
        let mut cut_short = Box::pin(joins.join("cut short", None, future::pending::<()>()));
        assert!(poll(cut_short.as_mut()).is_pending());
        assert_eq!(shutdown.trigger_by(SIGNAL), Heard::ForceExit);
        assert_eq!(poll(cut_short.as_mut()), Poll::Ready(Err(Late { name: "cut short", forced: true })));
        drop(cut_short);
        let report = joins.finish();
        assert_eq!((report.late(), report.missing(), report.forced()), (&["late", "cut short"][..], 2, true));
        assert!(shutdown.rearm());
    }
}

/// A clock that lags behind its timer, as one does that is set back.
struct Lagging(Cell<u32>);

impl Clock for &Lagging {
    fn now(&self) -> Instant {
        Instant::EPOCH
    }
}

impl Timer for &Lagging {
    type Sleep = future::Ready<()>;

    fn sleep_until(&self, _deadline: Instant) -> future::Ready<()> {
        self.0.set(self.0.get() + 1);
        assert!(self.0.get() < 10, "it goes in circles");
        future::ready(())
    }
}

#[test]
fn a_sleep_that_is_over_is_proof_enough() {
    let lagging = Lagging(Cell::new(0));
    let shutdown = Shutdown::<Local, Inline<4>, &Lagging>::with_timer(&lagging);
    shutdown.trigger();
    let mut joins = now(shutdown.begin().unwrap().triggered()).joins();
    let late = now(joins.join("late", SECOND, future::pending::<()>()));
    assert_eq!((late, lagging.0.get()), (Err(Late { name: "late", forced: false }), 1));
}

#[test]
fn another_future_triggers() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    let pressed = Cell::new(false);
    let button = future::poll_fn(|_| if pressed.get() { Poll::Ready(SIGNAL) } else { Poll::Pending });
    let mut run = pin!(shutdown.begin().unwrap().triggered_or(button));
    assert!(poll(run.as_mut()).is_pending());
    pressed.set(true);
    let Poll::Ready(callbacks) = poll(run.as_mut()) else { panic!("the button is pressed") };
    assert_eq!(callbacks.reason(), SIGNAL);
    assert_eq!(shutdown.trigger_by(SIGNAL), Heard::ForceExit, "the button was the first signal");
}

#[test]
fn a_machine_tells_who_comes_late_and_refuses_what_is_out_of_order() {
    let mut machine: Machine<Waker, Inline<4>> = Machine::new(SecondSignal::Ignore);
    assert_eq!(machine.trigger(Reason::Requested), Heard::First);
    assert!(matches!(machine.enter(Waker::noop().clone()), Ok(Entry::Triggered(_))));
    assert_eq!(machine.waiters(), 0);

    machine.begin().unwrap();
    let early = machine.start_join(Instant::EPOCH, "early", None);
    assert_eq!(early.map_err(|error| error.phase), Err(Phase::StartUps));
    assert_eq!(machine.poll_wait(Waker::noop()), Ok(Progress::Ready(Reason::Requested)));
    machine.start_join(Instant::EPOCH, "one", None).unwrap();
    let second = machine.start_join(Instant::EPOCH, "another", None);
    assert_eq!(second.map_err(|error| error.phase), Err(Phase::Joins));
}

#[test]
fn a_machine_settles_into_lists_with_room() {
    let mut machine: Machine<Waker, Inline<4>> = Machine::new(SecondSignal::Ignore);
    machine.begin().unwrap();
    assert_eq!(machine.poll_wait(Waker::noop()), Ok(Progress::WakerDiffers));
    assert!(machine.register_runner(Waker::noop().clone()).is_none());
    assert_eq!(machine.trigger(SIGNAL), Heard::First);
    let mut full = WakeList::new();
    while full.push(Waker::noop().clone()).is_ok() {}
    assert!(machine.settle(&mut full), "there is more than fits");
    assert!(!machine.settle(&mut WakeList::new()));
}

#[test]
fn what_has_triggered_is_not_asked_again_while_a_nested_scope_lasts() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    let nested = shutdown.nest().unwrap();
    // Panics if it is polled once more.
    let mut wait = pin!(shutdown.begin().unwrap().triggered_or(async { SIGNAL }));
    assert!(poll(wait.as_mut()).is_pending());
    assert_eq!(shutdown.reason(), Some(SIGNAL));
    assert!(poll(wait.as_mut()).is_pending());
    drop(nested);
    assert!(poll(wait.as_mut()).is_ready());
}

/// Each would panic if it were polled once more.
#[test]
fn a_join_that_has_ended_stays_so() {
    let clock = Clocked::new();
    let shutdown = Plain::with_timer(&clock);
    shutdown.trigger();
    let mut joins = now(shutdown.begin().unwrap().triggered()).joins();
    {
        let mut ended = pin!(joins.join("ended", None, async {}));
        assert_eq!(poll(ended.as_mut()), Poll::Ready(Ok(())));
        assert!(poll(ended.as_mut()).is_pending());
    }
    let gate = Cell::new(false);
    let dropped = Cell::new(false);
    {
        struct Tell<'a>(&'a Cell<bool>);
        impl Drop for Tell<'_> {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let tell = Tell(&dropped);
        let mut late = pin!(joins.join(
            "late",
            Duration::ZERO,
            future::poll_fn(|_| {
                let _tell = &tell;
                if gate.get() { Poll::Ready(()) } else { Poll::Pending }
            })
        ));
        assert!(poll(late.as_mut()).is_ready());
        gate.set(true);
        assert!(poll(late.as_mut()).is_pending());
    }
    assert!(dropped.get());
    assert_eq!(joins.finish().late(), ["late"]);
}

#[test]
fn who_drives_a_machine_is_told_that_a_join_is_late() {
    let mut machine: Machine<Waker, Inline<1>> = Machine::new(SecondSignal::Ignore);
    let (woken, waker) = count();
    machine.begin().unwrap();
    machine.trigger(SIGNAL);
    assert_eq!(machine.poll_wait(&waker), Ok(Progress::Ready(SIGNAL)));
    assert!(!machine.settle(&mut WakeList::new()));
    machine.start_join(Instant::EPOCH, "slow", Some(SECOND)).unwrap();
    assert_eq!(machine.poll_join(Instant::EPOCH, &waker), Ok(Progress::WakerDiffers));
    assert!(machine.register_runner(waker.clone()).is_none());
    machine.handle_timeout(Instant::EPOCH);
    assert!(!machine.is_unsettled());
    machine.handle_timeout(Instant::EPOCH + SECOND);
    assert!(machine.is_unsettled());
    assert!(!machine.settle(&mut WakeList::new()));
    assert_eq!(woken.get(), 1);
}

#[test]
fn a_machine_is_not_made_ready_again_before_all_have_been_told() {
    let mut machine: Machine<Waker, Inline<40>> = Machine::new(SecondSignal::Ignore);
    for _ in 0..=WakeList::<Waker>::CAPACITY {
        assert!(matches!(machine.enter(Waker::noop().clone()), Ok(Entry::Queued(_))));
    }
    machine.begin().unwrap();
    machine.trigger(SIGNAL);
    machine.end();
    assert!(machine.settle(&mut WakeList::new()), "one is left");
    assert!(!machine.rearm());
    assert!(!machine.settle(&mut WakeList::new()));
    assert!(machine.rearm());
}
