//! What happens to a request below `/api`: [`proxy`], from its arrival to its row in the access log.

use core::future::Future;
use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Request, State};
use axum::http::header::{AGE, CACHE_STATUS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tidegate_tokio::{Clock, Instant, TokioTimer};

use crate::database::Row;
use crate::gateway::Gateway;
use crate::http::Outbound;
use crate::pages::{Found, Pages, Unshared};
use crate::refusal::Refusal;
use crate::telemetry::Cached;
use crate::upstream::Fetched;
use crate::urgency::{self, Class};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What is logged of a path at most.
const LONGEST_PATH: usize = 512;
/// How a client that has gone is logged.
const GONE: u16 = 499;

#[expect(clippy::manual_async_fn, reason = "it would have room for the request twice")]
pub(crate) fn proxy(
    State(gateway): State<&'static Gateway>,
    request: Request,
) -> impl Future<Output = Response> + Send {
    async move {
        if !is_below_api(request.uri().path()) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let mut visit = Visit::new(gateway, &request);
        let response = match visit.answer(request).await {
            Ok(response) => response,
            Err(refusal) => visit.refuse(refusal),
        };
        visit.end(response.status()).await;
        response
    }
}

fn is_below_api(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// One request, until it has been answered or its client has gone.
struct Visit {
    gateway: &'static Gateway,
    arrived: Instant,
    client: IpAddr,
    class: Class,
    /// Whether the gateway itself has refused it.
    refused: bool,
    /// Taken when it is logged.
    row: Option<Row>,
}

impl Visit {
    fn new(gateway: &'static Gateway, request: &Request) -> Self {
        let (arrived, class, client) = (TokioTimer.now(), Class::Normal, gateway.door.client(request));
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let row = Row {
            at: SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(),
            client,
            class,
            method: request.method().clone(),
            path: path[..path.floor_char_boundary(LONGEST_PATH)].into(),
            status: GONE,
            took: Duration::ZERO,
            cached: None,
        };
        Self { gateway, arrived, client, class, refused: false, row: Some(row) }
    }

    #[expect(clippy::manual_async_fn, reason = "it would have room for the request twice")]
    fn answer(&mut self, request: Request) -> impl Future<Output = Result<Response, Refusal>> + Send {
        async move {
            let gateway = self.gateway;
            let priority = urgency::of(request.headers()).map_err(Refusal::Malformed)?;
            self.class = Class::of(priority);
            let _inside = gateway.door.enter(self.client, priority, self.arrived).await?;
            gateway.telemetry.admitted(self.class);
            let fetch = |request| gateway.upstream.fetch(request, priority);
            let page = {
                // Before it stands in line: a slow sender must not hold a permit of the upstream's.
                let request = Outbound::read(request, gateway.behind_proxy, &gateway.slowness).await?;
                match Pages::key(&request, self.path()) {
                    Some(key) => gateway.pages.get(key, request, fetch),
                    None => return Ok(timed(fetch(request).await?)),
                }
            };
            match page.await {
                Ok(Found { fetched, cached, age }) => {
                    self.note(cached);
                    let mut response = timed(fetched);
                    response.headers_mut().append(CACHE_STATUS, status(cached));
                    if let Some(age) = age {
                        response.headers_mut().insert(AGE, HeaderValue::from(age.as_secs()));
                    }
                    Ok(response)
                }
                Err(Unshared::Alone(request)) => Ok(timed(fetch(request).await?)),
                Err(Unshared::Refused(refusal)) => Err(refusal),
            }
        }
    }

    /// The path as it is logged.
    fn path(&self) -> Option<&Arc<str>> {
        self.row.as_ref().map(|row| &row.path)
    }

    fn refuse(&mut self, refusal: Refusal) -> Response {
        if let Some(why) = refusal.counts_as() {
            self.gateway.telemetry.refused(self.class, why);
            self.gateway.counts.refused();
            self.refused = true;
        }
        refusal.into_response()
    }

    fn note(&mut self, cached: Cached) {
        self.gateway.telemetry.cache(cached);
        if let Some(row) = &mut self.row {
            row.cached = Some(cached);
        }
    }

    /// It has been answered, and the row is accepted before the client hears of it.
    async fn end(mut self, status: StatusCode) {
        self.gateway.counts.answered();
        if let Some(row) = self.last_row(status.as_u16()) {
            if !self.refused {
                self.gateway.telemetry.answered(self.class, row.took, row.status);
            }
            self.gateway.log.put(row).await;
        }
    }

    fn last_row(&mut self, status: u16) -> Option<Row> {
        let took = TokioTimer.now().duration_since(self.arrived);
        self.row.take().map(|row| Row { class: self.class, status, took, ..row })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(row) = self.last_row(GONE) {
            self.gateway.counts.hung_up();
            self.gateway.log.put_now(row);
        }
    }
}

/// In the words of RFC 9211.
const fn status(cached: Cached) -> HeaderValue {
    HeaderValue::from_static(match cached {
        Cached::Hit => "tidegate; hit",
        Cached::Miss => "tidegate; fwd=miss",
        Cached::Joined => "tidegate; fwd=miss; collapsed",
        Cached::Stale => "tidegate; hit; ttl=-1",
    })
}

/// The answer, which says how long its request has stood in line if it has.
fn timed(Fetched { answer, waited }: Fetched) -> Response {
    let mut response = answer.into_response();
    if !waited.is_zero()
        && let Ok(waited) = HeaderValue::try_from(format!("line;dur={:.1}", waited.as_secs_f64() * 1e3))
    {
        response.headers_mut().append(SERVER_TIMING, waited);
    }
    response
}
