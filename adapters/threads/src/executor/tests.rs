//! Pools, under many submitters.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use super::*;
use crate::start::refusal;
use crate::{JoinError, Priority};

/// A hang is to be a failure; it takes nowhere near as long.
const HANG: Duration = Duration::from_mins(1);

#[test]
fn no_more_run_at_once_than_there_are_threads() {
    let executor = Executor::new(3);
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let visit = {
        let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
        move |place: usize| {
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::yield_now();
            inside.fetch_sub(1, Ordering::SeqCst);
            place
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let visit = visit.clone();
                let mut handles: Vec<_> = (0..50)
                    .map(|place| {
                        let visit = visit.clone();
                        if place % 2 == 0 {
                            executor.submit(move || visit(place)).unwrap()
                        } else {
                            executor.reserve_blocking().unwrap().submit(move || visit(place)).unwrap()
                        }
                    })
                    .collect();
                let mapped: Vec<_> =
                    executor.map_ordered(0..50, visit.clone()).unwrap().map(Result::unwrap).collect();
                assert!(mapped.into_iter().eq(0..50));
                let mut completed: Vec<_> = executor.map(0..50, visit).unwrap().map(Result::unwrap).collect();
                completed.sort_unstable();
                assert!(completed.into_iter().eq(0..50));
                for (place, handle) in handles.iter_mut().enumerate() {
                    assert_eq!(handle.join_blocking().unwrap(), place);
                }
            });
        }
    });
    assert!(executor.shutdown_blocking().unwrap().is_clean());
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
}

#[test]
fn there_is_a_thread_for_each_up_to_the_bound() {
    for _ in 0..20 {
        let executor = Executor::new(4);
        let barrier = Arc::new(Barrier::new(4));
        // Each of them waits for all others.
        let meet = || {
            let barrier = Arc::clone(&barrier);
            executor.submit(move || barrier.wait().is_leader()).unwrap()
        };
        for _ in 0..2 {
            let mut all = [meet(), meet(), meet(), meet()];
            let leaders = all.iter_mut().filter_map(|one| one.join_blocking().ok()).filter(|&leads| leads);
            assert_eq!(leaders.count(), 1);
        }
        assert!(executor.shutdown_blocking_timeout(Duration::MAX).unwrap().is_clean());
    }
}

/// Holds the only thread of an executor until it is dropped.
struct Held {
    barrier: Arc<Barrier>,
}

fn hold(executor: &Executor) -> Held {
    let barrier = Arc::new(Barrier::new(2));
    let there = Arc::clone(&barrier);
    drop(executor.submit(move || {
        there.wait();
        there.wait();
    }));
    barrier.wait();
    Held { barrier }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.barrier.wait();
    }
}

#[test]
fn turns_come_by_priority_and_then_by_arrival() {
    let executor = Executor::new(0);
    assert_eq!(executor.max_concurrent(), 1);
    let held = hold(&executor);
    let order = Arc::new(Mutex::new(Vec::new()));
    for (place, urgency) in [(0, 5), (1, 0), (2, 5), (3, -1)] {
        let order = Arc::clone(&order);
        priority::scope(Priority(urgency), || {
            drop(executor.submit(move || order.lock().unwrap().push((place, priority::current().0))).unwrap());
        });
    }
    drop(held);
    executor.shutdown_blocking().unwrap();
    assert_eq!(*order.lock().unwrap(), [(3, -1), (1, 0), (0, 5), (2, 5)]);
}

#[test]
fn a_closed_executor_gives_everything_back_and_finishes_what_it_has() {
    let executor = Executor::new(1);
    let reservation = executor.reserve_blocking().unwrap();
    let held = hold(&executor);
    let mut waiting = executor.submit(|| 7).unwrap();
    let mut map = executor.map_ordered(0_u64.., |n| n).unwrap();
    assert_eq!(executor.shutdown_blocking_timeout(Duration::ZERO), Err(ShutdownError::TimedOut));
    assert_eq!(executor.submit(|| 1).unwrap_err().into_inner()(), 1);
    assert_eq!(reservation.submit(|| 2).unwrap_err().into_inner()(), 2);
    assert!(executor.reserve_blocking().is_err());
    let (inputs, job) = executor.map([4], |n: u32| n + 1).unwrap_err().into_inner();
    assert_eq!(job(inputs[0]), 5);
    assert!(matches!(map.next(), Some(Err(JoinError::Aborted))));
    assert!(map.next().is_none());
    drop(held);
    assert!(executor.shutdown_blocking().unwrap().is_clean());
    assert_eq!(waiting.join_blocking().unwrap(), 7);
}

