//! Queues: outcomes and order by hand, a small crowd in one task, timeouts in both colours.
#![expect(clippy::missing_errors_doc, reason = "the error is what does not hold")]

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use tidegate_core::queue::{
    ByPriority, Discipline, Fifo, For, Get, GetError, Lifo, LifoQueue, PriorityQueue, Put, PutError, Queue,
    ReserveError, SlotError, TryGetError, TryPutError,
};
use tidegate_core::{Blocking, Inline, Platform, Priority, Storage, Timed};

use crate::outcome::{check, demand, ready};
use crate::{Check, Outcome, World, poll_once};

/// Long enough for every timer to tell from nothing.
const SHORT: Duration = Duration::from_millis(2);

/// The least capacity that some of the scenarios need.
type Few = Inline<4>;

/// Each queue gives out what its discipline says, and ties in the order of arrival.
pub fn items_come_out_by_their_discipline<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let (fifo, lifo) = (Queue::<P, S, u8>::new(4), LifoQueue::<P, S, u8>::new(4));
        let least = PriorityQueue::<P, S, (u8, Tie)>::new(4);
        for (item, key) in [(0, 1), (1, 0), (2, 1), (3, 0)] {
            demand!(fifo.try_put(item));
            demand!(lifo.try_put(item));
            demand!(least.try_put((key, Tie(item))));
        }
        check!(fifo.try_put(4) == Err(TryPutError::Full(4)));
        for (first, last, urgent) in [(0, 3, 1), (1, 2, 3), (2, 1, 0), (3, 0, 2)] {
            check!(fifo.try_get() == Ok(first));
            check!(lifo.try_get() == Ok(last));
            check!(demand!(least.try_get()).1.0 == urgent);
        }
        check!(least.try_get().is_err());
        Ok(())
    }
    scenario::<P, S>().into()
}

/// Equal to every other.
struct Tie(u8);

impl PartialEq for Tie {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Tie {}

impl PartialOrd for Tie {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Tie {
    fn cmp(&self, _: &Self) -> core::cmp::Ordering {
        core::cmp::Ordering::Equal
    }
}

/// Those who put wait in line, by priority and then by arrival, and nobody overtakes whoever has been granted room.
pub fn puts_wait_in_turn<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let queue = Queue::<P, S, u8>::new(1);
        demand!(queue.try_put(0));
        let (mut third, mut second) = (queue.put(3).priority(Priority(1)), queue.put(2));
        let mut first = queue.put(1).priority(Priority(-1));
        check!(poll_once(&mut third).is_pending());
        check!(poll_once(&mut second).is_pending());
        check!(poll_once(&mut first).is_pending());
        for (item, next) in [(0, &mut first), (1, &mut second), (2, &mut third)] {
            check!(queue.try_get() == Ok(item));
            check!(queue.try_put(9) == Err(TryPutError::Full(9)));
            ready!(poll_once(next));
        }
        check!(queue.try_get() == Ok(3));
        check!(queue.waiters(For::Room) == 0);
        Ok(())
    }
    scenario::<P, S>().into()
}

/// Whoever waits for an item or for room and is dropped at any poll passes on what it had, and takes no item along.
pub fn dropped_at_any_poll_no_item_is_lost<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        for granted in [false, true] {
            let queue = Queue::<P, S, u8>::new(1);
            let (mut dropped, mut get) = (queue.get(), queue.get());
            check!(poll_once(&mut dropped).is_pending());
            check!(poll_once(&mut get).is_pending());
            if granted {
                demand!(queue.try_put(1));
                drop(dropped);
            } else {
                drop(dropped);
                demand!(queue.try_put(1));
            }
            check!(queue.try_get() == Err(TryGetError::Empty));
            check!(ready!(poll_once(&mut get)) == 1);

            demand!(queue.try_put(2));
            let (mut dropped, mut put) = (queue.put(3), queue.put(4));
            check!(poll_once(&mut dropped).is_pending());
            check!(poll_once(&mut put).is_pending());
            if granted {
                check!(queue.try_get() == Ok(2));
                check!(dropped.into_inner() == Some(3));
            } else {
                check!(dropped.into_inner() == Some(3));
                check!(queue.try_get() == Ok(2));
            }
            ready!(poll_once(&mut put));
            check!(queue.try_get() == Ok(4));
        }
        Ok(())
    }
    scenario::<P, S>().into()
}

