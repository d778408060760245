//! The command line: [`parse`] and [`Mode`].

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use axum::http::Uri;
use axum::http::uri::Authority;
use lexopt::{Arg, Parser};
use tidegate_tokio::Semaphore;

use crate::failure::Failure;
use crate::options::Options;

pub(crate) const HELP: &str = "\
A reverse proxy in front of a flaky upstream: it lets the urgent through first, keeps to the
upstream's limits, fetches a page once for all who ask, and loses no row of its access log.

Usage: cargo run --release --example gateway -- [OPTIONS]

  --demo               send mixed traffic through it for some seconds, and end with a table and
                       with what was checked (the default, unless another mode is given)
  --seconds SECONDS    for how long the demo sends [8]
  --soak [N]           send N requests, hostile ones among them, and watch memory [200000]
  --overhead           what the gateway's layers cost, beside the same proxy without them

  --listen ADDRESS     serve at ADDRESS, such as 127.0.0.1:8080, until Ctrl-C; it then finishes
                       what it has begun, and a second Ctrl-C kills it
  --upstream URL       serve what is there, instead of the built-in flaky upstream
  --behind-proxy       a client is the last address in X-Forwarded-For, not the peer

  --permits N          how many requests may be in the upstream at once [8]
  --rate N             how many requests it may get in any second [320]
  --slack SECONDS      how much longer than a second that second is: requests may be delayed
                       on their way by so much, and still keep to the limit [0.25]
  --client-rate N      how many requests a client may send per second [200]
  --patience SECONDS   who has waited so long gets 503 and a Retry-After [10]
  --ttl SECONDS        how long a page is kept if the upstream does not say [1]; one that is asked
                       for once only is not kept at all
  --log FILE           where access is logged, in a file of SQLite [a temporary file]
  -h, --help           show this

Paths below /api go to the upstream. The gateway's own are / (a dashboard), /health, and /export,
which streams the access log. A request's header `x-priority` is a whole number, and lower is
sooner: from -10 to 10, what is beyond counts as the nearest of these, and without it it is 0.

Exit codes: 0, 1 if something failed (also an invariant that was checked) or a trial was interrupted,
2 for a wrong argument.
";

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Mode {
    Help,
    Demo { seconds: Duration, options: Options },
    Listen { address: SocketAddr, upstream: Option<Authority>, options: Options },
    Soak { requests: u64 },
    Overhead,
}

/// Makes sense of the arguments, which do not include the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Mode, Failure> {
    let mut options = Options::default();
    let (mut demo, mut overhead, mut seconds) = (false, false, None);
    let (mut soak, mut listen, mut upstream) = (None, None, None);
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(usage)? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Mode::Help),
            Arg::Long("demo") => demo = true,
            Arg::Long("overhead") => overhead = true,
            Arg::Long("soak") => soak = Some(optional(&mut parser, "--soak", COUNT, requests)?.unwrap_or(200_000)),
            Arg::Long("seconds") => seconds = Some(value(&mut parser, "--seconds", SPAN, span)?),
            Arg::Long("listen") => listen = Some(value(&mut parser, "--listen", ADDRESS, address)?),
            Arg::Long("upstream") => upstream = Some(value(&mut parser, "--upstream", URL, authority)?),
            Arg::Long("behind-proxy") => options.behind_proxy = true,
            Arg::Long("permits") => options.permits = value(&mut parser, "--permits", COUNT, permits)?,
            Arg::Long("rate") => options.rate = value(&mut parser, "--rate", RATE, rate)?,
            Arg::Long("slack") => options.slack = value(&mut parser, "--slack", SPAN, span)?,
            Arg::Long("client-rate") => options.client_rate = value(&mut parser, "--client-rate", RATE, rate)?,
            Arg::Long("patience") => options.patience = value(&mut parser, "--patience", SPAN, span)?,
            Arg::Long("ttl") => options.ttl = value(&mut parser, "--ttl", SPAN, span)?,
            Arg::Long("log") => options.log = Some(PathBuf::from(parser.value().map_err(usage)?)),
            unknown => return Err(usage(unknown.unexpected())),
        }
    }
    let modes =
        [("--demo", demo), ("--listen", listen.is_some()), ("--soak", soak.is_some()), ("--overhead", overhead)];
    let mut chosen = modes.iter().filter(|(_, chosen)| *chosen).map(|(name, _)| name);
    if let (Some(one), Some(other)) = (chosen.next(), chosen.next()) {
        return Err(usage(format_args!("{one} and {other} exclude each other")));
    }
    let is_demo = listen.is_none() && soak.is_none() && !overhead;
    if seconds.is_some() && !is_demo {
        return Err(usage("--seconds is for the demo"));
    }
    if upstream.is_some() && listen.is_none() {
        return Err(usage("--upstream needs --listen: everything else brings its own"));
    }
    Ok(match (listen, soak) {
        (Some(address), _) => Mode::Listen { address, upstream, options },
        (None, Some(requests)) => Mode::Soak { requests },
        (None, None) if overhead => Mode::Overhead,
        (None, None) => Mode::Demo { seconds: seconds.unwrap_or(Duration::from_secs(8)), options },
    })
}

fn usage(error: impl fmt::Display) -> Failure {
    Failure::Usage(error.to_string())
}

const ADDRESS: &str = "an address and a port, such as 127.0.0.1:8080";
const URL: &str = "where a server is, such as http://127.0.0.1:3000";
const COUNT: &str = "a whole number, at least 1";
const RATE: &str = "a whole number, from 1 to 1000000";
const SPAN: &str = "a number of seconds, above 0 and at most a day";

fn value<T>(
    parser: &mut Parser,
    option: &str,
    wanted: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Failure> {
    let given = parser.value().map_err(usage)?;
    read_value(&given, option, wanted, read)
}

/// A value that may be left out.
fn optional<T>(
    parser: &mut Parser,
    option: &str,
    wanted: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Failure> {
    let is_value = |next: &std::ffi::OsStr| !next.as_encoded_bytes().starts_with(b"-");
    let given = parser.optional_value().or_else(|| parser.raw_args().ok()?.next_if(is_value));
    given.map(|given| read_value(&given, option, wanted, read)).transpose()
}

fn read_value<T>(
    given: &OsString,
    option: &str,
    wanted: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Failure> {
    // Quoted and escaped: it is to stay one line.
    let refusal = || usage(format_args!("{option} takes {wanted}, not {:?}", given.to_string_lossy()));
    given.to_str().and_then(read).ok_or_else(refusal)
}

fn address(given: &str) -> Option<SocketAddr> {
    given.parse().ok()
}

fn authority(given: &str) -> Option<Authority> {
    let uri: Uri = given.parse().ok()?;
    let is_root = matches!(uri.path_and_query().map_or("", |path| path.as_str()), "" | "/");
    let is_http = uri.scheme_str().is_none_or(|scheme| scheme == "http");
    uri.authority().filter(|authority| is_root && is_http && !authority.host().is_empty()).cloned()
}

fn permits(given: &str) -> Option<usize> {
    given.parse().ok().filter(|count| (1..=Semaphore::MAX_PERMITS).contains(count))
}

fn requests(given: &str) -> Option<u64> {
    given.parse().ok().filter(|&count| count > 0)
}

fn rate(given: &str) -> Option<u32> {
    given.parse().ok().filter(|rate| (1..=1_000_000).contains(rate))
}

fn span(given: &str) -> Option<Duration> {
    let span = Duration::try_from_secs_f64(given.parse().ok()?).ok()?;
    (!span.is_zero() && span <= Duration::from_hours(24)).then_some(span)
}