#[test]
fn panics_are_delivered_or_counted() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    let executor = Executor::new(1);
    let held = hold(&executor);
    let mut failing = executor.submit(|| panic!("on purpose")).unwrap();
    drop(executor.submit(|| panic!("unheard")).unwrap());
    // Nobody receives it, so it is dropped by the thread.
    drop(executor.submit(|| Bomb).unwrap());
    drop(held);
    let result: Result<(), _> = failing.join_blocking();
    assert_eq!(result.unwrap_err().into_panic().unwrap().message().as_deref(), Some("on purpose"));
    let results = executor.map_ordered(0..3, |n| {
        assert!(n != 1, "on purpose");
        n
    });
    let results: Vec<_> = results.unwrap().map(Result::ok).collect();
    assert_eq!(results, [Some(0), None, Some(2)]);
    assert_eq!(executor.shutdown_blocking().unwrap().unobserved_failures, 1);
}

#[test]
fn abort_all_drops_what_waits() {
    let executor = Executor::new(1);
    let held = hold(&executor);
    let mut waiting = executor.submit(|| ()).unwrap();
    assert_eq!((executor.len(), executor.abort_all()), (2, 1));
    assert!(matches!(waiting.join_blocking(), Err(JoinError::Aborted)));
    drop(held);
    assert_eq!(executor.submit(|| 4).unwrap().join_blocking().unwrap(), 4);
    assert_eq!(executor.shutdown_blocking().unwrap().aborted, 1);
}

#[test]
fn who_waits_within_is_told_so() {
    let executor = Executor::new(1);
    let inside = executor.clone();
    let told = executor.submit(move || {
        let mut other = inside.submit(|| ()).unwrap();
        (
            matches!(other.join_blocking(), Err(JoinError::WouldDeadlock)),
            inside.shutdown_blocking() == Err(ShutdownError::WouldDeadlock),
        )
    });
    assert_eq!(told.unwrap().join_blocking().unwrap(), (true, true));
}

#[test]
fn dropping_the_executor_lets_the_rest_be_done() {
    let executor = Executor::new(2);
    let mut handles: Vec<_> = (0..20).map(|n| executor.submit(move || n).unwrap()).collect();
    drop(executor);
    for (n, handle) in handles.iter_mut().enumerate() {
        assert_eq!(handle.join_blocking().unwrap(), n);
    }
}

#[test]
fn a_thread_that_is_refused_strands_nobody() {
    let executor = Executor::new(1);
    refusal::of_the_next(|| ());
    let refused = executor.submit(|| 1).unwrap_err();
    assert!(matches!(refused, SpawnError::NoThread(..)));
    assert_eq!((refused.into_inner()(), executor.len()), (1, 0));

    // The only thread that there may be is on its way: somebody counts on it.
    let waiting = Arc::new(Mutex::new(None));
    let (other, there) = (executor.clone(), Arc::clone(&waiting));
    refusal::of_the_next(move || *there.lock().unwrap() = Some(other.submit(|| ()).unwrap()));
    assert!(matches!(executor.submit(|| 2), Err(SpawnError::NoThread(..))));
    let mut waiting = waiting.lock().unwrap().take().expect("it was taken in");
    assert!(matches!(waiting.join_blocking_timeout(HANG), Err(JoinError::Aborted)));

    // And somebody is just about to: its job comes when all is over.
    let waiting = Arc::new(Mutex::new(None));
    let (other, there) = (executor.clone(), Arc::clone(&waiting));
    refusal::of_the_next(move || {
        Pool::prepare(&other.shared.pool).unwrap();
        *there.lock().unwrap() = Some(other);
    });
    assert!(matches!(executor.submit(|| 3), Err(SpawnError::NoThread(..))));
    waiting.lock().unwrap().take().expect("it was promised").shared.pool.push(Priority(0), Box::new(|| ()));

    assert_eq!(executor.submit(|| 4).unwrap().join_blocking().unwrap(), 4);
    assert_eq!(executor.shutdown_blocking_timeout(HANG).map(|summary| summary.aborted), Ok(2));
}
