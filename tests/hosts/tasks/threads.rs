//! What spawns on plain threads.

use tidegate_conformance::Outcome;
use tidegate_threads::{BackgroundLoop, Executor, JoinError, OnExit, Summary, TaskGroup, block_on};

use super::{Adapter, Closed, Executors, Groups, Job, Joined, Local, Loops, fail};

impl Groups for TaskGroup {
    fn new() -> Self {
        Self::new()
    }

    fn spawn(&self, job: Job) -> Result<Joined, Closed> {
        self.spawn(|| block_on(job)).map(|handle| Box::pin(handle) as Joined).map_err(|error| {
            assert!(error.is_closed());
            Closed
        })
    }

    fn close(&self) -> Local<Summary> {
        Box::pin(self.close())
    }
}

impl Executors for Executor {
    fn new(max_concurrent: usize) -> Self {
        Self::new(max_concurrent)
    }

    fn submit(&self, job: Job) -> Result<Joined, Closed> {
        self.submit(|| block_on(job)).map(|handle| Box::pin(handle) as Joined).map_err(|error| {
            assert!(error.is_closed());
            Closed
        })
    }

    fn map(&self, inputs: u32, failing: u32, ordered: bool) -> Local<Vec<Result<u32, JoinError>>> {
        let double = move |n| {
            if n == failing {
                fail("on purpose");
            }
            2 * n
        };
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

impl Loops for BackgroundLoop {
    fn new(on_exit: OnExit) -> Self {
        Self::new("conformance").expect("a thread can be had").on_exit(on_exit)
    }

    fn schedule(&self, job: Job) -> Result<Box<dyn FnMut() -> Result<u32, JoinError> + Send>, Closed> {
        let mut handle = self.schedule(job).map_err(|_| Closed)?;
        Ok(Box::new(move || handle.join_blocking()))
    }

    fn wait(&self) -> bool {
        self.wait_blocking().is_ok()
    }

    fn leave(self) -> Summary {
        self.shutdown_blocking().expect("this is not its thread")
    }
}

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
