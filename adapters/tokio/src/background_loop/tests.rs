//! What is tokio's about loops; what they have in common with others is tested where it is written.

use std::sync::mpsc::channel;

use tokio::task::yield_now;

use super::*;
use crate::{Priority, priority};

/// A loop on one thread, and one on several.
fn both() -> [BackgroundLoop; 2] {
    let several = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    [BackgroundLoop::new("one").unwrap(), BackgroundLoop::with_runtime("several", several).unwrap()]
}

#[test]
fn tasks_of_other_runtimes_may_wait_and_the_priority_follows() {
    for background in both() {
        let here = Builder::new_current_thread().build().unwrap();
        assert_eq!(here.block_on(background.run(async { 1 })).unwrap(), 1);
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
fn a_thread_of_the_blocking_pool_may_wait() {
    for background in both() {
        let background = Arc::new(background);
        let inside = Arc::clone(&background);
        let answer = background.run_blocking(async move {
            tokio::task::spawn_blocking(move || inside.run_blocking(async { 4 }).unwrap()).await.unwrap()
        });
        assert_eq!(answer.unwrap(), 4);
    }
}

#[test]
fn dropped_within_its_workers_it_stops_by_itself() {
    let (stop, stopped) = channel();
    let stop = move || stop.send(()).unwrap_or_default();
    let several = Builder::new_multi_thread().worker_threads(2).on_thread_stop(stop).build().unwrap();
    let background = BackgroundLoop::with_runtime("several", several).unwrap();
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
    assert_eq!(stopped.iter().take(2).count(), 2);
}

#[tokio::test]
async fn in_async_code_it_is_refused_and_left_without_blocking() {
    // A runtime that was dropped here would panic.
    assert_eq!(BackgroundLoop::new("a\0b").unwrap_err().kind(), io::ErrorKind::InvalidInput);
    let background = BackgroundLoop::new("one").unwrap();
    let handle = background.schedule(async { 1 }).unwrap();
    assert!(background.shutdown().await.unwrap().is_clean());
    assert!(handle.is_finished());
    assert_eq!(handle.await.unwrap(), 1);
}
