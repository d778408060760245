//! Task groups, thread against thread: the count in the word against the machine behind the lock.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test task_group
//! ```
//!
//! A waiter that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use tidegate_core::Heap;
use tidegate_core::task_group::{EnterError, Guard, TaskGroup};
use tidegate_loom::{Loom, model, model_with_preemptions};

type Group = TaskGroup<Loom, Heap>;

fn member(group: &Arc<Group>) -> Guard<Arc<Group>> {
    TaskGroup::track_owned(Arc::clone(group)).expect("the group is open")
}

/// Whoever sees the group finished sees what its members have done.
#[test]
fn the_last_to_leave_against_the_close() {
    model(|| {
        let group = Arc::new(Group::new());
        let done = Arc::new(AtomicUsize::new(0));
        let threads = [0, 1].map(|place| {
            let (guard, done) = (member(&group), Arc::clone(&done));
            thread::spawn(move || {
                if place == 0 {
                    done.store(1, Ordering::Relaxed);
                }
                drop(guard);
            })
        });
        block_on(group.close()).expect("there is room on the heap");
        assert_eq!(done.load(Ordering::Relaxed), 1);
        assert!(group.is_finished() && group.is_empty());
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A newcomer against the last farewell: it is taken in, and waited for, or refused.
#[test]
fn a_newcomer_against_the_end() {
    model(|| {
        let group = Arc::new(Group::new());
        let guard = member(&group);
        let inside = Arc::new(AtomicUsize::new(0));
        let newcomer = {
            let (group, inside) = (Arc::clone(&group), Arc::clone(&inside));
            thread::spawn(move || match TaskGroup::track_owned(group) {
                Ok(guard) => {
                    inside.store(1, Ordering::Relaxed);
                    drop(guard);
                    true
                }
                Err(error) => {
                    assert_eq!(error, EnterError::Closed);
                    false
                }
            })
        };
        let leaver = thread::spawn(move || drop(guard));
        block_on(group.close()).expect("there is room on the heap");
        let seen = inside.load(Ordering::Relaxed);
        assert!(group.track().is_err());
        // Who was taken in has left before the end was told.
        assert_eq!(newcomer.join().unwrap(), seen == 1);
        leaver.join().unwrap();
        assert!(group.is_empty());
    });
}

/// Two who wait, of whom one gives up, against the last to leave.
#[test]
fn giving_up_against_the_end() {
    model(|| {
        let group = Arc::new(Group::new());
        let guard = member(&group);
        drop(group.close());
        let fickle = {
            let group = Arc::clone(&group);
            thread::spawn(move || {
                let mut join = pin!(group.join());
                let _ = join.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            })
        };
        let leaver = thread::spawn(move || drop(guard));
        block_on(group.join()).expect("there is room on the heap");
        fickle.join().unwrap();
        leaver.join().unwrap();
    });
}

/// Whoever waits for a moment without members is told of the last one who leaves, also when others come and go.
#[test]
fn a_watcher_against_those_who_come_and_go() {
    model_with_preemptions(2, || {
        let group = Arc::new(Group::new());
        let guard = member(&group);
        let leaver = thread::spawn(move || drop(guard));
        let passer_by = {
            let group = Arc::clone(&group);
            thread::spawn(move || drop(member(&group)))
        };
        block_on(group.idle()).expect("there is room on the heap");
        leaver.join().unwrap();
        passer_by.join().unwrap();
        assert!(!group.is_closed() && group.is_empty());
    });
}

/// A watcher and a close at once.
#[test]
fn a_watcher_against_the_close() {
    model_with_preemptions(2, || {
        let group = Arc::new(Group::new());
        let guard = member(&group);
        let leaver = thread::spawn(move || drop(guard));
        let watcher = {
            let group = Arc::clone(&group);
            thread::spawn(move || block_on(group.idle()).expect("there is room on the heap"))
        };
        block_on(group.close()).expect("there is room on the heap");
        watcher.join().unwrap();
        leaver.join().unwrap();
        assert!(group.is_finished());
    });
}
