//! The demo's traffic: [`CROWDS`] of clients, each a task that sends one request after the other.
//!
//! How fast they ask depends on how fast they are answered, as with people, so the traffic is bounded: never
//! more requests at once than there are clients.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::time::Instant;

use axum::body::{self, Body};
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode};
use fastrand::Rng;
use tidegate_tokio::timeout;
use tokio::sync::mpsc;
use tokio::time;

use crate::http::{self, Client};
use crate::urgency::{self, Class};

/// How many pages there are; the first is asked for most.
const PAGES: f64 = 2_000.0;

/// Clients who are alike.
#[derive(Debug)]
pub(crate) struct Crowd {
    pub(crate) class: Class,
    pub(crate) priority: i32,
    pub(crate) clients: u8,
    /// How many requests they send in a second, all together; `None` for as many as they can.
    per_second: Option<f64>,
    /// Whether they all come from one address.
    together: bool,
    /// Which share of their requests is for pages; the others are orders.
    pages: f64,
    /// Which share of their answers they do not wait for.
    hang_up: f64,
}

/// The first two need about two thirds of the upstream; the third takes whatever is left.
pub(crate) static CROWDS: [Crowd; Class::ALL.len()] = [
    Crowd {
        class: Class::Interactive,
        priority: -5,
        clients: 40,
        per_second: Some(100.0),
        together: false,
        pages: 0.6,
        hang_up: 0.0,
    },
    Crowd {
        class: Class::Normal,
        priority: 0,
        clients: 60,
        per_second: Some(120.0),
        together: false,
        pages: 0.6,
        hang_up: 0.0,
    },
    Crowd {
        class: Class::Batch,
        priority: 5,
        clients: 40,
        per_second: None,
        together: true,
        pages: 0.3,
        hang_up: 0.05,
    },
];

/// What became of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// It was answered after so long.
    Answered { after: Duration, ordered: bool },
    /// The gateway refused it: too many, too often, or not now.
    Refused,
    /// The upstream has failed, as it does at times.
    Upstream,
    /// The client hung up on purpose.
    HungUp,
    /// It should not have happened.
    Failed,
}

/// The outcome of one request of a class.
pub(crate) type Sample = (Class, Outcome);

/// Sends traffic to `gateway` for so long. The channel ends when every request has its outcome.
pub(crate) fn start(gateway: SocketAddr, span: Duration) -> mpsc::Receiver<Sample> {
    let (samples, outcomes) = mpsc::channel(1024);
    let Ok(gateway) = Authority::try_from(gateway.to_string()) else { return outcomes };
    let http = http::client();
    let end = Instant::now() + span;
    for crowd in &CROWDS {
        for number in 0..crowd.clients {
            let last = if crowd.together { 0 } else { number };
            let client = Caller {
                crowd,
                http: http.clone(),
                gateway: gateway.clone(),
                address: Ipv4Addr::new(192, 0, crowd.class as u8, last),
                rng: Rng::with_seed(u64::from(number) << 8 | crowd.class as u64),
            };
            tokio::spawn(client.run(end, samples.clone()));
        }
    }
    outcomes
}

struct Caller {
    crowd: &'static Crowd,
    http: Client,
    gateway: Authority,
    address: Ipv4Addr,
    rng: Rng,
}

impl Caller {
    async fn run(mut self, end: Instant, samples: mpsc::Sender<Sample>) {
        // How long it thinks between two requests, on average, in seconds.
        let pause = self.crowd.per_second.map_or(0.0, |rate| f64::from(self.crowd.clients) / rate);
        // Not all at once.
        let head_start = Duration::from_secs_f64(pause * self.rng.f64());
        time::sleep_until(end.min(Instant::now() + head_start).into()).await;
        while Instant::now() < end {
            let outcome = self.ask().await;
            if samples.send((self.crowd.class, outcome)).await.is_err() {
                return;
            }
            let pause = match outcome {
                Outcome::Answered { .. } => Duration::from_secs_f64(pause * (0.5 + self.rng.f64())),
                _ => Duration::from_millis(100),
            };
            time::sleep_until(end.min(Instant::now() + pause).into()).await;
        }
    }

    async fn ask(&mut self) -> Outcome {
        let Some(request) = self.request() else { return Outcome::Failed };
        if self.rng.f64() < self.crowd.hang_up {
            let patience = Duration::from_millis(self.rng.u64(0..200));
            timeout(patience, self.exchange(request)).await.unwrap_or(Outcome::HungUp)
        } else {
            self.exchange(request).await
        }
    }

    fn request(&mut self) -> Option<Request> {
        let (method, path) = if self.rng.f64() < self.crowd.pages {
            // Few are asked for often, many seldom.
            (Method::GET, format!("/api/pages/{:.0}", PAGES * self.rng.f64().powi(5)))
        } else {
            (Method::POST, format!("/api/orders/{}", self.rng.u64(..)))
        };
        let request = Request::builder()
            .method(method)
            .uri(http::uri(&self.gateway, path.try_into().ok()?)?)
            .header(urgency::HEADER, self.crowd.priority)
            .header("x-forwarded-for", self.address.to_string());
        request.body(Body::empty()).ok()
    }

    async fn exchange(&self, request: Request) -> Outcome {
        let asked = Instant::now();
        let Ok(response) = self.http.request(request).await else { return Outcome::Failed };
        let status = response.status();
        if body::to_bytes(Body::new(response), http::LARGEST_BODY).await.is_err() {
            return Outcome::Failed;
        }
        match status {
            StatusCode::OK | StatusCode::CREATED => {
                Outcome::Answered { after: asked.elapsed(), ordered: status == StatusCode::CREATED }
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Outcome::Refused,
            StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY => Outcome::Upstream,
            _ => Outcome::Failed,
        }
    }
}
