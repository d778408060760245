//! Task groups.

use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use tidegate_threads::{Priority, priority};

use super::{Closed, Groups, fail, job, yields};

/// Plants a job that plants two, and so on.
fn plant<G: Groups>(group: &G, depth: u32, planted: &Arc<AtomicU32>) {
    let (inner, planted) = (group.clone(), Arc::clone(planted));
    let planting = job(async move {
        yields(1).await;
        if depth > 0 {
            plant(&inner, depth - 1, &planted);
            plant(&inner, depth - 1, &planted);
        }
        planted.fetch_add(1, Ordering::Relaxed)
    });
    drop(group.spawn(planting).expect("a member is here"));
}

pub(super) async fn tasks_of_tasks_are_waited_for<G: Groups>() {
    let group = G::new();
    let planted = Arc::default();
    plant(&group, 3, &planted);
    assert!(group.close().await.is_clean());
    assert_eq!(planted.load(Ordering::Relaxed), 15);
}

pub(super) async fn a_failure_cancels_nobody_and_counts_until_heard_of<G: Groups>() {
    let group = G::new();
    let sibling = group.spawn(job(async {
        yields(5).await;
        5
    }));
    let heard = group.spawn(job(async { fail("on purpose") })).expect("it is open");
    drop(group.spawn(job(async { fail("unheard") })));
    assert_eq!(group.close().await.unobserved_failures, 2);
    let panic = heard.await.expect_err("it panicked").into_panic().expect("it panicked");
    assert_eq!(panic.message().as_deref(), Some("on purpose"));
    assert_eq!(group.close().await.unobserved_failures, 1);
    assert_eq!(sibling.expect("it was open").await.expect("it did not panic"), 5);
}

pub(super) async fn a_finished_group_takes_nobody<G: Groups>() {
    let group = G::new();
    let only = group.spawn(job(async { 1 })).expect("it is open");
    assert!(group.close().await.is_clean());
    assert_eq!(group.spawn(job(async { 2 })).err(), Some(Closed));
    assert_eq!(only.await.expect("it did not panic"), 1);
}

pub(super) async fn the_priority_follows<G: Groups>() {
    let group = G::new();
    let inside = group.clone();
    let outer = priority::scope(Priority(-3), || {
        group.spawn(job(async move {
            yields(1).await;
            let inner =
                inside.spawn(job(async { priority::current().0.unsigned_abs() })).expect("a member is here");
            // Not awaited here: threads would be blocked, and a boxed handle may be bound to its thread.
            drop(inner);
            priority::current().0.unsigned_abs()
        }))
    });
    assert_eq!(outer.expect("it is open").await.expect("it does not panic"), 3);
    assert!(group.close().await.is_clean());
}