/// Without capacity a put waits for a getter; if that one is cancelled after it was served, the item stays.
pub fn a_rendezvous_pairs_puts_with_gets<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let queue = Queue::<P, S, u8>::new(0);
        check!(queue.try_put(1) == Err(TryPutError::Full(1)));
        let (mut put, mut get) = (queue.put(1), queue.get());
        check!(poll_once(&mut get).is_pending());
        ready!(poll_once(&mut put));
        check!(ready!(poll_once(&mut get)) == 1);
        let mut put = queue.put(4);
        check!(poll_once(&mut put).is_pending());
        check!(ready!(poll_once(&mut queue.get())) == 4);
        ready!(poll_once(&mut put));
        let mut cancelled = queue.get();
        check!(poll_once(&mut cancelled).is_pending());
        demand!(queue.try_put(2));
        drop(cancelled);
        check!(queue.len() == 1);
        check!(queue.try_put(3) == Err(TryPutError::Full(3)));
        check!(queue.try_get() == Ok(2));
        Ok(())
    }
    scenario::<P, S>().into()
}

/// Whoever comes to a rendezvous takes what is offered, in turn; who gives up or is turned down has its item back.
pub fn what_is_offered_can_be_had_at_once<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let queue = Queue::<P, S, u8>::new(0);
        let (mut first, mut dropped, mut refused) = (queue.put(1), queue.put(2), queue.put(3));
        check!(poll_once(&mut first).is_pending());
        check!(poll_once(&mut dropped).is_pending());
        check!(poll_once(&mut refused).is_pending());
        check!((queue.len(), queue.force_put(4)) == (0, Err(TryPutError::Full(4))));
        check!(queue.try_get() == Ok(1));
        ready!(poll_once(&mut first));
        check!(dropped.into_inner() == Some(2));
        let mut reserve = queue.reserve();
        check!(poll_once(&mut reserve).is_pending());
        let mut batch = heapless::Vec::<u8, 2>::new();
        let mut put = queue.put(5);
        check!(poll_once(&mut put).is_pending());
        check!(queue.drain_ready(&mut batch, 2) == 1 && batch.as_slice() == [3]);
        ready!(poll_once(&mut refused));
        check!(queue.try_get() == Err(TryGetError::Empty));
        drop(reserve);
        queue.close();
        check!(queue.try_get() == Err(TryGetError::Closed));
        check!(poll_once(&mut put) == Poll::Ready(Err(PutError::Closed(5))));
        check!(queue.waiters(For::Room) == 0);
        Ok(())
    }
    scenario::<P, S>().into()
}

/// By force the oldest goes, whatever would come out next, and claims and reserved room stay good.
pub fn the_oldest_goes_by_force<P: Platform, S: Storage>() -> Outcome {
    fn with<P: Platform, S: Storage, D: Discipline<u8>>(order: [u8; 2]) -> Check {
        let queue = Queue::<P, S, u8, D>::new(3);
        let mut get = queue.get();
        check!(poll_once(&mut get).is_pending());
        for item in [5, 7, 9] {
            check!(queue.force_put(item) == Ok(None));
        }
        check!(queue.force_put(6) == Ok(Some(5)));
        check!(queue.force_put(8) == Ok(Some(7)));
        check!(queue.unfinished() == 3);
        let claimed = ready!(poll_once(&mut get));
        check!(
            (claimed, queue.try_get(), queue.try_get()) == (23 - order[0] - order[1], Ok(order[0]), Ok(order[1]))
        );
        let slots = (demand!(queue.try_reserve()), demand!(queue.try_reserve()), demand!(queue.try_reserve()));
        check!(queue.force_put(1) == Err(TryPutError::Full(1)));
        drop(slots);
        Ok(())
    }
    fn scenario<P: Platform, S: Storage>() -> Check {
        with::<P, S, Fifo>([6, 8])?;
        with::<P, S, Lifo>([6, 9])?;
        with::<P, S, ByPriority>([8, 9])
    }
    scenario::<P, S>().into()
}

