//! What one thread can see of the handle, step by step.

use core::num::NonZeroUsize;
use core::pin::pin;
use core::task::{Poll, Waker};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Wake as StdWake;
use std::vec::Vec;

use super::*;
use crate::testing::{count, poll, poll_with};
use crate::{Inline, Local};

type Plain<T> = Handover<Local, Inline<8>, T, &'static str>;

#[test]
fn nothing_starts_before_the_first_demand_and_one_item_per_demand() {
    let handover = Plain::<u32>::new();
    let (mut producer, mut consumer) = Handover::halves(&handover).unwrap();
    assert!(Handover::halves(&handover).is_none());
    assert_eq!(producer.try_yield(0), Err(PushError::NotDemanded(0)));
    for item in 0..5 {
        let (wanted, waker) = count();
        assert!(poll_with(pin!(producer.demanded()), &waker).is_pending());
        let (came, there) = count();
        assert!(poll_with(pin!(consumer.next()), &there).is_pending());
        // Cancelled, and asked again: still one demand.
        assert!(poll_with(pin!(consumer.next()), &there).is_pending());
        assert_eq!((wanted.get(), came.get()), (1, 0));
        assert_eq!(poll(pin!(producer.demanded())), Poll::Ready(true));
        assert_eq!(producer.try_yield(item), Ok(()));
        assert_eq!(producer.try_yield(item), Err(PushError::NotDemanded(item)));
        assert_eq!(came.get(), 1);
        assert_eq!(poll(pin!(consumer.next())), Poll::Ready(Some(Ok(item))));
    }
}

#[test]
fn a_capacity_lets_it_run_ahead_by_so_many_and_no_more() {
    for capacity in 1..=8_usize {
        let handover = Plain::<usize>::with_capacity(capacity).unwrap();
        let (mut producer, mut consumer) = Handover::halves(&handover).unwrap();
        let mut produced = 0;
        for received in 0..50 {
            let mut next = consumer.try_next();
            if next.is_pending() {
                while producer.try_yield(produced).is_ok() {
                    produced += 1;
                }
                next = consumer.try_next();
            }
            assert_eq!(next, Poll::Ready(Some(Ok(received))));
            // `received + 1` have been demanded.
            assert!(produced <= received + capacity, "{produced} of {capacity} after {received}");
            if received % 3 == 0 {
                while producer.try_yield(produced).is_ok() {
                    produced += 1;
                }
                assert!(produced <= received + capacity, "{produced} of {capacity} after {received}");
                assert!(produced + capacity / 2 >= received + capacity, "half of it is always told");
            }
        }
    }
}

#[test]
fn capacities_that_make_no_sense_are_errors() {
    assert!(Plain::<u8>::with_capacity(0).is_err());
    assert!(Plain::<u8>::with_capacity(9).is_err());
    assert!(Plain::<u8>::with_capacity(8).is_ok());
}

#[test]
fn yield_hands_over_and_waits_for_the_next_demand() {
    let handover = Plain::<u32>::new();
    let (mut producer, mut consumer) = Handover::halves(&handover).unwrap();
    let mut first = pin!(producer.yield_(1));
    assert!(poll(first.as_mut()).is_pending(), "not demanded");
    assert!(consumer.try_next().is_pending());
    let (wanted, waker) = count();
    assert!(poll_with(first.as_mut(), &waker).is_pending(), "handed over");
    assert_eq!(consumer.try_next(), Poll::Ready(Some(Ok(1))));
    assert_eq!(wanted.get(), 0);
    assert!(consumer.try_next().is_pending());
    assert_eq!(wanted.get(), 1);
    assert_eq!(poll(first.as_mut()), Poll::Ready(Ok(())));
}

#[test]
fn a_consumer_that_goes_stops_the_producer_and_gives_items_back() {
    let handover = Plain::<u32>::new();
    let (mut producer, mut consumer) = Handover::halves(&handover).unwrap();
    assert!(consumer.try_next().is_pending());
    let (told, waker) = count();
    let mut yielded = pin!(producer.yield_(1));
    assert!(poll_with(yielded.as_mut(), &waker).is_pending());
    drop(consumer);
    assert_eq!(told.get(), 1);
    assert_eq!(poll(yielded.as_mut()), Poll::Ready(Err(Stopped(None))));
    assert_eq!(poll(pin!(producer.yield_(2))), Poll::Ready(Err(Stopped(Some(2)))));
    assert_eq!(poll(pin!(producer.demanded())), Poll::Ready(false));
    assert_eq!(producer.try_yield(3), Err(PushError::Closed(3)));
}

