//! [`Refusal`]: that a request was turned down, and why.

use core::error::Error;
use core::fmt;
use core::time::Duration;

use http::header::{HeaderMap, RETRY_AFTER};
use http::{Response, StatusCode};
use tidegate_tokio::Instant;

use crate::headers::{RateStatus, seconds};

/// Why a request was turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// There have been too many requests, of everybody or of this key: 429.
    RateLimited,
    /// The key is new, and there is no room for another one: 503.
    KeysExhausted,
    /// Too many requests wait already: 503.
    Overloaded,
    /// It has waited for as long as it may: 503.
    TimedOut,
    /// Whoever is behind the service has asked to be left alone for a while: 503.
    LockedOut,
    /// The semaphore has been closed: 503.
    Closed,
    /// The service was called though it had not said that it is ready: 503.
    NotReady,
}

impl Reason {
    /// The reason as one word, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::KeysExhausted => "keys_exhausted",
            Self::Overloaded => "overloaded",
            Self::TimedOut => "timed_out",
            Self::LockedOut => "locked_out",
            Self::Closed => "closed",
            Self::NotReady => "not_ready",
        }
    }

    /// The status that says so in HTTP.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RateLimited => "too many requests",
            Self::KeysExhausted => "too many different clients",
            Self::Overloaded => "too many requests wait",
            Self::TimedOut => "the request has waited for too long",
            Self::LockedOut => "locked out for a while",
            Self::Closed => "closed",
            Self::NotReady => "the service was not ready",
        })
    }
}

/// That a request was turned down, and why, and when it may come again.
///
/// It is an error, and it is what becomes an answer: see [`Refuse`](crate::Refuse).
///
/// ```
/// use core::time::Duration;
/// use http::{Response, StatusCode};
/// use tidegate_tower::{Reason, Refusal};
///
/// let refusal = Refusal::new(Reason::Overloaded).retry_after(Duration::from_millis(1_500));
/// let response: Response<String> = refusal.into_response();
/// assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
/// assert_eq!(response.headers()["retry-after"], "2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    reason: Reason,
    retry_after: Option<Duration>,
    rate: Option<RateStatus>,
}

impl Refusal {
    /// A refusal that says nothing of when to come again.
    #[must_use]
    pub const fn new(reason: Reason) -> Self {
        Self { reason, retry_after: None, rate: None }
    }

    /// Says when to come again.
    #[must_use]
    pub const fn retry_after(self, span: Duration) -> Self {
        Self { retry_after: Some(span), ..self }
    }

    /// Says when to come again, if that is known; [`Instant::MAX`] is never.
    pub(crate) fn retry_at(self, at: Option<Instant>, now: Instant) -> Self {
        match at {
            Some(at) if at != Instant::MAX => self.retry_after(at.duration_since(now)),
            _ => self,
        }
    }

    pub(crate) const fn with_rate(self, rate: RateStatus) -> Self {
        Self { rate: Some(rate), ..self }
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// In how much time it is worth while to come again, if that is known.
    #[must_use]
    pub const fn retry_in(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What is left of the quota that was exceeded.
    #[must_use]
    pub const fn rate(&self) -> Option<RateStatus> {
        self.rate
    }

    /// The status that says so in HTTP.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.reason.status()
    }

    /// Writes `Retry-After`, in whole seconds rounded up, and the fields of
    /// [the quota](crate::headers#ratelimit), as far as they are known.
    pub fn write_headers(&self, headers: &mut HeaderMap) {
        if let Some(span) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds(span).into());
        }
        if let Some(rate) = &self.rate {
            rate.write(headers);
        }
    }

    /// The answer: status and headers, a body that is empty, and the refusal itself among the extensions, so that
    /// layers outside can tell it from what the service answers.
    #[must_use]
    pub fn into_response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        self.write_headers(response.headers_mut());
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        match self.retry_after {
            Some(span) => write!(f, ", come again in {} s", seconds(span)),
            None => Ok(()),
        }
    }
}

impl Error for Refusal {}

/// See [`into_response`](Refusal::into_response).
impl<B: Default> From<Refusal> for Response<B> {
    fn from(refusal: Refusal) -> Self {
        refusal.into_response()
    }
}

/// For services whose errors are boxed, as most of tower's are, and for those that read `io::Error`.
impl From<Refusal> for std::io::Error {
    fn from(refusal: Refusal) -> Self {
        Self::other(refusal)
    }
}
