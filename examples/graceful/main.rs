//! A service of many colours that stops in order and loses nothing.
//!
//! ```text
//! cargo run --example graceful                   # until Ctrl-C; a second one kills it
//! cargo run --example graceful -- --orders 1000  # stops by itself after so many
//! ```
//!
//! ```text
//!   main thread           nothing but signals, and the order in which everything starts and stops
//!   background "intake"   async: takes orders in, and puts them into a queue of eight
//!   three worker threads  blocking: take orders out of the queue, and do the work
//!   background "ledger"   async: writes down what has been done
//! ```
//!
//! On Ctrl-C the intake stops, then the queue is closed and drained by the workers, then the ledger writes the rest
//! down; each has some time for that, and the report names whoever did not come.

mod stages;

use core::time::Duration;
use std::env;
use std::process::ExitCode;

use tidegate_threads::{Service, Shutdown, signal};

use stages::{Intake, Ledger, Totals, Workers};

/// Triggered by a signal, or by the intake when it has had enough.
static SHUTDOWN: Shutdown = Shutdown::new();

/// How long anybody may take to come to an end.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let orders = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(u64::MAX),
        ["--orders", orders] => orders.parse().map_err(|_| format!("not a number: {orders}")),
        _ => Err("usage: graceful [--orders NUMBER]".into()),
    };
    match orders.map_err(Into::into).and_then(serve) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("graceful: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until it is told to stop; answers whether nothing was lost.
fn serve(orders: u64) -> Result<bool, Box<dyn core::error::Error>> {
    let ledger = Ledger::start()?;
    let workers = Workers::start(3, &ledger)?;
    let intake = Intake::start(orders)?;
    let report = Service::new(&SHUTDOWN)
        .signals([signal::SIGINT, signal::SIGTERM])
        .start_up("say so", || println!("serving; Ctrl-C stops it"))
        // The intake waits for the trigger itself, so there is nobody left to be told but the user.
        .callback("say so", |reason| println!("stopping: {reason}"))
        .join("intake", PATIENCE, || intake.stop())
        // Nothing is put any more; what is there is still taken out.
        .join("queue", PATIENCE, stages::close)
        .join("workers", PATIENCE, || workers.stop())
        .join("ledger", PATIENCE, || ledger.stop())
        .run()?;
    println!("{report}");
    let Totals { taken, done, written } = stages::totals();
    let nothing_lost = report.is_clean() && taken == done && done == written;
    let verdict = if nothing_lost { "nothing was lost" } else { "something was lost" };
    println!("{taken} orders taken in, {done} done, {written} written down: {verdict}");
    Ok(nothing_lost)
}
