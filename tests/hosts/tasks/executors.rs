//! Executors.

use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tidegate_threads::{JoinError, Priority, priority};

use super::{Closed, Executors, job, until, yields};

pub(super) async fn no_more_run_at_once_than_may<E: Executors>() {
    let executor = E::new(3);
    let (inside, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let mut handles = Vec::new();
    for place in 0..30 {
        let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
        handles.push(executor.submit(job(async move {
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            yields(3).await;
            inside.fetch_sub(1, Ordering::SeqCst);
            place
        })));
    }
    for (place, handle) in (0..).zip(handles) {
        assert_eq!(handle.expect("it is open").await.expect("it does not panic"), place);
    }
    assert!(executor.shutdown().await.is_clean());
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
}

pub(super) async fn turns_come_by_priority_and_then_by_arrival<E: Executors>() {
    let executor = E::new(1);
    let gate = Arc::new(AtomicU32::new(0));
    let holding = Arc::clone(&gate);
    drop(executor.submit(job(async move {
        until(|| holding.load(Ordering::Acquire) > 0).await;
        0
    })));
    let order = Arc::new(Mutex::new(Vec::new()));
    for (place, urgency) in [(0, 5), (1, 0), (2, 5), (3, -1)] {
        let order = Arc::clone(&order);
        let note = job(async move {
            order.lock().expect("nobody panics").push((place, priority::current().0));
            0
        });
        drop(priority::scope(Priority(urgency), || executor.submit(note)).expect("it is open"));
    }
    gate.store(1, Ordering::Release);
    assert!(executor.shutdown().await.is_clean());
    assert_eq!(*order.lock().expect("nobody panics"), [(3, -1), (1, 0), (0, 5), (2, 5)]);
}

pub(super) async fn a_map_gives_every_result_once_and_in_order_if_asked<E: Executors>() {
    let executor = E::new(4);
    for ordered in [true, false] {
        let results = executor.map(40, 7, ordered).await;
        assert_eq!(results.iter().filter(|result| matches!(result, Err(JoinError::Panicked(_)))).count(), 1);
        let mut values: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
        if !ordered {
            values.sort_unstable();
        }
        assert!(values.into_iter().eq((0..40).filter(|&n| n != 7).map(|n| 2 * n)));
    }
    assert!(executor.shutdown().await.is_clean(), "the panics have been heard of");
}

pub(super) async fn a_closed_executor_takes_nothing<E: Executors>() {
    let executor = E::new(1);
    let last = executor.submit(job(async {
        yields(3).await;
        3
    }));
    let ended = executor.shutdown();
    assert_eq!(executor.submit(job(async { 1 })).err(), Some(Closed));
    assert!(ended.await.is_clean());
    assert_eq!(last.expect("it was open").await.expect("it does not panic"), 3);
}

pub(super) async fn abort_all_ends_what_waits<E: Executors>() {
    let executor = E::new(1);
    let gate = Arc::new(AtomicU32::new(0));
    let (holding, inside) = (Arc::clone(&gate), Arc::clone(&gate));
    let first = executor.submit(job(async move {
        inside.store(1, Ordering::Release);
        until(|| holding.load(Ordering::Acquire) > 1).await;
        0
    }));
    until(|| gate.load(Ordering::Acquire) == 1).await;
    let waiting = executor.submit(job(async { 1 })).expect("it is open");
    let aborted = executor.abort_all();
    gate.store(2, Ordering::Release);
    assert!(matches!(waiting.await, Err(JoinError::Aborted)));
    // Where what runs can be aborted, it has been.
    let first = first.expect("it was open").await;
    assert!(aborted == 1 && first.is_ok() || aborted == 2);
    assert_eq!(executor.submit(job(async { 4 })).expect("it is open").await.expect("it does not panic"), 4);
    assert_eq!(executor.shutdown().await.aborted, aborted);
}
