//! The server: a limit, exact in any window, and a log of whatever arrives.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::{HeaderName, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tidegate_tokio::{Clock, Instant, TokioTimer};
use tokio::net::TcpListener;

/// So many requests are admitted …
pub(crate) const LIMIT: u32 = 25;
/// … in any span of this length.
pub(crate) const PERIOD: Duration = Duration::from_secs(1);

/// The header in which the client says when the request set out, in nanoseconds by the clock that both share.
pub(crate) const SENT: &str = "x-sent";

/// The header in which the server says what the limit is, in the words of the draft on such headers.
pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A request that has arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    /// When it set out, by the client's account.
    pub(crate) sent: Instant,
    pub(crate) admitted: bool,
}

#[derive(Debug)]
struct Desk {
    /// When those were admitted that count now, oldest first.
    window: VecDeque<Instant>,
    log: Vec<Arrival>,
}

/// The server, until the runtime ends.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
}

impl Server {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let desk = Desk { window: VecDeque::new(), log: Vec::new() };
        let desk = Arc::new(Mutex::new(desk));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, desk })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has arrived, in order.
    pub(crate) fn log(&self) -> Vec<Arrival> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).log.clone()
    }
}

async fn answer(State(desk): State<Arc<Mutex<Desk>>>, headers: HeaderMap) -> Response {
    let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
    let at = TokioTimer.now();
    while desk.window.front().is_some_and(|&first| at.duration_since(first) >= PERIOD) {
        desk.window.pop_front();
    }
    let admitted = desk.window.len() < LIMIT as usize;
    let sent = headers.get(SENT).and_then(|value| value.to_str().ok()?.parse().ok());
    let sent = sent.map_or(at, Instant::from_nanos);
    desk.log.push(Arrival { at, sent, admitted });
    if admitted {
        desk.window.push_back(at);
        return "Here you are.\n".into_response();
    }
    // In whole seconds, as HTTP has it.
    let wait = desk.window.front().map_or(PERIOD, |&first| (first + PERIOD).duration_since(at));
    let told = [
        (RETRY_AFTER, format!("{}", wait.as_millis().div_ceil(1000))),
        (POLICY, format!("\"loopback\";q={LIMIT};w={}", PERIOD.as_secs())),
    ];
    (StatusCode::TOO_MANY_REQUESTS, told, "Not now.\n").into_response()
}
