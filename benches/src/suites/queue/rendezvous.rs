//! Queues without capacity: every put waits for a getter.

use super::{tasks, threads};
use crate::harness::{Group, Placement, Workers};

pub(super) fn group() -> Group {
    Group {
        name: "queue/rendezvous",
        about: "messages from hand to hand: from one task to another, from one thread to another",
        rows: vec![
            tasks::rendezvous("tasks, one worker", Workers::One).countable(true),
            tasks::rendezvous("tasks, two workers", Workers::Two),
            threads::rendezvous("threads, two cores", Placement::Apart),
            threads::rendezvous("threads, one core", Placement::Together),
        ],
    }
}
