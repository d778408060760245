//! Queues: nothing per message, whether or not anybody waits.

use tidegate_tests::poll_once;
use tidegate_threads::{LifoQueue, PriorityQueue, Queue};

use crate::least_allocations;

/// In and out, in all three orders.
pub(crate) fn passing() -> usize {
    let (fifo, lifo, least) = (Queue::new(64), LifoQueue::new(64), PriorityQueue::new(64));
    let mut batch = Vec::with_capacity(64);
    least_allocations(|| {
        for item in 0..1_000_usize {
            assert!(fifo.try_put(item).is_ok() && lifo.try_put(item).is_ok() && least.try_put(item).is_ok());
            if item % 50 == 49 {
                batch.clear();
                assert_eq!(fifo.drain_ready(&mut batch, usize::MAX), 50);
                while lifo.try_get().is_ok() && least.try_get().is_ok() {}
            }
        }
    })
}

/// Those who put and those who get wait, and some give up.
pub(crate) fn waiting() -> usize {
    let queue = Queue::new(1);
    least_allocations(|| {
        for item in 0..1_000 {
            let (mut dropped, mut get) = (queue.get(), queue.get());
            assert!(poll_once(&mut dropped).is_pending() && poll_once(&mut get).is_pending());
            assert!(queue.try_put(item).is_ok());
            let mut put = queue.put(item);
            assert!(poll_once(&mut put).is_pending());
            drop(dropped);
            assert!(poll_once(&mut get).is_ready() && poll_once(&mut put).is_ready());
            assert!(queue.try_get().is_ok());
        }
    })
}

/// Two threads, one that is often full and one that is often empty.
pub(crate) fn threads() -> usize {
    let queue = Queue::new(8);
    let done = Queue::new(1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while let Ok(item) = queue.get_blocking() {
                if item == 999 {
                    done.put_blocking(()).expect("it is open");
                }
            }
        });
        let allocations = least_allocations(|| {
            for item in 0..1_000 {
                queue.put_blocking(item).expect("it is open");
            }
            done.get_blocking().expect("it is open");
        });
        queue.close();
        allocations
    })
}
