//! Queues beside their peers, in nanoseconds per message, a `u64`.
//!
//! Peers differ in what they promise. kanal loses a message when a receive is cancelled after it was delivered;
//! tokio's and thingbuf's channels have one receiver; crossfire's is lock-free and without order among those who
//! wait. crossfire is measured in its `mpmc` flavour throughout, as the others that can be shared at both ends.

mod batches;
mod between;
mod one_thread;
mod priorities;
mod rendezvous;
mod tasks;
mod threads;

use crate::harness::{Group, Row};

/// How many messages fit in what is bounded.
const CAPACITY: usize = 128;

pub(super) fn groups() -> Vec<Group> {
    vec![
        one_thread::group(),
        tasks::one_to_one(),
        tasks::two_to_two(),
        threads::group(),
        between::group(),
        batches::group(),
        priorities::group(),
        rendezvous::group(),
    ]
}

/// The bars of every row: close to the first three, ahead of the rest. Not every peer is in every row.
fn barred(row: Row) -> Row {
    bar(
        row,
        &[
            (1.35, "kanal"),
            (1.35, "crossfire"),
            (1.35, "crossbeam-channel"),
            (1.0, "flume"),
            (1.0, "async-channel"),
            (1.0, "tokio mpsc"),
            (1.0, "thingbuf"),
        ],
    )
}

/// The bars of a rendezvous. kanal writes straight into the future that waits, which takes unsafe code, and loses the
/// message should that future be dropped then; nobody else comes near it.
fn barred_at_rendezvous(row: Row) -> Row {
    bar(row, &[(2.0, "kanal"), (1.0, "crossbeam-channel"), (1.0, "flume")])
}

/// Those bars whose peer is in the row.
fn bar(row: Row, bars: &[(f64, &'static str)]) -> Row {
    let names: Vec<String> = row.contenders().names().map(Into::into).collect();
    let present = bars.iter().filter(|(_, peer)| names.iter().any(|name| name == peer));
    present.fold(row, |row, &(limit, peer)| row.at_most(limit, peer))
}

/// Handles for so many at either end.
fn shared<S: Clone, R: Clone>((sender, receiver): (S, R), count: usize) -> (Vec<S>, Vec<R>) {
    (vec![sender; count], vec![receiver; count])
}

/// Handles for one at either end.
fn alone<S, R>((sender, receiver): (S, R)) -> (Vec<S>, Vec<R>) {
    (vec![sender], vec![receiver])
}
