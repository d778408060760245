//! The way this example is about: tasks put rows, a thread writes batches.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tidegate_threads::waterfall::{Config, Verdict, Waterfall};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::Result;
use crate::args::Args;
use crate::interrupts::Interrupts;
use crate::report::Report;
use crate::store::{Row, Store};

/// How many tasks put rows.
const SENSORS: u32 = 4;
/// How long a row waits for others at most.
const INTERVAL: Duration = Duration::from_millis(20);
/// How long the writer may take in the end.
const MAX_WAIT: Duration = Duration::from_mins(1);
/// How often a transaction is tried.
const ATTEMPTS: u32 = 5;

pub(crate) fn write(args: &Args) -> Result<Report> {
    let store = Store::create(&args.file)?;
    let counting = rusqlite::Connection::open(&args.file)?;
    let report = Arc::new(Mutex::new(Report::new()?));
    // There is one connection, so the one thread gets it.
    let mut store = Some(store);
    let reporting = Arc::clone(&report);
    let config = Config::new(args.batch, INTERVAL)?.capacity(10 * args.batch);
    let rows = Waterfall::spawn_with(
        config,
        || {
            let (mut store, report) = (store.take(), Arc::clone(&reporting));
            move |batch| {
                let Some(store) = &mut store else { return Ok(()) };
                store.write(batch)?;
                report.lock().unwrap_or_else(PoisonError::into_inner).batch(batch);
                Ok::<(), rusqlite::Error>(())
            }
        },
        |failed| {
            eprintln!("{} rows could not be written, {}", failed.batch.len(), failed.error);
            if failed.attempts < ATTEMPTS { Verdict::RetryAfter(INTERVAL) } else { Verdict::GiveUp }
        },
    )?;

    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let start = Instant::now();
    let accepted = runtime.block_on(produce(args, rows))?;
    let elapsed = start.elapsed();
    let in_file = counting.query_row("SELECT count(*) FROM reading", (), |row| row.get(0))?;
    println!("accepted {accepted}, in the file {in_file}");
    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
    report.finish(elapsed, in_file);
    Ok(core::mem::replace(&mut report, Report::new()?))
}

/// Puts rows until there are enough, or until Ctrl-C; answers how many were accepted, all of which are in the file.
async fn produce(args: &Args, rows: Waterfall<Row>) -> Result<u64> {
    let mut interrupts = Interrupts::new()?;
    let rows = Arc::new(rows);
    let mut sensors = JoinSet::new();
    for sensor in 0..SENSORS {
        let share = args.rows / u64::from(SENSORS) + u64::from(u64::from(sensor) < args.rows % u64::from(SENSORS));
        let rows = Arc::clone(&rows);
        sensors.spawn(async move {
            let mut accepted = 0;
            while accepted < share && rows.put(Row::new(sensor, accepted)).await.is_ok() {
                accepted += 1;
                if accepted % 64 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            accepted
        });
    }
    let enough = async {
        let mut accepted = 0;
        while let Some(sensor) = sensors.join_next().await {
            accepted += sensor.unwrap_or(0);
        }
        accepted
    };
    let mut enough = core::pin::pin!(enough);
    let interrupted = tokio::select! {
        accepted = &mut enough => Some(accepted),
        () = interrupts.next() => None,
    };
    // Nothing more is accepted; what has been is written. So the sensors end, too.
    if let Err(unfinished) = rows.stop(MAX_WAIT).await {
        return Err(unfinished.to_string().into());
    }
    match interrupted {
        Some(accepted) => Ok(accepted),
        None => Ok(enough.await),
    }
}
