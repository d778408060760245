//! 100 000 futures that do nothing, 64 at a time.

use std::rc::Rc;

use futures_util::{StreamExt, stream};
use tidegate_tokio::Executor;

use crate::harness::{Contenders, Group, Pool, Row, Workers};

const INPUTS: u64 = 100_000;
const AT_ONCE: usize = 64;

pub(super) fn groups() -> [Group; 1] {
    let rows = [(Workers::One, "one worker"), (Workers::Two, "two workers")].map(|(workers, name)| {
        Row::new(name, move |row| contenders(row, workers)).cores(workers.count()).at_most(1.2, "buffer_unordered")
    });
    [Group {
        name: "tasks/map",
        about: "a future that does nothing, one of 100 000, 64 of which are spawned at once",
        rows: rows.into(),
    }]
}

fn contenders(row: &mut Contenders, workers: Workers) {
    let pool = Rc::new(Pool::new(workers));
    let on = || pool.clone();
    row.add(
        "tidegate",
        Pool::rounds(on(), true, INPUTS, |inputs| async move {
            let executor = Executor::new(AT_ONCE);
            let mut results = executor.map(0..inputs, |n| async move { n }).expect("it is open");
            let mut sum = 0;
            while let Some(result) = results.next().await {
                sum += result.expect("it does not panic");
            }
            assert_eq!(sum, inputs * (inputs - 1) / 2);
        }),
    )
    .add(
        "buffer_unordered",
        Pool::rounds(on(), true, INPUTS, |inputs| async move {
            let tasks = stream::iter((0..inputs).map(|n| tokio::spawn(async move { n })));
            let mut results = tasks.buffer_unordered(AT_ONCE);
            let mut sum = 0;
            while let Some(result) = results.next().await {
                sum += result.expect("it does not panic");
            }
            assert_eq!(sum, inputs * (inputs - 1) / 2);
        }),
    )
    .add(
        "tidegate, in order",
        Pool::rounds(on(), true, INPUTS, |inputs| async move {
            let executor = Executor::new(AT_ONCE);
            let mut results = executor.map_ordered(0..inputs, |n| async move { n }).expect("it is open");
            let mut sum = 0;
            while let Some(result) = results.next().await {
                sum += result.expect("it does not panic");
            }
            assert_eq!(sum, inputs * (inputs - 1) / 2);
        }),
    );
}
