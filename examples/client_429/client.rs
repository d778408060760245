//! The client: tasks that all want to send at once, and one gate before them.

use core::error::Error;
use core::net::SocketAddr;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{self, Body};
use axum::extract::Request;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tidegate_tokio::{Clock, FifoLockout, Gate, Instant, Quota, RateLimiter, Semaphore, TokioTimer};
use tokio::task::JoinSet;

use crate::server::{POLICY, SENT};

/// So many requests are under way at once, at most.
const CONNECTIONS: usize = 8;
/// So many tasks want to send.
const TASKS: usize = 40;
/// What the client keeps to before it knows better: the semaphore is what bounds it.
const FIRST: Quota = match Quota::sliding(10_000, Duration::from_secs(1)) {
    Ok(quota) => quota,
    Err(_) => panic!("it makes sense"),
};
/// When the client was first told to slow down, and until when it was to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) at: Instant,
    pub(crate) until: Instant,
}

/// Everything that the tasks share.
struct Peer {
    uri: String,
    http: Client<HttpConnector, Body>,
    connections: Semaphore,
    rate: RateLimiter,
    rest: FifoLockout,
    /// A request may take so much longer to arrive than the next: the client's window is that much wider.
    jitter: Duration,
    told: Mutex<Option<Told>>,
}

/// Sends for so long, with a window that is wider by `jitter` than what the server names. Answers when it was told to slow down, if it was.
pub(crate) async fn run(
    server: SocketAddr,
    span: Duration,
    jitter: Duration,
) -> Result<Option<Told>, Box<dyn Error>> {
    let peer = Arc::new(Peer {
        uri: format!("http://{server}/"),
        http: Client::builder(TokioExecutor::new()).build_http(),
        connections: Semaphore::new(CONNECTIONS),
        rate: RateLimiter::new(FIRST),
        rest: FifoLockout::new(),
        jitter,
        told: Mutex::new(None),
    });
    let end = TokioTimer.now() + span;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let peer = Arc::clone(&peer);
        tasks.spawn(async move {
            // A task that waits at the gate when the time is up is dropped there, and harms nobody.
            while let left = end.duration_since(TokioTimer.now())
                && !left.is_zero()
                && let Ok(sent) = tidegate_tokio::timeout(left, peer.send()).await
            {
                sent.map_err(|error| error.to_string())?;
            }
            Ok::<(), String>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(*peer.told.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Peer {
    async fn send(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let gate = Gate::new().semaphore(&self.connections).limiter(&self.rate).lockout(&self.rest);
        let _pass = gate.enter().await?;
        let request = Request::get(&self.uri).header(SENT, TokioTimer.now().as_nanos()).body(Body::empty())?;
        let response = self.http.request(request).await?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            self.obey(response.headers())?;
        }
        // To the end, so that the connection can be used again.
        body::to_bytes(Body::new(response), usize::MAX).await?;
        Ok(())
    }

    /// Does what a 429 says.
    fn obey(&self, headers: &HeaderMap) -> Result<(), Box<dyn Error + Send + Sync>> {
        let wait = headers.get(RETRY_AFTER).ok_or("a 429 without Retry-After")?;
        let wait = Duration::from_secs(wait.to_str()?.parse()?);
        let at = TokioTimer.now();
        self.rest.lock_until(at + wait)?;
        let policy = headers.get(POLICY).and_then(|policy| limit(policy.to_str().ok()?));
        if let Some((tokens, period)) = policy {
            self.rate.set_quota(Quota::sliding(tokens, period + self.jitter)?)?;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let first = told.get_or_insert(Told { at, until: at });
        first.until = first.until.max(at + wait);
        Ok(())
    }
}

/// The limit that a policy such as `"default";q=25;w=1` names.
fn limit(policy: &str) -> Option<(u32, Duration)> {
    let value = |key: &str| policy.split(';').find_map(|part| part.trim().strip_prefix(key)?.parse().ok());
    Some((value("q=")?, Duration::from_secs(u64::from(value("w=")?))))
}
