//! How many in how much time: beside tower's own limit and `tower_governor`. And, beside nobody, lockouts and caching.

use core::time::Duration;

use http::Request;
use tidegate_tokio::{Clock, QuantaClock, Quota, TokioTimer, WhenFull};
use tidegate_tower::{CacheLayer, KeyedRateLimitLayer, LockoutLayer, Raise, RateLimitLayer};
use tower::Layer as _;
use tower::limit::RateLimit as TowersRate;
use tower::limit::rate::Rate;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::{GlobalKeyExtractor, KeyExtractor};
use tower_governor::{GovernorError, GovernorLayer};

use super::work::{Echo, Hello, calls, clones};
use crate::harness::{Contenders, Group, Row};

const KEYS: u64 = 1_000;

pub(super) fn groups() -> Vec<Group> {
    vec![
        Group {
            name: "tower/rates",
            about: "a call of a service that answers at once",
            rows: vec![
                // Tower's cannot be shared, and so counts without an atomic operation.
                Row::new("rate limit", |row| rate(row, &TokioTimer)).countable(true),
                // Tower's reads tokio's clock in any case.
                Row::new("rate limit, quanta", |row| rate(row, &QuantaClock::new())).countable(true),
                Row::new("rate limit, HTTP", |row| http_rate(row, &TokioTimer))
                    .countable(true)
                    .at_most(1.0, "tower_governor"),
                Row::new("rate limit, HTTP, quanta", |row| http_rate(row, &QuantaClock::new()))
                    .countable(true)
                    .at_most(1.0, "tower_governor"),
                Row::new("rate limit, HTTP, a clone per call", http_rate_clones)
                    .countable(true)
                    .at_most(1.0, "tower_governor"),
                Row::new("rate limit, HTTP, with headers", announced)
                    .countable(true)
                    .at_most(1.0, "tower_governor"),
                Row::new("rate limit, HTTP, refused", http_refused).countable(true).at_most(1.0, "tower_governor"),
                Row::new("a thousand keys, admitted", |row| keyed(row, &TokioTimer))
                    .countable(true)
                    .at_most(1.0, "tower_governor"),
                Row::new("a thousand keys, admitted, quanta", |row| keyed(row, &QuantaClock::new()))
                    .countable(true)
                    .at_most(1.0, "tower_governor"),
                Row::new("a thousand keys, admitted, a clone per call", keyed_clones)
                    .countable(true)
                    .at_most(1.0, "tower_governor"),
                Row::new("a thousand keys, refused", keyed_refused).countable(true).at_most(1.0, "tower_governor"),
            ],
        },
        Group {
            name: "tower/others",
            about: "a call, of what has no peer in tower",
            rows: vec![
                Row::new("lockout, nothing locked", |row| {
                    row.add("tidegate", calls(|| LockoutLayer::new().layer(Hello), plain))
                        .add("no layer", calls(|| Hello, plain));
                })
                .countable(true),
                Row::new("cache, hit", |row| {
                    let cached = || CacheLayer::new(100, Duration::from_hours(1)).layer(Hello);
                    row.add("tidegate", calls(cached, plain)).add("no layer", calls(|| Hello, plain));
                })
                .countable(true),
            ],
        },
    ]
}

fn plain(nth: u64) -> Request<u64> {
    Request::new(nth)
}

fn plenty() -> Quota {
    Quota::per(1_000_000_000, Duration::from_secs(1)).expect("the quota makes sense")
}

fn little() -> Quota {
    Quota::per(1, Duration::from_hours(1)).expect("the quota makes sense")
}

fn rate<T: Clock + Clone + 'static>(row: &mut Contenders, timer: &T) {
    let ours = || RateLimitLayer::with_timer(plenty(), timer.clone()).refuse_with(Raise).layer(Echo);
    let towers = || TowersRate::new(Echo, Rate::new(u64::MAX, Duration::from_hours(1)));
    row.add("tidegate", calls(ours, |nth| nth))
        .add("tower, no clones", calls(towers, |nth| nth))
        .add("no layer", calls(|| Echo, |nth| nth));
}

