//! Generators beside a blocking thread and a channel.
//!
//! All do the same work: an iterator on tokio's blocking pool, its items in a task. The peers run ahead by what
//! their channel holds and one more item; Tidegate, by as much as its capacity says, the demanded item included. So at
//! a capacity of one it alone waits for each demand.

mod peers;

use std::time::Instant;

use tidegate_tokio::GeneratorOptions;
use tokio::runtime::{Builder, Runtime};

use crate::harness::{Batch, Contenders, Group, Row, leak};

pub(super) fn groups() -> Vec<Group> {
    let row = |label: &'static str, capacity: usize, place: Place, limit: f64, against: &'static str| {
        Row::new(label, move |row| contenders(row, capacity, place)).cores(2).at_most(limit, against)
    };
    vec![Group {
        name: "generator/iterator",
        about: "one item of an iterator on a blocking thread, taken by a task; by capacity, and where the task runs",
        rows: vec![
            row("1, in block_on", 1, Place::BlockOn, 1.0, "tokio mpsc"),
            row("1, on a worker", 1, Place::Worker, 1.0, "tokio mpsc"),
            row("64, in block_on", 64, Place::BlockOn, 1.1, "flume"),
            row("64, on a worker", 64, Place::Worker, 1.1, "flume"),
        ],
    }]
}

/// Where the task runs that takes the items.
#[derive(Clone, Copy)]
enum Place {
    /// The future of `block_on`, on a runtime of one thread.
    BlockOn,
    /// A task on a worker of a runtime of several threads.
    Worker,
}

fn contenders(row: &mut Contenders, capacity: usize, place: Place) {
    row.add("tidegate", taking(place, move |items| tidegate(capacity, items)))
        .add("tokio mpsc", taking(place, move |items| peers::tokio_mpsc(capacity, items)))
        .add("kanal", taking(place, move |items| peers::kanal(capacity, items)))
        .add("flume", taking(place, move |items| peers::flume(capacity, items)))
        .add("blocking::Unblock", taking(place, move |items| peers::unblock(capacity, items)));
}

/// Batches in which `take` takes all items.
fn taking<F>(place: Place, take: impl Fn(u64) -> F + 'static) -> impl FnMut(u64) -> Batch + 'static
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime: &Runtime = leak(
        match place {
            Place::BlockOn => Builder::new_current_thread().build(),
            Place::Worker => Builder::new_multi_thread().worker_threads(1).build(),
        }
        .expect("a runtime can be had"),
    );
    move |operations| {
        let all = take(operations);
        let timed = async move {
            let start = Instant::now();
            all.await;
            start.elapsed()
        };
        let elapsed = match place {
            Place::BlockOn => runtime.block_on(timed),
            Place::Worker => runtime.block_on(runtime.spawn(timed)).expect("no contender panics"),
        };
        Batch { operations, elapsed }
    }
}

async fn tidegate(capacity: usize, items: u64) {
    let options = GeneratorOptions::new().capacity(capacity).expect("not zero");
    let mut generator = options.items(0..items);
    let mut seen = 0;
    while let Some(item) = generator.next().await {
        seen += item.map_or(0, |_| 1);
    }
    assert_eq!(seen, items);
}
