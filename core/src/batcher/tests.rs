//! Step by step, on a clock that is set by hand.

use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::panic::catch_unwind;
use std::rc::Rc;

use super::*;
use crate::{Inline, Local, ManualClock};

const MILLI: Duration = Duration::from_millis(1);

type Clock = ManualClock<Local, Inline<4>>;
type Of<'a, S> = Batcher<u32, u32, Local, S, Inline<2>, &'a Clock>;

fn config(quantity: usize) -> Config {
    Config::new(quantity, MILLI).unwrap()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn each_caller_gets_its_answer<S: Storage>() {
    let clock = Clock::new();
    let batcher: Of<S> = Batcher::with_timer(config(4), &clock);
    let mut calls: Vec<_> = (0..4).map(|n| Box::pin(batcher.call(n))).collect();
    for call in &mut calls {
        assert!(poll(call.as_mut()).is_pending());
    }
    // One of them goes, and its answer with it.
    drop(calls.remove(1));
    let mut requests = batcher.try_next().unwrap();
    assert_eq!((requests.len(), requests.inputs().copied().collect::<Vec<_>>()), (4, vec![0, 1, 2, 3]));
    let squares: Vec<_> = requests.take_inputs().map(|n| n * n).collect();
    assert_eq!(requests.inputs().count(), 0);
    requests.answer(squares);
    for (call, answer) in calls.iter_mut().zip([0, 4, 9]) {
        assert_eq!(poll(call.as_mut()), Poll::Ready(Ok(answer)));
        assert!(poll(call.as_mut()).is_pending(), "it is over");
    }
    assert_eq!((batcher.stats().done, batcher.stats().unfinished), (1, 0));
}

fn who_is_not_answered_hears_of_it<S: Storage>() {
    let clock = Clock::new();
    let batcher: Of<S> = Batcher::with_timer(config(2), &clock);
    let mut calls: Vec<_> = (0..6).map(|n| Box::pin(batcher.call(n))).collect();
    for call in &mut calls {
        assert!(poll(call.as_mut()).is_pending());
    }
    drop(batcher.try_next());
    batcher.try_next().unwrap().answer([7]);
    let panics = core::iter::repeat_with(|| panic!("on purpose"));
    let requests = batcher.try_next().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| requests.answer(panics))).is_err());
    let answers: Vec<_> = calls.iter_mut().map(|call| poll(call.as_mut())).collect();
    let dropped = Poll::Ready(Err(CallError::Dropped));
    assert_eq!(answers, [dropped, dropped, Poll::Ready(Ok(7)), dropped, dropped, dropped]);
}

fn calls_wait_for_room_in_order_and_a_closed_door_turns_them_away<S: Storage>() {
    let clock = Clock::new();
    let batcher: Of<S> = Batcher::with_timer(config(1).capacity(1), &clock);
    let (mut first, mut second, mut third) = (batcher.call(1), batcher.call(2), batcher.call(3));
    for call in [&mut first, &mut second, &mut third] {
        assert!(poll(Pin::new(call)).is_pending());
    }
    batcher.try_next().unwrap().answer([10]);
    assert_eq!(poll(Pin::new(&mut first)), Poll::Ready(Ok(10)));
    assert!(poll(Pin::new(&mut second)).is_pending());
    batcher.close();
    assert_eq!(poll(Pin::new(&mut third)), Poll::Ready(Err(CallError::Closed(3))));
    assert_eq!(poll(pin!(batcher.call(4))), Poll::Ready(Err(CallError::Closed(4))));
    batcher.try_next().unwrap().answer([20]);
    assert_eq!(poll(Pin::new(&mut second)), Poll::Ready(Ok(20)));
    assert!(matches!(poll(pin!(batcher.next())), Poll::Ready(None)));
}

fn a_stop_tells_those_whom_nobody_answers<S: Storage>() {
    let clock = Clock::new();
    let batcher: Of<S> = Batcher::with_timer(config(2), &clock);
    let mut calls: Vec<_> = (0..3).map(|n| Box::pin(batcher.call(n))).collect();
    for call in &mut calls {
        assert!(poll(call.as_mut()).is_pending());
    }
    let flying = batcher.try_next().unwrap();
    let mut stop = pin!(batcher.stop(MILLI));
    assert!(poll(stop.as_mut()).is_pending());
    clock.advance(MILLI);
    assert_eq!(poll(stop), Poll::Ready(false));
    assert_eq!(poll(calls[2].as_mut()), Poll::Ready(Err(CallError::Dropped)));
    flying.answer([5, 6]);
    assert_eq!((poll(calls[0].as_mut()), poll(calls[1].as_mut())), (Poll::Ready(Ok(5)), Poll::Ready(Ok(6))));
}

fn more_than_are_woken_under_one_lock<S: Storage>() {
    let clock = Clock::new();
    let batcher: Of<S> = Batcher::with_timer(config(40), &clock);
    let mut calls: Vec<_> = (0..40).map(|n| Box::pin(batcher.call(n))).collect();
    for call in &mut calls {
        assert!(poll(call.as_mut()).is_pending());
    }
    batcher.close();
    assert!(poll(pin!(batcher.run(async |requests| requests.take_inputs().collect::<Vec<_>>()))).is_ready());
    for (n, call) in (0..).zip(&mut calls) {
        assert_eq!(poll(call.as_mut()), Poll::Ready(Ok(n)));
    }
}

