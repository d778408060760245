//! What the documentation of the adapters promises of futures that are dropped, and of handles that have been used up.

use core::future::pending;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Poll, Waker};
use std::sync::Arc;
use std::sync::mpsc;

use futures_util::FutureExt;
use tidegate_core::Priority;
use tidegate_tests::poll_with;
use tidegate_threads::{JoinError, OnExit, block_on};

/// Polls once, then drops.
macro_rules! dropped {
    ($future:expr) => {{
        let mut future = Box::pin($future);
        assert!(poll_with(&mut future, Waker::noop()).is_pending());
    }};
}

#[test]
fn a_handle_that_was_awaited_in_part_gives_its_result_once() {
    let (go, wait) = mpsc::channel::<()>();
    let group = tidegate_threads::TaskGroup::new();
    let mut handle = group.spawn(move || wait.recv().map_or(0, |()| 7)).unwrap();
    dropped!(&mut handle);
    go.send(()).unwrap();
    assert_eq!(block_on(&mut handle).unwrap(), 7);
    assert!(matches!(block_on(&mut handle), Err(JoinError::Aborted)));
    assert!(matches!(handle.join_blocking(), Err(JoinError::Aborted)));
}

#[tokio::test]
async fn a_task_that_was_awaited_in_part_gives_its_result_once() {
    let group = tidegate_tokio::TaskGroup::new();
    let mut handle = group.spawn(async { 7 }).unwrap();
    dropped!(&mut handle);
    assert_eq!((&mut handle).await.unwrap(), 7);
    assert!(matches!((&mut handle).await, Err(JoinError::Aborted)));
}

#[test]
fn a_simulated_task_gives_its_result_once() {
    let ended = tidegate_sim::Sim::new(3).run(async {
        let group = tidegate_sim::TaskGroup::new();
        let mut in_group = group.spawn(async { 7 }).unwrap();
        let mut bare = tidegate_sim::spawn(async { 8 });
        dropped!(&mut in_group);
        dropped!(&mut bare);
        dropped!(group.close());
        assert!(group.is_closed());
        assert_eq!(((&mut in_group).await.unwrap(), (&mut bare).await.unwrap()), (7, 8));
        assert!((&mut in_group).now_or_never().is_none() && (&mut bare).now_or_never().is_none());
        group.close().await
    });
    assert!(ended.unwrap().is_clean());
}

