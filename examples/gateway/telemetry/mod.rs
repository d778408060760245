//! [`Telemetry`]: what the gateway counts while it works, and the dashboard shows.
//!
//! Everything here only grows, but for the lengths of the lines; whoever wants a rate takes two [`Snapshot`]s
//! and subtracts. All of it takes the same room however much happens.

mod batches;
mod latencies;
mod lockouts;

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::apart::Apart;
use crate::urgency::Class;
use batches::Batches;
pub(crate) use batches::{BINS, smallest};
use latencies::Latencies;
pub(crate) use latencies::Tally;
use lockouts::Lockouts;
pub(crate) use lockouts::Period;

const CLASSES: usize = Class::ALL.len();

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The client asks more often than it may.
    Limited,
    /// The line is too long, or the wait took too long.
    Overloaded,
    /// The upstream has asked for a pause.
    LockedOut,
    /// There is more of it than is taken.
    TooLarge,
}

impl Refused {
    pub(crate) const ALL: [Self; 4] = [Self::Limited, Self::Overloaded, Self::LockedOut, Self::TooLarge];
}

/// How a look-up in the cache ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cached {
    /// It was there.
    Hit,
    /// It had to be got.
    Miss,
    /// Somebody else was getting it.
    Joined,
    /// It was there, too old, and somebody is getting it anew.
    Stale,
}

impl Cached {
    pub(crate) const ALL: [Self; 4] = [Self::Hit, Self::Miss, Self::Joined, Self::Stale];
}

/// Counters that tasks and threads share. No call waits for long, nor takes memory.
#[derive(Debug)]
pub(crate) struct Telemetry {
    started: Instant,
    classes: [Apart<Counters>; CLASSES],
    cached: Apart<[AtomicU64; Cached::ALL.len()]>,
    batches: Batches,
    lockouts: Mutex<Lockouts>,
    closed: watch::Sender<bool>,
}

/// What is counted for each class.
#[derive(Debug, Default)]
struct Counters {
    admitted: AtomicU64,
    refused: [AtomicU64; Refused::ALL.len()],
    failed: AtomicU64,
    waiting: AtomicUsize,
    latencies: Latencies,
}

impl Telemetry {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            classes: Default::default(),
            cached: Apart::default(),
            batches: Batches::default(),
            lockouts: Mutex::default(),
            closed: watch::Sender::new(false),
        }
    }

    /// A request may proceed.
    pub(crate) fn admitted(&self, class: Class) {
        self.counters(class).admitted.fetch_add(1, Relaxed);
    }

    /// A request may not.
    pub(crate) fn refused(&self, class: Class, why: Refused) {
        self.counters(class).refused[why as usize].fetch_add(1, Relaxed);
    }

    /// A request that was admitted has its answer, so long after it came.
    pub(crate) fn answered(&self, class: Class, latency: Duration, status: u16) {
        let counters = self.counters(class);
        counters.latencies.add(latency);
        if status >= 500 {
            counters.failed.fetch_add(1, Relaxed);
        }
    }

    /// So many stand in line.
    pub(crate) fn waiting(&self, class: Class, n: usize) {
        self.counters(class).waiting.store(n, Relaxed);
    }

    /// Something was looked up in the cache.
    pub(crate) fn cache(&self, how: Cached) {
        self.cached[how as usize].fetch_add(1, Relaxed);
    }

    /// So many rows were written at once.
    pub(crate) fn batch(&self, rows: usize) {
        self.batches.add(rows);
    }

    /// The upstream is left alone from now on, for so long. What overlaps is one period.
    pub(crate) fn locked_out(&self, span: Duration) {
        let now = self.started.elapsed();
        self.lockouts.lock().unwrap_or_else(PoisonError::into_inner).add(now, span);
    }

    /// All figures, taken one after the other while work goes on.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let (batches, rows) = self.batches.figures();
        Snapshot {
            at: self.started.elapsed(),
            classes: self.classes.each_ref().map(|class| class.figures()),
            cached: self.cached.each_ref().map(load),
            batches,
            rows,
            lockouts: self.lockouts.lock().unwrap_or_else(PoisonError::into_inner).periods(),
        }
    }

    /// Ends all who watch: a server that waits for its connections would wait for theirs.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits until it is [closed](Self::close).
    pub(crate) async fn closed(&self) {
        let mut closed = self.closed.subscribe();
        // The sender is here: there is no error.
        let _ = closed.wait_for(|closed| *closed).await;
    }

    fn counters(&self, class: Class) -> &Counters {
        &self.classes[class.index()]
    }
}

