//! Loops, from without and from within.

use core::future::pending;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use tidegate_threads::JoinError;
use tokio::task::yield_now;

use super::*;
use crate::{Priority, priority};

/// A loop on one thread, and one on several.
fn both() -> [BackgroundLoop; 2] {
    let several = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    [BackgroundLoop::new("one").unwrap(), BackgroundLoop::with_runtime("several", several).unwrap()]
}

#[test]
fn results_reach_threads_and_tasks_of_other_runtimes() {
    for background in both() {
        let mut seven = background.schedule(async { 7 }).unwrap();
        assert_eq!(seven.join_blocking().unwrap(), 7);
        let here = Builder::new_current_thread().build().unwrap();
        let answers = here.block_on(async {
            // Two at once.
            let (one, two) = (background.run(async { 1 }), background.run(async { 2 }));
            let two = two.await.unwrap();
            (one.await.unwrap(), two)
        });
        assert_eq!(answers, (1, 2));
        let urgency = priority::scope_blocking(Priority(-4), || {
            background.run_blocking(async {
                yield_now().await;
                priority::current()
            })
        });
        assert_eq!(urgency.unwrap(), Priority(-4));
        assert!(background.shutdown_blocking().unwrap().is_clean());
    }
}

#[test]
fn a_panic_does_not_end_the_loop() {
    for background in both() {
        let mut failing = background.schedule(async { panic!("on purpose") }).unwrap();
        drop(background.schedule(async { panic!("unheard") }).unwrap());
        background.wait_blocking().unwrap();
        let result: Result<(), JoinError> = failing.join_blocking();
        assert_eq!(result.unwrap_err().into_panic().unwrap().message().as_deref(), Some("on purpose"));
        assert_eq!(background.run_blocking(async { 3 }).unwrap(), 3);
        assert_eq!(background.shutdown_blocking().unwrap().unobserved_failures, 1);
    }
}

#[test]
fn who_waits_within_is_told_so() {
    for background in both() {
        let background = Arc::new(background);
        let inside = Arc::clone(&background);
        let told = background.run_blocking(async move {
            let mut other = inside.schedule(pending::<()>()).unwrap();
            let handle = matches!(other.join_blocking(), Err(JoinError::WouldDeadlock))
                && matches!(other.join_blocking_timeout(Duration::MAX), Err(JoinError::WouldDeadlock));
            let run = matches!(inside.run_blocking(async { 1 }), Err(RunError::WouldDeadlock(_)));
            let wait = inside.wait_blocking() == Err(ShutdownError::WouldDeadlock);
            other.abort();
            // To await is fine.
            (handle, run, wait, inside.run(async { 2 }).await.unwrap())
        });
        assert_eq!(told.unwrap(), (true, true, true, 2));
    }
}

#[test]
fn a_thread_of_the_blocking_pool_may_wait() {
    let background = Arc::new(BackgroundLoop::new("one").unwrap());
    let inside = Arc::clone(&background);
    let answer = background.run_blocking(async move {
        tokio::task::spawn_blocking(move || inside.run_blocking(async { 4 }).unwrap()).await.unwrap()
    });
    assert_eq!(answer.unwrap(), 4);
}

#[test]
fn dropped_within_it_stops_by_itself() {
    for background in both() {
        let running = Arc::clone(&background.running);
        let (send, receive) = channel::<BackgroundLoop>();
        let mut last = background
            .schedule(async move {
                // It has been sent by the time it is received, or will be soon.
                let background = receive.recv().unwrap();
                drop(background);
                yield_now().await;
                5
            })
            .unwrap();
        send.send(background).unwrap();
        assert_eq!(last.join_blocking().unwrap(), 5);
        running.close_blocking().unwrap();
    }
}

#[test]
fn left_it_waits_or_cancels_as_configured() {
    for on_exit in [OnExit::Wait, OnExit::Cancel] {
        for background in both() {
            let background = background.on_exit(on_exit);
            let ended = Arc::new(AtomicBool::new(false));
            let (open, opened) = tokio::sync::oneshot::channel::<()>();
            let handle = {
                let ended = Arc::clone(&ended);
                background.schedule(async move {
                    let _ = opened.await;
                    yield_now().await;
                    ended.store(true, Ordering::Release);
                })
            };
            let mut handle = handle.unwrap();
            let summary = if on_exit == OnExit::Wait {
                let (sent, summary) = background.scope(|_| open.send(()));
                sent.unwrap();
                summary.unwrap()
            } else {
                background.shutdown_blocking().unwrap()
            };
            assert_eq!(ended.load(Ordering::Acquire), on_exit == OnExit::Wait);
            assert_eq!(summary.aborted, usize::from(on_exit == OnExit::Cancel));
            assert_eq!(handle.join_blocking().is_ok(), on_exit == OnExit::Wait);
        }
    }
}

#[test]
fn the_thread_is_joined_also_when_the_scope_unwinds() {
    let background = BackgroundLoop::new("one").unwrap();
    let running = Arc::clone(&background.running);
    let unwound = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
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
    for background in both() {
        let mut stuck = background.schedule(pending::<()>()).unwrap();
        assert_eq!(background.wait_blocking_timeout(Duration::ZERO), Err(ShutdownError::TimedOut));
        assert_eq!(background.cancel_all(), 1);
        assert!(matches!(stuck.join_blocking(), Err(JoinError::Aborted)));
        assert_eq!(background.wait_blocking_timeout(Duration::MAX), Ok(()));
        assert_eq!(background.run_blocking(async { 1 }).unwrap(), 1);
    }
}

#[tokio::test]
async fn a_shutdown_is_awaited() {
    let background = BackgroundLoop::new("one").unwrap();
    let running = Arc::clone(&background.running);
    let handle = background.schedule(async { 1 }).unwrap();
    assert!(background.shutdown().await.unwrap().is_clean());
    assert!(running.is_empty());
    assert_eq!(handle.await.unwrap(), 1);
}

#[test]
fn after_the_end_there_is_an_error() {
    let background = BackgroundLoop::new("one").unwrap();
    background.leave();
    background.running.close_blocking().unwrap();
    let refused = background.schedule(async { 1 }).unwrap_err();
    assert!(refused.is_closed());
    assert!(matches!(background.run_blocking(async { 1 }), Err(RunError::Refused(_))));
    assert_eq!(BackgroundLoop::new("a\0b").unwrap_err().kind(), io::ErrorKind::InvalidInput);
}
