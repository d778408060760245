//! Queues without capacity: what is offered, and to whom.

use std::rc::Rc;

use super::*;
use crate::testing::Count;

#[test]
fn it_pairs_a_put_with_a_get() {
    let queue = Plain::new(0);
    assert_eq!(queue.try_put(1), Err(TryPutError::Full(1)));
    assert_eq!(queue.force_put(1), Err(TryPutError::Full(1)));
    let (woken, waker) = count();
    let mut put = queue.put(2);
    assert!(poll_with(&mut put, &waker).is_pending());
    assert_eq!((queue.len(), queue.unfinished(), queue.is_full()), (0, 0, true), "it is not inside");
    assert_eq!(poll(&mut queue.get()), Poll::Ready(Ok(2)), "and here all the same");
    assert_eq!((woken.get(), queue.waiters(For::Room), queue.unfinished()), (1, 0, 1));
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
    assert!(poll(&mut put).is_pending(), "once only");

    // A getter that waits lets somebody put at once; if it gives up, the item stays.
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    assert_eq!(queue.try_put(3), Ok(()));
    assert_eq!(queue.try_put(4), Err(TryPutError::Full(4)));
    drop(get);
    assert_eq!((queue.len(), queue.is_full()), (1, true));
    assert_eq!(poll(&mut queue.get()), Poll::Ready(Ok(3)));
}

#[test]
fn what_is_offered_can_be_had_at_once_in_order() {
    let queue = Plain::new(0);
    let (woken, waker) = count();
    let (mut last, mut first) = (queue.put(3).priority(Priority(1)), queue.put(1));
    let mut second = queue.put(2);
    for put in [&mut last, &mut first, &mut second] {
        assert!(poll_with(put, &waker).is_pending());
    }
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!((woken.get(), queue.waiters(For::Room)), (1, 2), "one is taken, one is called");
    assert_eq!(queue.force_put(9), Err(TryPutError::Full(9)), "what is offered is not displaced");
    assert_eq!((queue.try_get(), queue.try_get()), (Ok(2), Ok(3)));
    assert_eq!((woken.get(), queue.unfinished()), (3, 3));
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    assert_eq!(first.into_inner(), None, "it has been taken");
    assert_eq!([poll(&mut second), poll(&mut last)], [Poll::Ready(Ok(())); 2]);
}

#[test]
fn an_offer_is_withdrawn_with_its_item() {
    let queue = Plain::new(0);
    let (mut first, mut second, mut third) = (queue.put(1), queue.put(2), queue.put(3));
    for put in [&mut first, &mut second, &mut third] {
        assert!(poll(put).is_pending());
    }
    assert_eq!(first.into_inner(), Some(1));
    assert_eq!(second.time_out(), Err(PutError::TimedOut(2)));
    assert_eq!(queue.try_get(), Ok(3));
    assert_eq!(third.time_out(), Ok(()), "in time after all");
    let mut put = queue.put(4);
    assert!(poll(&mut put).is_pending());
    drop(put);
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    assert_eq!((queue.waiters(For::Room), queue.unfinished()), (0, 1));
}

/// Counts how many of it have been dropped.
struct Counted(Arc<Count>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.add();
    }
}

#[test]
fn an_offer_is_dropped_once() {
    let dropped = Arc::new(Count::default());
    let counted = || Counted(Arc::clone(&dropped));
    let queue = Plain::new(0);
    let mut put = queue.put(counted());
    assert!(poll(&mut put).is_pending());
    drop(put);
    assert_eq!(dropped.get(), 1);
    let mut put = queue.put(counted());
    assert!(poll(&mut put).is_pending());
    drop(queue.try_get());
    drop(put);
    assert_eq!(dropped.get(), 2);
    // One that is never asked for again stays with the queue.
    let queue = Rc::new(queue);
    let mut put = Queue::put_owned(Rc::clone(&queue), counted());
    assert!(poll(&mut put).is_pending());
    drop(queue.close_and_discard());
    assert_eq!(dropped.get(), 2, "it is not inside, and not discarded");
    drop((put, queue));
    assert_eq!(dropped.get(), 3);
}

