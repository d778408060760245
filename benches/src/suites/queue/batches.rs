//! Messages taken out by the batch.

use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

use super::CAPACITY;
use crate::harness::{Batch, Contenders, Group, Row, leak};

pub(super) fn group() -> Group {
    Group {
        name: "queue/batches",
        about: "128 messages that are ready, taken out; per message",
        rows: vec![Row::new("into a buffer", contenders).at_most(0.5, "tidegate, one by one")],
    }
}

/// Batches of which only `take` counts, after `fill` has put in [`CAPACITY`] messages.
fn taking(mut fill: impl FnMut(), mut take: impl FnMut()) -> impl FnMut(u64) -> Batch {
    move |operations| {
        let rounds = operations.div_ceil(CAPACITY as u64);
        let mut elapsed = Duration::ZERO;
        for _ in 0..rounds {
            fill();
            let start = Instant::now();
            take();
            elapsed += start.elapsed();
        }
        Batch { operations: rounds * CAPACITY as u64, elapsed }
    }
}

fn contenders(row: &mut Contenders) {
    let queue: &tidegate_tokio::Queue<u64> = leak(tidegate_tokio::Queue::new(CAPACITY));
    let fill = move || (0..CAPACITY as u64).for_each(|item| queue.try_put(item).expect("room"));
    let mut buffer = Vec::with_capacity(CAPACITY);
    row.add(
        "tidegate",
        taking(fill, move || {
            buffer.clear();
            assert_eq!(queue.drain_ready(black_box(&mut buffer), usize::MAX), CAPACITY);
        }),
    );
    row.add(
        "tidegate, one by one",
        taking(fill, move || {
            for _ in 0..CAPACITY {
                black_box(queue.try_get()).expect("one");
            }
        }),
    );
    let (kanal_in, kanal_out) = kanal::bounded(CAPACITY);
    let mut buffer = Vec::with_capacity(CAPACITY);
    row.add(
        "kanal",
        taking(
            move || (0..CAPACITY as u64).for_each(|item| assert!(kanal_in.try_send(item).expect("open"))),
            move || {
                buffer.clear();
                assert_eq!(kanal_out.drain_into(black_box(&mut buffer)), Ok(CAPACITY));
            },
        ),
    );
    let (flume_in, flume_out) = flume::bounded(CAPACITY);
    let mut buffer = Vec::with_capacity(CAPACITY);
    row.add(
        "flume",
        taking(
            move || (0..CAPACITY as u64).for_each(|item| flume_in.try_send(item).expect("room")),
            move || {
                buffer.clear();
                black_box(&mut buffer).extend(flume_out.drain());
            },
        ),
    );
}
