//! What spawns on plain threads.

use tidegate_conformance::Outcome;
use tidegate_threads::{BackgroundLoop, Executor, JoinError, OnExit, Summary, TaskGroup, block_on};

use super::{Adapter, Closed, Executors, Groups, Job, Joined, Local, Loops};

super::spawn!(job => || block_on(job), TaskGroup);
super::spawn!(job => || block_on(job), Executor, super::double);
super::spawn!(BackgroundLoop);

fn here<F: Future<Output = ()>>(scenario: impl Fn() -> F) -> Outcome {
    block_on(scenario());
    Outcome::Passed
}

pub(super) fn adapter() -> Adapter {
    Adapter {
        name: "threads",
        groups: Ok(super::all_groups!(here, TaskGroup)),
        abort: Err(|| Outcome::Skipped("a thread cannot be aborted")),
        executors: Ok(super::all_executors!(here, Executor)),
        loops: Ok(super::all_loops!(here, BackgroundLoop)),
    }
}
