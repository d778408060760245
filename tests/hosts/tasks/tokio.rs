//! What spawns on tokio.

use tidegate_conformance::Outcome;
use tidegate_threads::{JoinError, OnExit, Summary};
use tidegate_tokio::{BackgroundLoop, Executor, TaskGroup, TokioTimer};
use tokio::runtime::{Builder, Runtime};

use super::{Adapter, Closed, Executors, Groups, Job, Joined, Local, Loops};

super::spawn!(job => job, TaskGroup);
super::spawn!(job => job, Executor, double);
super::spawn!(BackgroundLoop);

async fn double(n: u32, failing: u32) -> u32 {
    super::double(n, failing)
}

/// A loop on two threads.
struct Several(BackgroundLoop);

impl Loops for Several {
    fn new(on_exit: OnExit) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).build().expect("a runtime can be had");
        let several = BackgroundLoop::with_runtime("conformance", runtime);
        Self(several.expect("a thread can be had").on_exit(on_exit))
    }

    fn schedule(&self, job: Job) -> Result<Box<dyn FnMut() -> Result<u32, JoinError> + Send>, Closed> {
        Loops::schedule(&self.0, job)
    }

    fn wait(&self) -> bool {
        Loops::wait(&self.0)
    }

    fn leave(self) -> Summary {
        Loops::leave(self.0)
    }
}

async fn an_exit_timeout_aborts_who_is_left() {
    let group = TaskGroup::new().with_exit_timeout(core::time::Duration::from_millis(2));
    let stuck = group.spawn(core::future::pending::<()>()).expect("it is open");
    let before = tidegate_tokio::Clock::now(&TokioTimer);
    assert_eq!(group.close().await.aborted, 1);
    assert!(tidegate_tokio::Clock::now(&TokioTimer).duration_since(before).as_millis() >= 2);
    assert!(matches!(stuck.await, Err(JoinError::Aborted)));
}

fn on(runtime: &Runtime, scenario: impl Future<Output = ()>) -> Outcome {
    runtime.block_on(scenario);
    Outcome::Passed
}

fn on_one<F: Future<Output = ()>>(scenario: impl Fn() -> F) -> Outcome {
    on(&Builder::new_current_thread().enable_time().build().expect("a runtime can be had"), scenario())
}

fn on_several<F: Future<Output = ()>>(scenario: impl Fn() -> F) -> Outcome {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build();
    on(&runtime.expect("a runtime can be had"), scenario())
}

pub(super) fn adapters() -> [Adapter; 2] {
    let abort = "an_exit_timeout_aborts_who_is_left";
    [
        Adapter {
            name: "tokio, one thread",
            groups: Ok(super::all_groups!(on_one, TaskGroup)),
            abort: Ok(vec![(abort, || on_one(an_exit_timeout_aborts_who_is_left))]),
            executors: Ok(super::all_executors!(on_one, Executor)),
            loops: Ok(super::all_loops!(on_one, BackgroundLoop)),
        },
        Adapter {
            name: "tokio, several",
            groups: Ok(super::all_groups!(on_several, TaskGroup)),
            abort: Ok(vec![(abort, || on_several(an_exit_timeout_aborts_who_is_left))]),
            executors: Ok(super::all_executors!(on_several, Executor)),
            loops: Ok(super::all_loops!(on_several, Several)),
        },
    ]
}
