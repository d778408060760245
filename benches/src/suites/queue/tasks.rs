//! Tasks that put, and tasks that get.

use core::cell::RefCell;
use core::hint::black_box;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::yield_now;

use super::{CAPACITY, alone, barred, barred_at_rendezvous, shared};
use crate::harness::{Batch, Contenders, Group, Pool, Row, Workers, race_tasks};

pub(super) fn one_to_one() -> Group {
    let row = |label: &str, workers: Workers| {
        barred(Row::new(label, move |row| contenders(row, workers, 1, CAPACITY)).cores(workers.count()))
    };
    Group {
        name: "queue/one task to one",
        about: "messages from one task to another, at most 128 inside",
        rows: vec![row("one worker", Workers::One).countable(true), row("two workers", Workers::Two)],
    }
}

pub(super) fn two_to_two() -> Group {
    let row = |label: &str, workers: Workers| {
        barred(Row::new(label, move |row| contenders(row, workers, 2, CAPACITY)).cores(workers.count()))
    };
    Group {
        name: "queue/two tasks to two",
        about: "messages from two tasks to two others, at most 128 inside",
        rows: vec![row("one worker", Workers::One), row("two workers", Workers::Two)],
    }
}

/// A rendezvous of two tasks.
pub(super) fn rendezvous(label: &str, workers: Workers) -> Row {
    barred_at_rendezvous(Row::new(label, move |row| contenders(row, workers, 1, 0)).cores(workers.count()))
}

type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Adds a contender whose tasks do `$send` with each message, and `$receive` for each.
macro_rules! contender {
    ($row:ident, $pool:ident, $pairs:ident, $name:literal, $make:expr,
     |$tx:ident, $item:ident| $send:expr, |$rx:ident| $receive:expr) => {
        let pool = $pool.clone();
        $row.add($name, move |operations| {
            race(&pool, $pairs, operations, |rounds| {
                let (senders, receivers) = $make;
                let mut bodies: Vec<Body> = Vec::new();
                #[allow(unused_mut, reason = "some receivers are changed by receiving")]
                for ($tx, mut $rx) in senders.into_iter().zip(receivers) {
                    bodies.push(Box::pin(async move {
                        for $item in 0..rounds {
                            $send;
                        }
                    }));
                    bodies.push(Box::pin(async move {
                        for _ in 0..rounds {
                            black_box($receive);
                        }
                    }));
                }
                bodies
            })
        });
    };
}

/// Without capacity only those that have a rendezvous contend: crossfire takes none for one, and the rest panic.
fn contenders(row: &mut Contenders, workers: Workers, pairs: usize, capacity: usize) {
    let pool = Rc::new(Pool::new(workers));
    let queue = move || {
        let queue = Arc::new(tidegate_tokio::Queue::new(capacity));
        (queue.clone(), queue)
    };
    contender!(
        row,
        pool,
        pairs,
        "tidegate",
        shared(queue(), pairs),
        |tx, item| tx.put(item).await.expect("open"),
        |rx| rx.get().await.expect("open")
    );
    contender!(
        row,
        pool,
        pairs,
        "kanal",
        shared(kanal::bounded_async(capacity), pairs),
        |tx, item| tx.send(item).await.expect("open"),
        |rx| rx.recv().await.expect("open")
    );
    contender!(
        row,
        pool,
        pairs,
        "flume",
        shared(flume::bounded(capacity), pairs),
        |tx, item| tx.send_async(item).await.expect("open"),
        |rx| rx.recv_async().await.expect("open")
    );
    if capacity == 0 {
        return;
    }
    contender!(
        row,
        pool,
        pairs,
        "crossfire",
        shared(crossfire::mpmc::bounded_async(capacity), pairs),
        |tx, item| tx.send(item).await.expect("open"),
        |rx| rx.recv().await.expect("open")
    );
    contender!(
        row,
        pool,
        pairs,
        "async-channel",
        shared(async_channel::bounded(capacity), pairs),
        |tx, item| tx.send(item).await.expect("open"),
        |rx| rx.recv().await.expect("open")
    );
    if pairs == 1 {
        contender!(
            row,
            pool,
            pairs,
            "tokio mpsc",
            alone(tokio::sync::mpsc::channel(capacity)),
            |tx, item| tx.send(item).await.expect("open"),
            |rx| rx.recv().await.expect("open")
        );
        contender!(
            row,
            pool,
            pairs,
            "thingbuf",
            alone(thingbuf::mpsc::channel(capacity)),
            |tx, item| tx.send(item).await.expect("open"),
            |rx| rx.recv().await.expect("open")
        );
    }
}

/// Lets the tasks go when dropped.
struct Gate(Arc<AtomicBool>);

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Runs the tasks that `make` gives, which pass on `operations` messages among them.
fn race(pool: &Pool, pairs: usize, operations: u64, make: impl Fn(u64) -> Vec<Body>) -> Batch {
    let open = Arc::new(AtomicBool::new(false));
    let bodies = RefCell::new(Vec::new());
    let gate = async { Gate(open.clone()) };
    let batch = race_tasks(pool, 2 * pairs, 2 * operations, gate, |_, rounds| {
        let mut bodies = bodies.borrow_mut();
        if bodies.is_empty() {
            *bodies = make(rounds);
        }
        let (body, open) = (bodies.pop().expect("as many as there are tasks"), open.clone());
        async move {
            while !open.load(Ordering::Acquire) {
                yield_now().await;
            }
            body.await;
        }
    });
    Batch { operations: batch.operations / 2, ..batch }
}
