//! [`Line`]: how many may wait and for how long, and how many do.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

use tidegate_tokio::Priority;

use crate::{Reason, Refusal};

/// How many may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MaxWaiting {
    All(usize),
    By(fn(Priority) -> usize),
}

/// What is shed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shedding {
    pub(crate) max_waiting: MaxWaiting,
    pub(crate) max_wait: Option<Duration>,
    pub(crate) retry_after: Option<Duration>,
}

impl Shedding {
    /// Nothing is.
    pub(crate) const NONE: Self = Self {
        max_waiting: MaxWaiting::All(usize::MAX),
        max_wait: None,
        retry_after: Some(Duration::from_secs(1)),
    };

    /// Why somebody is turned down.
    pub(crate) fn refusal(&self, reason: Reason) -> Refusal {
        let refusal = Refusal::new(reason);
        self.retry_after.map_or(refusal, |span| refusal.retry_after(span))
    }
}

/// Those who wait before a layer, its clones counted together.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) shedding: Shedding,
    waiting: AtomicUsize,
}

impl Line {
    pub(crate) const fn new(shedding: Shedding) -> Self {
        Self { shedding, waiting: AtomicUsize::new(0) }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A place in line, if there is one for this priority.
    pub(crate) fn enter(self: &Arc<Self>, priority: impl FnOnce() -> Priority) -> Result<Ticket, Refusal> {
        let most = match self.shedding.max_waiting {
            MaxWaiting::All(most) => most,
            MaxWaiting::By(most) => most(priority()),
        };
        // Only a count: nothing else is published by it.
        let entered = self
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| (waiting < most).then_some(waiting + 1));
        match entered {
            Ok(_) => Ok(Ticket(Arc::clone(self))),
            Err(_) => Err(self.shedding.refusal(Reason::Overloaded)),
        }
    }
}

/// A place in line, given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Line>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