#[tokio::test]
async fn a_close_that_is_dropped_closes_and_may_be_asked_for_again() {
    let group = tidegate_tokio::TaskGroup::new();
    let gate = Arc::new(tidegate_tokio::Semaphore::new(0));
    let inside = Arc::clone(&gate);
    let task = group.spawn(async move { inside.acquire().await.is_ok() }).unwrap();
    dropped!(group.close());
    assert!(group.is_closed());
    gate.add_permits(1).unwrap();
    assert!(group.close().await.is_clean() && task.await.unwrap());

    let executor = tidegate_tokio::Executor::new(1);
    let (gate, ran) = (Arc::new(tidegate_tokio::Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
    let (inside, done) = (Arc::clone(&gate), Arc::clone(&ran));
    drop(executor.submit(async move {
        let _permit = inside.acquire().await;
        done.store(true, Ordering::Relaxed);
    }));
    dropped!(executor.shutdown());
    assert!(executor.submit(async {}).is_err());
    gate.add_permits(1).unwrap();
    assert!(executor.shutdown().await.is_clean());
    assert!(ran.load(Ordering::Relaxed));
}

#[test]
fn a_close_of_threads_that_is_dropped_closes_and_may_be_asked_for_again() {
    let (go, wait) = mpsc::channel::<()>();
    let group = tidegate_threads::TaskGroup::new();
    let mut handle = group.spawn(move || wait.recv().is_ok()).unwrap();
    dropped!(group.close());
    assert!(group.is_closed());
    go.send(()).unwrap();
    assert!(block_on(group.close()).is_clean() && handle.join_blocking().unwrap());

    let (go, wait) = mpsc::channel::<()>();
    let executor = tidegate_threads::Executor::new(1);
    let mut handle = executor.submit(move || wait.recv().is_ok()).unwrap();
    dropped!(executor.shutdown());
    assert!(executor.submit(|| ()).is_err());
    go.send(()).unwrap();
    assert!(executor.shutdown_blocking().unwrap().is_clean() && handle.join_blocking().unwrap());
}

#[tokio::test]
async fn a_reservation_that_is_waited_for_in_vain_is_refused_and_one_that_is_dropped_costs_nothing() {
    let executor = tidegate_tokio::Executor::new(1);
    let held = executor.reserve().await.unwrap();
    dropped!(executor.reserve());
    drop(held);
    let held = executor.reserve().await.unwrap();
    let mut waiting = Box::pin(executor.reserve());
    assert!(poll_with(&mut waiting, Waker::noop()).is_pending());
    assert!(executor.shutdown().await.is_clean());
    assert!(waiting.await.is_err(), "though somebody holds on to the only one");
    assert!(held.submit(async {}).is_err());
}

#[test]
fn a_reservation_of_threads_that_is_waited_for_in_vain_is_refused() {
    let executor = tidegate_threads::Executor::new(1);
    let held = executor.reserve_blocking().unwrap();
    dropped!(executor.reserve());
    drop(held);
    let held = executor.reserve_blocking().unwrap();
    let mut waiting = Box::pin(executor.reserve());
    assert!(poll_with(&mut waiting, Waker::noop()).is_pending());
    assert!(executor.shutdown_blocking().unwrap().is_clean());
    assert!(block_on(waiting).is_err(), "though somebody holds on to the only one");
    assert!(held.submit(|| ()).is_err());
}

#[test]
fn what_runs_in_a_loop_goes_on_when_nobody_waits_for_it_and_leaving_leaves() {
    let background = tidegate_threads::BackgroundLoop::new("promises").unwrap();
    let ran = Arc::new(AtomicBool::new(false));
    let run = |ran: Arc<AtomicBool>| async move { ran.store(true, Ordering::Release) };
    drop(background.run(run(Arc::clone(&ran))));
    background.wait_blocking().unwrap();
    assert!(!ran.load(Ordering::Acquire), "it was never polled");
    let mut polled = Box::pin(background.run(run(Arc::clone(&ran))));
    let _ = poll_with(&mut polled, Waker::noop());
    drop(polled);
    background.wait_blocking().unwrap();
    assert!(ran.load(Ordering::Acquire));

    // Dropping the future of `shutdown` leaves as well, and blocks until then.
    let background = background.on_exit(OnExit::Cancel);
    let alive = Arc::new(());
    let inside = Arc::clone(&alive);
    drop(background.schedule(async move {
        pending::<()>().await;
        drop(inside);
    }));
    drop(background.shutdown());
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_result_of_a_map_that_was_not_waited_for_is_had_and_a_lost_panic_counts() {
    let executor = tidegate_threads::Executor::new(1);
    let (go, wait) = mpsc::channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let job = move |n: u32| {
        wait.lock().unwrap().recv().unwrap();
        if n > 0 {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
        n
    };
    let mut map = executor.map(0..2, job).unwrap();
    dropped!(map.next());
    go.send(()).unwrap();
    assert_eq!(block_on(map.next()).unwrap().unwrap(), 0);
    drop(map);
    go.send(()).unwrap();
    assert_eq!(executor.shutdown_blocking().unwrap().unobserved_failures, 1);
}

#[test]
fn what_is_dropped_within_a_scope_is_dropped_in_the_scope_of_who_drops_it() {
    struct Tells(mpsc::Sender<Priority>);

    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(tidegate_threads::priority::current()).unwrap();
        }
    }

    let (tell, told) = mpsc::channel();
    let future = tidegate_threads::priority::scope_future(Priority(9), async move {
        let _tells = Tells(tell);
        pending::<()>().await;
    });
    let mut future = Box::pin(future);
    assert_eq!(poll_with(&mut future, Waker::noop()), Poll::Pending);
    tidegate_threads::priority::scope(Priority(-2), || drop(future));
    assert_eq!(told.recv(), Ok(Priority(-2)));
}
