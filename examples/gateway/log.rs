//! [`Log`]: rows of the access log, which reach the [`Database`] in batches.

use core::mem;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use tidegate_tokio::waterfall::{Batch, Config, Stats, Verdict, Waterfall};

use crate::apart::Apart;
use crate::database::{Database, Row, Unwritten};
use crate::failure::Failure;
use crate::telemetry::Telemetry;

/// How many rows are in a transaction at most, and how long a row waits for others.
const BATCH: usize = 1_000;
const INTERVAL: Duration = Duration::from_millis(20);
/// How many rows are on their way at most; then whoever is answered waits.
const ON_THE_WAY: usize = 8 * BATCH;
/// How often a transaction is tried, and how long after it has failed.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Log {
    rows: Apart<Waterfall<Row>>,
    /// Of clients that were gone when there was no room, so that nobody could wait.
    left_out: AtomicU64,
}

impl Log {
    pub(crate) fn start(database: Database, telemetry: Arc<Telemetry>) -> Result<Self, Failure> {
        let config = Config::new(BATCH, INTERVAL).map_err(Failure::to("start the log"))?.capacity(ON_THE_WAY);
        let write = move |mut batch: Batch<Row>| {
            let (database, telemetry) = (database.clone(), Arc::clone(&telemetry));
            async move {
                let rows = mem::take(&mut *batch);
                let number = rows.len();
                match database.write(rows).await {
                    Ok(vector) => {
                        *batch = vector;
                        telemetry.batch(number);
                        Ok(())
                    }
                    // What is in the batch is tried again.
                    Err(Unwritten { rows, error }) => {
                        *batch = rows;
                        Err(error)
                    }
                }
            }
        };
        let rows = Waterfall::spawn_with(config, write, |failed| {
            eprintln!("gateway: {} rows were not logged: {}", failed.batch.len(), failed.error);
            if failed.attempts < ATTEMPTS { Verdict::RetryAfter(PAUSE) } else { Verdict::GiveUp }
        });
        Ok(Self { rows: Apart(rows.map_err(Failure::to("start the log"))?), left_out: AtomicU64::new(0) })
    }

    /// Accepts a row: from then on it will be in the file. Waits while too many are on their way.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future accepts nothing.
    pub(crate) async fn put(&self, row: Row) {
        if self.rows.put(row).await.is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Accepts a row if there is room; for those who cannot wait.
    pub(crate) fn put_now(&self, row: Row) {
        if self.rows.try_put(row).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Accepts no more, and waits until all that was accepted is in the file.
    pub(crate) async fn stop(&self, within: Duration) -> Result<(), String> {
        self.rows.stop(within).await.map_err(|unfinished| unfinished.to_string())
    }

    pub(crate) fn stats(&self) -> Stats {
        self.rows.stats()
    }

    pub(crate) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }
}
