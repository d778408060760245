//! What one thread can see of the handle, step by step.

use core::cmp::Ordering;
use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::boxed::Box;
use std::panic;
use std::sync::Arc;
use std::task::Wake as StdWake;
use std::vec::Vec;

mod looks;
mod rendezvous;

use super::*;
use crate::testing::count;
use crate::{Inline, Local, Priority};

type Plain<T> = Queue<Local, Inline<8>, T>;

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn items_come_out_in_order() {
    let (fifo, lifo) = (Plain::new(4), LifoQueue::<Local, Inline<8>, u8>::new(4));
    let least = PriorityQueue::<Local, Inline<8>, u8>::new(4);
    for item in [2, 3, 1] {
        fifo.try_put(item).unwrap();
        lifo.try_put(item).unwrap();
        least.try_put(item).unwrap();
    }
    assert_eq!([(); 3].map(|()| fifo.try_get().unwrap()), [2, 3, 1]);
    assert_eq!([(); 3].map(|()| lifo.try_get().unwrap()), [1, 3, 2]);
    assert_eq!([(); 3].map(|()| least.try_get().unwrap()), [1, 2, 3]);
    assert_eq!(fifo.try_get(), Err(TryGetError::Empty));
}

#[test]
fn capacities_that_make_no_sense_are_errors() {
    type Lifo = LifoQueue<Local, Inline<8>, u8>;
    assert_eq!(Lifo::bounded(0).err(), Some(InvalidCapacity::Zero));
    assert_eq!(PriorityQueue::<Local, Inline<8>, u8>::bounded(0).err(), Some(InvalidCapacity::Zero));
    assert_eq!(Plain::<u8>::bounded(9).err(), Some(InvalidCapacity::TooLarge));
    assert_eq!(Plain::<u8>::new(9).capacity(), 8);
    assert_eq!(Lifo::new(0).capacity(), 1);
    let queue = Plain::<u8>::bounded(0).unwrap();
    assert_eq!(queue.set_capacity(9), Err(InvalidCapacity::TooLarge));
    assert_eq!(queue.capacity(), 0);
    assert_eq!(Plain::<u8>::unbounded().capacity(), 8);
}

#[cfg(feature = "alloc")]
#[test]
fn capacities_that_cannot_be_addressed_are_errors() {
    fn most<D: Discipline<u64>>() {
        type On<D> = Queue<Local, crate::Heap, u64, D>;
        assert_eq!(On::<D>::bounded(usize::MAX).err(), Some(InvalidCapacity::TooLarge));
        let queue = On::<D>::unbounded();
        assert_eq!(queue.set_capacity(usize::MAX), Err(InvalidCapacity::TooLarge));
        assert!(queue.capacity() <= isize::MAX.cast_unsigned() / size_of::<u64>());
        assert_eq!(queue.try_put(1), Ok(()));
    }
    most::<Fifo>();
    most::<Lifo>();
    most::<ByPriority>();
}

#[test]
fn what_is_ready_comes_one_by_one() {
    let queue = Plain::new(2);
    let slot = Queue::try_reserve_owned(&queue).unwrap();
    assert_eq!(Queue::try_reserve_owned(&queue).map(drop), Ok(()));
    queue.try_put(1).unwrap();
    slot.put(2).unwrap();
    let mut ready = queue.try_iter();
    assert_eq!([ready.next(), ready.next(), ready.next()], [Some(1), Some(2), None]);
    queue.try_put(3).unwrap();
    assert_eq!(ready.next(), Some(3));
}