#[test]
fn closing_gives_what_is_offered_back() {
    for discard in [false, true] {
        let queue = Plain::new(0);
        let (woken, waker) = count();
        let (mut taken, mut refused, mut dropped) = (queue.put(1), queue.put(2), queue.put(3));
        for put in [&mut taken, &mut refused, &mut dropped] {
            assert!(poll_with(put, &waker).is_pending());
        }
        assert_eq!(queue.try_get(), Ok(1));
        if discard {
            assert_eq!(queue.close_and_discard().next(), None);
        } else {
            queue.close();
        }
        assert_eq!(woken.get(), 3);
        assert_eq!(queue.try_get(), Err(TryGetError::Closed));
        assert_eq!(poll(&mut queue.get()), Poll::Ready(Err(GetError::Closed)));
        assert_eq!(poll(&mut taken), Poll::Ready(Ok(())), "before the end");
        assert_eq!(poll(&mut refused), Poll::Ready(Err(PutError::Closed(2))));
        assert_eq!(dropped.into_inner(), Some(3));
    }
}

#[test]
fn nobody_is_overtaken_who_reserves() {
    let queue = Plain::new(0);
    let (mut reserve, mut put) = (queue.reserve(), queue.put(2));
    assert!(poll(&mut reserve).is_pending());
    assert!(poll(&mut put).is_pending());
    assert_eq!(queue.try_get(), Err(TryGetError::Empty), "the first in line has no item yet");
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    // The room is for the one who waits; whoever else comes meets the next.
    assert_eq!(queue.try_get(), Err(TryGetError::Empty), "others wait");
    let Poll::Ready(Ok(slot)) = poll(&mut reserve) else { panic!("it is granted room") };
    slot.put(1).unwrap();
    assert_eq!(poll(&mut get), Poll::Ready(Ok(1)));
    assert_eq!(queue.try_get(), Ok(2));

    // Room that is not used goes to the next, who is in at once.
    let (mut reserve, mut put) = (queue.reserve(), queue.put(4));
    assert!(poll(&mut reserve).is_pending());
    assert!(poll(&mut put).is_pending());
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    drop(reserve);
    assert_eq!(poll(&mut get), Poll::Ready(Ok(4)));
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
}

#[test]
fn room_that_is_held_is_for_one_getter() {
    let queue = Plain::new(0);
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    let slot = queue.try_reserve().unwrap();
    let mut put = queue.put(1);
    assert!(poll(&mut put).is_pending());
    drop(get);
    // Somebody has room for an item, so whoever comes waits for that one.
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    slot.put(2).unwrap();
    assert_eq!(poll(&mut get), Poll::Ready(Ok(2)));
    assert_eq!(poll(&mut queue.get()), Poll::Ready(Ok(1)));
}

#[test]
fn what_is_inside_comes_before_what_is_offered() {
    let queue = Plain::new(0);
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    queue.try_put(1).unwrap();
    let mut put = queue.put(2);
    assert!(poll(&mut put).is_pending());
    // The first is claimed, but a claim is to any item.
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!((queue.len(), poll(&mut put)), (1, Poll::Ready(Ok(()))));
    assert_eq!(poll(&mut get), Poll::Ready(Ok(2)));
}

#[test]
fn a_larger_capacity_lets_offers_in() {
    let queue = Plain::new(0);
    let (woken, waker) = count();
    let (mut first, mut second, mut third) = (queue.put(1), queue.put(2), queue.put(3));
    for put in [&mut first, &mut second, &mut third] {
        assert!(poll_with(put, &waker).is_pending());
    }
    queue.set_capacity(2).unwrap();
    assert_eq!((woken.get(), queue.len(), queue.waiters(For::Room)), (2, 2, 1));
    assert_eq!(first.into_inner(), None);
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!((woken.get(), queue.len()), (3, 2), "the next is in at once");
    // Who waits already when there is room no more keeps its item.
    let mut late = queue.put(4);
    assert!(poll(&mut late).is_pending());
    queue.set_capacity(0).unwrap();
    assert_eq!((queue.try_get(), queue.try_get()), (Ok(2), Ok(3)));
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    assert_eq!(poll(&mut late), Poll::Ready(Ok(())));
    assert_eq!(poll(&mut get), Poll::Ready(Ok(4)));
}

