//! A client that does as it is told: a server on loopback allows so many requests in any second and answers the
//! rest with 429 and `Retry-After`; the client's gate honours that by a lockout, and keeps to the limit afterwards.
//!
//! ```text
//! cargo run --release --example client_429 [SECONDS [JITTER]]
//! ```
//!
//! It sends for 9.5 seconds, or as many as are named, and keeps 0.05 seconds, or as many as are named, between what
//! the server allows and what it does, because requests do not all take the same time to arrive.
//!
//! Nobody tells the client the limit beforehand. Its tasks set out as fast as its semaphore lets them. The first
//! 429 locks the gate for as long as it says, and sets the limiter to the limit that it names. What was under way
//! at that moment may still be refused; nothing that sets out later is, and nothing sets out during the lockout. Exit
//! code 1 otherwise.
#![forbid(unsafe_code)]

mod chart;
mod client;
mod server;

use core::error::Error;
use core::time::Duration;
use std::env;
use std::process::ExitCode;

use tidegate_tokio::{Clock, TokioTimer};

use crate::server::{LIMIT, PERIOD, Server};

/// A span on the command line, in seconds, or what it is without.
fn span(nth: usize, otherwise: Duration) -> Result<Duration, Box<dyn Error>> {
    match env::args().nth(nth) {
        Some(seconds) => Ok(Duration::try_from_secs_f64(seconds.parse()?)?),
        None => Ok(otherwise),
    }
}

// One thread, so that no task is held up between the gate and the moment at which its request sets out.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let server = Server::start().await?;
    println!("The server on {} allows {LIMIT} requests in any {PERIOD:?}.", server.address());
    let (run, jitter) = (span(1, Duration::from_millis(9_500))?, span(2, Duration::from_millis(50))?);
    let told = client::run(server.address(), run, jitter).await?;
    let (end, log) = (TokioTimer.now(), server.log());
    print!("{}", chart::draw(&log));

    let Some(told) = told else {
        println!("The client was never told to slow down.");
        return Ok(ExitCode::FAILURE);
    };
    let refused = log.iter().filter(|arrival| !arrival.admitted).count();
    let locked = told.at..told.until;
    let ignored = log.iter().filter(|arrival| locked.contains(&arrival.sent) && arrival.sent > told.at).count();
    println!("{ignored} requests set out while the gate was locked.");
    let late = log.iter().filter(|arrival| !arrival.admitted && arrival.sent > told.at).count();
    println!("{refused} requests were refused: {} under way by then, {late} that set out later.", refused - late);

    // A new window's worth as soon as the one before has passed, beginning with the end of the lockout.
    let windows = end.duration_since(told.until).as_nanos() / PERIOD.as_nanos() + 1;
    let allowed = u64::try_from(windows)? * u64::from(LIMIT);
    let admitted = log.iter().filter(|arrival| arrival.admitted && arrival.at >= told.until).count();
    let share = 100 * u64::try_from(admitted)? / allowed;
    println!("Since the lockout ended {admitted} were admitted, of {allowed} that could have been: {share} %.");
    Ok(if late == 0 && ignored == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
