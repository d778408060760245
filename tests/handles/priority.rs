//! The priority scope, in both colours and across tasks and threads.

use core::pin::pin;
use core::task::Waker;
use std::sync::{Arc, Mutex};
use std::thread;

use tidegate_tests::{poll_once, poll_with};
use tidegate_tokio::{Priority, Semaphore, priority};
use tokio::task::yield_now;

/// Who was served, in order.
type Served = Arc<Mutex<Vec<&'static str>>>;

async fn wait_in_line(semaphore: Arc<Semaphore>, name: &'static str, served: Served) {
    let _permit = semaphore.acquire().await.expect("nobody closes it");
    served.lock().unwrap().push(name);
}

#[tokio::test]
async fn scopes_decide_among_tasks() {
    let semaphore = Arc::new(Semaphore::new(1));
    let served = Served::default();
    let held = semaphore.try_acquire().unwrap();
    let task = |name| wait_in_line(Arc::clone(&semaphore), name, Arc::clone(&served));
    let tasks = [
        tokio::spawn(priority::scope(Priority(10), task("background"))),
        tokio::spawn(task("plain")),
        tokio::spawn(priority::scope(
            Priority(10),
            priority::scope(Priority(-10), task("urgent within background")),
        )),
        tokio::spawn(priority::scope(Priority(-5), task("soon"))),
    ];
    while semaphore.waiters() < tasks.len() {
        yield_now().await;
    }
    drop(held);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*served.lock().unwrap(), ["urgent within background", "soon", "plain", "background"]);
}

#[test]
fn tasks_and_threads_stand_in_one_line_by_their_scopes() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let semaphore = Arc::new(Semaphore::new(1));
    let served = Served::default();
    let held = semaphore.try_acquire().unwrap();
    let task = |name| wait_in_line(Arc::clone(&semaphore), name, Arc::clone(&served));
    let thread = |level, name| {
        let (semaphore, served) = (Arc::clone(&semaphore), Arc::clone(&served));
        thread::spawn(move || {
            priority::scope_blocking(Priority(level), || {
                let _permit = semaphore.acquire_blocking().expect("nobody closes it");
                served.lock().unwrap().push(name);
            });
        })
    };
    let threads = [thread(3, "third"), thread(1, "first")];
    let tasks = [
        runtime.spawn(priority::scope(Priority(4), task("fourth"))),
        runtime.spawn(priority::scope(Priority(2), task("second"))),
    ];
    while semaphore.waiters() < 4 {
        thread::yield_now();
    }
    drop(held);
    for thread in threads {
        thread.join().unwrap();
    }
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    assert_eq!(*served.lock().unwrap(), ["first", "second", "third", "fourth"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_keeps_its_scope_on_whichever_thread_polls_it() {
    let tasks: Vec<_> = (-4..5)
        .map(|level| {
            let body = async move {
                for _ in 0..2_000 {
                    assert_eq!(priority::current(), Priority(level));
                    priority::scope(Priority(100), async {
                        yield_now().await;
                        assert_eq!(priority::current(), Priority(100));
                    })
                    .await;
                }
            };
            // Level 0 is without a scope: nobody else's leaks into it.
            if level == 0 { tokio::spawn(body) } else { tokio::spawn(priority::scope(Priority(level), body)) }
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_spawned_begins_outside() {
    priority::scope(Priority(7), async {
        let spawned = tokio::spawn(async { priority::current() });
        assert_eq!(spawned.await.unwrap(), Priority::default());
        assert_eq!(priority::current(), Priority(7));
    })
    .await;
}

#[test]
fn a_priority_that_is_named_counts_for_more_than_the_scope() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let (mut named, mut scoped) = priority::scope_blocking(Priority(-5), || {
        let mut named = semaphore.acquire().priority(Priority(5));
        let mut scoped = semaphore.acquire();
        assert!(poll_once(&mut named).is_pending());
        assert!(poll_once(&mut scoped).is_pending());
        (named, scoped)
    });
    let mut plain = semaphore.acquire();
    assert!(poll_once(&mut plain).is_pending());
    drop(held);
    assert!(poll_once(&mut plain).is_pending());
    assert!(poll_once(&mut named).is_pending());
    assert!(poll_once(&mut scoped).is_ready());
    assert!(poll_once(&mut named).is_pending());
    assert!(poll_once(&mut plain).is_ready());
    assert!(poll_once(&mut named).is_ready());
}

#[test]
fn the_first_poll_decides_which_scope_counts() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    // Made in one scope, first polled in another, and later in a third.
    let mut urgent = pin!(priority::scope_blocking(Priority(9), || semaphore.acquire()));
    assert!(priority::scope_blocking(Priority(-9), || poll_with(&mut urgent, Waker::noop())).is_pending());
    let mut plain = semaphore.acquire();
    assert!(poll_once(&mut plain).is_pending());
    assert!(priority::scope_blocking(Priority(9), || poll_with(&mut urgent, Waker::noop())).is_pending());
    drop(held);
    assert!(poll_once(&mut plain).is_pending());
    assert!(poll_with(&mut urgent, Waker::noop()).is_ready());
}

#[test]
fn a_request_here_and_now_is_as_urgent_as_its_scope() {
    let semaphore = Semaphore::new(2);
    let mut large = semaphore.acquire_many(3);
    assert!(poll_once(&mut large).is_pending());
    assert!(semaphore.try_acquire().is_err());
    assert!(priority::scope_blocking(Priority(1), || semaphore.try_acquire()).is_err());
    assert!(priority::scope_blocking(Priority(-1), || semaphore.try_acquire()).is_ok());
}
