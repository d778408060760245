//! The machine of the scheduler beside what keeps timers elsewhere: payloads are words, deadlines lie anywhere in the
//! next minute, and time is given.
//!
//! `DelayQueue` keeps milliseconds and its own sleep, on tokio's clock, which is paused; `quad wheel` keeps
//! milliseconds, ticks, and cancels nothing; `BinaryHeap` has pairs of words and cancels nothing. Equal deadlines leave
//! in the order of insertion with Tidegate alone.

mod timers;
mod work;

use timers::{Delays, Ordered, Own, Ticking};
use work::{fill_and_drain, insert_and_cancel, pop_and_rearm};

use crate::harness::{Group, Row};

pub(super) fn groups() -> Vec<Group> {
    let fill = |(payloads, label, heap): (usize, &str, f64)| {
        Row::new(label, move |row| {
            row.add("tidegate", fill_and_drain(payloads, Own::default))
                .add("DelayQueue", fill_and_drain(payloads, Delays::new))
                .add("BinaryHeap", fill_and_drain(payloads, Ordered::default))
                .add("quad wheel", fill_and_drain(payloads, Ticking::default));
        })
        .countable(payloads <= 1_000)
        .at_most(0.5, "DelayQueue")
        .at_most(heap, "BinaryHeap")
    };
    let cancel = |(payloads, label): (usize, &str)| {
        Row::new(label, move |row| {
            row.add("tidegate", insert_and_cancel(payloads, Own::default))
                .add("DelayQueue", insert_and_cancel(payloads, Delays::new));
        })
        .at_most(1.0, "DelayQueue")
    };
    vec![
        Group {
            name: "scheduler/fill-drain",
            about: "one payload in and out, of so many",
            rows: [("1 000", 1_000, 1.2), ("100 000", 100_000, 0.7), ("1 000 000", 1_000_000, 0.7)]
                .map(|(label, payloads, heap)| fill((payloads, label, heap)))
                .into(),
        },
        Group {
            name: "scheduler/insert-cancel",
            about: "one payload in, and cancelled, beside so many",
            rows: [(1_000, "1 000"), (1_000_000, "1 000 000")].map(cancel).into(),
        },
        Group {
            name: "scheduler/pop-rearm",
            about: "one payload out and in again, beside 100 000",
            rows: vec![
                Row::new("100 000", |row| {
                    row.add("tidegate", pop_and_rearm(100_000, Own::default))
                        .add("DelayQueue", pop_and_rearm(100_000, Delays::new))
                        .add("BinaryHeap", pop_and_rearm(100_000, Ordered::default))
                        .add("quad wheel", pop_and_rearm(100_000, Ticking::default));
                })
                .at_most(0.3, "DelayQueue"),
            ],
        },
    ]
}
