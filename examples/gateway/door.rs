//! [`Door`]: who is let into the gateway at all.
//!
//! No client gets more than its share of requests, however many clients there are; and no more requests are inside
//! than there is memory for, the most urgent of those outside first.

use core::net::IpAddr;
use core::time::Duration;
use std::hash::RandomState;

use axum::extract::Request;
use axum::http::HeaderMap;
use tidegate_tokio::rate_limiter::{TokenBucket, WhenFull};
use tidegate_tokio::{
    Clock, Instant, InvalidQuota, KeyedError, KeyedRateLimiter, Permit, Priority, Quota, Semaphore, TokioTimer,
};

use crate::apart::Apart;
use crate::connections::Peer;
use crate::http::FORWARDED_FOR;
use crate::options::Options;
use crate::refusal::Refusal;

/// How many clients are remembered. When there are more, the one that has been the most modest is forgotten: it has
/// the least to gain.
const CLIENTS: usize = 10_000;
/// How many requests are inside at once, with their bodies.
const INSIDE: usize = 512;
/// How many wait outside. Whoever comes then is sent away.
const OUTSIDE: usize = 4_000;

#[derive(Debug)]
pub(crate) struct Door {
    clients: KeyedRateLimiter<IpAddr>,
    inside: Apart<Semaphore>,
    behind_proxy: bool,
    patience: Duration,
}

impl Door {
    pub(crate) fn new(options: &Options) -> Result<Self, InvalidQuota> {
        let bucket = TokenBucket::new(Quota::per(options.client_rate, Duration::from_secs(1))?)?;
        let when_full = WhenFull::ForgetFullest;
        Ok(Self {
            clients: KeyedRateLimiter::with_parts(bucket, CLIENTS, when_full, TokioTimer, RandomState::new()),
            inside: Apart(Semaphore::new(INSIDE)),
            behind_proxy: options.behind_proxy,
            patience: options.patience,
        })
    }

    /// Who asks.
    pub(crate) fn client(&self, request: &Request) -> IpAddr {
        let forwarded = if self.behind_proxy { last_forwarded(request.headers()) } else { None };
        let peer = || request.extensions().get::<Peer>().map(|peer| peer.address);
        forwarded.or_else(peer).unwrap_or(IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED))
    }

    /// Lets a request in, for as long as it keeps the permit.
    pub(crate) async fn enter(
        &self,
        client: IpAddr,
        priority: Priority,
        now: Instant,
    ) -> Result<Permit<'_>, Refusal> {
        self.clients.try_acquire_at(&client, 1, now).map_err(|error| Refusal::Limited { again: again(error) })?;
        if let Ok(permit) = self.inside.try_acquire() {
            return Ok(permit);
        }
        let overloaded = Refusal::Overloaded { again: self.patience };
        if self.inside.waiters() >= OUTSIDE {
            return Err(overloaded);
        }
        self.inside.acquire().priority(priority).timeout(self.patience).await.map_err(|_| overloaded)
    }

    /// How many requests are inside.
    pub(crate) fn inside(&self) -> usize {
        INSIDE.saturating_sub(self.inside.available_permits())
    }

    /// How many clients are remembered.
    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }
}

fn again(error: KeyedError) -> Duration {
    let earliest = error.earliest().unwrap_or(Instant::EPOCH);
    earliest.duration_since(TokioTimer.now())
}

/// The address that our own proxy has seen; those before it are what the client says.
fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}
