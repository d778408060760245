//! Queues under crowds: no item is lost or comes twice, nobody hangs, wakers and items are foreign code.

use core::cell::RefCell;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::panic;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use futures_util::{SinkExt, StreamExt, stream};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use tidegate_core::Heap;
use tidegate_core::queue::{Discipline, For, Get, Put, SinkError, Slot};
use tidegate_sim::{cancel_after, cancel_before, explore, for_each_seed, sleep, spawn, yield_now};
use tidegate_tests::{Count, Hook, poll_once, poll_with};
use tidegate_threads::{
    GetError, LifoQueue, Priority, PriorityQueue, PutError, Queue, Threads, TryGetError, TryPutError,
};

use crate::dice::Dice;

assert_impl_all!(Queue<u8>: Send, Sync);
assert_impl_all!(Put<Arc<Queue<u8>>>: Send, Unpin);
assert_impl_all!(Get<Arc<Queue<u8>>>: Send, Unpin);
assert_impl_all!(Slot<Arc<Queue<u8>>>: Send);
assert_impl_all!(tidegate_embassy::Queue<u8, 4>: Send, Sync);
assert_not_impl_any!(tidegate_embassy::local::Queue<u8, 4>: Sync);
assert_not_impl_any!(Queue<Rc<u8>>: Send, Sync);
assert_not_impl_any!(Slot<Arc<Queue<u8>>>: Clone);

type Simulated = tidegate_sim::Queue<u32>;

const SEEDS: u64 = 1_500;

/// What was taken out, by all.
type Taken = Rc<RefCell<Vec<u32>>>;

/// Puts a number in, at the first, second or third attempt, by one way or another.
async fn put(queue: &Simulated, dice: &Dice, number: u32) {
    loop {
        match dice.roll(5) {
            // The item comes back from a put that is given up, or it is inside.
            0 => {
                let mut put = queue.put(number);
                for _ in 0..dice.roll(3) {
                    if poll_once(&mut put).is_ready() {
                        return;
                    }
                    yield_now().await;
                }
                match put.into_inner() {
                    Some(_) => {}
                    None => return,
                }
            }
            1 => match queue.put_timeout(number, Duration::from_nanos(dice.roll(20))).await {
                Ok(()) => return,
                Err(refused) => assert_eq!(refused, PutError::TimedOut(number)),
            },
            2 => {
                let reserved = cancel_before(dice.roll(4), queue.reserve()).await;
                if let Some(Ok(slot)) = reserved {
                    if dice.roll(3) > 0 {
                        return slot.put(number).expect("nobody closes it yet");
                    }
                    yield_now().await;
                }
            }
            _ => return queue.put(number).await.expect("nobody closes it yet"),
        }
        yield_now().await;
    }
}

/// Takes numbers out until the queue is closed, giving up time and again.
async fn get_all(queue: &Simulated, dice: &Dice, taken: &Taken) {
    let mut buffer = Vec::new();
    loop {
        let got = match dice.roll(5) {
            0 => cancel_after(dice.roll(3), queue.get()).await,
            1 => cancel_before(dice.roll(3), queue.get()).await,
            2 => match queue.get_timeout(Duration::from_nanos(dice.roll(20))).await {
                Err(GetError::TimedOut) => None,
                got => Some(got),
            },
            3 if dice.roll(2) == 0 => queue.try_get().ok().map(Ok),
            3 => match queue.get_many(&mut buffer, 3).await {
                Ok(count) => {
                    assert_eq!(count, buffer.len());
                    taken.borrow_mut().append(&mut buffer);
                    (0..count).for_each(|_| queue.task_done().expect("there was one"));
                    None
                }
                Err(error) => Some(Err(error)),
            },
            _ => Some(queue.get().await),
        };
        match got {
            Some(Ok(number)) => {
                taken.borrow_mut().push(number);
                queue.task_done().expect("there was one");
            }
            Some(Err(GetError::Closed)) => return,
            Some(Err(error)) => panic!("{error}"),
            None => yield_now().await,
        }
    }
}

