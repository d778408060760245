//! Executors, on one thread and on several.

use core::future::{pending, poll_fn};
use core::pin::pin;
use core::sync::atomic::AtomicUsize;
use core::task::Poll;
use std::sync::Mutex;
use std::thread;

use futures_core::Stream;
use tidegate_threads::JoinError;
use tokio::runtime::Builder;
use tokio::task::yield_now;

use super::*;
use crate::{Priority, priority};

/// How many are inside, and how many have been at most.
#[derive(Default)]
struct Room {
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Room {
    async fn visit(&self) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        for _ in 0..3 {
            yield_now().await;
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

fn several() -> tokio::runtime::Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

#[test]
fn no_more_run_at_once_than_may() {
    several().block_on(async {
        let executor = Executor::new(3);
        let room: &'static Room = Box::leak(Box::default());
        let mut handles = Vec::new();
        for place in 0..40 {
            let visit = async move {
                room.visit().await;
                place
            };
            if place % 2 == 0 {
                handles.push(executor.submit(visit).unwrap());
            } else {
                handles.push(executor.reserve().await.unwrap().submit(visit).unwrap());
            }
        }
        let mut results = executor.map(0..40, |_| room.visit()).unwrap();
        while let Some(result) = results.next().await {
            result.unwrap();
        }
        for (place, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.await.unwrap(), place);
        }
        assert!(executor.shutdown().await.is_clean());
        assert_eq!((room.inside.load(Ordering::SeqCst), room.most.load(Ordering::SeqCst)), (0, 3));
    });
}

#[tokio::test]
async fn turns_come_by_priority_and_then_by_arrival() {
    let executor = Executor::new(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let first = executor.submit(yield_now()).unwrap();
    for (place, urgency) in [(0, 5), (1, 0), (2, 5), (3, -1)] {
        let order = Arc::clone(&order);
        priority::scope_blocking(Priority(urgency), || {
            drop(
                executor
                    .submit(async move { order.lock().unwrap().push((place, priority::current().0)) })
                    .unwrap(),
            );
        });
    }
    first.await.unwrap();
    executor.shutdown().await;
    assert_eq!(*order.lock().unwrap(), [(3, -1), (1, 0), (0, 5), (2, 5)]);
}

#[tokio::test]
async fn a_closed_executor_gives_everything_back() {
    let executor = Executor::new(2);
    let reservation = executor.reserve().await.unwrap();
    let mut map = executor.map([1, 2, 3], |n| async move { n }).unwrap();
    assert_eq!(map.next().await.unwrap().unwrap(), 1);
    assert!(executor.shutdown().await.is_clean());
    assert_eq!(executor.submit(async { 1 }).unwrap_err().into_inner().await, 1);
    assert_eq!(reservation.submit(async { 2 }).unwrap_err().into_inner().await, 2);
    assert_eq!(executor.try_reserve().unwrap_err(), TryAcquireError::Closed);
    assert!(executor.reserve().await.is_err_and(|error| error.is_closed()));
    let (inputs, _job) = executor.map([4, 5], |n: u32| async move { n }).unwrap_err().into_inner();
    assert_eq!(inputs, [4, 5]);
    // What had been taken before comes still; then it is said that there was more.
    let last = map.next().await;
    let last = if let Some(Ok(n)) = last {
        assert_eq!(n, 2);
        map.next().await
    } else {
        last
    };
    assert!(matches!(last, Some(Err(JoinError::Aborted))));
    assert!(map.next().await.is_none());
    assert!(map.next().await.is_none());
}

#[tokio::test]
async fn a_map_that_has_taken_all_inputs_ends_well_after_a_shutdown() {
    let executor = Executor::new(2);
    let mut map = executor.map_ordered([1, 2], |n| async move { n }).unwrap();
    assert_eq!(map.next().await.unwrap().unwrap(), 1);
    drop(executor.shutdown());
    assert_eq!(map.next().await.unwrap().unwrap(), 2);
    assert!(map.next().await.is_none());
}

#[tokio::test]
async fn results_come_as_completed_or_in_order() {
    let executor = Executor::new(4);
    // The later the input, the fewer the yields.
    let job = |n: usize| async move {
        for _ in n..4 {
            yield_now().await;
        }
        assert!(n != 2, "on purpose");
        n
    };
    let mut completed = Vec::new();
    let mut map = executor.map(0..4, job).unwrap();
    while let Some(result) = map.next().await {
        completed.push(result.map_err(|error| error.into_panic().unwrap().message()));
    }
    let failed = Err(Some(String::from("on purpose")));
    assert_eq!(completed, [Ok(3), failed.clone(), Ok(1), Ok(0)]);
    let mut ordered = Vec::new();
    let mut map = executor.map_ordered(0..4, job).unwrap();
    assert_eq!(Stream::size_hint(&map).1, Some(4));
    while let Some(result) = map.next().await {
        ordered.push(result.map_err(|error| error.into_panic().unwrap().message()));
    }
    assert_eq!(ordered, [Ok(0), Ok(1), failed, Ok(3)]);
    assert!(executor.shutdown().await.is_clean(), "all panics have been heard of");
}

#[tokio::test]
async fn inputs_are_taken_as_results_are() {
    let executor = Executor::new(3);
    let taken = Arc::new(AtomicUsize::new(0));
    let inputs = {
        let taken = Arc::clone(&taken);
        (0_usize..).inspect(move |_| {
            taken.fetch_add(1, Ordering::Relaxed);
        })
    };
    let mut map = executor.map_ordered(inputs, |n| async move { n }).unwrap();
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    for n in 0..10 {
        assert_eq!(map.next().await.unwrap().unwrap(), n);
        assert!(taken.load(Ordering::Relaxed) <= n + 4);
    }
    drop(map);
    assert!(executor.shutdown().await.is_clean());
}

#[tokio::test]
async fn abort_all_aborts_those_who_run_and_those_who_wait() {
    let executor = Executor::new(1);
    let running = executor.submit(pending::<()>()).unwrap();
    let waiting = executor.submit(pending::<()>()).unwrap();
    yield_now().await;
    assert_eq!((executor.len(), executor.abort_all()), (2, 2));
    assert!(matches!(running.await, Err(JoinError::Aborted)));
    assert!(matches!(waiting.await, Err(JoinError::Aborted)));
    assert_eq!(executor.submit(async { 4 }).unwrap().await.unwrap(), 4);
    assert_eq!(executor.shutdown().await.aborted, 2);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_may_be_cut_short() {
    let executor = Executor::new(0);
    assert_eq!(executor.max_concurrent(), 1);
    let task = executor.submit(tokio::time::sleep(Duration::from_hours(1))).unwrap();
    assert_eq!(executor.shutdown_timeout(Duration::ZERO).await, Err(ShutdownError::TimedOut));
    assert!(executor.shutdown_timeout(Duration::MAX).await.is_ok());
    task.await.unwrap();
}

#[test]
fn threads_submit_and_take_results() {
    let runtime = several();
    let executor = Executor::on(runtime.handle().clone(), 2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let map = executor.map(0..100_u64, |n| async move { n }).unwrap();
                let mut results: Vec<u64> = map.into_iter().map(Result::unwrap).collect();
                results.sort_unstable();
                assert!(results.into_iter().eq(0..100));
                let mut handle = executor.reserve_blocking().unwrap().submit(async { 5 }).unwrap();
                assert_eq!(handle.join_blocking().unwrap(), 5);
            });
        }
    });
    assert!(executor.shutdown_blocking_timeout(Duration::MAX).unwrap().is_clean());
    assert!(executor.shutdown_blocking().is_clean());
}

