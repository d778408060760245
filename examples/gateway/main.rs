//! An HTTP server in front of a slow backend: whoever is more urgent gets to the backend first.
//!
//! The backend can do a few things at a time, and what it is given beyond that stands in a line that knows no
//! priorities. So the line is kept here, in a [`tidegate_tokio::Semaphore`], and the backend never gets more
//! than it can do. A request says in its header `x-priority` how urgent it is.
//!
//! `cargo run --release --example gateway` shows it under load; with `-- --help` it says what else it can do.
//!
//! Where to look: `proxy` has the semaphore; `urgency` reads the header; `forward` calls the backend; `backend`
//! is the slow one; `serve` runs until Ctrl-C; `demo` sends the traffic of `load`, and ends with the table of
//! `report` and the invariants of `checks`.
#![forbid(unsafe_code)]

mod args;
mod backend;
mod checks;
#[allow(dead_code, reason = "the gateway is about to use it")]
mod dashboard;
mod demo;
mod failure;
mod forward;
mod interrupts;
mod load;
mod output;
mod progress;
mod proxy;
mod report;
mod serve;
#[allow(dead_code, reason = "the gateway is about to use it")]
mod telemetry;
#[allow(dead_code, reason = "the gateway is about to use it")]
mod urgency;
mod workers;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use args::Mode;
use failure::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to hear that standard error is closed.
            let _ = writeln!(io::stderr(), "gateway: {failure}");
            failure.exit_code()
        }
    }
}

fn run() -> Result<(), Failure> {
    let mode = args::parse(env::args_os().skip(1))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::to("start a runtime"))?;
    match mode {
        Mode::Help => output::print(args::HELP),
        Mode::Listen(options) => runtime.block_on(serve::run(&options)),
        Mode::Demo(options) => runtime.block_on(demo::run(&options)),
    }
}
