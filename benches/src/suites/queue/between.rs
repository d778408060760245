//! A thread that puts, and a task that gets.

use core::hint::black_box;
use std::sync::Arc;

use tokio::runtime::Builder;

use super::{CAPACITY, barred};
use crate::harness::{Batch, Contenders, Group, Placement, Row, race_threads};

pub(super) fn group() -> Group {
    Group {
        name: "queue/between the colours",
        about: "messages from a thread that blocks to a task, two cores, at most 128 inside",
        rows: vec![barred(Row::new("thread to task", contenders).cores(2))],
    }
}

/// Adds a contender whose thread does `$send` with each message, and whose task does `$receive` for each.
macro_rules! contender {
    ($row:ident, $name:literal, $make:expr, |$tx:ident, $item:ident| $send:expr, |$rx:ident| $receive:expr) => {
        $row.add($name, move |operations| {
            #[allow(unused_mut, reason = "some receivers are changed by receiving")]
            let ($tx, mut $rx) = $make;
            let runtime = Builder::new_current_thread().build().expect("a runtime can be had");
            let send = move || {
                for $item in 0..operations {
                    $send;
                }
            };
            let receive = move || {
                runtime.block_on(async move {
                    for _ in 0..operations {
                        black_box($receive);
                    }
                });
            };
            Batch { operations, elapsed: race_threads(Placement::Apart, send, receive) }
        });
    };
}

fn contenders(row: &mut Contenders) {
    let queue = || {
        let queue = Arc::new(tidegate_tokio::Queue::new(CAPACITY));
        (queue.clone(), queue)
    };
    contender!(row, "tidegate", queue(), |tx, item| tx.put_blocking(item).expect("open"), |rx| rx
        .get()
        .await
        .expect("open"));
    contender!(
        row,
        "kanal",
        {
            let (tx, rx) = kanal::bounded(CAPACITY);
            (tx, rx.to_async())
        },
        |tx, item| tx.send(item).expect("open"),
        |rx| rx.recv().await.expect("open")
    );
    contender!(
        row,
        "crossfire",
        crossfire::mpmc::bounded_blocking_async(CAPACITY),
        |tx, item| tx.send(item).expect("open"),
        |rx| rx.recv().await.expect("open")
    );
    contender!(row, "flume", flume::bounded(CAPACITY), |tx, item| tx.send(item).expect("open"), |rx| rx
        .recv_async()
        .await
        .expect("open"));
    contender!(
        row,
        "async-channel",
        async_channel::bounded(CAPACITY),
        |tx, item| tx.send_blocking(item).expect("open"),
        |rx| rx.recv().await.expect("open")
    );
    contender!(
        row,
        "tokio mpsc",
        tokio::sync::mpsc::channel(CAPACITY),
        |tx, item| tx.blocking_send(item).expect("open"),
        |rx| rx.recv().await.expect("open")
    );
}