#[test]
fn puts_wait_in_line_for_room() {
    let queue = Plain::new(1);
    queue.try_put(0).unwrap();
    let (woken, waker) = count();
    let mut later = queue.put(1).priority(Priority(1));
    let mut sooner = queue.put(2);
    assert!(poll_with(&mut later, &waker).is_pending());
    assert!(poll_with(&mut sooner, &waker).is_pending());
    assert_eq!((queue.waiters(For::Room), queue.is_full()), (2, true));
    assert_eq!(queue.try_get(), Ok(0));
    assert_eq!(woken.get(), 1);
    // The room is granted already: nobody overtakes.
    assert_eq!(queue.try_put(9), Err(TryPutError::Full(9)));
    assert!(poll(&mut later).is_pending());
    assert_eq!(poll(&mut sooner), Poll::Ready(Ok(())));
    assert!(poll(&mut sooner).is_pending(), "once only");
    assert_eq!(queue.try_get(), Ok(2));
    assert_eq!(poll(&mut later), Poll::Ready(Ok(())));
}

#[test]
fn a_granted_put_that_is_dropped_passes_its_room_on() {
    let queue = Plain::new(1);
    queue.try_put(0).unwrap();
    let (woken, waker) = count();
    let (mut first, mut second) = (queue.put(1), queue.put(2));
    assert!(poll(&mut first).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    assert_eq!(queue.try_get(), Ok(0));
    assert_eq!(woken.get(), 0);
    assert_eq!(first.into_inner(), Some(1));
    assert_eq!(woken.get(), 1);
    assert_eq!(poll(&mut second), Poll::Ready(Ok(())));
    assert_eq!(second.into_inner(), None);
}

#[test]
fn a_granted_get_that_is_dropped_passes_its_claim_on() {
    let queue = Plain::new(4);
    let (woken, waker) = count();
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!(poll(&mut first).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    queue.try_put(7).unwrap();
    assert_eq!((queue.len(), woken.get()), (1, 0));
    assert_eq!(queue.try_get(), Err(TryGetError::Empty), "it is granted already");
    drop(first);
    assert_eq!((queue.len(), woken.get()), (1, 1));
    assert_eq!(poll(&mut second), Poll::Ready(Ok(7)));
    assert_eq!(queue.len(), 0);
}

#[test]
fn a_get_in_line_can_be_dropped() {
    let queue = Plain::new(4);
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    drop(first);
    queue.try_put(7).unwrap();
    assert_eq!(poll(&mut second), Poll::Ready(Ok(7)));
}

#[test]
fn reserved_room_is_room_taken() {
    let queue = Plain::new(2);
    let slot = queue.try_reserve().unwrap();
    queue.try_put(1).unwrap();
    assert_eq!((queue.len(), queue.is_full()), (1, true));
    assert_eq!(queue.try_put(2), Err(TryPutError::Full(2)));
    assert_eq!(queue.try_reserve().err(), Some(TryReserveError::Full));
    let mut reserve = queue.reserve();
    assert!(poll(&mut reserve).is_pending());
    drop(slot);
    let Poll::Ready(Ok(slot)) = poll(&mut reserve) else { panic!("there is room") };
    slot.put(3).unwrap();
    assert_eq!([queue.try_get(), queue.try_get()], [Ok(1), Ok(3)]);
}

#[test]
fn a_smaller_capacity_discards_nothing_and_a_larger_one_lets_in() {
    let queue = Plain::new(3);
    for item in 0..3 {
        queue.try_put(item).unwrap();
    }
    queue.set_capacity(1).unwrap();
    assert_eq!((queue.len(), queue.capacity()), (3, 1));
    let mut put = queue.put(3);
    assert!(poll(&mut put).is_pending());
    assert_eq!([queue.try_get(), queue.try_get()], [Ok(0), Ok(1)]);
    assert!(poll(&mut put).is_pending());
    queue.set_capacity(2).unwrap();
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
    assert_eq!(queue.len(), 2);
}

#[test]
fn closing_drains() {
    let queue = Plain::new(2);
    let slot = queue.try_reserve().unwrap();
    queue.try_put(1).unwrap();
    let mut put = queue.put(2);
    assert!(poll(&mut put).is_pending());
    queue.close();
    queue.close();
    assert!(queue.is_closed());
    assert_eq!(poll(&mut put), Poll::Ready(Err(PutError::Closed(2))));
    assert_eq!(slot.put(3), Err(SlotError::Closed(3)));
    assert_eq!(queue.try_put(4), Err(TryPutError::Closed(4)));
    assert_eq!(queue.force_put(5), Err(TryPutError::Closed(5)));
    assert_eq!(queue.try_reserve().err(), Some(TryReserveError::Closed));
    assert_eq!(poll(&mut queue.reserve()).map(Result::err), Poll::Ready(Some(ReserveError::Closed)));
    assert_eq!(poll(&mut queue.put(6)), Poll::Ready(Err(PutError::Closed(6))));
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
    assert_eq!(poll(&mut queue.get()), Poll::Ready(Err(GetError::Closed)));
}

#[test]
fn closing_tells_who_waits_and_leaves_claims_good() {
    let queue = Plain::new(2);
    let (woken, waker) = count();
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!(poll_with(&mut first, &waker).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    queue.try_put(1).unwrap();
    queue.close();
    assert_eq!(woken.get(), 2);
    assert_eq!(poll(&mut second), Poll::Ready(Err(GetError::Closed)));
    assert_eq!(poll(&mut first), Poll::Ready(Ok(1)));
}

#[test]
fn room_granted_before_the_end_is_worth_nothing_after_it() {
    let queue = Plain::new(1);
    queue.try_put(1).unwrap();
    let (mut put, mut reserve) = (queue.put(2), queue.reserve());
    assert!(poll(&mut put).is_pending());
    assert_eq!(queue.try_get(), Ok(1));
    queue.close();
    assert!(poll(&mut reserve).is_ready());
    assert!(queue.is_full(), "it is granted still");
    assert_eq!(poll(&mut put), Poll::Ready(Err(PutError::Closed(2))));
    assert_eq!((queue.len(), queue.is_full()), (0, false));
}

#[test]
fn what_is_granted_is_nobody_elses_though_nobody_waits() {
    let queue = Plain::new(1);
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    queue.try_put(7).unwrap();
    assert_eq!((queue.waiters(For::Item), queue.try_get()), (0, Err(TryGetError::Empty)));
    let mut put = queue.put(8);
    assert!(poll(&mut put).is_pending());
    assert_eq!(poll(&mut get), Poll::Ready(Ok(7)));
    assert_eq!((queue.waiters(For::Room), queue.try_put(9)), (0, Err(TryPutError::Full(9))));
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
}

/// A number for a waker.
#[derive(Debug, PartialEq)]
struct Bell(u8);

impl crate::Wake for Bell {
    fn wake(self) {}
    fn will_wake(&self, other: &Self) -> bool {
        self == other
    }
}

#[test]
fn before_it_has_settled_nobody_overtakes() {
    let mut machine: Machine<u8, Bell, Fifo, Inline<8>, Inline<4>> = Machine::new(1);
    assert!(matches!(machine.wait(For::Item, Priority(0), Bell(1)), Ok(Entry::Queued(_))));
    assert!(matches!(machine.wait(For::Item, Priority(0), Bell(2)), Ok(Entry::Queued(_))));
    machine.set_capacity(3).unwrap();
    machine.try_put(1).unwrap();
    machine.try_put(2).unwrap();
    assert_eq!(machine.try_get(), Err(TryGetError::Empty));
    assert_eq!(machine.get_many(9, drop), 0);
    let call = machine.call();
    assert_eq!((call.waker, call.more), (Some(Bell(1)), true));
    let call = machine.call();
    assert_eq!((call.waker, call.more), (Some(Bell(2)), false));

    machine.set_capacity(2).unwrap();
    assert!(matches!(machine.wait(For::Room, Priority(0), Bell(3)), Ok(Entry::Queued(_))));
    machine.set_capacity(3).unwrap();
    assert_eq!(machine.try_put(3), Err(TryPutError::Full(3)));
    assert_eq!(machine.try_reserve(), Err(TryReserveError::Full));
    assert_eq!(machine.call().waker, Some(Bell(3)));
}

/// Panics when it is woken.
struct Alarm;

impl StdWake for Alarm {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

#[test]
fn an_item_goes_back_if_the_wake_for_its_room_panics() {
    let queue = Plain::new(2);
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let mut put = queue.put(3);
    assert!(poll_with(&mut put, &Waker::from(Arc::new(Alarm))).is_pending());
    assert!(panic::catch_unwind(AssertUnwindSafe(|| queue.try_get())).is_err());
    assert_eq!((queue.len(), queue.try_get()), (2, Ok(1)), "as it was, and in its place");
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
    assert_eq!((queue.try_get(), queue.try_get()), (Ok(2), Ok(3)));
}

#[test]
fn closing_at_once_hands_everything_out() {
    let queue = Plain::new(4);
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    for item in 0..3 {
        queue.try_put(item).unwrap();
    }
    let mut join = queue.join();
    assert!(poll(&mut join).is_pending());
    let mut discarded = queue.close_and_discard();
    assert_eq!(queue.len(), 0);
    assert_eq!(poll(&mut join), Poll::Ready(Ok(())));
    assert_eq!(poll(&mut get), Poll::Ready(Err(GetError::Closed)));
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
    assert_eq!(discarded.next(), Some(0));
    assert_eq!(discarded.collect::<Vec<_>>(), [1, 2]);
    assert_eq!(queue.close_and_discard().next(), None);
}

#[test]
fn a_claim_dropped_after_the_end_is_nobodys() {
    let queue = Plain::new(4);
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    queue.try_put(1).unwrap();
    let discarded = queue.close_and_discard();
    drop(get);
    assert_eq!(discarded.collect::<Vec<_>>(), [1]);
}

#[test]
fn done_is_when_all_is_done() {
    let queue = Plain::new(4);
    assert_eq!(queue.task_done(), Err(NothingUnfinished));
    assert_eq!(poll(&mut queue.join()), Poll::Ready(Ok(())));
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let (woken, waker) = count();
    let mut join = queue.join();
    assert!(poll_with(&mut join, &waker).is_pending());
    assert_eq!([queue.try_get(), queue.try_get()], [Ok(1), Ok(2)]);
    queue.task_done().unwrap();
    assert_eq!((woken.get(), queue.unfinished()), (0, 1));
    queue.task_done().unwrap();
    assert_eq!(woken.get(), 1);
    assert_eq!(poll(&mut join), Poll::Ready(Ok(())));
    assert_eq!(queue.task_done(), Err(NothingUnfinished));
}

#[test]
fn the_oldest_makes_room() {
    fn scenario<D: Discipline<u8>>(queue: &Queue<Local, Inline<8>, u8, D>, order: [u8; 3]) {
        for item in [5, 3, 9] {
            assert_eq!(queue.force_put(item), Ok(None));
        }
        assert_eq!(queue.force_put(4), Ok(Some(5)), "whatever would come out next");
        assert_eq!(queue.force_put(1), Ok(Some(3)));
        assert_eq!((queue.len(), queue.unfinished()), (3, 3), "who went is not to be done any more");
        assert_eq!([(); 3].map(|()| queue.try_get().unwrap()), order);
    }
    scenario(&Plain::new(3), [9, 4, 1]);
    scenario(&LifoQueue::new(3), [1, 4, 9]);
    scenario(&PriorityQueue::new(3), [1, 4, 9]);
}

#[test]
fn force_leaves_what_is_granted_and_reserved() {
    fn scenario<D: Discipline<u8>>(queue: &Queue<Local, Inline<8>, u8, D>) {
        let mut get = queue.get();
        assert!(poll(&mut get).is_pending());
        queue.try_put(1).unwrap();
        let slot = queue.try_reserve().unwrap();
        // One is inside, and it is granted: the claim is to whatever is there.
        assert_eq!(queue.force_put(2), Ok(Some(1)));
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
        assert_eq!(poll(&mut get), Poll::Ready(Ok(2)));
        let second = queue.try_reserve().unwrap();
        assert_eq!(queue.force_put(3), Err(TryPutError::Full(3)), "all room is reserved");
        slot.put(4).unwrap();
        assert_eq!(queue.force_put(5), Ok(Some(4)));
        drop(second);
        assert_eq!(queue.force_put(6), Ok(None));
        queue.close();
        assert_eq!(queue.force_put(7), Err(TryPutError::Closed(7)));
    }
    scenario(&Plain::new(2));
    scenario(&LifoQueue::new(2));
    scenario(&PriorityQueue::new(2));
}

#[test]
fn who_waits_for_room_loses_none_to_force() {
    let queue = Plain::new(1);
    queue.try_put(0).unwrap();
    let mut put = queue.put(1);
    assert!(poll(&mut put).is_pending());
    assert_eq!(queue.force_put(2), Ok(Some(0)));
    assert_eq!(queue.try_get(), Ok(2));
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
}

#[test]
fn many_at_once() {
    let queue = Plain::new(8);
    let mut batch = heapless::Vec::<u8, 4>::new();
    assert_eq!(queue.drain_ready(&mut batch, 9), 0);
    let (woken, waker) = count();
    {
        let mut get = queue.get_many(&mut batch, 9);
        assert!(poll_with(&mut get, &waker).is_pending());
        for item in 0..6 {
            queue.try_put(item).unwrap();
        }
        assert_eq!(woken.get(), 1);
        assert_eq!(poll(&mut get), Poll::Ready(Ok(4)));
    }
    assert_eq!(&*batch, [0, 1, 2, 3]);
    assert_eq!(poll(&mut queue.get_many(&mut batch, 9)), Poll::Ready(Ok(0)), "there is no room in it");
    batch.clear();
    assert_eq!(queue.drain_ready(&mut batch, 1), 1);
    assert_eq!(poll(&mut queue.get_many(&mut batch, 9)), Poll::Ready(Ok(1)));
    assert_eq!(&*batch, [4, 5]);
    queue.close();
    assert_eq!(poll(&mut queue.get_many(&mut batch, 9)), Poll::Ready(Err(GetError::Closed)));
}

#[test]
fn many_leave_something_to_those_behind() {
    let queue = Plain::new(8);
    let mut batch = heapless::Vec::<u8, 4>::new();
    let mut many = queue.get_many(&mut batch, 9);
    let mut one = queue.get();
    assert!(poll(&mut many).is_pending());
    assert!(poll(&mut one).is_pending());
    queue.try_put(1).unwrap();
    assert_eq!(poll(&mut many), Poll::Ready(Ok(1)));
    queue.try_put(2).unwrap();
    queue.try_put(3).unwrap();
    // One of the two is granted already.
    assert_eq!(queue.drain_ready(&mut batch, 9), 1);
    assert_eq!(poll(&mut one), Poll::Ready(Ok(3)));
}

#[test]
fn a_full_line_refuses_and_gives_back() {
    let queue = Queue::<Local, Inline<1>, u8>::new(1);
    let (mut get, mut put, mut join) = (queue.get(), queue.put(2), queue.join());
    assert!(poll(&mut get).is_pending());
    assert_eq!(poll(&mut queue.get()), Poll::Ready(Err(GetError::Full)));
    queue.try_put(1).unwrap();
    assert!(poll(&mut put).is_pending());
    assert_eq!(poll(&mut queue.put(3)), Poll::Ready(Err(PutError::Full(3))));
    assert_eq!(poll(&mut queue.reserve()).map(Result::err), Poll::Ready(Some(ReserveError::Full)));
    assert!(poll(&mut join).is_pending());
    assert_eq!(poll(&mut queue.join()), Poll::Ready(Err(JoinError::Full)));
    assert_eq!(poll(&mut get), Poll::Ready(Ok(1)));
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
}

#[test]
fn more_are_woken_than_fit_under_one_lock() {
    let queue = Queue::<Local, Inline<40>, u8>::new(40);
    let (woken, waker) = count();
    let mut gets: Vec<_> = (0..40).map(|_| queue.get()).collect();
    assert!(gets.iter_mut().all(|get| poll_with(get, &waker).is_pending()));
    queue.close();
    assert_eq!(woken.get(), 40);
    assert!(gets.iter_mut().all(|get| poll(get) == Poll::Ready(Err(GetError::Closed))));
}

#[test]
fn a_replaced_waker_is_the_one_that_is_woken() {
    let queue = Plain::new(1);
    let ((old, old_waker), (new, new_waker)) = (count(), count());
    let mut get = queue.get();
    assert!(poll_with(&mut get, &old_waker).is_pending());
    assert!(poll_with(&mut get, &new_waker).is_pending());
    queue.try_put(1).unwrap();
    assert_eq!((old.get(), new.get()), (0, 1));
    assert_eq!(Arc::strong_count(&old), 2, "the one replaced is dropped");
    assert_eq!(poll(&mut get), Poll::Ready(Ok(1)));
}

/// Panics when it is compared to a bomb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Plain(u8),
    Bomb,
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Plain(this), Self::Plain(other)) => this.cmp(other),
            _ => panic!("on purpose"),
        }
    }
}