/// Room comes first and the item later; room that is not used goes to the next.
pub fn room_is_reserved_before_there_is_an_item<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let queue = Queue::<P, S, u8>::new(2);
        let first = ready!(poll_once(&mut queue.reserve()));
        let second = demand!(queue.try_reserve());
        let mut third = queue.reserve();
        check!(poll_once(&mut third).is_pending());
        demand!(second.put(2));
        check!(queue.is_full());
        drop(first);
        let third = ready!(poll_once(&mut third));
        demand!(third.put(3));
        check!((queue.try_get(), queue.try_get()) == (Ok(2), Ok(3)));
        let slot = demand!(queue.try_reserve());
        queue.close();
        check!(slot.put(4) == Err(SlotError::Closed(4)));
        check!(matches!(poll_once(&mut queue.reserve()), Poll::Ready(Err(ReserveError::Closed))));
        Ok(())
    }
    scenario::<P, S>().into()
}

/// What is inside a closed queue may still be had, nothing goes in, and everybody hears of it once.
pub fn a_closed_queue_drains<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let queue = Queue::<P, S, u8>::new(2);
        demand!(queue.try_put(1));
        demand!(queue.try_put(2));
        let mut put = queue.put(3);
        check!(poll_once(&mut put).is_pending());
        queue.close();
        check!(poll_once(&mut put) == Poll::Ready(Err(PutError::Closed(3))));
        check!(poll_once(&mut put).is_pending());
        check!(queue.try_put(4) == Err(TryPutError::Closed(4)));
        check!(queue.force_put(4) == Err(TryPutError::Closed(4)));
        check!(queue.try_get() == Ok(1));
        check!(ready!(poll_once(&mut queue.get())) == 2);
        check!(queue.try_get() == Err(TryGetError::Closed));
        check!(poll_once(&mut queue.get()) == Poll::Ready(Err(GetError::Closed)));
        Ok(())
    }
    scenario::<P, S>().into()
}

/// A queue that is closed at once hands everything to whoever closes it, and counts it as done.
pub fn a_closed_queue_hands_everything_out<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let queue = Queue::<P, S, u8>::new(3);
        let (mut get, mut join) = (queue.get(), queue.join());
        check!(poll_once(&mut get).is_pending());
        for item in 0..3 {
            demand!(queue.try_put(item));
        }
        check!(poll_once(&mut join).is_pending());
        let mut discarded = queue.close_and_discard();
        check!(queue.is_empty());
        ready!(poll_once(&mut join));
        check!(poll_once(&mut get) == Poll::Ready(Err(GetError::Closed)));
        check!((discarded.next(), discarded.next()) == (Some(0), Some(1)));
        drop(discarded);
        check!(queue.close_and_discard().next().is_none());
        Ok(())
    }
    scenario::<P, S>().into()
}

/// Work is joined once every item has been reported as done, and one more report is an error.
pub fn work_is_joined_when_it_is_done<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform, S: Storage>() -> Check {
        let queue = Queue::<P, S, u8>::new(2);
        ready!(poll_once(&mut queue.join()));
        demand!(queue.try_put(1));
        let mut join = queue.join();
        check!(poll_once(&mut join).is_pending());
        demand!(queue.try_get());
        check!(poll_once(&mut join).is_pending());
        demand!(queue.task_done());
        ready!(poll_once(&mut join));
        check!(queue.task_done().is_err());
        Ok(())
    }
    scenario::<P, S>().into()
}

