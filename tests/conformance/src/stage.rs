//! [`Stage`]: a semaphore, and what is counted around it.

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

use tidegate_core::semaphore::{Config, Semaphore};
use tidegate_core::{Platform, Storage};

/// A semaphore, and what the scenario counts around it.
pub struct Stage<P: Platform, S: Storage> {
    /// The semaphore that the scenario is about.
    pub semaphore: Semaphore<P, S>,
    /// How many permits may be in use at once.
    limit: usize,
    /// How many visitors have been polled.
    arrived: Counter,
    /// How many times permits were had.
    tickets: Counter,
    /// How many permits are in use.
    inside: Counter,
    /// How many times that were too many.
    exceeded: Counter,
    /// Whether visitors that are to give up may do so.
    leave: Counter,
}

impl<P: Platform, S: Storage> Stage<P, S> {
    /// A stage around a new semaphore.
    #[must_use]
    pub fn new(permits: usize, config: Config) -> Self {
        Self {
            semaphore: Semaphore::with_config(permits, config),
            limit: permits,
            arrived: Counter::zero(),
            tickets: Counter::zero(),
            inside: Counter::zero(),
            exceeded: Counter::zero(),
            leave: Counter::zero(),
        }
    }

    /// How many visitors have been polled at least once.
    pub(crate) fn arrived(&self) -> usize {
        self.arrived.get()
    }

    /// Whether there never were more permits in use than there are.
    pub(crate) fn within_limit(&self) -> bool {
        self.exceeded.get() == 0
    }

    /// Tells visitors that are to give up to do so.
    pub(crate) fn tell_to_leave(&self) {
        self.leave.add(1);
    }

    pub(crate) fn told_to_leave(&self) -> bool {
        self.leave.get() > 0
    }

    pub(crate) fn arrive(&self) {
        self.arrived.add(1);
    }

    /// Counts permits as in use; answers how many times that has happened before.
    pub(crate) fn enter(&self, permits: usize) -> usize {
        if self.inside.add(permits) + permits > self.limit {
            self.exceeded.add(1);
        }
        self.tickets.add(1)
    }

    /// Call it before the permits are given back.
    pub(crate) fn exit(&self, permits: usize) {
        self.inside.add(permits.wrapping_neg());
    }
}

impl<P: Platform, S: Storage> fmt::Debug for Stage<P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("semaphore", &self.semaphore).finish_non_exhaustive()
    }
}

struct Counter(AtomicUsize);

impl Counter {
    const fn zero() -> Self {
        Self(AtomicUsize::new(0))
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Adds, and answers what was there before.
    #[cfg(target_has_atomic = "ptr")]
    fn add(&self, more: usize) -> usize {
        self.0.fetch_add(more, Ordering::SeqCst)
    }

    /// The same where there is no such instruction. Those targets have one core, and run all visitors in one task.
    #[cfg(not(target_has_atomic = "ptr"))]
    fn add(&self, more: usize) -> usize {
        let before = self.get();
        self.0.store(before.wrapping_add(more), Ordering::SeqCst);
        before
    }
}
