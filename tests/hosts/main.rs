//! The conformance scenarios on every adapter that a host has: tables of what holds where.
//!
//! `cargo test -p tidegate-tests --test conformance [FILTER]` runs those scenarios whose names contain `FILTER`.
#![forbid(unsafe_code)]

mod one_thread;
mod producers;
mod sim;
mod table;
mod tasks;
mod threads;
mod tokio;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let filter = env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let mut columns = Vec::from(one_thread::columns());
    columns.extend(tokio::columns());
    columns.extend([threads::column(), sim::column()]);
    let passed = table::run(&columns, &filter)
        & table::run(&tasks::columns(), &filter)
        & table::run(&producers::columns(), &filter);
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
