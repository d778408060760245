//! [`Refusal`]: why a request gets no answer of the upstream's, as an answer of the gateway's.

use core::time::Duration;
use std::sync::Arc;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::telemetry::Refused;

/// All who wait for one page get a clone.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// It makes no sense, for this reason.
    Malformed(&'static str),
    /// It asks for a tunnel.
    Tunnel,
    /// Its body, or its answer, is not there in time.
    TooSlow,
    /// It has more bytes than the gateway holds in memory.
    TooLarge,
    /// Its client asks too often, and may come again then.
    Limited { again: Duration },
    /// There are too many before it.
    Overloaded { again: Duration },
    /// The upstream wants to be left alone.
    LockedOut { again: Duration },
    /// The upstream did not answer as it should.
    Broken(Arc<str>),
    /// The upstream took too long.
    Late,
}

impl Refusal {
    /// What it counts as, if it is the gateway that refuses.
    pub(crate) const fn counts_as(&self) -> Option<Refused> {
        match self {
            Self::Limited { .. } => Some(Refused::Limited),
            Self::Overloaded { .. } => Some(Refused::Overloaded),
            Self::LockedOut { .. } => Some(Refused::LockedOut),
            Self::TooLarge => Some(Refused::TooLarge),
            _ => None,
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Tunnel => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded { .. } | Self::LockedOut { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::BAD_GATEWAY,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Malformed(why) => (*why).into(),
            Self::Tunnel => "This is no tunnel.\n".into(),
            Self::TooSlow => "The body did not come in time.\n".into(),
            Self::TooLarge => "The body has too many bytes.\n".into(),
            Self::Limited { .. } => "You ask too often.\n".into(),
            Self::Overloaded { .. } => "Too many stand in line.\n".into(),
            Self::LockedOut { .. } => "The upstream wants to be left alone for a while.\n".into(),
            Self::Broken(why) => format!("The upstream did not answer: {why}.\n"),
            Self::Late => "The upstream took too long.\n".into(),
        }
    }

    const fn again(&self) -> Option<Duration> {
        match self {
            Self::Limited { again } | Self::Overloaded { again } | Self::LockedOut { again } => Some(*again),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.message()).into_response();
        if let Some(again) = self.again() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(again)));
        }
        response
    }
}

/// Rounded up, for headers that know nothing finer.
pub(crate) fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}
