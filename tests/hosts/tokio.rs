//! Every visitor a task of tokio: on one thread, on several, and beside plain threads.

use std::thread;

use tidegate_conformance::{self as list, Outcome, Stage, Visitor, World, taken};
use tidegate_core::Heap;
use tidegate_threads::block_on;
use tidegate_tokio::{AcquireError, Tokio};
use tokio::runtime::{Builder, Runtime};

use crate::table::Column;

/// Every visitor a task.
struct InTasks;

impl World<'static> for InTasks {
    type Platform = Tokio;
    type Storage = Heap;

    const ROUNDS: usize = 200;

    fn place(&self, stage: Stage<Tokio, Heap>) -> &'static Stage<Tokio, Heap> {
        Box::leak(Box::new(stage))
    }

    async fn run<const N: usize, D: Future>(
        &self,
        visitors: &mut [Option<Visitor<'static, Tokio, Heap>>; N],
        director: D,
    ) -> ([Result<usize, AcquireError>; N], D::Output) {
        let tasks = taken(visitors).map(tokio::spawn);
        let directed = director.await;
        let mut tickets = [Ok(0); N];
        for (ticket, task) in tickets.iter_mut().zip(tasks) {
            *ticket = task.await.expect("no visitor panics");
        }
        (tickets, directed)
    }
}

/// Every other visitor a task, in turns of one runtime and of another, and those between on threads of their own.
struct InTasksAndOnThreads {
    other: Runtime,
}

impl World<'static> for InTasksAndOnThreads {
    type Platform = Tokio;
    type Storage = Heap;

    const ROUNDS: usize = 200;

    fn place(&self, stage: Stage<Tokio, Heap>) -> &'static Stage<Tokio, Heap> {
        Box::leak(Box::new(stage))
    }

    async fn run<const N: usize, D: Future>(
        &self,
        visitors: &mut [Option<Visitor<'static, Tokio, Heap>>; N],
        director: D,
    ) -> ([Result<usize, AcquireError>; N], D::Output) {
        let mut tasks = Vec::new();
        let mut threads = Vec::new();
        for (place, visitor) in taken(visitors).into_iter().enumerate() {
            match place % 4 {
                0 => tasks.push((place, tokio::spawn(visitor))),
                2 => tasks.push((place, self.other.spawn(visitor))),
                _ => threads.push((place, thread::spawn(|| block_on(visitor)))),
            }
        }
        let directed = director.await;
        let mut tickets = [Ok(0); N];
        for (place, task) in tasks {
            tickets[place] = task.await.expect("no visitor panics");
        }
        for (place, thread) in threads {
            tickets[place] = thread.join().expect("no visitor panics");
        }
        (tickets, directed)
    }
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime can be had")
}

fn several_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime can be had")
}

fn mixed() -> (Runtime, InTasksAndOnThreads) {
    (several_threads(), InTasksAndOnThreads { other: several_threads() })
}

macro_rules! columns {
    ($($group:ident {
        steps: $($step:ident)*; crowds: $($crowd:ident)*; timed: $($timed:ident)*; blocking: $($blocking:ident)*;
    })*) => {
        [
            Column {
                name: "tokio, one thread",
                scenarios: vec![$(
                    $((stringify!($step), list::$group::$step::<Tokio, Heap>),)*
                    $((stringify!($crowd), || {
                        Outcome::from(one_thread().block_on(list::$group::$crowd(&InTasks)))
                    }),)*
                    $((stringify!($timed), || {
                        Outcome::from(one_thread().block_on(list::$group::$timed(&InTasks)))
                    }),)*
                    $((stringify!($blocking), || Outcome::Skipped("who blocks the one thread stops all tasks")),)*
                )*],
            },
            Column {
                name: "tokio, several",
                scenarios: vec![$(
                    $((stringify!($step), list::$group::$step::<Tokio, Heap>),)*
                    $((stringify!($crowd), || {
                        Outcome::from(several_threads().block_on(list::$group::$crowd(&InTasks)))
                    }),)*
                    $((stringify!($timed), || {
                        Outcome::from(several_threads().block_on(list::$group::$timed(&InTasks)))
                    }),)*
                    $((stringify!($blocking), || {
                        Outcome::from(several_threads().block_on(list::$group::$blocking(&InTasks)))
                    }),)*
                )*],
            },
            Column {
                name: "tokio and threads",
                scenarios: vec![$(
                    $((stringify!($step), list::$group::$step::<Tokio, Heap>),)*
                    $((stringify!($crowd), || {
                        let (runtime, world) = mixed();
                        Outcome::from(runtime.block_on(list::$group::$crowd(&world)))
                    }),)*
                    $((stringify!($timed), || {
                        let (runtime, world) = mixed();
                        Outcome::from(runtime.block_on(list::$group::$timed(&world)))
                    }),)*
                    $((stringify!($blocking), || {
                        let (runtime, world) = mixed();
                        Outcome::from(runtime.block_on(list::$group::$blocking(&world)))
                    }),)*
                )*],
            },
        ]
    };
}

pub(crate) fn columns() -> [Column; 3] {
    tidegate_conformance::scenarios!(columns)
}
