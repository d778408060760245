//! [`Report`]: rows per second, batches, and how long rows took to be safe.

use core::time::Duration;
use std::time::Instant;

use hdrhistogram::Histogram;

use crate::Result;
use crate::args::Args;
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

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(crate) fn print(&self, way: &str, args: &Args) {
        let per_second = self.in_file as f64 / self.elapsed.as_secs_f64();
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
