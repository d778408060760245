//! 100 000 small writes to a file of `SQLite`: one by one, in transactions written by hand, and through a `Waterfall`.
//!
//! ```sh
//! cargo run --release --example db_writer
//! cargo run --release --example db_writer -- --rounds 9 --rows 1000000
//! cargo run --release --example db_writer -- --only waterfall --rows 10000000   # and then Ctrl-C
//! ```
//!
//! Tasks put rows, and wait while ten thousand are on their way; one thread writes them, a transaction per batch. After
//! Ctrl-C no more rows are accepted, and whatever was accepted is in the file before the program ends.

mod args;
mod interrupts;
mod report;
mod store;
mod waterfall;

use core::error::Error;
use std::time::Instant;

use args::{Args, Way};
use report::{Medians, Report};
use store::{Row, Store};

type Result<T> = core::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let Some(args) = Args::from_env()? else {
        println!("{}", args::HELP);
        return Ok(());
    };
    let mut medians = Medians::default();
    for round in 0..args.rounds {
        for way in args.ways() {
            let report = match way {
                // It takes so much longer that once will do.
                Way::OneByOne if round > 0 => continue,
                Way::OneByOne => in_transactions(&args, 1)?,
                Way::ByHand => in_transactions(&args, args.batch)?,
                Way::Waterfall => waterfall::write(&args)?,
            };
            report.print(way.name(), &args);
            medians.add(way, report.per_second());
            if report.is_short_of(args.rows) {
                // Interrupted.
                return Ok(());
            }
        }
    }
    medians.print();
    Ok(())
}

/// One thread makes the rows and writes them, so many in a transaction: with one, that is one by one.
fn in_transactions(args: &Args, batch: usize) -> Result<Report> {
    let mut store = Store::create(&args.file)?;
    let mut report = Report::new()?;
    let mut rows = Vec::with_capacity(batch);
    let start = Instant::now();
    for number in 0..args.rows {
        rows.push(Row::new(0, number));
        if rows.len() == batch {
            store.write(&rows)?;
            report.batch(&rows);
            rows.clear();
        }
    }
    store.write(&rows)?;
    report.batch(&rows);
    report.finish(start.elapsed(), store.count()?);
    Ok(report)
}