#[test]
fn many_offers_at_once() {
    let queue = Queue::<Local, Inline<40>, u8>::new(0);
    let (woken, waker) = count();
    let mut puts: Vec<_> = (0..40).map(|item| queue.put(item)).collect();
    assert!(puts.iter_mut().all(|put| poll_with(put, &waker).is_pending()));
    let mut batch = heapless::Vec::<u8, 64>::new();
    assert_eq!(poll(&mut queue.get_many(&mut batch, 2)), Poll::Ready(Ok(2)));
    assert_eq!(queue.drain_ready(&mut batch, 1), 1);
    assert_eq!(woken.get(), 3);
    assert_eq!(queue.drain_ready(&mut batch, usize::MAX), 37, "more than are woken under one lock");
    assert!(batch.iter().copied().eq(0..40));
    assert_eq!((woken.get(), queue.unfinished(), queue.drain_ready(&mut batch, 9)), (40, 40, 0));
    assert!(puts.iter_mut().all(|put| poll(put) == Poll::Ready(Ok(()))));
}

#[test]
fn a_replaced_waker_is_the_one_that_hears_of_an_offer() {
    let queue = Plain::new(0);
    let ((old, old_waker), (new, new_waker)) = (count(), count());
    let mut put = queue.put(1);
    assert!(poll_with(&mut put, &old_waker).is_pending());
    assert!(poll_with(&mut put, &new_waker).is_pending());
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!((old.get(), new.get(), Arc::strong_count(&old)), (0, 1, 2));
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
}

#[test]
fn an_offer_stays_inside_if_the_wake_for_it_panics() {
    let queue = Plain::new(0);
    let mut put = queue.put(1);
    assert!(poll_with(&mut put, &Waker::from(Arc::new(Alarm))).is_pending());
    assert!(panic::catch_unwind(AssertUnwindSafe(|| queue.try_get())).is_err());
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
    assert_eq!((queue.len(), queue.try_get()), (1, Ok(1)));
}

#[test]
fn a_machine_that_has_not_settled_takes_one_offer() {
    let mut machine: Machine<u8, Bell, Fifo, Inline<8>, Inline<4>> = Machine::new(0);
    for number in [1, 2] {
        let Ok(Entry::Queued(key)) = machine.wait(For::Room, Priority(0), Bell(number)) else { panic!("no room") };
        let mut item = Some(number);
        machine.offer(key, &mut item);
        assert_eq!(item, None);
    }
    assert_eq!(machine.try_get(), Ok(1));
    assert_eq!(machine.try_get(), Err(TryGetError::Empty), "somebody is to be woken first");
    assert!(matches!(machine.wait(For::Item, Priority(0), Bell(3)), Ok(Entry::Queued(_))));
    let call = machine.call();
    assert_eq!((call.waker, call.more), (Some(Bell(1)), true));
    assert!(matches!(machine.wait(For::Item, Priority(0), Bell(4)), Ok(Entry::Queued(_))), "nobody overtakes");
    assert_eq!(machine.try_get(), Err(TryGetError::Empty));
    let calls = [(); 3].map(|()| machine.call()).map(|call| (call.waker, call.more));
    assert_eq!(calls, [(Some(Bell(2)), true), (Some(Bell(3)), false), (None, false)]);
    assert_eq!(machine.take_claimed(), Some(2));
}

#[test]
fn nothing_is_taken_after_the_end() {
    let mut machine: Machine<u8, Bell, Fifo, Inline<8>, Inline<4>> = Machine::new(0);
    let Ok(Entry::Queued(key)) = machine.wait(For::Room, Priority(0), Bell(1)) else { panic!("no room") };
    machine.offer(key, &mut Some(1));
    machine.close();
    assert_eq!(machine.try_get(), Err(TryGetError::Closed), "also before anybody knows");
    assert!(matches!(machine.wait(For::Item, Priority(0), Bell(2)), Err(Refused::Closed(Bell(2)))));
    let call = machine.call();
    assert_eq!((call.waker, call.more), (Some(Bell(1)), false));
    let mut back = None;
    assert_eq!(machine.poll_offer(key, &Bell(1), &mut back), Progress::Closed);
    assert_eq!((back, machine.ready()), (Some(1), 0));
}

#[test]
fn a_capacity_is_not_exceeded_for_a_getter() {
    let queue = Plain::new(1);
    let mut granted = queue.get();
    assert!(poll(&mut granted).is_pending());
    queue.try_put(1).unwrap();
    queue.set_capacity(0).unwrap();
    let mut put = queue.put(2);
    assert!(poll(&mut put).is_pending());
    queue.set_capacity(1).unwrap();
    // One is inside and claimed, another is offered, and there is room for one.
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    assert_eq!(queue.len(), 1);
    assert_eq!(poll(&mut granted), Poll::Ready(Ok(1)));
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
    assert_eq!(poll(&mut get), Poll::Ready(Ok(2)));
}
