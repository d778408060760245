//! [`Learn`]: what an answer says of when to come again.

use core::time::Duration;
use std::time::SystemTime;

use http::header::{AsHeaderName, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::headers::RATELIMIT_RESET;

/// Reads from what a service answers for how long it wants to be left alone: [`FromHeaders`], or a closure
/// `Fn(&Result<Response, Error>) -> Option<Duration>`.
pub trait Learn<Res, Err> {
    /// For how long, if it says so.
    fn learn(&self, outcome: &Result<Res, Err>) -> Option<Duration>;
}

impl<F, Res, Err> Learn<Res, Err> for F
where
    F: Fn(&Result<Res, Err>) -> Option<Duration>,
{
    fn learn(&self, outcome: &Result<Res, Err>) -> Option<Duration> {
        self(outcome)
    }
}

/// Learns from answers with the status 429 or 503, by [`retry_after`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FromHeaders {
    otherwise: Option<Duration>,
}

impl FromHeaders {
    /// An answer that does not say for how long says nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { otherwise: None }
    }

    /// An answer with one of these statuses that does not say for how long, or not so that it can be understood, means
    /// this long.
    #[must_use]
    pub const fn otherwise(self, span: Duration) -> Self {
        Self { otherwise: Some(span) }
    }
}

impl<B, Err> Learn<Response<B>, Err> for FromHeaders {
    fn learn(&self, outcome: &Result<Response<B>, Err>) -> Option<Duration> {
        let response = outcome.as_ref().ok()?;
        match response.status() {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                retry_after(response.headers()).or(self.otherwise)
            }
            _ => None,
        }
    }
}

/// In how much time it is worth while to come again, as `Retry-After` says, in seconds or as a date, or else
/// `RateLimit-Reset` in seconds.
///
/// A date is compared with the answer's own `Date`, so that it does not matter what clock the server has; without one, with
/// the system's clock. One that has passed is no time at all. Seconds beyond what 64 bits hold are [`Duration::MAX`]. Of
/// several fields the longest counts; what cannot be understood (a sign, a fraction, a word) is as if it were not there.
///
/// ```
/// use core::time::Duration;
/// use http::{HeaderMap, HeaderValue, header};
/// use tidegate_tower::retry_after;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(header::DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
/// headers.insert(header::RETRY_AFTER, HeaderValue::from_static("Sun, 06 Nov 1994 08:50:07 GMT"));
/// assert_eq!(retry_after(&headers), Some(Duration::from_secs(30)));
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    longest_of(headers, RETRY_AFTER, |value| seconds(value).or_else(|| until_date(headers, value)))
        .or_else(|| longest_of(headers, RATELIMIT_RESET, seconds))
}

fn longest_of(
    headers: &HeaderMap,
    name: impl AsHeaderName,
    parse: impl Fn(&str) -> Option<Duration>,
) -> Option<Duration> {
    let text = |value: &HeaderValue| value.to_str().ok().and_then(|value| parse(value.trim()));
    headers.get_all(name).iter().filter_map(text).max()
}

/// Digits and nothing else.
pub(crate) fn seconds(value: &str) -> Option<Duration> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Digits alone fail only if there are too many of them.
    Some(value.parse().map_or(Duration::MAX, Duration::from_secs))
}

/// From the answer's date to this one.
pub(crate) fn until_date(headers: &HeaderMap, value: &str) -> Option<Duration> {
    let date = |value: &str| httpdate::parse_http_date(value).ok();
    let end = date(value)?;
    let now = headers.get(DATE).and_then(|value| date(value.to_str().ok()?)).unwrap_or_else(SystemTime::now);
    Some(end.duration_since(now).unwrap_or_default())
}
