//! Two threads, one that puts and one that gets.

use core::hint::black_box;

use super::{CAPACITY, barred, barred_at_rendezvous};
use crate::harness::{Batch, Contenders, Group, Placement, Row, race_threads};

pub(super) fn group() -> Group {
    let row = |label: &str, placement: Placement| {
        barred(Row::new(label, move |row| contenders(row, placement, CAPACITY)).cores(placement.cores()))
    };
    Group {
        name: "queue/one thread to another",
        about: "messages from one thread that blocks to another, at most 128 inside",
        rows: vec![row("two cores", Placement::Apart), row("one core", Placement::Together)],
    }
}

/// A rendezvous of two threads.
pub(super) fn rendezvous(label: &str, placement: Placement) -> Row {
    barred_at_rendezvous(Row::new(label, move |row| contenders(row, placement, 0)).cores(placement.cores()))
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

/// Without capacity only those that have a rendezvous contend: crossfire takes none for one, and the rest panic.
fn contenders(row: &mut Contenders, placement: Placement, capacity: usize) {
    let queue = move || {
        let queue = std::sync::Arc::new(tidegate_threads::Queue::new(capacity));
        (queue.clone(), queue)
    };
    contender!(row, placement, "tidegate", queue(), |tx, item| tx.put_blocking(item).expect("open"), |rx| rx
        .get_blocking()
        .expect("open"));
    contender!(row, placement, "kanal", kanal::bounded(capacity), |tx, item| tx.send(item).expect("open"), |rx| {
        rx.recv().expect("open")
    });
    contender!(
        row,
        placement,
        "crossbeam-channel",
        crossbeam_channel::bounded(capacity),
        |tx, item| tx.send(item).expect("open"),
        |rx| rx.recv().expect("open")
    );
    contender!(row, placement, "flume", flume::bounded(capacity), |tx, item| tx.send(item).expect("open"), |rx| {
        rx.recv().expect("open")
    });
    if capacity == 0 {
        return;
    }
    contender!(
        row,
        placement,
        "crossfire",
        crossfire::mpmc::bounded_blocking(capacity),
        |tx, item| tx.send(item).expect("open"),
        |rx| rx.recv().expect("open")
    );
    contender!(
        row,
        placement,
        "async-channel",
        async_channel::bounded(capacity),
        |tx, item| tx.send_blocking(item).expect("open"),
        |rx| rx.recv_blocking().expect("open")
    );
    contender!(
        row,
        placement,
        "tokio mpsc",
        tokio::sync::mpsc::channel(capacity),
        |tx, item| tx.blocking_send(item).expect("open"),
        |rx| rx.blocking_recv().expect("open")
    );
    contender!(
        row,
        placement,
        "thingbuf",
        thingbuf::mpsc::blocking::channel(capacity),
        |tx, item| tx.send(item).expect("open"),
        |rx| rx.recv().expect("open")
    );
}
