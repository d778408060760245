//! A batch: many operations, timed as one.

use core::time::Duration;
use std::time::Instant;

/// What one batch did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    /// At least as many as were asked for; more where the work comes in whole rounds.
    pub(crate) operations: u64,
    pub(crate) elapsed: Duration,
}

impl Batch {
    pub(crate) fn nanos_per_operation(self) -> f64 {
        self.elapsed.as_nanos() as f64 / self.operations as f64
    }
}

/// Batches of `operation`, repeated on this thread.
pub(crate) fn repeat(mut operation: impl FnMut()) -> impl FnMut(u64) -> Batch {
    move |operations| {
        let start = Instant::now();
        for _ in 0..operations {
            operation();
        }
        Batch { operations, elapsed: start.elapsed() }
    }
}

/// Lets a contender live as long as the program, so that tasks and threads may borrow from it.
pub(crate) fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
