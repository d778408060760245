//! [`Report`]: what became of the demo's requests, by class.

use core::fmt;
use core::time::Duration;

use hdrhistogram::{CreationError, Histogram};

use super::load::{CROWDS, Crowd, Outcome, Sample};
use crate::urgency::Class;

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) rows: [Row; Class::ALL.len()],
    /// For how long requests were sent.
    span: Duration,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) crowd: &'static Crowd,
    /// Microseconds.
    latency: Histogram<u64>,
    /// How many of the answers were to orders.
    pub(crate) ordered: u64,
    pub(crate) refused: u64,
    pub(crate) upstream: u64,
    pub(crate) hung_up: u64,
    pub(crate) failed: u64,
}

impl Report {
    pub(crate) fn new(span: Duration) -> Result<Self, CreationError> {
        let [first, second, third] = &CROWDS;
        Ok(Self { rows: [Row::new(first)?, Row::new(second)?, Row::new(third)?], span })
    }

    pub(crate) fn add(&mut self, (class, outcome): Sample) {
        self.rows[class.index()].add(outcome);
    }

    /// The sum over all classes.
    pub(crate) fn total(&self, column: impl Fn(&Row) -> u64) -> u64 {
        self.rows.iter().map(column).sum()
    }
}

impl Row {
    fn new(crowd: &'static Crowd) -> Result<Self, CreationError> {
        // Up to a day, to three significant digits.
        let latency = Histogram::new_with_bounds(1, 86_400_000_000, 3)?;
        Ok(Self { crowd, latency, ordered: 0, refused: 0, upstream: 0, hung_up: 0, failed: 0 })
    }

    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Answered { after, ordered } => {
                self.latency.saturating_record(u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
                self.ordered += u64::from(ordered);
            }
            Outcome::Refused => self.refused += 1,
            Outcome::Upstream => self.upstream += 1,
            Outcome::HungUp => self.hung_up += 1,
            Outcome::Failed => self.failed += 1,
        }
    }

    pub(crate) fn answered(&self) -> u64 {
        self.latency.len()
    }

    /// How many heard something, if only a refusal.
    pub(crate) fn heard(&self) -> u64 {
        self.answered() + self.refused + self.upstream
    }

    /// In milliseconds: nobody among `share` of the answers took longer.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        millis(self.latency.value_at_quantile(share))
    }
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1e3
}

impl fmt::Display for Report {
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "                        answers          latency in ms                      upstream")?;
        writeln!(
            f,
            "class        priority   count   per s      p50      p90      p99  refused    failed  hung up"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<12} {:>8} {:>7} {:>7.0} {:>8.1} {:>8.1} {:>8.1} {:>8} {:>9} {:>8}",
                row.crowd.class.name(),
                row.crowd.priority,
                row.answered(),
                row.answered() as f64 / self.span.as_secs_f64(),
                row.quantile(0.5),
                row.quantile(0.9),
                row.quantile(0.99),
                row.refused,
                row.upstream,
                row.hung_up,
            )?;
        }
        Ok(())
    }
}
