//! A reverse proxy in front of a flaky upstream, in which every primitive does what it is for.
//!
//! `cargo run --release --example gateway` shows it under load; with `-- --help` it says what else it can do.
//!
//! Where to look, along the way of a request:
//!
//! | file | what it does | by |
//! |---|---|---|
//! | `connections` | serves each connection in a task | `TaskGroup`, `Semaphore`, `Shutdown` |
//! | `door` | no client gets more than its share, no more are inside than there is room | `KeyedRateLimiter`, `Semaphore` with priorities |
//! | `pages` | fetches once for all who ask, and keeps what was asked for before (`doorkeeper`) | `TtlCache` |
//! | `upstream` | so many at once, so many per second, nobody while it rests | `Gate` of `Semaphore`, `RateLimiter`, `FifoLockout`; `TaskGroup` |
//! | `log` | rows of the access log, in batches | `Waterfall` |
//! | `database` | a thread that writes them | `Queue` of two colours |
//! | `export` | the rows, from a blocking cursor to an async answer | `Generator` |
//! | `jobs` | what is done now and then | `Scheduler`, `BackgroundLoop` |
//! | `server` | starts and stops all that in order | `Shutdown`, `Service` |
//!
//! `proxy` leads a request through these, `telemetry` counts, and `dashboard` shows it. `trial` is what the program does
//! with traffic of its own, before a `flaky` upstream: `demo`, `soak` and `overhead`.
#![forbid(unsafe_code)]

mod answering;
mod apart;
mod args;
mod connections;
mod dashboard;
mod database;
mod door;
mod doorkeeper;
mod export;
mod failure;
mod gateway;
mod gather;
mod http;
mod jobs;
mod lifetime;
mod log;
mod options;
mod outlive;
mod output;
mod packed;
mod pages;
mod proxy;
mod refusal;
mod serve;
mod server;
mod stall;
mod telemetry;
mod trial;
mod upstream;
mod urgency;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use args::Mode;
use failure::Failure;
use mimalloc::MiMalloc;
use trial::{demo, overhead, soak};

/// Memory goes from thread to thread here all the time, with requests, pages and rows: this one takes no lock for it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
        Mode::Listen { address, upstream, options } => runtime.block_on(serve::run(address, upstream, &options)),
        Mode::Demo { seconds, options } => runtime.block_on(demo::run(seconds, options)),
        Mode::Soak { requests } => runtime.block_on(soak::run(requests)),
        Mode::Overhead => runtime.block_on(overhead::run()),
    }
}
