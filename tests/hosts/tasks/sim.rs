//! What spawns in the simulator, under many seeds.

use core::time::Duration;

use tidegate_conformance::Outcome;
use tidegate_sim::{Clock, SimTimer, TaskGroup, for_each_seed};
use tidegate_threads::{JoinError, Summary};

use super::{Adapter, Closed, Groups, Job, Joined, Local};
use crate::table::failed;

super::spawn!(job => job, TaskGroup);

async fn an_exit_timeout_aborts_who_is_left() {
    let group = TaskGroup::new().with_exit_timeout(Duration::from_millis(2));
    let stuck = group.spawn(core::future::pending::<()>()).expect("it is open");
    let before = SimTimer.now();
    assert_eq!(group.close().await.aborted, 1);
    assert_eq!(SimTimer.now().duration_since(before), Duration::from_millis(2));
    assert!(matches!(stuck.await, Err(JoinError::Aborted)));
}

fn under_seeds<F: Future<Output = ()>>(scenario: impl Fn() -> F) -> Outcome {
    match for_each_seed(0..100, |_seed| scenario()) {
        Ok(()) => Outcome::Passed,
        Err(error) => {
            eprintln!("{error}");
            failed("the run did not end, see above")
        }
    }
}

pub(super) fn adapter() -> Adapter {
    Adapter {
        name: "sim",
        groups: Ok(super::all_groups!(under_seeds, TaskGroup)),
        abort: Ok(vec![("an_exit_timeout_aborts_who_is_left", || {
            under_seeds(an_exit_timeout_aborts_who_is_left)
        })]),
        executors: Err(|| Outcome::Skipped("a run is one executor already; a Semaphore bounds its tasks")),
        loops: Err(|| Outcome::Skipped("there are no threads in a run")),
    }
}
