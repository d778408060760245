//! [`Gateway`]: the line in front of the backend, and what happens to a request in it.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tidegate_tokio::{AcquireError, Config, Semaphore, priority};

use crate::args::Limits;
use crate::forward::{self, Upstream};
use crate::urgency;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Whom many have overtaken goes first for once, so that urgent traffic cannot starve the rest. The number is
/// well above the backlog of a healthy day, on which nobody is to notice it.
const MAX_BYPASS: u32 = 2_000;

/// What all requests share. There is one, and it lives as long as the process.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) line: Semaphore,
    limits: Limits,
    upstream: Upstream,
    answered: AtomicU64,
    refused: AtomicU64,
    hung_up: AtomicU64,
}

impl Gateway {
    pub(crate) fn start(backend: SocketAddr, limits: Limits) -> &'static Self {
        Box::leak(Box::new(Self {
            line: Semaphore::with_config(limits.permits, Config::new().max_bypass(MAX_BYPASS)),
            limits,
            upstream: Upstream::new(backend),
            answered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            hung_up: AtomicU64::new(0),
        }))
    }

    pub(crate) fn router(&'static self) -> Router {
        Router::new().route("/status", get(status)).fallback(proxy).with_state(self)
    }

    /// How many stand in line.
    pub(crate) fn waiters(&self) -> usize {
        self.line.waiters()
    }
}

async fn status(State(gateway): State<&'static Gateway>) -> impl IntoResponse {
    let json = format!(
        "{{\"permits\":{},\"available_permits\":{},\"waiters\":{},\"answered\":{},\"refused\":{},\"hung_up\":{}}}\n",
        gateway.limits.permits,
        gateway.line.available_permits(),
        gateway.line.waiters(),
        gateway.answered.load(Ordering::Relaxed),
        gateway.refused.load(Ordering::Relaxed),
        gateway.hung_up.load(Ordering::Relaxed),
    );
    ([(CONTENT_TYPE, "application/json")], json)
}

/// Waits in line, then for the backend.
///
/// A client that disconnects has its handler dropped. In line, that gives the place up and nothing else. In the
/// backend it changes nothing: the work there goes on, so its permit must stay with it.
async fn proxy(State(gateway): State<&'static Gateway>, request: Request) -> Response {
    let present = Present { hung_up: &gateway.hung_up, answered: false };
    let response = match urgency::of(request.headers()) {
        Ok(urgency) => priority::scope(urgency, admit(gateway, request)).await,
        Err(malformed) => (StatusCode::BAD_REQUEST, malformed).into_response(),
    };
    present.answered();
    response
}

async fn admit(gateway: &'static Gateway, request: Request) -> Response {
    // Before the wait: a slow sender must not hold a permit.
    let request = match forward::outbound(request).await {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let arrived = Instant::now();
    let permit = match gateway.line.acquire_timeout(gateway.limits.patience).await {
        Ok(permit) => permit,
        Err(error) => return refuse(gateway, error),
    };
    let waited = arrived.elapsed();
    let call = tokio::spawn(async move {
        let response = gateway.upstream.call(request).await;
        drop(permit);
        response
    });
    let mut response = call.await.unwrap_or_else(forward::bad_gateway);
    gateway.answered.fetch_add(1, Ordering::Relaxed);
    if let Ok(timing) = HeaderValue::try_from(format!("line;dur={:.1}", waited.as_secs_f64() * 1e3)) {
        response.headers_mut().append(SERVER_TIMING, timing);
    }
    response
}

fn refuse(gateway: &Gateway, error: AcquireError) -> Response {
    gateway.refused.fetch_add(1, Ordering::Relaxed);
    let retry_after = [(RETRY_AFTER, HeaderValue::from(whole_seconds(gateway.limits.patience)))];
    (StatusCode::SERVICE_UNAVAILABLE, retry_after, Body::from(format!("Too busy: {error}.\n"))).into_response()
}

/// Rounded up, for headers that know nothing finer.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

/// A client that has not hung up; counts it if it does.
struct Present<'a> {
    hung_up: &'a AtomicU64,
    answered: bool,
}

impl Present<'_> {
    fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.hung_up.fetch_add(1, Ordering::Relaxed);
        }
    }
}
