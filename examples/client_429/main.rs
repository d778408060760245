//! A client that does as it is told: a server on loopback allows so many requests in any second and answers the
//! rest with 429 and `Retry-After`; the client's gate honours that by a lockout, and keeps to the limit afterwards.
//!
//! ```text
//! cargo run --release --example client_429
//! ```
//!
//! Nobody tells the client the limit beforehand. Its tasks set out as fast as its semaphore lets them. The first
//! 429 locks the gate for as long as it says, and sets the limiter to the limit that it names. What was under way
//! at that moment may still be refused; nothing that sets out later is. Exit code 1 if anything was.
#![forbid(unsafe_code)]

mod chart;
mod client;
mod server;

use core::error::Error;
use core::time::Duration;
use std::process::ExitCode;

use tidegate_tokio::{Clock, TokioTimer};

use crate::server::{LIMIT, PERIOD, Server};

/// For how long the client sends.
const RUN: Duration = Duration::from_millis(9_500);

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let server = Server::start().await?;
    println!("The server on {} allows {LIMIT} requests in any {PERIOD:?}.", server.address());
    let told = client::run(server.address(), RUN).await?;
    let (end, log) = (TokioTimer.now(), server.log());
    print!("{}", chart::draw(&log));

    let Some(told) = told else {
        println!("The client was never told to slow down.");
        return Ok(ExitCode::FAILURE);
    };
    let refused = log.iter().filter(|arrival| !arrival.admitted).count();
    let late = log.iter().filter(|arrival| !arrival.admitted && arrival.sent > told.at).count();
    println!("{refused} requests were refused: {} under way by then, {late} that set out later.", refused - late);

    // A new window's worth as soon as the one before has passed, beginning with the end of the lockout.
    let windows = end.duration_since(told.until).as_nanos() / PERIOD.as_nanos() + 1;
    let allowed = u64::try_from(windows)? * u64::from(LIMIT);
    let admitted = log.iter().filter(|arrival| arrival.admitted && arrival.at >= told.until).count();
    let share = 100 * u64::try_from(admitted)? / allowed;
    println!("Since the lockout ended {admitted} were admitted, of {allowed} that could have been: {share} %.");
    Ok(if late == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
