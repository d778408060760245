//! Loops, from without and from within.

use core::future::{pending, poll_fn};
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Poll;
use std::panic::catch_unwind;
use std::sync::mpsc::channel;

use super::{Arc, Duration, JoinError, OnExit, RunError, ShutdownError, io};
use crate::{BackgroundLoop, Priority, Semaphore, priority};

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if core::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn results_reach_threads_and_tasks() {
    let background = BackgroundLoop::new("one").unwrap();
    let mut seven = background.schedule(async { 7 }).unwrap();
    assert_eq!(seven.join_blocking().unwrap(), 7);
    let other = BackgroundLoop::new("another").unwrap();
    let handle = background.schedule(yield_now()).unwrap();
    assert!(other.run_blocking(async { handle.await.is_ok() }).unwrap());
    let both = pollster::block_on(async {
        // Two at once.
        let (one, two) = (background.run(async { 1 }), background.run(async { 2 }));
        let two = two.await.unwrap();
        (one.await.unwrap(), two)
    });
    assert_eq!(both, (1, 2));
    let urgency = priority::scope(Priority(-4), || {
        background.run_blocking(async {
            yield_now().await;
            priority::current()
        })
    });
    assert_eq!(urgency.unwrap(), Priority(-4));
    assert!(background.shutdown_blocking().unwrap().is_clean());
}

#[test]
fn a_panic_does_not_end_the_loop() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    let background = BackgroundLoop::new("one").unwrap();
    let mut failing = background.schedule(async { panic!("on purpose") }).unwrap();
    drop(background.schedule(async { panic!("unheard") }).unwrap());
    // A result that nobody receives, and one that is cancelled.
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let unreceived = background.schedule(async move {
        opened.acquire().await.unwrap().forget();
        Bomb
    });
    drop(unreceived.unwrap());
    gate.add_permits(1).unwrap();
    let bomb = Bomb;
    drop(background.schedule(async move {
        let _bomb = bomb;
        pending::<()>().await;
    }));
    while background.len() > 1 {
        background.run_blocking(yield_now()).unwrap();
    }
    assert_eq!(background.cancel_all(), 1);
    background.wait_blocking().unwrap();
    let result: Result<(), JoinError> = failing.join_blocking();
    assert_eq!(result.unwrap_err().into_panic().unwrap().message().as_deref(), Some("on purpose"));
    assert_eq!(background.run_blocking(async { 3 }).unwrap(), 3);
    let summary = background.shutdown_blocking().unwrap();
    assert_eq!((summary.unobserved_failures, summary.aborted), (2, 1));
}

#[test]
fn who_waits_within_is_told_so() {
    let background = Arc::new(BackgroundLoop::new("one").unwrap());
    let inside = Arc::clone(&background);
    let told = background.run_blocking(async move {
        let mut other = inside.schedule(yield_now()).unwrap();
        let handle = matches!(other.join_blocking(), Err(JoinError::WouldDeadlock))
            && matches!(other.join_blocking_timeout(Duration::MAX), Err(JoinError::WouldDeadlock));
        let run = matches!(inside.run_blocking(async { 1 }), Err(RunError::WouldDeadlock(_)));
        let wait = inside.wait_blocking() == Err(ShutdownError::WouldDeadlock);
        // To await is fine.
        other.await.unwrap();
        (handle, run, wait, inside.run(async { 2 }).await.unwrap())
    });
    assert_eq!(told.unwrap(), (true, true, true, 2));
}

#[test]
fn dropped_within_it_stops_by_itself() {
    let background = BackgroundLoop::new("one").unwrap();
    let running = Arc::clone(&background.running);
    let (send, receive) = channel::<BackgroundLoop>();
    let mut last = background
        .schedule(async move {
            drop(receive.recv().unwrap());
            yield_now().await;
            5
        })
        .unwrap();
    send.send(background).unwrap();
    assert_eq!(last.join_blocking().unwrap(), 5);
    running.close_blocking().unwrap();
}

#[test]
fn left_it_waits_or_cancels_as_configured() {
    for on_exit in [OnExit::Wait, OnExit::Cancel] {
        let background = BackgroundLoop::new("one").unwrap().on_exit(on_exit);
        let ended = Arc::new(AtomicBool::new(false));
        let gate = Arc::new(Semaphore::new(0));
        let task = {
            let (ended, gate) = (Arc::clone(&ended), Arc::clone(&gate));
            async move {
                gate.acquire().await.unwrap().forget();
                yield_now().await;
                ended.store(true, Ordering::Release);
            }
        };
        let mut handle = background.schedule(task).unwrap();
        let summary = if on_exit == OnExit::Wait {
            let (added, summary) = background.scope(|_| gate.add_permits(1));
            added.unwrap();
            summary.unwrap()
        } else {
            background.shutdown_blocking().unwrap()
        };
        assert_eq!(ended.load(Ordering::Acquire), on_exit == OnExit::Wait);
        assert_eq!(summary.aborted, usize::from(on_exit == OnExit::Cancel));
        assert_eq!(handle.join_blocking().is_ok(), on_exit == OnExit::Wait);
    }
}

#[test]
fn the_thread_is_joined_also_when_the_scope_unwinds() {
    let background = BackgroundLoop::new("one").unwrap();
    let running = Arc::clone(&background.running);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        background.scope(|background| {
            drop(background.schedule(yield_now()).unwrap());
            panic!("on purpose");
        })
    }));
    assert!(unwound.is_err());
    assert!(running.is_empty());
}

#[test]
fn cancel_all_leaves_the_loop_running() {
    let background = BackgroundLoop::new("one").unwrap();
    let mut stuck = background.schedule(pending::<()>()).unwrap();
    assert_eq!(background.wait_blocking_timeout(Duration::ZERO), Err(ShutdownError::TimedOut));
    assert_eq!(background.cancel_all(), 1);
    assert!(matches!(stuck.join_blocking(), Err(JoinError::Aborted)));
    assert_eq!(background.wait_blocking_timeout(Duration::MAX), Ok(()));
    assert_eq!(background.run_blocking(async { 1 }).unwrap(), 1);
    let running = Arc::clone(&background.running);
    assert!(pollster::block_on(background.shutdown()).is_ok());
    assert!(running.is_empty());
}

#[test]
fn after_the_end_there_is_an_error() {
    let background = BackgroundLoop::new("one").unwrap();
    background.leave();
    background.running.close_blocking().unwrap();
    assert!(background.schedule(async { 1 }).unwrap_err().is_closed());
    assert!(matches!(background.run_blocking(async { 1 }), Err(RunError::Refused(_))));
    assert_eq!(BackgroundLoop::new("a\0b").unwrap_err().kind(), io::ErrorKind::InvalidInput);
}
