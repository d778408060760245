//! [`KeyedRateDelay`]: requests wait until the quota of their key lets them through.

use core::fmt;
use core::future::Future;
use core::hash::Hash;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use pin_project_lite::pin_project;
use tidegate_tokio::{KeyedRateLimiter, TokioTimer, priority};
use tower_layer::Layer;
use tower_service::Service;

use super::limiters::Limiters;
use super::turns::Turns;
use crate::accessors::accessors;
use crate::queued::{Arrival, Queued};
use crate::shedding::{Line, MaxWaiting, Shedding};
use crate::{Answer, Refuse, Silent};

const LAYER: &str = "keyed_rate_delay";

/// Lets requests wait until the quota of their key lets them through: makes a [`KeyedRateDelay`], and is made by
/// [`KeyedRateLimitLayer::delay`](crate::KeyedRateLimitLayer::delay).
///
/// ```
/// use core::time::Duration;
/// use http::Request;
/// use tidegate_tokio::Quota;
/// use tidegate_tower::KeyedRateLimitLayer;
///
/// let quota = Quota::per(5, Duration::from_secs(1))?;
/// let host = |request: &Request<String>| request.uri().host().map(str::to_owned);
/// let layer = KeyedRateLimitLayer::<Option<String>, _>::new(quota, 10_000, host)?
///     .delay(Duration::from_secs(2))
///     .max_waiting(100);
/// # let _ = layer;
/// # Ok::<(), tidegate_tokio::InvalidQuota>(())
/// ```
pub struct KeyedRateDelayLayer<K: Eq, F, R = Answer> {
    limiters: Limiters<K, TokioTimer>,
    key: F,
    line: Arc<Line>,
    refuse: R,
}

impl<K: Eq, F, R> KeyedRateDelayLayer<K, F, R> {
    pub(super) fn from_parts(limiters: Limiters<K, TokioTimer>, key: F, most: Duration, refuse: R) -> Self {
        let shedding = Shedding { max_wait: Some(most), ..Shedding::NONE };
        Self { limiters, key, line: Arc::new(Line::new(shedding)), refuse }
    }

    /// Turns a request down if so many wait already, of whatever keys: [`Reason::Overloaded`](crate::Reason::Overloaded).
    /// Without this, any number may.
    #[must_use]
    pub fn max_waiting(mut self, most: usize) -> Self {
        let shedding = Shedding { max_waiting: MaxWaiting::All(most), ..self.line.shedding };
        self.line = Arc::new(Line::new(shedding));
        self
    }

    /// The limiters, one for each quota.
    pub fn limiters(&self) -> impl Iterator<Item = &Arc<KeyedRateLimiter<K>>> {
        self.limiters.iter()
    }

    /// How many wait, before all services of this layer: a figure for display.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.line.waiting()
    }
}

impl<K: Eq, F: Clone, R: Clone> Clone for KeyedRateDelayLayer<K, F, R> {
    fn clone(&self) -> Self {
        Self {
            limiters: self.limiters.clone(),
            key: self.key.clone(),
            line: Arc::clone(&self.line),
            refuse: self.refuse.clone(),
        }
    }
}

impl<K: Eq, F, R> fmt::Debug for KeyedRateDelayLayer<K, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateDelayLayer").field("line", &self.line).finish_non_exhaustive()
    }
}

impl<S, K: Eq, F: Clone, R: Clone> Layer<S> for KeyedRateDelayLayer<K, F, R> {
    type Service = KeyedRateDelay<S, K, F, R>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedRateDelay { inner, limit: self.clone() }
    }
}

/// Lets requests wait until the quota of their key lets them through: made by [`KeyedRateDelayLayer`].
///
/// The future of `call` waits, and `poll_ready` is always ready. First come the tokens, one quota after the other, and then
/// a clone of the service within is polled ready. A new key for which there is no room is turned down:
/// [`Reason::KeysExhausted`](crate::Reason::KeysExhausted).
///
/// # Fairness
///
/// Among those of one key by the priority of the [scope](tidegate_tokio::priority) around the future, then first come, first
/// served. Keys do not wait for one another.
///
/// # Cancel safety
///
/// Dropping the response's future gives up the place in line, and the tokens too, unless it has them of all quotas: then
/// they stay taken.
pub struct KeyedRateDelay<S, K: Eq, F, R = Answer> {
    inner: S,
    limit: KeyedRateDelayLayer<K, F, R>,
}

impl<S, K: Eq, F, R> KeyedRateDelay<S, K, F, R> {
    accessors!(inner);

    /// How many wait: a figure for display.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.limit.waiting()
    }
}

impl<S: Clone, K: Eq, F: Clone, R: Clone> Clone for KeyedRateDelay<S, K, F, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), limit: self.limit.clone() }
    }
}

impl<S: fmt::Debug, K: Eq, F, R> fmt::Debug for KeyedRateDelay<S, K, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateDelay").field("inner", &self.inner).field("limit", &self.limit).finish()
    }
}

impl<S, Req, K, F, R> Service<Req> for KeyedRateDelay<S, K, F, R>
where
    S: Service<Req> + Clone,
    K: Hash + Eq + Clone,
    F: Fn(&Req) -> K,
    R: Refuse<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = KeyedRateDelayFuture<S, Req, K, R>;

    /// Always ready: the request waits, not its caller.
    #[inline]
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let limit = &self.limit;
        KeyedRateDelayFuture {
            queued: Queued::new(Arrival {
                layer: LAYER,
                turn: Turns::new(limit.limiters.clone(), (limit.key)(&request)),
                service: self.inner.clone(),
                request,
                line: Some(Arc::clone(&limit.line)),
                priority: priority::current(),
                refuse: limit.refuse.clone(),
            }),
        }
    }
}

pin_project! {
    /// The future of [`KeyedRateDelay`]. Dropping it gives up the place in line.
    #[must_use = "futures do nothing unless polled"]
    pub struct KeyedRateDelayFuture<S, Req, K, R = Answer>
    where
        S: Service<Req>,
        K: Hash,
        K: Eq,
        K: Clone,
    {
        #[pin]
        queued: Queued<Turns<K>, S, Req, R, Silent>,
    }
}

impl<S, Req, K, R> Future for KeyedRateDelayFuture<S, Req, K, R>
where
    S: Service<Req>,
    K: Hash + Eq + Clone,
    R: Refuse<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().queued.poll(cx)
    }
}

impl<S: Service<Req>, Req, K: Hash + Eq + Clone, R> fmt::Debug for KeyedRateDelayFuture<S, Req, K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyedRateDelayFuture").field(&self.queued).finish()
    }
}