/// Producers and consumers that give up at any poll, and a capacity that changes meanwhile.
async fn storm(seed: u64) {
    const PRODUCERS: u32 = 4;
    const ITEMS: u32 = 6;
    let dice = Rc::new(Dice::new(seed));
    let capacity = |dice: &Dice| usize::try_from(dice.roll(4)).expect("it is small");
    let queue = Rc::new(Simulated::new(capacity(&dice)));
    let taken = Taken::default();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|who| {
            let (queue, dice) = (Rc::clone(&queue), Rc::clone(&dice));
            spawn(async move {
                for item in 0..ITEMS {
                    put(&queue, &dice, who * ITEMS + item).await;
                }
            })
        })
        .collect();
    let consumers = [(); 3].map(|()| {
        let (queue, dice, taken) = (Rc::clone(&queue), Rc::clone(&dice), Rc::clone(&taken));
        spawn(async move { get_all(&queue, &dice, &taken).await })
    });
    for _ in 0..3 {
        sleep(Duration::from_nanos(dice.roll(30))).await;
        queue.set_capacity(capacity(&dice)).expect("it can be anything");
    }
    for producer in producers {
        producer.await.expect("no producer panics");
    }
    queue.join().await.expect("there is room on the heap");
    queue.close();
    for consumer in consumers {
        consumer.await.expect("no consumer panics");
    }
    let mut taken = taken.take();
    taken.sort_unstable();
    assert!(taken.iter().copied().eq(0..PRODUCERS * ITEMS), "{taken:?}");
    assert_eq!((queue.waiters(For::Room), queue.waiters(For::Item), queue.len()), (0, 0, 0));
}

#[test]
fn no_item_is_lost_and_nobody_hangs_whatever_the_seed() {
    for_each_seed(0..SEEDS, storm).expect("every item arrives");
}

/// A get and a put are dropped at any of their polls, in every order of all steps.
#[test]
fn cancelled_at_any_poll_strands_nobody() {
    for (polls, capacity) in [(0, 1), (1, 1), (2, 1), (1, 0), (2, 0)] {
        let explored = explore(100_000, || async move {
            let queue = Rc::new(Simulated::new(capacity));
            let fickle = {
                let queue = Rc::clone(&queue);
                spawn(cancel_after(polls, async move { queue.get().await }))
            };
            let steady = {
                let queue = Rc::clone(&queue);
                spawn(async move { queue.get().await })
            };
            queue.put(1).await.expect("it is open");
            // The second may be for nobody.
            queue.set_capacity(1).expect("it can be anything");
            queue.put(2).await.expect("it is open");
            let lost = fickle.await.expect("it does not panic").is_none();
            let got = steady.await.expect("it does not panic").expect("it is open");
            if lost {
                assert_eq!((got, queue.try_get()), (1, Ok(2)));
            }
        });
        assert!(explored.expect("nobody hangs").complete);
    }
}

#[test]
fn an_offer_is_taken_or_comes_back() {
    for polls in 0..3 {
        let explored = explore(100_000, move || async move {
            let queue = Rc::new(Simulated::new(0));
            let fickle = {
                let queue = Rc::clone(&queue);
                spawn(async move {
                    let mut put = queue.put(1);
                    for _ in 0..polls {
                        if poll_once(&mut put).is_ready() {
                            return None;
                        }
                        yield_now().await;
                    }
                    put.into_inner()
                })
            };
            let steady = {
                let queue = Rc::clone(&queue);
                spawn(async move { queue.put(2).await })
            };
            let (mut sum, mut back) = (0, None);
            let mut fickle = Some(fickle);
            while sum + back.unwrap_or(0) < 3 {
                match queue.try_get() {
                    Ok(item) => sum += item,
                    Err(_) => match fickle.take() {
                        Some(fickle) => back = fickle.await.expect("it does not panic"),
                        None => sum += queue.get().await.expect("it is open"),
                    },
                }
            }
            steady.await.expect("it does not panic").expect("it is open");
            assert_eq!((queue.waiters(For::Room), queue.len()), (0, 0));
        });
        assert!(explored.expect("nobody hangs").complete);
    }
}

