//! `--listen`: serves until Ctrl-C, then finishes what it has begun.

use core::net::SocketAddr;

use axum::http::uri::Authority;
use tidegate_tokio::signal;

use crate::connections;
use crate::failure::Failure;
use crate::options::Options;
use crate::output;
use crate::server::Server;
use crate::trial::flaky::{Flaky, Temper};

pub(crate) async fn run(
    address: SocketAddr,
    upstream: Option<Authority>,
    options: &Options,
) -> Result<(), Failure> {
    let (listener, address) = connections::listen(address).await?;
    let upstream = match upstream {
        Some(upstream) => upstream,
        None => Flaky::start(Temper::BAD).await?.authority,
    };
    let server = Server::start(listener, upstream.clone(), options)?;
    let gateway = server.gateway;
    let started = move || {
        let log = gateway.database.file().display();
        say(&format!(
            "listening on http://{address}/, in front of http://{upstream}/api, logging in {log}; Ctrl-C stops it\n"
        ));
    };
    let stopping = || say("finishing what has begun; Ctrl-C kills it\n");
    let stopped = server.run(&[signal::SIGINT, signal::SIGTERM], started, stopping).await?;
    let (rows, left_out) = (gateway.log.stats(), gateway.log.left_out());
    say(&format!("{} rows of the access log were accepted, {left_out} were not\n", rows.accepted));
    if stopped.report.is_clean() && rows.failed == 0 {
        Ok(())
    } else {
        Err(Failure::Run(format!("stopped, but not in order: {}", stopped.report)))
    }
}

/// A service does not end because what it says cannot be printed.
fn say(line: &str) {
    let _ = output::print(line);
}