#[test]
fn a_comparison_that_panics_leaves_the_queue_valid() {
    let queue = PriorityQueue::<Local, Inline<8>, Item>::new(2);
    for item in [2, 1] {
        queue.try_put(Item::Plain(item)).unwrap();
    }
    // One that waits, and is granted room; another behind it, which has to be called when the first one panics.
    let (woken, waker) = count();
    let mut bomb = Box::new(queue.put(Item::Bomb));
    let mut behind = queue.put(Item::Plain(3));
    assert!(poll(&mut bomb).is_pending());
    assert!(poll_with(&mut behind, &waker).is_pending());
    assert_eq!(queue.try_get(), Ok(Item::Plain(1)));
    assert_eq!(woken.get(), 0);
    // The local lock stays shut when its holder panics; a real one does not. So this is about the machine.
    let mut machine: Machine<Item, Waker, ByPriority, Inline<8>> = Machine::new(2);
    machine.try_put(Item::Plain(2)).unwrap();
    machine.try_reserve().unwrap();
    let mut item = Some(Item::Bomb);
    assert!(panic::catch_unwind(AssertUnwindSafe(|| machine.fill(&mut item))).is_err());
    assert_eq!(item, Some(Item::Bomb));
    assert_eq!((machine.len(), machine.is_full(), machine.unfinished()), (1, false, 1));
    machine.try_put(Item::Plain(1)).unwrap();
    assert_eq!([machine.try_get(), machine.try_get()], [Ok(Item::Plain(1)), Ok(Item::Plain(2))]);
    machine.try_put(Item::Plain(3)).unwrap();
    machine.try_put(Item::Plain(1)).unwrap();
    let mut item = Some(Item::Bomb);
    assert!(panic::catch_unwind(AssertUnwindSafe(|| machine.force_put_in_place(&mut item))).is_err());
    assert_eq!((item, machine.len(), machine.unfinished()), (Some(Item::Bomb), 2, 4));
    assert_eq!([machine.try_get(), machine.try_get()], [Ok(Item::Plain(1)), Ok(Item::Plain(3))]);
    drop(bomb);
    assert_eq!(woken.get(), 1);
}

/// Everybody who puts or gets touches the lock and what stands before this; the rest is touched by those who put, or wait.
#[cfg(all(target_pointer_width = "64", feature = "alloc"))]
#[test]
fn what_every_operation_touches_is_on_the_line_of_the_lock() {
    use core::mem::{align_of, offset_of};

    use crate::Heap;

    type Usual = Machine<u64, Waker, Fifo, Heap>;
    const LINE: usize = 64;
    // The lock stands before the machine, and is as large as what aligns it.
    assert!(align_of::<Usual>() + offset_of!(Usual, unfinished) <= LINE);
    assert_eq!(align_of::<Queue<Local, Heap, u64>>(), LINE);
}
