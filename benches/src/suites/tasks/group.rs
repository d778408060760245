//! Tasks that do nothing, spawned and waited for, a thousand at a time.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::rc::Rc;
use std::sync::Arc;

use tidegate_tokio::TaskGroup;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use crate::harness::{Contenders, Group, Pool, Row, Workers};

/// How many tasks are waited for together.
const CROWD: u64 = 1_000;

pub(super) fn groups() -> [Group; 2] {
    let rows = |fill: fn(&mut Contenders, Workers, bool)| {
        [
            (Workers::One, true, "one worker"),
            (Workers::Two, true, "two workers, from a task"),
            (Workers::Two, false, "two workers, from main"),
        ]
        .map(|(workers, within, name)| {
            Row::new(name, move |row| fill(row, workers, within)).cores(workers.count())
        })
    };
    [
        Group {
            name: "tasks/group",
            about: "a task that does nothing, spawned and waited for with a thousand others",
            rows: rows(without_results).map(|row| row.at_most(1.05, "tokio-util TaskTracker")).into(),
        },
        Group {
            name: "tasks/results",
            about: "the same, and its result received",
            rows: rows(with_results)
                .map(|row| {
                    // Spawned from a worker, tokio's own handles alone take 0.63 to 0.69 of what its set does.
                    let limit = if row.label.ends_with("task") { 0.75 } else { 0.7 };
                    row.at_most(limit, "tokio JoinSet")
                })
                .into(),
        },
    ]
}

fn without_results(row: &mut Contenders, workers: Workers, within: bool) {
    let pool = Rc::new(Pool::new(workers));
    let on = || pool.clone();
    row.add(
        "tidegate",
        Pool::rounds(on(), within, CROWD, |tasks| async move {
            let group = TaskGroup::new();
            for _ in 0..tasks {
                drop(group.spawn(async {}).expect("it is open"));
            }
            group.close().await;
        }),
    )
    .add(
        "tokio-util TaskTracker",
        Pool::rounds(on(), within, CROWD, |tasks| async move {
            let tracker = TaskTracker::new();
            for _ in 0..tasks {
                drop(tracker.spawn(async {}));
            }
            tracker.close();
            tracker.wait().await;
        }),
    )
    .add(
        "tidegate, exit timeout",
        Pool::rounds(on(), within, CROWD, |tasks| async move {
            let group = TaskGroup::new().with_exit_timeout(core::time::Duration::MAX);
            for _ in 0..tasks {
                drop(group.spawn(async {}).expect("it is open"));
            }
            group.close().await;
        }),
    )
    .add(
        "detached, a counter",
        Pool::rounds(on(), within, CROWD, |tasks| async move {
            let left = Arc::new((AtomicUsize::new(0), Notify::new()));
            left.0.store(usize::try_from(tasks).expect("a thousand"), Ordering::Relaxed);
            for _ in 0..tasks {
                let left = Arc::clone(&left);
                tokio::spawn(async move {
                    if left.0.fetch_sub(1, Ordering::AcqRel) == 1 {
                        left.1.notify_one();
                    }
                });
            }
            if tasks > 0 {
                left.1.notified().await;
            }
        }),
    );
}

fn with_results(row: &mut Contenders, workers: Workers, within: bool) {
    let pool = Rc::new(Pool::new(workers));
    let on = || pool.clone();
    row.add(
        "tidegate",
        Pool::rounds(on(), within, CROWD, |tasks| async move {
            let group = TaskGroup::new();
            let handles: Vec<_> =
                (0..tasks).map(|task| group.spawn(async move { task }).expect("it is open")).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.expect("it does not panic");
            }
            group.close().await;
            assert_eq!(sum, tasks * (tasks - 1) / 2);
        }),
    )
    .add(
        "tokio JoinSet",
        Pool::rounds(on(), within, CROWD, |tasks| async move {
            let mut set = JoinSet::new();
            for task in 0..tasks {
                set.spawn(async move { task });
            }
            let mut sum = 0;
            while let Some(result) = set.join_next().await {
                sum += result.expect("it does not panic");
            }
            assert_eq!(sum, tasks * (tasks - 1) / 2);
        }),
    )
    .add(
        "tokio-util TaskTracker",
        Pool::rounds(on(), within, CROWD, |tasks| async move {
            let tracker = TaskTracker::new();
            let handles: Vec<_> = (0..tasks).map(|task| tracker.spawn(async move { task })).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.expect("it does not panic");
            }
            tracker.close();
            tracker.wait().await;
            assert_eq!(sum, tasks * (tasks - 1) / 2);
        }),
    )
    .add(
        "tokio JoinHandles",
        Pool::rounds(on(), within, CROWD, |tasks| async move {
            let handles: Vec<_> = (0..tasks).map(|task| tokio::spawn(async move { task })).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.expect("it does not panic");
            }
            assert_eq!(sum, tasks * (tasks - 1) / 2);
        }),
    );
}
