//! Two threads, one that puts and one that gets.

use core::hint::black_box;

use super::{CAPACITY, barred};
use crate::harness::{Batch, Contenders, Group, Placement, Row, race_threads};

pub(super) fn group() -> Group {
    let row = |label: &str, placement: Placement| {
        barred(Row::new(label, move |row| contenders(row, placement)).cores(placement.cores()))
    };
    Group {
        name: "queue/one thread to another",
        about: "messages from one thread that blocks to another, at most 128 inside",
        rows: vec![row("two cores", Placement::Apart), row("one core", Placement::Together)],
    }
}

/// Adds a contender whose threads do `$send` with each message, and `$receive` for each.
macro_rules! contender {
    ($row:ident, $placement:ident, $name:literal, $make:expr,
     |$tx:ident, $item:ident| $send:expr, |$rx:ident| $receive:expr) => {
        $row.add($name, move |operations| {
            #[allow(unused_mut, reason = "some receivers are changed by receiving")]
            let ($tx, mut $rx) = $make;
            let send = move || {
                for $item in 0..operations {
                    $send;
                }
            };
            let receive = move || {
                for _ in 0..operations {
                    black_box($receive);
                }
            };
            Batch { operations, elapsed: race_threads($placement, send, receive) }
        });
    };
}

fn contenders(row: &mut Contenders, placement: Placement) {
    let queue = || {
        let queue = std::sync::Arc::new(tidegate_threads::Queue::new(CAPACITY));
        (queue.clone(), queue)
    };
    contender!(row, placement, "tidegate", queue(), |tx, item| tx.put_blocking(item).expect("open"), |rx| rx
        .get_blocking()
        .expect("open"));
    contender!(row, placement, "kanal", kanal::bounded(CAPACITY), |tx, item| tx.send(item).expect("open"), |rx| {
        rx.recv().expect("open")
    });
    contender!(
        row,
        placement,
        "crossfire",
        crossfire::mpmc::bounded_blocking(CAPACITY),
        |tx, item| tx.send(item).expect("open"),
        |rx| rx.recv().expect("open")
    );
    contender!(
        row,
        placement,
        "crossbeam-channel",
        crossbeam_channel::bounded(CAPACITY),
        |tx, item| tx.send(item).expect("open"),
        |rx| rx.recv().expect("open")
    );
    contender!(row, placement, "flume", flume::bounded(CAPACITY), |tx, item| tx.send(item).expect("open"), |rx| {
        rx.recv().expect("open")
    });
    contender!(
        row,
        placement,
        "async-channel",
        async_channel::bounded(CAPACITY),
        |tx, item| tx.send_blocking(item).expect("open"),
        |rx| rx.recv_blocking().expect("open")
    );
    contender!(
        row,
        placement,
        "tokio mpsc",
        tokio::sync::mpsc::channel(CAPACITY),
        |tx, item| tx.blocking_send(item).expect("open"),
        |rx| rx.blocking_recv().expect("open")
    );
    contender!(
        row,
        placement,
        "thingbuf",
        thingbuf::mpsc::blocking::channel(CAPACITY),
        |tx, item| tx.send(item).expect("open"),
        |rx| rx.recv().expect("open")
    );
}