#[test]
fn a_failure_comes_after_the_last_item_and_once() {
    let handover = Plain::<u32>::with_capacity(4).unwrap();
    let (mut producer, mut consumer) = Handover::halves(&handover).unwrap();
    assert!(consumer.try_next().is_pending());
    assert_eq!((producer.try_yield(1), producer.try_yield(2)), (Ok(()), Ok(())));
    producer.fail("broken");
    let all: Vec<_> = (0..4).map(|_| consumer.try_next()).collect();
    let expected = [Some(Ok(1)), Some(Ok(2)), Some(Err("broken")), None].map(Poll::Ready);
    assert_eq!(all, expected);
}

#[test]
fn the_end_wakes_a_consumer_that_waits() {
    let handover = Plain::<u32>::new();
    let (producer, mut consumer) = Handover::halves(&handover).unwrap();
    let (woken, waker) = count();
    assert!(poll_with(pin!(consumer.next()), &waker).is_pending());
    drop(producer);
    assert_eq!(woken.get(), 1);
    assert_eq!(poll(pin!(consumer.next())), Poll::Ready(None));
    assert_eq!(poll(pin!(consumer.next())), Poll::Ready(None));
}

#[test]
fn close_waits_for_the_end_and_tells_the_failure() {
    for failure in [None, Some("broken")] {
        let handover = Plain::<u32>::with_capacity(2).unwrap();
        let (mut producer, mut consumer) = Handover::halves(&handover).unwrap();
        assert!(consumer.try_next().is_pending());
        assert_eq!(producer.try_yield(1), Ok(()));
        let (woken, waker) = count();
        assert!(poll_with(pin!(consumer.close()), &waker).is_pending());
        assert_eq!(producer.try_yield(2), Err(PushError::Closed(2)));
        assert_eq!(woken.get(), 0);
        match failure {
            Some(failure) => producer.fail(failure),
            None => producer.end(),
        }
        assert_eq!(woken.get(), 1);
        assert_eq!(poll(pin!(consumer.close())), Poll::Ready(failure.map_or(Ok(()), Err)));
        assert_eq!(poll(pin!(consumer.close())), Poll::Ready(Ok(())));
        assert_eq!(poll(pin!(consumer.next())), Poll::Ready(None));
    }
}

#[test]
fn another_waker_replaces_the_one_before() {
    let handover = Plain::<u32>::new();
    let (mut producer, mut consumer) = Handover::halves(&handover).unwrap();
    let ((old, first), (new, second)) = (count(), count());
    for waker in [&first, &second] {
        assert!(poll_with(pin!(producer.demanded()), waker).is_pending());
    }
    for waker in [&first, &second] {
        assert!(poll_with(pin!(consumer.next()), waker).is_pending());
    }
    assert_eq!((old.get(), new.get()), (0, 1));
    assert_eq!(producer.try_yield(1), Ok(()));
    assert_eq!((old.get(), new.get()), (0, 2));
}

#[test]
fn every_item_is_dropped_once_wherever_it_is() {
    for taken in 0..4 {
        let item = Rc::new(());
        let handover = Handover::<Local, Inline<4>, Rc<()>>::with_capacity(4).unwrap();
        let (mut producer, mut consumer) = Handover::halves(&handover).unwrap();
        assert!(consumer.try_next().is_pending());
        for _ in 0..4 {
            assert!(producer.try_yield(Rc::clone(&item)).is_ok());
        }
        for _ in 0..taken {
            assert!(consumer.try_next().is_ready());
        }
        assert_eq!(Rc::strong_count(&item), 5 - taken);
        consumer.stop();
        assert_eq!(Rc::strong_count(&item), 1);
        assert!(poll(pin!(producer.yield_(Rc::clone(&item)))).is_ready());
        assert_eq!(Rc::strong_count(&item), 1);
    }
}

