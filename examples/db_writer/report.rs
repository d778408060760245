//! [`Report`]: rows per second, batches, and how long rows took to be safe.

use core::time::Duration;
use std::time::Instant;

use hdrhistogram::Histogram;

use crate::Result;
use crate::args::{Args, Way};
use crate::store::Row;

/// An hour.
const MOST_MICROS: u64 = 3_600_000_000;

pub(crate) struct Report {
    /// From the making of a row to the end of its transaction, in microseconds.
    latencies: Histogram<u64>,
    batches: u64,
    elapsed: Duration,
    in_file: u64,
}

impl Report {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            latencies: Histogram::new_with_bounds(1, MOST_MICROS, 3)?,
            batches: 0,
            elapsed: Duration::ZERO,
            in_file: 0,
        })
    }

    /// These rows are safe now.
    pub(crate) fn batch(&mut self, rows: &[Row]) {
        let now = Instant::now();
        self.batches += u64::from(!rows.is_empty());
        for row in rows {
            let micros = now.duration_since(row.made).as_micros();
            self.latencies.saturating_record(u64::try_from(micros).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn finish(&mut self, elapsed: Duration, in_file: u64) {
        (self.elapsed, self.in_file) = (elapsed, in_file);
    }

    pub(crate) fn is_short_of(&self, rows: u64) -> bool {
        self.in_file < rows
    }

    /// How many rows were written in a second.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(crate) fn per_second(&self) -> f64 {
        self.in_file as f64 / self.elapsed.as_secs_f64()
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(crate) fn print(&self, way: &str, args: &Args) {
        let per_second = self.per_second();
        let millis = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1_000.0;
        println!(
            "{way:10}  {:9} rows in {}  {per_second:9.0} rows/s  {:6} transactions  latency in ms: p50 {:.2}, p99 {:.2}, max {:.2}",
            self.in_file,
            args.file.display(),
            self.batches,
            millis(0.5),
            millis(0.99),
            self.latencies.max() as f64 / 1_000.0,
        );
    }
}

/// Rows per second, run by run, of the ways that are compared.
#[derive(Default)]
pub(crate) struct Medians {
    by_hand: Vec<f64>,
    waterfall: Vec<f64>,
}

impl Medians {
    pub(crate) fn add(&mut self, way: Way, per_second: f64) {
        match way {
            Way::OneByOne => {}
            Way::ByHand => self.by_hand.push(per_second),
            Way::Waterfall => self.waterfall.push(per_second),
        }
    }

    pub(crate) fn print(mut self) {
        if let (Some(by_hand), Some(waterfall)) = (median(&mut self.by_hand), median(&mut self.waterfall)) {
            println!(
                "the waterfall writes {:.2} times as many rows a second as transactions by hand, by the medians of {}",
                waterfall / by_hand,
                self.waterfall.len(),
            );
        }
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