fn a_call_whose_time_is_up_takes_along_what_waits_for_room<S: Storage>() {
    let clock = Clock::new();
    let batcher: Of<S> = Batcher::with_timer(config(1).capacity(1), &clock);
    let mut accepted = Box::pin(batcher.call_timeout(1, MILLI));
    let mut waits = Box::pin(batcher.call_timeout(2, MILLI));
    assert!(poll(accepted.as_mut()).is_pending() && poll(waits.as_mut()).is_pending());
    clock.advance(MILLI);
    assert_eq!(poll(waits.as_mut()), Poll::Ready(Err(CallError::TimedOut(Some(2)))));
    assert_eq!(poll(accepted.as_mut()), Poll::Ready(Err(CallError::TimedOut(None))));
    // What has been accepted leaves, and the answer goes to nobody.
    let requests = batcher.try_next().unwrap();
    assert_eq!(requests.inputs().collect::<Vec<_>>(), [&1]);
    requests.answer([10]);
    assert!(batcher.try_next().is_none());
}

fn what_has_come_meanwhile_counts_when_the_time_is_up<S: Storage>() {
    let clock = Clock::new();
    let batcher: Of<S> = Batcher::with_timer(config(1).capacity(1), &clock);
    let (mut answered, mut dropped) = (batcher.call(1), batcher.call(2));
    assert!(poll(Pin::new(&mut answered)).is_pending() && poll(Pin::new(&mut dropped)).is_pending());
    // The second had no room, and has been let in meanwhile.
    batcher.try_next().unwrap().answer([10]);
    drop(batcher.try_next());
    assert_eq!((answered.give_up(), dropped.give_up()), (Ok(10), Err(CallError::Dropped)));
    assert_eq!(batcher.call(3).give_up(), Err(CallError::TimedOut(Some(3))));
    assert_eq!(batcher.stats().unfinished, 0);
}

#[test]
fn inline() {
    a_call_whose_time_is_up_takes_along_what_waits_for_room::<Inline<8>>();
    what_has_come_meanwhile_counts_when_the_time_is_up::<Inline<8>>();
    each_caller_gets_its_answer::<Inline<8>>();
    who_is_not_answered_hears_of_it::<Inline<8>>();
    calls_wait_for_room_in_order_and_a_closed_door_turns_them_away::<Inline<8>>();
    a_stop_tells_those_whom_nobody_answers::<Inline<8>>();
    more_than_are_woken_under_one_lock::<Inline<40>>();
}

#[cfg(feature = "alloc")]
#[test]
fn on_the_heap() {
    a_call_whose_time_is_up_takes_along_what_waits_for_room::<crate::Heap>();
    what_has_come_meanwhile_counts_when_the_time_is_up::<crate::Heap>();
    each_caller_gets_its_answer::<crate::Heap>();
    who_is_not_answered_hears_of_it::<crate::Heap>();
    calls_wait_for_room_in_order_and_a_closed_door_turns_them_away::<crate::Heap>();
    a_stop_tells_those_whom_nobody_answers::<crate::Heap>();
    more_than_are_woken_under_one_lock::<crate::Heap>();
}

#[test]
fn a_full_store_is_an_error() {
    let clock = Clock::new();
    let batcher: Of<Inline<2>> = Batcher::with_timer(config(2), &clock);
    let (mut first, mut second) = (batcher.call(1), batcher.call(2));
    assert!(poll(Pin::new(&mut first)).is_pending() && poll(Pin::new(&mut second)).is_pending());
    assert_eq!(poll(pin!(batcher.call(3))), Poll::Ready(Err(CallError::Full(3))));
    drop(first);
    drop(batcher.try_next());
    assert_eq!(poll(Pin::new(&mut second)), Poll::Ready(Err(CallError::Dropped)));
    drop(second);
    let shared = Rc::new(batcher);
    let mut owned = pin!(Batcher::call_owned(Rc::clone(&shared), 4));
    assert!(poll(owned.as_mut()).is_pending());
}

#[test]
fn an_answer_goes_to_nobody_who_came_later() {
    let clock = Clock::new();
    let batcher: Of<Inline<4>> = Batcher::with_timer(config(1), &clock);
    let mut gone = Box::pin(batcher.call(2));
    assert!(poll(gone.as_mut()).is_pending());
    let requests = batcher.try_next().unwrap();
    drop(gone);
    // It takes the place in which the answer was to be.
    let mut call = Box::pin(batcher.call(3));
    assert!(poll(call.as_mut()).is_pending());
    requests.answer([4]);
    assert!(poll(call.as_mut()).is_pending());
    batcher.try_next().unwrap().answer([9]);
    assert_eq!(poll(call.as_mut()), Poll::Ready(Ok(9)));
}

#[test]
fn the_waker_that_was_shown_last_is_woken() {
    struct Bell(core::sync::atomic::AtomicBool);
    impl std::task::Wake for Bell {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.store(true, core::sync::atomic::Ordering::Relaxed);
        }
    }

    let clock = Clock::new();
    let batcher: Of<Inline<4>> = Batcher::with_timer(config(1), &clock);
    let mut call = Box::pin(batcher.call(2));
    assert!(poll(call.as_mut()).is_pending());
    let bell = std::sync::Arc::new(Bell(false.into()));
    assert!(call.as_mut().poll(&mut Context::from_waker(&bell.clone().into())).is_pending());
    batcher.try_next().unwrap().answer([4]);
    assert!(bell.0.load(core::sync::atomic::Ordering::Relaxed));
}

#[test]
fn requests_that_nobody_answers_have_failed() {
    let clock = Clock::new();
    let batcher: Of<Inline<4>> = Batcher::with_timer(config(1), &clock);
    let mut call = Box::pin(batcher.call(2));
    assert!(poll(call.as_mut()).is_pending());
    drop(batcher.try_next());
    assert_eq!((batcher.stats().done, batcher.stats().failed), (0, 1));
    assert!(poll(call.as_mut()).is_ready());
}