#[test]
fn outside_of_a_runtime_there_is_an_error() {
    let executor = Executor::new(1);
    assert!(matches!(executor.submit(async {}), Err(SpawnError::NoRuntime(_))));
    let mut map = executor.map([1, 2], |n| async move { n }).unwrap();
    assert!(matches!(map.next_blocking(), Some(Err(JoinError::Aborted))));
    assert!(map.next_blocking().is_none());
}

/// Whoever takes the results of a map may use its executor meanwhile, or ask for something else.
#[tokio::test]
async fn a_map_that_nobody_asks_has_no_permit() {
    let executor = Executor::new(2);
    let (first, second) = (executor.try_reserve().unwrap(), executor.try_reserve().unwrap());
    let mut map = executor.map(0..3, |number| async move { number }).unwrap();
    // In vain, and not any more.
    let in_vain = poll_fn(|cx| Poll::Ready(pin!(map.next()).poll(cx).is_pending()));
    assert!(in_vain.await);
    drop(first);
    let first = executor.try_reserve().expect("it has not gone to the map");
    drop(second);
    // The first task has the only permit, and the map stands in line for the second.
    assert_eq!(map.next().await.unwrap().unwrap(), 0);
    assert_eq!(executor.submit(async { 7 }).unwrap().await.unwrap(), 7);
    drop(first);
    drop((executor.try_reserve().unwrap(), executor.try_reserve().unwrap()));
    assert_eq!((map.next().await.unwrap().unwrap(), map.next().await.unwrap().unwrap()), (1, 2));
    assert!(map.next().await.is_none());
}

