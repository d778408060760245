//! What is there is never refused for the time's sake, and the longest time is no limit: for every handle, in either
//! colour.

use core::future::Future;
use core::task::Waker;
use core::time::Duration;

use futures_util::FutureExt;
use tidegate_core::waterfall::{Config, Single, Waterfall};
use tidegate_core::{Heap, task_group};
use tidegate_tests::poll_with;
use tidegate_tokio::{
    Cache, Executor, FifoLockout, Gate, Generator, Lockout, Queue, Quota, RateLimiter, Scheduler, Semaphore,
    Shutdown, TaskGroup, Tokio, TokioTimer,
};

/// None at all; what is added to any point of time beyond the end; and what is not quite that.
const PATIENCES: [Duration; 3] = [Duration::ZERO, Duration::MAX, Duration::from_nanos(u64::MAX)];

type Gathering = Waterfall<Single<u8, Heap>, Tokio, Heap, TokioTimer>;

/// The output of a future that must not need to be polled twice.
fn at_once<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("it is there")
}

#[tokio::test]
async fn whoever_may_is_let_in() {
    let (semaphore, limiter, lockout, fifo) = (Semaphore::new(1), limiter(), Lockout::new(), FifoLockout::new());
    let gate = Gate::new().semaphore(&semaphore).limiter(&limiter).lockout(&lockout);
    for patience in PATIENCES {
        drop(at_once(semaphore.acquire_timeout(patience)).unwrap());
        drop(semaphore.acquire_blocking_timeout(patience).unwrap());
        at_once(limiter.acquire_timeout(1, patience)).unwrap();
        limiter.acquire_blocking_timeout(1, patience).unwrap();
        at_once(lockout.wait_timeout(patience)).unwrap();
        lockout.wait_blocking_timeout(patience).unwrap();
        at_once(fifo.wait_timeout(patience)).unwrap();
        fifo.wait_blocking_timeout(patience).unwrap();
        drop(at_once(gate.enter_timeout(patience)).unwrap());
        drop(gate.enter_blocking_timeout(patience).unwrap());
    }
}

fn limiter() -> RateLimiter {
    RateLimiter::new(Quota::per(100, Duration::from_hours(1)).unwrap())
}

