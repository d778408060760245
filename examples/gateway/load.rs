//! The demo's traffic: [`CLASSES`] of clients, each a task that sends one request after the other.
//!
//! How fast they ask depends on how fast they are answered, as with people, so the traffic is bounded: never
//! more requests at once than there are clients.

use core::net::SocketAddr;
use core::time::Duration;
use std::time::Instant;

use axum::body::{self, Body};
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, Uri};
use fastrand::Rng;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::sync::mpsc;
use tokio::time;

use crate::forward;
use crate::urgency;
use crate::workers::{WORK, WORKERS};

/// Clients who are alike.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) priority: i32,
    clients: u32,
    /// How much of what the backend can do they ask for, all together; `None` for as much as they get.
    share: Option<f64>,
    /// How many of their requests they do not wait for to the end.
    hang_up: f64,
}

/// The first two need three quarters of the backend; the third takes whatever is left.
pub(crate) static CLASSES: [Class; 3] = [
    Class { name: "interactive", priority: -5, clients: 40, share: Some(0.30), hang_up: 0.0 },
    Class { name: "normal", priority: 0, clients: 60, share: Some(0.45), hang_up: 0.0 },
    Class { name: "batch", priority: 5, clients: 40, share: None, hang_up: 0.05 },
];

impl Class {
    pub(crate) const fn clients(&self) -> u32 {
        self.clients
    }
}

/// What became of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// It was answered after so long.
    Answered(Duration),
    /// The gateway would not let it wait any longer.
    Refused,
    /// The client hung up on purpose.
    HungUp,
    /// It should not have happened.
    Failed,
}

/// The outcome of one request of the class with this index.
pub(crate) type Sample = (usize, Outcome);

/// Sends traffic to `gateway` for so long. The channel ends when every request has its outcome.
pub(crate) fn start(gateway: SocketAddr, permits: usize, span: Duration) -> mpsc::Receiver<Sample> {
    let (samples, outcomes) = mpsc::channel(1024);
    // What the backend does in a second, if it is given `permits` requests at a time.
    let capacity = f64::from(WORKERS.min(u32::try_from(permits).unwrap_or(WORKERS))) / WORK.as_secs_f64();
    let http = forward::client();
    let end = Instant::now() + span;
    let Some(uri) = forward::uri(gateway, PathAndQuery::from_static("/")) else { return outcomes };
    for (class, index) in CLASSES.iter().zip(0..) {
        let pause = class.share.map_or(0.0, |share| f64::from(class.clients) / (share * capacity));
        for number in 0..class.clients {
            let client = Caller {
                class,
                http: http.clone(),
                uri: uri.clone(),
                pause,
                rng: Rng::with_seed(u64::from(number) << 8 | index as u64),
            };
            tokio::spawn(client.run(index, end, samples.clone()));
        }
    }
    outcomes
}

struct Caller {
    class: &'static Class,
    http: Client<HttpConnector, Body>,
    uri: Uri,
    /// How long it thinks between two requests, in seconds, on average.
    pause: f64,
    rng: Rng,
}

impl Caller {
    async fn run(mut self, class: usize, end: Instant, samples: mpsc::Sender<Sample>) {
        // Not all at once.
        let head_start = Duration::from_secs_f64(self.pause * self.rng.f64());
        time::sleep_until(end.min(Instant::now() + head_start).into()).await;
        while Instant::now() < end {
            let outcome = self.ask().await;
            if samples.send((class, outcome)).await.is_err() {
                return;
            }
            let pause = match outcome {
                Outcome::Answered(_) => Duration::from_secs_f64(self.pause * (0.5 + self.rng.f64())),
                Outcome::Refused | Outcome::HungUp | Outcome::Failed => Duration::from_millis(100),
            };
            time::sleep_until(end.min(Instant::now() + pause).into()).await;
        }
    }

    async fn ask(&mut self) -> Outcome {
        if self.rng.f64() < self.class.hang_up {
            let patience = Duration::from_millis(self.rng.u64(0..200));
            time::timeout(patience, self.exchange()).await.unwrap_or(Outcome::HungUp)
        } else {
            self.exchange().await
        }
    }

    async fn exchange(&self) -> Outcome {
        let request = Request::get(self.uri.clone()).header(urgency::HEADER, self.class.priority);
        let Ok(request) = request.body(Body::empty()) else { return Outcome::Failed };
        let asked = Instant::now();
        let Ok(response) = self.http.request(request).await else { return Outcome::Failed };
        let status = response.status();
        if body::to_bytes(Body::new(response), usize::MAX).await.is_err() {
            return Outcome::Failed;
        }
        match status {
            StatusCode::OK => Outcome::Answered(asked.elapsed()),
            StatusCode::SERVICE_UNAVAILABLE => Outcome::Refused,
            _ => Outcome::Failed,
        }
    }
}