/// A batch is what is ready and fits; the capacity changes while items are inside; the oldest makes room by force.
pub fn batches_capacities_and_force<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let queue = demand!(Queue::<P, Few, u8>::bounded(4));
        check!(Queue::<P, Few, u8>::bounded(5).is_err());
        check!(LifoQueue::<P, Few, u8>::bounded(0).is_err());
        for item in 0..4 {
            demand!(queue.try_put(item));
        }
        check!(queue.force_put(4) == Ok(Some(0)));
        demand!(queue.set_capacity(2));
        check!(queue.set_capacity(5).is_err());
        check!((queue.len(), queue.capacity()) == (4, 2));
        let mut batch = heapless::Vec::<u8, 3>::new();
        check!(queue.drain_ready(&mut batch, 2) == 2);
        check!(queue.try_put(5) == Err(TryPutError::Full(5)));
        check!(ready!(poll_once(&mut queue.get_many(&mut batch, usize::MAX))) == 1);
        check!(batch.as_slice() == [1, 2, 3]);
        demand!(queue.try_put(5));
        check!((queue.try_get(), queue.try_get()) == (Ok(4), Ok(5)));
        Ok(())
    }
    scenario::<P>().into()
}

/// Where there is no room for another waiter it is told so, and has its item back.
pub fn full_lines_refuse_and_recover<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let queue = Queue::<P, Inline<1>, u8>::new(1);
        let mut get = queue.get();
        check!(poll_once(&mut get).is_pending());
        check!(poll_once(&mut queue.get()) == Poll::Ready(Err(GetError::Full)));
        demand!(queue.try_put(1));
        let mut put = queue.put(2);
        check!(poll_once(&mut put).is_pending());
        check!(poll_once(&mut queue.put(3)) == Poll::Ready(Err(PutError::Full(3))));
        check!(ready!(poll_once(&mut get)) == 1);
        ready!(poll_once(&mut put));
        check!(queue.try_get() == Ok(2));
        Ok(())
    }
    scenario::<P>().into()
}

/// How many put, how many get, and how much each puts.
const ACTORS: usize = 3;
const ITEMS: u32 = 40;

struct Producer<'a, P: Platform, S: Storage> {
    put: Option<Put<&'a Queue<P, S, u32>>>,
    next: u32,
    polls: usize,
}

struct Consumer<'a, P: Platform, S: Storage> {
    get: Option<Get<&'a Queue<P, S, u32>>>,
    over: bool,
    polls: usize,
}

/// Three put and three get, all of them give up at any poll and begin anew, and each item arrives once.
async fn a_crowd<P: Platform, S: Storage>(capacity: usize) -> Check {
    let queue = &Queue::<P, S, u32>::new(capacity);
    let mut producers: [_; ACTORS] = core::array::from_fn(|who| Producer { put: None, next: 0, polls: who });
    let mut consumers: [_; ACTORS] = core::array::from_fn(|who| Consumer { get: None, over: false, polls: who });
    let (mut arrived, mut sum) = (0, 0);
    poll_fn(|cx| {
        for producer in &mut producers {
            produce(queue, producer, cx);
        }
        if producers.iter().all(|producer| producer.next == ITEMS && producer.put.is_none()) && queue.is_empty() {
            queue.close();
        }
        for consumer in &mut consumers {
            while let Some(item) = consume(queue, consumer, cx) {
                arrived += 1;
                sum += item;
            }
        }
        if consumers.iter().all(|consumer| consumer.over) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    check!(arrived == ITEMS * 3);
    check!(sum == 3 * (ITEMS * (ITEMS - 1) / 2));
    check!((queue.waiters(For::Room), queue.waiters(For::Item)) == (0, 0));
    Ok(())
}

fn produce<'a, P: Platform, S: Storage>(
    queue: &'a Queue<P, S, u32>,
    producer: &mut Producer<'a, P, S>,
    cx: &mut Context<'_>,
) {
    producer.polls += 1;
    loop {
        let mut put = match producer.put.take() {
            // An impatient one takes its item back, and comes again.
            Some(put) if producer.polls.is_multiple_of(3) => match put.into_inner() {
                Some(item) => queue.put(item),
                None => continue,
            },
            Some(put) => put,
            None if producer.next == ITEMS => return,
            None => {
                producer.next += 1;
                queue.put(producer.next - 1)
            }
        };
        if Pin::new(&mut put).poll(cx).is_pending() {
            producer.put = Some(put);
            return;
        }
    }
}

fn consume<'a, P: Platform, S: Storage>(
    queue: &'a Queue<P, S, u32>,
    consumer: &mut Consumer<'a, P, S>,
    cx: &mut Context<'_>,
) -> Option<u32> {
    consumer.polls += 1;
    if consumer.over {
        return None;
    }
    let kept = consumer.get.take();
    // An impatient one leaves the line, perhaps with a claim, and comes again.
    let mut get = kept.filter(|_| !consumer.polls.is_multiple_of(4)).unwrap_or_else(|| queue.get());
    match Pin::new(&mut get).poll(cx) {
        Poll::Ready(Ok(item)) => Some(item),
        Poll::Ready(Err(_)) => {
            consumer.over = true;
            None
        }
        Poll::Pending => {
            consumer.get = Some(get);
            None
        }
    }
}