#[test]
fn a_yielding_iterator_gives_way_between_its_items() {
    let (woken, waker) = count();
    let mut items = Yielding::every(NonZeroUsize::new(2).unwrap(), 0..5);
    let mut seen = Vec::new();
    let mut yields = 0;
    loop {
        match poll_with(pin!(items.next()), &waker) {
            Poll::Ready(Some(item)) => seen.push(item),
            Poll::Ready(None) => break,
            Poll::Pending => yields += 1,
        }
        assert_eq!(items.size_hint().0, 5 - seen.len());
    }
    assert_eq!((seen, yields, woken.get()), ((0..5).collect(), 2, 2));
}

/// Panics when it is woken.
struct Bad;

impl StdWake for Bad {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

fn is_caught<T>(call: impl FnOnce() -> T) -> bool {
    std::panic::catch_unwind(core::panic::AssertUnwindSafe(call)).is_err()
}

/// Wherever a wake of the producer panics, the items come all the same, in order, and it is as far ahead as it may be.
#[test]
fn a_wake_that_panics_loses_no_item_and_no_demand() {
    const CAPACITY: usize = 4;
    let bad = Waker::from(Arc::new(Bad));
    for panics_at in 0..12 {
        let handover = Plain::<usize>::with_capacity(CAPACITY).unwrap();
        let (mut producer, mut consumer) = Handover::halves(&handover).unwrap();
        let (mut produced, mut received, mut panicked) = (0, 0, false);
        while received < 12 {
            while producer.try_yield(produced).is_ok() {
                produced += 1;
            }
            assert!(produced <= received + CAPACITY);
            let waker = if received == panics_at && !panicked { &bad } else { Waker::noop() };
            assert!(poll_with(pin!(producer.demanded()), waker).is_pending());
            let mut next = Poll::Pending;
            if is_caught(|| next = consumer.try_next()) {
                panicked = true;
            } else if let Poll::Ready(item) = next {
                assert_eq!(item, Some(Ok(received)));
                received += 1;
            }
        }
        // The waker that is left is nobody's then.
        producer.end();
    }
}

/// The waker that a producer leaves behind is nobody's.
#[test]
fn an_ended_producer_is_not_woken_and_its_failure_is_heard() {
    let handover = Plain::<u32>::new();
    let (mut producer, mut consumer) = Handover::halves(&handover).unwrap();
    assert!(poll_with(pin!(producer.demanded()), &Waker::from(Arc::new(Bad))).is_pending());
    producer.fail("on purpose");
    assert_eq!(consumer.try_next(), Poll::Ready(Some(Err("on purpose"))));
    assert_eq!(consumer.try_next(), Poll::Ready(None));
}

#[test]
fn a_machine_is_never_asked_for_more_than_it_has_room_for() {
    let mut machine: Machine<Waker, u32, (), Inline<8>> = Machine::new(3).unwrap();
    for demanded in [1, 5, usize::MAX] {
        assert!(machine.demand(demanded).is_none());
        let pushed = (0..8).take_while(|&item| machine.push(item).is_ok()).count();
        assert_eq!(pushed, 3);
        let mut taken = <Inline<8> as Storage>::Buffer::EMPTY;
        machine.take(&mut taken);
        assert_eq!(taken.len(), 3);
    }
}

#[test]
fn a_demand_for_nothing_starts_nothing() {
    let mut machine: Machine<Waker, u8, (), Inline<4>> = Machine::new(4).unwrap();
    assert!(machine.demand(0).is_none());
    assert_eq!((machine.is_started(), machine.is_demanded()), (false, false));
    assert!(machine.demand(1).is_none());
    assert_eq!((machine.is_started(), machine.is_demanded()), (true, true));
}

#[test]
fn a_stopped_consumer_has_heard_the_end() {
    let handover = Plain::<u32>::new();
    let (mut producer, mut consumer) = Handover::halves(&handover).unwrap();
    assert!(consumer.try_next().is_pending());
    consumer.stop();
    assert_eq!(consumer.try_next(), Poll::Ready(None));
    assert_eq!(poll(pin!(consumer.next())), Poll::Ready(None));
    assert_eq!(producer.try_yield(1), Err(PushError::Closed(1)));
}