/// The same for one that is asked as a stream, once it has given a result.
#[tokio::test]
async fn a_stream_that_has_given_a_result_has_no_permit() {
    let executor = Executor::new(3);
    let (first, second) = (executor.try_reserve().unwrap(), executor.try_reserve().unwrap());
    let mut map = pin!(executor.map(0..9, |number| async move { number }).unwrap());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(map.as_mut().poll_next(&mut cx).is_pending());
    yield_now().await; // the first has run, and the map has its permit
    assert!(matches!(map.as_mut().poll_next(&mut cx), Poll::Ready(Some(Ok(0)))));
    drop(first);
    assert!(executor.try_reserve().is_ok(), "it has not gone to the map");
    drop(second);
}

#[tokio::test]
async fn inputs_wait_for_a_result_that_is_first_in_order() {
    let executor = Executor::new(3);
    let (gate, taken) = (Arc::new(Semaphore::new(0)), AtomicUsize::new(0));
    let inputs = (0..9_usize).inspect(|_| {
        taken.fetch_add(1, Ordering::Relaxed);
    });
    let job = |number| {
        let gate = Arc::clone(&gate);
        async move {
            if number == 0 {
                let _open = gate.acquire().await;
            }
            number
        }
    };
    let mut map = executor.map_ordered(inputs, job).unwrap();
    for _ in 0..9 {
        assert!(pin!(map.next()).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        yield_now().await;
    }
    assert_eq!(taken.load(Ordering::Relaxed), 3, "as many are outstanding as may run at once");
    gate.close();
    assert_eq!(map.next().await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_map_has_the_priority_of_where_it_was_made() {
    let executor = Executor::new(1);
    let held = executor.try_reserve().unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |name| {
        let order = Arc::clone(&order);
        async move { order.lock().unwrap().push((name, priority::current().0)) }
    };
    let mut map = priority::scope_blocking(Priority(-1), || executor.map(["mapped"], note))
        .unwrap_or_else(|_| panic!("open"));
    let submitted = executor.submit(note("submitted")).unwrap();
    let mut next = pin!(map.next());
    assert!(next.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(held);
    next.await.unwrap().unwrap();
    submitted.await.unwrap();
    assert_eq!(*order.lock().unwrap(), [("mapped", -1), ("submitted", 0)]);
}

#[tokio::test]
async fn nothing_is_reserved_after_the_end_though_there_be_room() {
    let executor = Executor::new(1);
    let mut cx = Context::from_waker(Waker::noop());
    let held = executor.try_reserve().unwrap();
    let mut waiting = pin!(executor.reserve());
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    drop(executor.shutdown());
    drop(held);
    assert!(matches!(waiting.as_mut().poll(&mut cx), Poll::Ready(Err(SpawnError::Closed(())))));

    // Nor does anybody wait for it.
    let executor = Executor::new(1);
    let endless = executor.submit(pending::<()>()).unwrap();
    drop(executor.shutdown());
    assert!(matches!(pin!(executor.reserve()).poll(&mut cx), Poll::Ready(Err(SpawnError::Closed(())))));
    endless.abort();
}
