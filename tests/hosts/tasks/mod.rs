//! What spawns: groups, executors and background loops, on every adapter that has them. The table says why one has not.
//!
//! Scenarios are written once, over [`Groups`], [`Executors`] and [`Loops`]; what does not hold panics.

mod executors;
mod groups;
mod loops;
mod sim;
mod threads;
mod tokio;

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;
use std::panic::resume_unwind;

use tidegate_conformance::Outcome;
use tidegate_threads::{JoinError, OnExit, Summary};

use crate::table::{Column, Scenario};

/// What is run.
type Job = Pin<Box<dyn Future<Output = u32> + Send>>;

/// Its result to come.
type Joined = Pin<Box<dyn Future<Output = Result<u32, JoinError>>>>;

/// A future of a scenario's own.
type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// The group was closed.
#[derive(Debug, PartialEq, Eq)]
struct Closed;

/// An adapter's task groups.
trait Groups: Clone + Send + Sync + 'static {
    fn new() -> Self;
    fn spawn(&self, job: Job) -> Result<Joined, Closed>;
    fn close(&self) -> Local<Summary>;
}

/// An adapter's executors.
trait Executors: Clone + Send + Sync + 'static {
    fn new(max_concurrent: usize) -> Self;
    fn submit(&self, job: Job) -> Result<Joined, Closed>;
    /// The results of 0 to `inputs` - 1, each doubled; the one that is `failing` panics.
    fn map(&self, inputs: u32, failing: u32, ordered: bool) -> Local<Vec<Result<u32, JoinError>>>;
    fn abort_all(&self) -> usize;
    fn shutdown(&self) -> Local<Summary>;
}

/// An adapter's background loops. Their handles block.
trait Loops: Send + Sync + Sized + 'static {
    fn new(on_exit: OnExit) -> Self;
    fn schedule(&self, job: Job) -> Result<Box<dyn FnMut() -> Result<u32, JoinError> + Send>, Closed>;
    fn wait(&self) -> bool;
    fn leave(self) -> Summary;
}

/// Panics, and leaves the panic hook alone: nobody needs to read of what is on purpose.
fn fail(message: &'static str) -> ! {
    resume_unwind(Box::new(message))
}

/// What a map does.
fn double(n: u32, failing: u32) -> u32 {
    if n == failing {
        fail("on purpose");
    }
    2 * n
}

fn job(job: impl Future<Output = u32> + Send + 'static) -> Job {
    Box::pin(job)
}

