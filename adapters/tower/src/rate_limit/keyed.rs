//! [`KeyedRateLimit`]: so many requests in so much time, of each key.

use core::fmt;
use core::hash::Hash;
use core::marker::PhantomData;
use core::task::{Context, Poll};
use core::time::Duration;
use std::hash::RandomState;
use std::sync::Arc;

use tidegate_core::rate_limiter::TokenBucket;
use tidegate_tokio::{Clock, InvalidQuota, KeyedRateLimiter, Quota, TokioTimer, WhenFull};
use tower_layer::Layer;
use tower_service::Service;

use super::limiters::Limiters;
use super::{KeyedRateDelayLayer, RateLimitFuture};
use crate::accessors::accessors;
use crate::{Announce, Answer, Hold, Refuse, Silent, WithHeaders, observe};

const LAYER: &str = "keyed_rate_limit";

/// Refuses requests beyond a rate for each key, with a bound on the number of keys: makes a [`KeyedRateLimit`].
///
/// All clones and all services of one layer share the buckets. A key that a request does not have is a key too: with
/// an `Option` all such requests share one bucket. Keys are kept: a `HeaderValue` that came over a connection holds on to
/// its whole read buffer, a string does not.
///
/// ```
/// use core::time::Duration;
/// use http::Request;
/// use tidegate_tokio::Quota;
/// use tidegate_tower::KeyedRateLimitLayer;
///
/// let quotas = [Quota::per(5, Duration::from_secs(1))?, Quota::per(100, Duration::from_secs(60))?];
/// let key = |request: &Request<axum::body::Body>| {
///     request.headers().get("x-api-key").and_then(|value| value.to_str().ok()).map(str::to_owned)
/// };
/// let layer = KeyedRateLimitLayer::<Option<String>, _>::with_quotas(&quotas, 10_000, key)?;
/// let app: axum::Router = axum::Router::new()
///     .route("/", axum::routing::get(async || "hello"))
///     .layer(layer);
/// # let _ = app;
/// # Ok::<(), tidegate_tokio::InvalidQuota>(())
/// ```
pub struct KeyedRateLimitLayer<K: Eq, F, R = Answer, A = Silent, T = TokioTimer> {
    limiters: Limiters<K, T>,
    key: F,
    refuse: R,
    announce: PhantomData<fn() -> A>,
}

impl<K: Hash + Eq + Clone, F> KeyedRateLimitLayer<K, F> {
    /// One quota for each key, up to `capacity` keys; a new one too many is refused with
    /// [`KeysExhausted`](crate::Reason::KeysExhausted).
    ///
    /// # Errors
    ///
    /// [`NotABucket`](InvalidQuota::NotABucket) for a sliding window; [`NoRoom`](InvalidQuota::NoRoom) for a capacity of
    /// zero, or of more than there can be.
    pub fn new(quota: Quota, capacity: usize, key: F) -> Result<Self, InvalidQuota> {
        Self::with_quotas(&[quota], capacity, key)
    }

    /// Several quotas for each key. A request that one of them turns down takes nothing of the others.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new), and [`WrongNumber`](InvalidQuota::WrongNumber) if there are no quotas.
    pub fn with_quotas(quotas: &[Quota], capacity: usize, key: F) -> Result<Self, InvalidQuota> {
        Self::with_config(quotas, capacity, WhenFull::Refuse, key)
    }

    /// The same, with a choice of what happens to new keys when there are as many as may be: see [`WhenFull`], for it
    /// is one of security.
    ///
    /// # Errors
    ///
    /// Those of [`with_quotas`](Self::with_quotas).
    pub fn with_config(
        quotas: &[Quota],
        capacity: usize,
        when_full: WhenFull,
        key: F,
    ) -> Result<Self, InvalidQuota> {
        Self::with_timer(quotas, capacity, when_full, key, TokioTimer)
    }
}

impl<K: Hash + Eq + Clone, F, T> KeyedRateLimitLayer<K, F, Answer, Silent, T> {
    /// The same, by another clock than tokio's: see [`RateLimitLayer::with_timer`](crate::RateLimitLayer::with_timer).
    ///
    /// # Errors
    ///
    /// Those of [`with_quotas`](KeyedRateLimitLayer::with_quotas).
    pub fn with_timer(
        quotas: &[Quota],
        capacity: usize,
        when_full: WhenFull,
        key: F,
        timer: T,
    ) -> Result<Self, InvalidQuota>
    where
        T: Clone,
    {
        if capacity == 0 || capacity > KeyedRateLimiter::<K>::MAX_CAPACITY {
            return Err(InvalidQuota::NoRoom);
        }
        let limiter = |quota: &Quota| {
            let bucket = TokenBucket::new(*quota)?;
            let (timer, hasher) = (timer.clone(), RandomState::new());
            Ok(Arc::new(KeyedRateLimiter::with_parts(bucket, capacity, when_full, timer, hasher)))
        };
        let limiters: Vec<_> = quotas.iter().map(limiter).collect::<Result<_, InvalidQuota>>()?;
        Self::with_limiters(limiters, key)
    }