#[tokio::test]
async fn what_is_there_is_had() {
    let (queue, rendezvous) = (Queue::new(1), Queue::new(0));
    let scheduler = Scheduler::<u8>::new();
    let waterfall = Gathering::new(Config::new(1, Duration::MAX).unwrap());
    let cache = Cache::<u8, u8>::new(4);
    for patience in PATIENCES {
        at_once(queue.put_timeout(1, patience)).unwrap();
        assert_eq!(at_once(queue.get_timeout(patience)), Ok(1));
        queue.put_blocking_timeout(2, patience).unwrap();
        assert_eq!(queue.get_blocking_timeout(patience), Ok(2));
        at_once(queue.reserve_timeout(patience)).unwrap().put(3).unwrap();
        assert_eq!(queue.try_get(), Ok(3));
        (0..3).for_each(|_| queue.task_done().unwrap());
        at_once(queue.join_timeout(patience)).unwrap();
        queue.join_blocking_timeout(patience).unwrap();

        // Somebody has come for it.
        for blocking in [false, true] {
            let mut get = Box::pin(rendezvous.get());
            assert!(poll_with(&mut get, Waker::noop()).is_pending());
            if blocking {
                rendezvous.put_blocking_timeout(4, patience).unwrap();
            } else {
                at_once(rendezvous.put_timeout(4, patience)).unwrap();
            }
            assert_eq!(at_once(get), Ok(4));
            // And somebody has brought one.
            let mut put = Box::pin(rendezvous.put(5));
            let mut batch = Vec::new();
            for many in [false, true] {
                assert!(poll_with(&mut put, Waker::noop()).is_pending());
                match (many, blocking) {
                    (false, false) => batch.push(at_once(rendezvous.get_timeout(patience)).unwrap()),
                    (false, true) => batch.push(rendezvous.get_blocking_timeout(patience).unwrap()),
                    (true, false) => {
                        assert_eq!(at_once(rendezvous.get_many_timeout(&mut batch, 9, patience)), Ok(1));
                    }
                    (true, true) => {
                        assert_eq!(rendezvous.get_many_blocking_timeout(&mut batch, 9, patience), Ok(1));
                    }
                }
                at_once(core::mem::replace(&mut put, Box::pin(rendezvous.put(6)))).unwrap();
            }
            assert_eq!(batch, [5, 6]);
        }

        for number in [5, 6] {
            scheduler.insert_after(Duration::ZERO, number).unwrap();
        }
        assert_eq!(at_once(scheduler.next_timeout(patience)).unwrap().into_inner(), 5);
        assert_eq!(scheduler.next_blocking_timeout(patience).unwrap().into_inner(), 6);
        at_once(scheduler.join_timeout(patience)).unwrap();

        at_once(waterfall.put_timeout(7, patience)).unwrap();
        at_once(waterfall.next_batch_timeout(patience)).unwrap().unwrap().done();
        waterfall.put_blocking_timeout(8, patience).unwrap();
        waterfall.next_batch_blocking_timeout(patience).unwrap().unwrap().done();
        at_once(waterfall.flush_timeout(patience)).unwrap();
        waterfall.flush_blocking_timeout(patience).unwrap();

        assert_eq!(at_once(cache.get_or_load_timeout(&1, patience, || async { 9 })), Ok(9));
        assert_eq!(cache.get_or_load_blocking_timeout(&1, patience, || 10), Ok(9));
        // And whoever computes at once is in time as well.
        cache.invalidate(&1);
        assert_eq!(cache.get_or_load_blocking_timeout(&1, patience, || 10), Ok(10));
        cache.invalidate(&1);
    }
    at_once(waterfall.stop(Duration::ZERO)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_has_ended_is_in_time() {
    let shutdown = Shutdown::new();
    shutdown.trigger();
    let (group, executor) = (TaskGroup::new(), Executor::new(1));
    let tracker = task_group::TaskGroup::<Tokio, Heap>::new();
    let mut handles = Vec::new();
    for _ in PATIENCES {
        let handle = executor.submit(async { 1 }).unwrap();
        while !handle.is_finished() {
            tokio::task::yield_now().await;
        }
        handles.push((group.spawn(async { 2 }).unwrap(), handle));
    }
    group.close().await;
    executor.shutdown().await;
    drop(tracker.close());
    let pool = tidegate_threads::Executor::new(1);
    let on_threads = tidegate_threads::TaskGroup::new();
    for (patience, (mut in_group, mut by_executor)) in PATIENCES.into_iter().zip(handles) {
        at_once(shutdown.triggered_timeout(patience)).unwrap();
        shutdown.triggered_blocking_timeout(patience).unwrap();
        at_once(tracker.close_timeout(patience)).unwrap();
        tracker.close_blocking_timeout(patience).unwrap();
        at_once(group.close_timeout(patience)).unwrap();
        group.close_blocking_timeout(patience).unwrap();
        at_once(executor.shutdown_timeout(patience)).unwrap();
        executor.shutdown_blocking_timeout(patience).unwrap();
        pool.shutdown_blocking_timeout(patience).unwrap();
        on_threads.close_blocking_timeout(patience).unwrap();
        assert_eq!(in_group.join_blocking_timeout(patience).unwrap(), 2);
        assert_eq!(by_executor.join_blocking_timeout(patience).unwrap(), 1);
    }
}

#[test]
fn an_item_that_was_yielded_is_had() {
    for patience in PATIENCES {
        let mut generator = Generator::new(0..2);
        assert_eq!(generator.next_blocking().unwrap().unwrap(), 0);
        // The producer is on its way: zero patience may be too little for it, and loses nothing.
        let next = loop {
            if let Ok(next) = generator.next_blocking_timeout(patience) {
                break next;
            }
        };
        assert_eq!(next.unwrap().unwrap(), 1);
        assert!(generator.next_blocking().is_none());
        // It has ended.
        assert!(generator.next_blocking_timeout(patience).unwrap().is_none());
        generator.close_blocking_timeout(patience).unwrap().unwrap();
    }
}