/// Among many who give up at any poll no item is lost and none comes twice, bounded and as a rendezvous.
pub async fn a_fickle_crowd_loses_no_item<'a, W: World<'a>>(_: &W) -> Check {
    a_crowd::<W::Platform, W::Storage>(2).await?;
    a_crowd::<W::Platform, W::Storage>(0).await
}

/// Whoever waits for an item, for room or for the end of all work gives up in time, and has its item back.
pub async fn waits_at_a_queue_can_time_out<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    let queue = Queue::<W::Platform, Few, u8>::new(1);
    check!(queue.get_timeout(SHORT).await == Err(GetError::TimedOut));
    let mut batch = heapless::Vec::<u8, 2>::new();
    check!(queue.get_many_timeout(&mut batch, 2, SHORT).await == Err(GetError::TimedOut));
    let rendezvous = Queue::<W::Platform, Few, u8>::new(0);
    check!(rendezvous.put_timeout(1, SHORT).await == Err(PutError::TimedOut(1)));
    check!(rendezvous.try_get() == Err(TryGetError::Empty));
    demand!(queue.put_timeout(1, SHORT).await);
    check!(queue.put_timeout(2, SHORT).await == Err(PutError::TimedOut(2)));
    check!(matches!(queue.reserve_timeout(SHORT).await, Err(ReserveError::TimedOut)));
    check!(queue.join_timeout(SHORT).await.is_err());
    check!((queue.waiters(For::Room), queue.waiters(For::Item), queue.waiters(For::Done)) == (0, 0, 0));
    check!(queue.get_timeout(Duration::ZERO).await == Ok(1));
    demand!(queue.task_done());
    demand!(queue.join_timeout(Duration::ZERO).await);
    Ok(())
}

/// A thread puts and gets what is there at once, and otherwise gives up in time.
pub async fn a_thread_waits_at_a_queue<'a, W: World<'a, Platform: Blocking + Timed>>(_: &W) -> Check {
    let queue = Queue::<W::Platform, Few, u8>::new(1);
    check!(queue.get_blocking_timeout(SHORT) == Err(GetError::TimedOut));
    check!(
        queue.get_many_blocking_timeout(&mut heapless::Vec::<u8, 2>::new(), 2, SHORT) == Err(GetError::TimedOut)
    );
    demand!(queue.put_blocking(1));
    check!(queue.put_blocking_timeout(2, SHORT) == Err(PutError::TimedOut(2)));
    check!(matches!(queue.reserve_blocking_timeout(SHORT), Err(ReserveError::TimedOut)));
    check!(queue.join_blocking_timeout(SHORT).is_err());
    check!(queue.get_blocking() == Ok(1));
    demand!(queue.task_done());
    demand!(queue.join_blocking());
    demand!(demand!(queue.reserve_blocking()).put(3));
    let mut batch = heapless::Vec::<u8, 2>::new();
    check!(queue.get_many_blocking(&mut batch, 2) == Ok(1));
    demand!(queue.put_blocking(4));
    queue.close();
    check!(queue.iter().eq([4]));
    check!(queue.get_blocking() == Err(GetError::Closed));
    check!(queue.put_blocking(5) == Err(PutError::Closed(5)));
    Ok(())
}