    /// As much as all of the limiters say, which others may share. The clock of the first is read for all of them.
    ///
    /// # Errors
    ///
    /// [`WrongNumber`](InvalidQuota::WrongNumber) if there are none.
    pub fn with_limiters(
        limiters: impl IntoIterator<Item = Arc<KeyedRateLimiter<K, T>>>,
        key: F,
    ) -> Result<Self, InvalidQuota> {
        let mut limiters = limiters.into_iter();
        let Some(first) = limiters.next() else { return Err(InvalidQuota::WrongNumber) };
        let limiters = Limiters::new(first, limiters);
        Ok(Self { limiters, key, refuse: Answer, announce: PhantomData })
    }
}

impl<K: Eq, F, R> KeyedRateLimitLayer<K, F, R> {
    /// Lets requests wait for their time, `most` at most, instead of turning them down.
    #[must_use]
    pub fn delay(self, most: Duration) -> KeyedRateDelayLayer<K, F, R> {
        KeyedRateDelayLayer::from_parts(self.limiters, self.key, most, self.refuse)
    }
}

impl<K: Eq, F, R, A, T> KeyedRateLimitLayer<K, F, R, A, T> {
    /// What becomes of a request that is turned down.
    #[must_use]
    pub fn refuse_with<R2>(self, refuse: R2) -> KeyedRateLimitLayer<K, F, R2, A, T> {
        let Self { limiters, key, .. } = self;
        KeyedRateLimitLayer { limiters, key, refuse, announce: PhantomData }
    }

    /// Answers say what is left of the quota, also to requests that were admitted: see [`WithHeaders`].
    #[must_use]
    pub fn with_headers(self) -> KeyedRateLimitLayer<K, F, R, WithHeaders, T> {
        let Self { limiters, key, refuse, .. } = self;
        KeyedRateLimitLayer { limiters, key, refuse, announce: PhantomData }
    }

    /// The limiters, one for each quota.
    pub fn limiters(&self) -> impl Iterator<Item = &Arc<KeyedRateLimiter<K, T>>> {
        self.limiters.iter()
    }
}

impl<K: Eq, F: Clone, R: Clone, A, T> Clone for KeyedRateLimitLayer<K, F, R, A, T> {
    fn clone(&self) -> Self {
        Self {
            limiters: self.limiters.clone(),
            key: self.key.clone(),
            refuse: self.refuse.clone(),
            announce: PhantomData,
        }
    }
}

impl<S, K: Eq, F: Clone, R: Clone, A, T> Layer<S> for KeyedRateLimitLayer<K, F, R, A, T> {
    type Service = KeyedRateLimit<S, K, F, R, A, T>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedRateLimit { inner, limit: self.clone() }
    }
}

impl<K: Eq, F, R, A, T> fmt::Debug for KeyedRateLimitLayer<K, F, R, A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimitLayer").field("first", &self.limiters.first).finish_non_exhaustive()
    }
}

/// Refuses requests beyond a rate for each key: made by [`KeyedRateLimitLayer`].
///
/// The answer is 429, with `Retry-After` and [what is left](crate::headers#ratelimit), both of the quota that takes longest;
/// or 503 if the key is new and there is no room for it. The tokens are taken by `call`; `poll_ready` is that of the service
/// within. To wait instead, see [`KeyedRateLimitLayer::delay`].
///
/// # Cost
///
/// One reading of the clock, and for each quota a hash and a short lock.
pub struct KeyedRateLimit<S, K: Eq, F, R = Answer, A = Silent, T = TokioTimer> {
    inner: S,
    limit: KeyedRateLimitLayer<K, F, R, A, T>,
}

impl<S, K: Eq, F, R, A, T> KeyedRateLimit<S, K, F, R, A, T> {
    accessors!(inner);
}

impl<S: Clone, K: Eq, F: Clone, R: Clone, A, T> Clone for KeyedRateLimit<S, K, F, R, A, T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), limit: self.limit.clone() }
    }
}

impl<S: fmt::Debug, K: Eq, F, R, A, T> fmt::Debug for KeyedRateLimit<S, K, F, R, A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimit").field("inner", &self.inner).field("limit", &self.limit).finish()
    }
}

impl<S, Req, K, F, R, A, T> Service<Req> for KeyedRateLimit<S, K, F, R, A, T>
where
    S: Service<Req>,
    T: Clock,
    K: Hash + Eq + Clone,
    F: Fn(&Req) -> K,
    A: Announce + Hold<A::Seen, S::Response>,
    R: Refuse<A::Response, S::Error>,
{
    type Response = A::Response;
    type Error = S::Error;
    type Future = RateLimitFuture<S::Future, Result<A::Response, S::Error>, A>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let limiters = &self.limit.limiters;
        // First: a processor waits with the clock for what has been begun, and does what follows meanwhile.
        let now = limiters.first.timer().now();
        let key = (self.limit.key)(&request);
        match limiters.admit(&key, now) {
            Ok(()) => {
                observe::admitted(LAYER);
                let seen = A::see(|| limiters.scarcest(&key, now));
                RateLimitFuture::admitted(self.inner.call(request), seen)
            }
            Err(refusal) => {
                observe::refused(LAYER, &refusal);
                RateLimitFuture::refused(self.limit.refuse.refuse(refusal))
            }
        }
    }
}
