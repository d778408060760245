//! [`Step`]: one step of a run, and [`Log`], which adds them up.

use core::fmt;
use std::sync::Arc;

use tidegate_core::Instant;

use crate::world::TaskId;

/// One step of a run: one poll of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The virtual time.
    pub at: Instant,
    /// The name of the task.
    pub task: Arc<str>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.task)
    }
}

/// What is kept of a run's order.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) steps: u64,
    pub(crate) hash: u64,
    /// Empty unless asked for.
    pub(crate) trace: Vec<Step>,
}

impl Log {
    pub(crate) const fn new() -> Self {
        Self { steps: 0, hash: 0xcbf2_9ce4_8422_2325, trace: Vec::new() }
    }

    /// Counts a step and mixes it into the hash, word by word in the manner of FNV-1a.
    pub(crate) fn step(&mut self, at: Instant, task: TaskId) {
        self.steps += 1;
        for word in [at.as_nanos(), task] {
            self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
        }
    }
}
