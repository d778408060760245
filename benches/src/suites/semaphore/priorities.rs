//! The handoff among tasks of 64 priorities: what does their order cost?

use std::rc::Rc;
use std::sync::Arc;

use priority_semaphore::PrioritySemaphore;
use tidegate_tokio::Priority;

use super::handoff::{PERMITS, WAITERS, handoff, tidegate};
use crate::harness::{Contenders, Group, Pool, Row, Workers};

const PRIORITIES: usize = 64;

pub(super) fn groups() -> [Group; 2] {
    let rows = |workers: Workers| {
        let rows = WAITERS.map(|waiters| {
            Row::new(format!("{waiters} waiters"), move |row| contenders(row, workers, waiters))
                .cores(workers.count())
                .countable(workers == Workers::One && waiters <= 1_000)
                .at_most(1.15, "tidegate, one priority")
        });
        rows.into()
    };
    [
        Group {
            name: "semaphore/priorities/one worker",
            about: "the handoff with 64 priorities, a fixed one for each task, one worker",
            rows: rows(Workers::One),
        },
        Group {
            name: "semaphore/priorities/two workers",
            about: "the handoff with 64 priorities, a fixed one for each task, two workers",
            rows: rows(Workers::Two),
        },
    ]
}

fn contenders(row: &mut Contenders, workers: Workers, waiters: usize) {
    let pool = Rc::new(Pool::new(workers));
    row.add(
        "tidegate",
        handoff(pool.clone(), waiters, tidegate_tokio::Semaphore::new(PERMITS), |s, index| async move {
            s.acquire().priority(Priority(priority(index))).await.expect("open")
        }),
    )
    .add("tidegate, one priority", tidegate(pool.clone(), waiters))
    .add(
        "priority-semaphore",
        handoff(pool.clone(), waiters, Arc::new(PrioritySemaphore::new(PERMITS)), |s, index| async move {
            s.acquire(priority(index)).await.expect("open")
        }),
    )
    .add(
        "priority-semaphore, one priority",
        handoff(pool, waiters, Arc::new(PrioritySemaphore::new(PERMITS)), |s, _| async {
            s.acquire(0).await.expect("open")
        }),
    );
}

/// Neighbours have different priorities. Which end is the urgent one makes no difference here.
fn priority(index: usize) -> i32 {
    i32::try_from(index % PRIORITIES).unwrap_or_default()
}