/// Threads and tasks of both colours at one queue, more of them than there are cores.
#[test]
fn both_colours_lose_nothing() {
    const PRODUCERS: u64 = 4;
    const ITEMS: u64 = 2_000;
    for capacity in [0, 1, 16] {
        let queue = Queue::new(capacity);
        let sum = thread::scope(|scope| {
            let consumers: Vec<_> = (0..4)
                .map(|who| {
                    let queue = &queue;
                    scope.spawn(move || match who {
                        0 => queue.iter().sum::<u64>(),
                        1 => tidegate_threads::block_on(queue.stream().fold(0, async |sum, item| sum + item)),
                        2 => {
                            let (mut sum, mut buffer) = (0, Vec::new());
                            while queue.get_many_blocking(&mut buffer, 8).is_ok() {
                                sum += buffer.drain(..).sum::<u64>();
                            }
                            sum
                        }
                        _ => {
                            let mut sum = 0;
                            loop {
                                match queue.get_blocking_timeout(Duration::from_micros(20)) {
                                    Ok(item) => sum += item,
                                    Err(GetError::TimedOut) => {}
                                    Err(_) => return sum,
                                }
                            }
                        }
                    })
                })
                .collect();
            let producers: Vec<_> = (0..PRODUCERS)
                .map(|who| {
                    let queue = &queue;
                    scope.spawn(move || {
                        for item in 0..ITEMS {
                            match who {
                                0 => queue.put_blocking(item).expect("it is open"),
                                1 => tidegate_threads::block_on(queue.put(item)).expect("it is open"),
                                2 => tidegate_threads::block_on(queue.sink().send(item)).expect("it is open"),
                                _ => {
                                    let mut item = item;
                                    while let Err(refused) =
                                        queue.put_blocking_timeout(item, Duration::from_micros(20))
                                    {
                                        item = refused.into_inner();
                                    }
                                }
                            }
                        }
                    })
                })
                .collect();
            for producer in producers {
                producer.join().expect("no producer panics");
            }
            queue.close();
            consumers.into_iter().map(|consumer| consumer.join().expect("no consumer panics")).sum::<u64>()
        });
        assert_eq!(sum, PRODUCERS * (ITEMS * (ITEMS - 1) / 2));
    }
}

/// A wake that panics keeps nobody else from being woken, past one batch.
#[test]
fn a_wake_that_panics_strands_nobody() {
    let queue = Queue::<u8>::new(1);
    let mut bad = queue.get().priority(Priority(-1));
    assert!(poll_with(&mut bad, &Hook::waker(|| panic!("on purpose"), || ())).is_pending());
    let (woken, waker) = Count::new();
    let mut others: Vec<_> = (0..40).map(|_| queue.get()).collect();
    assert!(others.iter_mut().all(|get| poll_with(get, &waker).is_pending()));
    assert!(panic::catch_unwind(AssertUnwindSafe(|| queue.close())).is_err());
    assert_eq!(woken.get(), 40);
    for get in &mut others {
        assert_eq!(poll_with(get, &waker), Poll::Ready(Err(GetError::Closed)));
    }
}

/// Whoever takes an item and wakes somebody by it, whose wake panics, leaves the item where it was.
#[test]
fn a_wake_that_panics_costs_no_item() {
    fn with<T: Clone + PartialEq + core::fmt::Debug>(
        items: &[T; 2],
        try_put: impl Fn(T) -> Result<(), TryPutError<T>>,
        mut put: impl Future<Output = Result<(), PutError<T>>> + Unpin,
        mut take: impl FnMut() -> Option<T>,
        first: &T,
    ) {
        for item in items {
            try_put(item.clone()).expect("there is room");
        }
        assert!(poll_with(&mut put, &Hook::waker(|| panic!("on purpose"), || ())).is_pending());
        assert!(panic::catch_unwind(AssertUnwindSafe(&mut take)).is_err());
        assert_eq!(take().as_ref(), Some(first));
    }
    let fifo = Queue::new(2);
    with(&[1, 2], |item| fifo.try_put(item), fifo.put(3), || fifo.try_get().ok(), &1);
    let lifo = LifoQueue::new(2);
    with(&[1, 2], |item| lifo.try_put(item), lifo.put(3), || lifo.try_get().ok(), &2);
    let least = PriorityQueue::new(2);
    with(&[2, 1], |item| least.try_put(item), least.put(3), || least.try_get().ok(), &1);
    let polled = Queue::new(2);
    with(&[1, 2], |item| polled.try_put(item), polled.put(3), || now(&mut polled.get()), &1);
}