/// Lets the others go on until the condition holds.
async fn until(mut condition: impl FnMut() -> bool) {
    poll_fn(|cx| {
        if condition() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Lets the others go on so many times.
async fn yields(times: usize) {
    let mut left = times + 1;
    until(|| {
        left -= 1;
        left == 0
    })
    .await;
}

/// Scenarios of one kind, or one that says why there are none.
type Kind = Result<Vec<Scenario>, fn() -> Outcome>;

/// An adapter: how it runs a scenario's future, and what it has.
struct Adapter {
    name: &'static str,
    groups: Kind,
    abort: Kind,
    executors: Kind,
    loops: Kind,
}

/// Names the scenarios of a module, each run by `$run` on `$subject`.
macro_rules! scenarios {
    ($module:ident: $($scenario:ident)*; $run:path, $subject:ty) => {
        vec![$((stringify!($scenario), || $run(|| $crate::tasks::$module::$scenario::<$subject>()))),*]
    };
}

macro_rules! all_groups {
    ($run:path, $subject:ty) => {
        $crate::tasks::scenarios!(groups:
            tasks_of_tasks_are_waited_for
            a_failure_cancels_nobody_and_counts_until_heard_of
            a_finished_group_takes_nobody
            the_priority_follows;
            $run, $subject)
    };
}

macro_rules! all_executors {
    ($run:path, $subject:ty) => {
        $crate::tasks::scenarios!(executors:
            no_more_run_at_once_than_may
            turns_come_by_priority_and_then_by_arrival
            a_map_gives_every_result_once_and_in_order_if_asked
            a_closed_executor_takes_nothing
            abort_all_ends_what_waits;
            $run, $subject)
    };
}

macro_rules! all_loops {
    ($run:path, $subject:ty) => {
        $crate::tasks::scenarios!(loops:
            results_reach_any_thread
            a_panic_does_not_end_the_loop
            who_waits_within_is_told_so
            left_it_waits_or_cancels_as_configured;
            $run, $subject)
    };
}

/// The three kinds for an adapter whose types have the methods of the same names: `$task` is what one runs of a job.
macro_rules! spawn {
    ($job:ident => $task:expr, TaskGroup) => {
        impl Groups for TaskGroup {
            fn new() -> Self {
                Self::new()
            }

            fn spawn(&self, $job: Job) -> Result<Joined, Closed> {
                self.spawn($task).map(|handle| Box::pin(handle) as Joined).map_err(|error| {
                    assert!(error.is_closed());
                    Closed
                })
            }

            fn close(&self) -> Local<Summary> {
                Box::pin(self.close())
            }
        }
    };
    ($job:ident => $task:expr, Executor, $double:path) => {
        impl Executors for Executor {
            fn new(max_concurrent: usize) -> Self {
                Self::new(max_concurrent)
            }

            fn submit(&self, $job: Job) -> Result<Joined, Closed> {
                self.submit($task).map(|handle| Box::pin(handle) as Joined).map_err(|error| {
                    assert!(error.is_closed());
                    Closed
                })
            }

            fn map(&self, inputs: u32, failing: u32, ordered: bool) -> Local<Vec<Result<u32, JoinError>>> {
                let double = move |n| $double(n, failing);
                let map = if ordered { self.map_ordered(0..inputs, double) } else { self.map(0..inputs, double) };
                let mut map = map.expect("it is open");
                Box::pin(async move {
                    let mut results = Vec::new();
                    while let Some(result) = map.next().await {
                        results.push(result);
                    }
                    results
                })
            }

            fn abort_all(&self) -> usize {
                self.abort_all()
            }

            fn shutdown(&self) -> Local<Summary> {
                Box::pin(self.shutdown())
            }
        }
    };
    (BackgroundLoop) => {
        impl Loops for BackgroundLoop {
            fn new(on_exit: OnExit) -> Self {
                Self::new("conformance").expect("a thread can be had").on_exit(on_exit)
            }

            fn schedule(&self, job: Job) -> Result<Box<dyn FnMut() -> Result<u32, JoinError> + Send>, Closed> {
                let mut handle = self.schedule(job).map_err(|_| Closed)?;
                // The one way to wait and the other, in turns.
                let mut timed = true;
                Ok(Box::new(move || {
                    timed = !timed;
                    if timed {
                        handle.join_blocking_timeout(core::time::Duration::MAX)
                    } else {
                        handle.join_blocking()
                    }
                }))
            }

            fn wait(&self) -> bool {
                self.wait_blocking().is_ok()
            }

            fn leave(self) -> Summary {
                self.shutdown_blocking().expect("this is not its thread")
            }
        }
    };
}

use {all_executors, all_groups, all_loops, scenarios, spawn};

/// The table: every adapter with the whole list.
pub(crate) fn columns() -> Vec<Column> {
    let embassy = Adapter {
        name: "embassy",
        groups: Err(|| {
            Outcome::Skipped("embassy's own Spawner starts tasks; guards are among the scenarios above")
        }),
        abort: Err(|| Outcome::Skipped("embassy's tasks end by themselves")),
        executors: Err(|| {
            Outcome::Skipped("an executor allocates; `tidegate_embassy::Semaphore` bounds tasks of embassy's own")
        }),
        loops: Err(|| Outcome::Skipped("there are no threads")),
    };
    let mut adapters = vec![embassy];
    adapters.extend(tokio::adapters());
    adapters.extend([threads::adapter(), sim::adapter()]);
    let names = |of: fn(&Adapter) -> &Kind| -> Vec<&'static str> {
        let full = adapters.iter().find_map(|adapter| of(adapter).as_ref().ok());
        full.into_iter().flatten().map(|&(name, _)| name).collect()
    };
    let lists = [
        names(|adapter| &adapter.groups),
        names(|adapter| &adapter.abort),
        names(|adapter| &adapter.executors),
        names(|adapter| &adapter.loops),
    ];
    let mut columns = Vec::new();
    for adapter in adapters {
        let mut scenarios: Vec<Scenario> = Vec::new();
        for (names, kind) in lists.iter().zip([adapter.groups, adapter.abort, adapter.executors, adapter.loops]) {
            match kind {
                Ok(run) => scenarios.extend(run),
                Err(skip) => scenarios.extend(names.iter().map(|&name| (name, skip))),
            }
        }
        columns.push(Column { name: adapter.name, scenarios });
    }
    columns
}
