//! The command line: [`parse`] and [`Mode`].

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::ffi::OsString;

use lexopt::{Arg, Parser};
use tidegate_tokio::Semaphore;

use crate::failure::Failure;

pub(crate) const HELP: &str = "\
An HTTP server in front of a slow backend: whoever is more urgent gets there first.

Usage: cargo run --release --example gateway -- [OPTIONS]

  --demo               send mixed traffic through it for some seconds and end with a
                       table (the default, unless --listen is given)
  --seconds SECONDS    for how long the demo sends [5]

  --listen ADDRESS     serve at ADDRESS, such as 127.0.0.1:8080, until Ctrl-C; it then
                       finishes what it has begun, and a second Ctrl-C stops it at once
  --backend ADDRESS    serve what is there, instead of the built-in slow backend

  --permits N          how many requests may be in the backend at once [8]
                       (the built-in one works on 8 at a time; with more permits the
                       line forms there, and priorities are lost)
  --patience SECONDS   who has waited so long gets 503 and a Retry-After [10]
  -h, --help           show this

A request's header `x-priority` is a whole number, and lower is sooner: from -10 to 10, what is beyond
counts as the nearest of these. Without it the priority is 0. GET /status tells how things stand.

Exit codes: 0, 1 if something failed (in the demo also an invariant), 2 for a wrong argument.
";

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Mode {
    Help,
    Demo(DemoOptions),
    Listen(ListenOptions),
}

#[derive(Debug)]
pub(crate) struct DemoOptions {
    pub(crate) seconds: Duration,
    pub(crate) limits: Limits,
}

#[derive(Debug)]
pub(crate) struct ListenOptions {
    pub(crate) address: SocketAddr,
    /// `None` for the built-in one.
    pub(crate) backend: Option<SocketAddr>,
    pub(crate) limits: Limits,
}

/// What the gateway grants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// At least 1.
    pub(crate) permits: usize,
    /// How long a request may stand in line.
    pub(crate) patience: Duration,
}

/// Makes sense of the arguments, which do not include the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Mode, Failure> {
    let mut limits = Limits { permits: 8, patience: Duration::from_secs(10) };
    let (mut demo, mut seconds, mut listen, mut backend) = (false, None, None, None);
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(usage)? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Mode::Help),
            Arg::Long("demo") => demo = true,
            Arg::Long("seconds") => seconds = Some(value(&mut parser, "--seconds", SPAN, span)?),
            Arg::Long("listen") => listen = Some(value(&mut parser, "--listen", ADDRESS, address)?),
            Arg::Long("backend") => backend = Some(value(&mut parser, "--backend", ADDRESS, address)?),
            Arg::Long("permits") => limits.permits = value(&mut parser, "--permits", COUNT, count)?,
            Arg::Long("patience") => limits.patience = value(&mut parser, "--patience", SPAN, span)?,
            unknown => return Err(usage(unknown.unexpected())),
        }
    }
    match listen {
        Some(_) if demo => Err(usage("--demo and --listen exclude each other")),
        Some(_) if seconds.is_some() => Err(usage("--seconds is for the demo, not for --listen")),
        Some(address) => Ok(Mode::Listen(ListenOptions { address, backend, limits })),
        None if backend.is_some() => Err(usage("--backend needs --listen: the demo brings its own")),
        None => Ok(Mode::Demo(DemoOptions { seconds: seconds.unwrap_or(Duration::from_secs(5)), limits })),
    }
}

fn usage(error: impl fmt::Display) -> Failure {
    Failure::Usage(error.to_string())
}

const ADDRESS: &str = "an address and a port, such as 127.0.0.1:8080";
const COUNT: &str = "a whole number, at least 1";
const SPAN: &str = "a number of seconds, above 0 and at most a day";

fn value<T>(
    parser: &mut Parser,
    option: &str,
    wanted: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Failure> {
    let given = parser.value().map_err(usage)?;
    // Quoted and escaped: it is to stay one line.
    let refusal = || usage(format_args!("{option} takes {wanted}, not {:?}", given.to_string_lossy()));
    given.to_str().and_then(read).ok_or_else(refusal)
}

fn address(given: &str) -> Option<SocketAddr> {
    given.parse().ok()
}

fn count(given: &str) -> Option<usize> {
    given.parse().ok().filter(|count| (1..=Semaphore::MAX_PERMITS).contains(count))
}

fn span(given: &str) -> Option<Duration> {
    let span = Duration::try_from_secs_f64(given.parse().ok()?).ok()?;
    (!span.is_zero() && span <= Duration::from_hours(24)).then_some(span)
}