impl Counters {
    fn figures(&self) -> Figures {
        Figures {
            admitted: load(&self.admitted),
            refused: self.refused.each_ref().map(load),
            failed: load(&self.failed),
            waiting: self.waiting.load(Relaxed),
            latencies: self.latencies.tally(),
        }
    }
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}

/// What has been counted up to a moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Since the telemetry was made.
    pub(crate) at: Duration,
    /// In the order of [`Class::ALL`].
    pub(crate) classes: [Figures; CLASSES],
    /// In the order of [`Cached::ALL`].
    pub(crate) cached: [u64; Cached::ALL.len()],
    /// Batches by size; the sizes of a bin begin at [`smallest`].
    pub(crate) batches: [u64; BINS],
    /// The rows of all batches.
    pub(crate) rows: u64,
    /// The last lockouts, the oldest first.
    pub(crate) lockouts: Vec<Period>,
}

/// What has been counted for a class.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) admitted: u64,
    /// In the order of [`Refused::ALL`].
    pub(crate) refused: [u64; Refused::ALL.len()],
    /// Answers with a status of 500 or above.
    pub(crate) failed: u64,
    /// How many stand in line.
    pub(crate) waiting: usize,
    pub(crate) latencies: Tally,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_counted_where_it_belongs() {
        let telemetry = Telemetry::new();
        telemetry.admitted(Class::Normal);
        telemetry.refused(Class::Batch, Refused::LockedOut);
        telemetry.answered(Class::Normal, Duration::from_millis(5), 200);
        telemetry.answered(Class::Normal, Duration::from_millis(5), 503);
        telemetry.waiting(Class::Interactive, 7);
        telemetry.waiting(Class::Interactive, 3);
        telemetry.cache(Cached::Joined);
        telemetry.batch(3);
        telemetry.locked_out(Duration::from_secs(1));

        let seen = telemetry.snapshot();
        assert_eq!(seen.classes.each_ref().map(|class| class.admitted), [0, 1, 0]);
        assert_eq!(seen.classes.each_ref().map(|class| class.refused[2]), [0, 0, 1]);
        assert_eq!(seen.classes.iter().flat_map(|class| class.refused).sum::<u64>(), 1);
        assert_eq!(seen.classes.each_ref().map(|class| class.failed), [0, 1, 0]);
        assert_eq!(seen.classes.each_ref().map(|class| class.waiting), [3, 0, 0]);
        assert_eq!(seen.classes.each_ref().map(|class| class.latencies.count()), [0, 2, 0]);
        assert_eq!(seen.cached, [0, 0, 1, 0]);
        assert_eq!((seen.batches[1], seen.rows), (1, 3));
        assert_eq!(seen.lockouts.len(), 1);
    }

    #[test]
    fn reasons_and_outcomes_lie_where_their_lists_say() {
        assert!((0..).zip(Refused::ALL).all(|(index, why)| why as usize == index));
        assert!((0..).zip(Cached::ALL).all(|(index, how)| how as usize == index));
        assert!((0..).zip(Class::ALL).all(|(index, class)| class.index() == index));
    }

    #[tokio::test]
    async fn closing_is_heard_before_and_after() {
        let telemetry = Telemetry::new();
        tokio::join!(telemetry.closed(), async { telemetry.close() });
        telemetry.closed().await;
    }
}
