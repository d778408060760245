//! Messages by priority, a thousand of them inside.

use core::cmp::{Ordering, Reverse};
use core::hint::black_box;
use std::collections::BinaryHeap;

use crate::harness::{Contenders, Group, Row, leak, repeat};

const DEPTH: usize = 1_000;

pub(super) fn group() -> Group {
    Group {
        name: "queue/priorities",
        about: "a message put in and the first by priority taken out, a thousand inside, one thread",
        rows: [("try pair", try_pair as fn(&mut Contenders)), ("try pair, newcomers anywhere", anywhere)]
            .map(|(label, fill)| {
                Row::new(label, fill).countable(true).at_most(1.0, "async-priority-channel (reorders ties)")
            })
            .into(),
    }
}

/// A message, compared by its priority alone.
#[derive(Clone, Copy)]
struct Job {
    priority: u64,
    message: u64,
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.priority == other.priority
    }
}

impl Eq for Job {}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Job {
    fn cmp(&self, other: &Self) -> Ordering {
        self.priority.cmp(&other.priority)
    }
}

/// Priorities at random, the same for everybody.
fn dice() -> impl FnMut() -> u64 {
    let mut bits = 0x9E37_79B9_7F4A_7C15_u64;
    move || {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        bits >> 32
    }
}

fn try_pair(row: &mut Contenders) {
    let queue = leak(tidegate_tokio::PriorityQueue::new(2 * DEPTH));
    let mut roll = dice();
    for _ in 0..DEPTH {
        queue.try_put(Job { priority: roll(), message: 0 }).expect("room");
    }
    row.add(
        "tidegate",
        repeat(move || {
            black_box(&queue).try_put(Job { priority: roll(), message: black_box(1) }).expect("room");
            black_box(queue.try_get().expect("one").message);
        }),
    );
    let (tx, rx) = async_priority_channel::bounded(2 * DEPTH as u64);
    let mut roll = dice();
    for _ in 0..DEPTH {
        tx.try_send(0_u64, Reverse(roll())).expect("room");
    }
    row.add(
        "async-priority-channel (reorders ties)",
        repeat(move || {
            black_box(&tx).try_send(black_box(1), Reverse(roll())).expect("room");
            black_box(rx.try_recv().expect("one").0);
        }),
    );
    let mut heap = BinaryHeap::new();
    let mut roll = dice();
    for _ in 0..DEPTH {
        heap.push((Reverse(roll()), 0_u64));
    }
    row.add(
        "a bare heap",
        repeat(move || {
            black_box(&mut heap).push((Reverse(roll()), black_box(1)));
            black_box(heap.pop().expect("one").1);
        }),
    );
}

/// Each newcomer stands behind the one that came out by a span at random, as deadlines do: so it goes in anywhere.
fn anywhere(row: &mut Contenders) {
    let queue = leak(tidegate_tokio::PriorityQueue::new(2 * DEPTH));
    let mut roll = dice();
    for _ in 0..DEPTH {
        queue.try_put(Job { priority: roll(), message: 0 }).expect("room");
    }
    row.add(
        "tidegate",
        repeat(move || {
            let first: Job = black_box(queue.try_get().expect("one"));
            let next = Job { priority: first.priority + roll(), message: black_box(first.message) };
            black_box(&queue).try_put(next).expect("room");
        }),
    );
    let (tx, rx) = async_priority_channel::bounded(2 * DEPTH as u64);
    let mut roll = dice();
    for _ in 0..DEPTH {
        tx.try_send(0_u64, Reverse(roll())).expect("room");
    }
    row.add(
        "async-priority-channel (reorders ties)",
        repeat(move || {
            let (message, Reverse(priority)) = black_box(rx.try_recv().expect("one"));
            black_box(&tx).try_send(black_box(message), Reverse(priority + roll())).expect("room");
        }),
    );
    let mut heap = BinaryHeap::new();
    let mut roll = dice();
    for _ in 0..DEPTH {
        heap.push((Reverse(roll()), 0_u64));
    }
    row.add(
        "a bare heap",
        repeat(move || {
            let (Reverse(priority), message) = black_box(heap.pop().expect("one"));
            black_box(&mut heap).push((Reverse(priority + roll()), black_box(message)));
        }),
    );
}