/// An offer that is taken while its own wake panics stays inside; one in a batch is in the caller's buffer.
#[test]
fn a_wake_that_panics_costs_no_offer() {
    for batch in [false, true] {
        let queue = Queue::new(0);
        let mut put = queue.put(1);
        assert!(poll_with(&mut put, &Hook::waker(|| panic!("on purpose"), || ())).is_pending());
        let (woken, waker) = Count::new();
        let mut other = queue.put(2);
        assert!(poll_with(&mut other, &waker).is_pending());
        let mut buffer = Vec::new();
        let taken = panic::catch_unwind(AssertUnwindSafe(|| {
            if batch { queue.drain_ready(&mut buffer, 2) } else { queue.try_get().map_or(0, |_| 1) }
        }));
        assert!(taken.is_err());
        assert!(poll_once(&mut put).is_ready());
        assert_eq!((queue.len(), woken.get()), if batch { (0, 1) } else { (1, 0) });
        while let Ok(item) = queue.try_get() {
            buffer.push(item);
        }
        assert_eq!(buffer, [1, 2]);
    }
}

fn now<F: Future<Output = Result<T, GetError>> + Unpin, T>(get: &mut F) -> Option<T> {
    match Pin::new(get).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(item)) => Some(item),
        _ => None,
    }
}