/// The number in the request, as a key.
#[derive(Clone, Debug)]
struct Number;

impl KeyExtractor for Number {
    type Key = u64;

    fn extract<T>(&self, request: &Request<T>) -> Result<u64, GovernorError> {
        // The body's type is not known there.
        request.extensions().get().copied().ok_or(GovernorError::UnableToExtractKey)
    }
}

fn with_key(nth: u64) -> Request<u64> {
    let mut request = Request::new(nth);
    // In an order that a prefetcher does not guess.
    request.extensions_mut().insert(nth.wrapping_mul(609) % KEYS);
    request
}

fn key(request: &Request<u64>) -> u64 {
    request.extensions().get().copied().unwrap_or_default()
}

macro_rules! governor {
    ($key:expr, $period:expr, $burst:expr $(, $headers:ident)?) => {
        || {
            let mut builder = GovernorConfigBuilder::default().key_extractor($key);
            let builder = builder.period($period).burst_size($burst);
            $(let mut builder = builder.$headers();)?
            GovernorLayer::new(builder.finish().expect("it makes sense")).layer(Hello)
        }
    };
}

const NANOSECOND: Duration = Duration::from_nanos(1);
const HOUR: Duration = Duration::from_hours(1);

fn http_rate<T: Clock + Clone + 'static>(row: &mut Contenders, timer: &T) {
    row.add("tidegate", calls(|| RateLimitLayer::with_timer(plenty(), timer.clone()).layer(Hello), plain))
        .add("tower_governor", calls(governor!(GlobalKeyExtractor, NANOSECOND, 1_000_000_000), plain))
        .add("no layer", calls(|| Hello, plain));
}

fn http_rate_clones(row: &mut Contenders) {
    row.add("tidegate", clones(|| RateLimitLayer::new(plenty()).layer(Hello), plain))
        .add("tower_governor", clones(governor!(GlobalKeyExtractor, NANOSECOND, 1_000_000_000), plain));
}

fn announced(row: &mut Contenders) {
    row.add("tidegate", calls(|| RateLimitLayer::new(plenty()).with_headers().layer(Hello), plain)).add(
        "tower_governor",
        calls(governor!(GlobalKeyExtractor, NANOSECOND, 1_000_000_000, use_headers), plain),
    );
}

fn http_refused(row: &mut Contenders) {
    row.add("tidegate", calls(|| RateLimitLayer::new(little()).layer(Hello), plain))
        .add("tower_governor", calls(governor!(GlobalKeyExtractor, HOUR, 1), plain))
        .add("tower_governor, with headers", calls(governor!(GlobalKeyExtractor, HOUR, 1, use_headers), plain));
}

/// A limiter for each of ten thousand numbers at most.
fn by_number<T: Clock + Clone + 'static>(
    timer: T,
) -> impl tower::Service<Request<u64>, Error: core::fmt::Debug> + Clone + 'static {
    KeyedRateLimitLayer::with_timer(&[plenty()], 10_000, WhenFull::Refuse, key, timer)
        .expect("it is a bucket")
        .layer(Hello)
}

fn keyed<T: Clock + Clone + 'static>(row: &mut Contenders, timer: &T) {
    let ours = || by_number(timer.clone());
    row.add("tidegate", calls(ours, with_key))
        .add("tower_governor", calls(governor!(Number, NANOSECOND, 1_000_000_000), with_key))
        .add("no layer", calls(|| Hello, with_key));
}

fn keyed_clones(row: &mut Contenders) {
    row.add("tidegate", clones(|| by_number(TokioTimer), with_key))
        .add("tower_governor", clones(governor!(Number, NANOSECOND, 1_000_000_000), with_key));
}

fn keyed_refused(row: &mut Contenders) {
    let ours = || KeyedRateLimitLayer::new(little(), 10_000, key).expect("it is a bucket").layer(Hello);
    row.add("tidegate", calls(ours, with_key))
        .add("tower_governor", calls(governor!(Number, HOUR, 1), with_key))
        .add("tower_governor, with headers", calls(governor!(Number, HOUR, 1, use_headers), with_key));
}