/// Uses its queue when it is dropped.
struct Meddler(&'static Queue<Meddler>);

impl Drop for Meddler {
    fn drop(&mut self) {
        let _ = (self.0.len(), self.0.is_full(), self.0.waiters(For::Item));
    }
}

/// Items and wakers that use the queue while they are woken and dropped.
#[test]
fn wakers_and_items_are_dropped_outside_the_lock() {
    let queue: &'static Queue<Meddler> = Box::leak(Box::new(Queue::new(2)));
    let meddle = || {
        let _ = (queue.len(), queue.try_reserve().is_ok());
        drop(poll_with(&mut queue.get(), Waker::noop()));
    };
    let meddling = || Hook::waker(meddle, meddle);
    let mut get = queue.get();
    assert!(poll_with(&mut get, &meddling()).is_pending());
    assert!(poll_with(&mut get, Waker::noop()).is_pending(), "the one registered is replaced");
    drop(get);
    let mut get = queue.get();
    assert!(poll_with(&mut get, &meddling()).is_pending());
    assert!(queue.try_put(Meddler(queue)).is_ok());
    drop(poll_with(&mut get, &meddling()));
    while queue.try_put(Meddler(queue)).is_ok() {}
    assert!(queue.force_put(Meddler(queue)).is_ok_and(|displaced| displaced.is_some()));
    assert!(queue.try_put(Meddler(queue)).is_err());
    let mut put = queue.put(Meddler(queue));
    assert!(poll_with(&mut put, &meddling()).is_pending());
    drop(put);
    while queue.try_put(Meddler(queue)).is_ok() {}
    let mut put = queue.put(Meddler(queue));
    assert!(poll_with(&mut put, &meddling()).is_pending());
    // What is offered comes back, is taken, and is let in.
    queue.set_capacity(0).expect("it can be anything");
    drop(put);
    while queue.try_get().is_ok() {}
    for _ in 0..3 {
        drop(queue.put(Meddler(queue)));
        let mut put = queue.put(Meddler(queue));
        assert!(poll_with(&mut put, &meddling()).is_pending());
        assert!(poll_with(&mut put, Waker::noop()).is_pending(), "the one registered is replaced");
        drop(put);
        let mut put = queue.put(Meddler(queue));
        assert!(poll_with(&mut put, &meddling()).is_pending());
        assert!(queue.try_get().is_ok() && poll_once(&mut put).is_ready());
    }
    let mut offer = queue.put(Meddler(queue));
    assert!(poll_with(&mut offer, &meddling()).is_pending());
    queue.set_capacity(1).expect("it can be anything");
    assert!(poll_once(&mut offer).is_ready(), "it was let in, and its waker has taken it");
    while queue.try_put(Meddler(queue)).is_ok() {}
    let mut put = queue.put(Meddler(queue));
    assert!(poll_with(&mut put, &meddling()).is_pending());
    drop(queue.close_and_discard());
    assert!(matches!(poll_with(&mut put, &meddling()), Poll::Ready(Err(PutError::Closed(_)))));
    assert!(matches!(queue.try_get(), Err(TryGetError::Closed)));
}

/// A comparison that panics in a call leaves the queue as it was, and calls whoever can go on because of it.
#[test]
fn a_comparison_that_panics_is_the_callers_alone() {
    #[derive(Debug)]
    struct Bomb(Option<u8>);

    impl PartialEq for Bomb {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }
    impl Eq for Bomb {}
    impl PartialOrd for Bomb {
        fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Bomb {
        fn cmp(&self, other: &Self) -> core::cmp::Ordering {
            self.0.expect("on purpose").cmp(&other.0.expect("on purpose"))
        }
    }

    let queue = PriorityQueue::new(2);
    for key in [2, 1] {
        queue.try_put(Bomb(Some(key))).expect("there is room");
    }
    let mut bomb = queue.put(Bomb(None));
    assert!(poll_once(&mut bomb).is_pending());
    let (woken, waker) = Count::new();
    let mut behind = queue.put(Bomb(Some(0)));
    assert!(poll_with(&mut behind, &waker).is_pending());
    assert_eq!(queue.try_get().expect("there is one").0, Some(1));
    assert!(panic::catch_unwind(AssertUnwindSafe(|| poll_once(&mut bomb))).is_err());
    assert_eq!(woken.get(), 1, "the room of the one that panicked goes to the next");
    assert_eq!(bomb.into_inner().map(|bomb| bomb.0), Some(None), "it still has its item");
    assert!(poll_with(&mut behind, &waker).is_ready());
    assert_eq!([(); 2].map(|()| queue.try_get().expect("there is one").0), [Some(0), Some(2)]);
    assert!(queue.is_empty());
}

/// Whatever the discipline, a queue is a stream, a sink and something to iterate over.
#[test]
fn every_discipline_streams_and_iterates() {
    fn with<D: Discipline<u8>>(queue: &tidegate_core::queue::Queue<Threads, Heap, u8, D>, order: [u8; 3]) {
        let all = [2, 3, 1];
        tidegate_threads::block_on(async {
            queue.sink().send_all(&mut stream::iter(all).map(Ok)).await.expect("it is open");
            assert_eq!(queue.stream().take(3).collect::<Vec<_>>().await, order);
        });
        for item in all {
            queue.put_blocking(item).expect("it is open");
        }
        queue.close();
        let mut items = Vec::new();
        for item in queue {
            items.push(item);
        }
        assert_eq!(items, order);
    }
    with(&Queue::new(3), [2, 3, 1]);
    with(&LifoQueue::new(3), [1, 3, 2]);
    with(&PriorityQueue::new(3), [1, 2, 3]);
}

#[tokio::test]
async fn streams_and_sinks() {
    let queue = Arc::new(tidegate_tokio::Queue::new(1));
    let sent = tokio::spawn({
        let mut sink = tidegate_tokio::Queue::sink_owned(Arc::clone(&queue));
        async move {
            for item in 0..100 {
                sink.send(item).await.expect("it is open");
            }
            sink.close().await.expect("nothing is left to do");
            sink
        }
    });
    let mut stream = tidegate_tokio::Queue::stream_owned(Arc::clone(&queue));
    for item in 0..100 {
        assert_eq!(stream.next().await, Some(item));
    }
    let mut sink = sent.await.expect("it does not panic");
    assert_eq!(sink.start_send_unpin(5), Err(SinkError::NotReady(5)));
    queue.close();
    assert_eq!(stream.next().await, None);
    assert_eq!((stream.error(), stream.next().await), (Some(GetError::Closed), None));
    assert!(sink.send(1).await.is_err());
}
