//! [`RateLimit`]: so many requests in so much time, of everybody together.

use core::fmt;
use core::marker::PhantomData;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use tidegate_tokio::{Clock, InvalidQuota, Quota, RateLimiter, TokioTimer};
use tower_layer::Layer;
use tower_service::Service;

use super::{RateDelayLayer, RateLimitFuture};
use crate::accessors::accessors;
use crate::headers::RateStatus;
use crate::{Announce, Answer, Hold, Reason, Refusal, Refuse, Silent, WithHeaders, observe};

const LAYER: &str = "rate_limit";

/// Refuses requests beyond a rate, of everybody together: makes a [`RateLimit`].
///
/// All clones and all services of one layer share the quotas.
///
/// ```
/// use core::time::Duration;
/// use tidegate_tokio::Quota;
/// use tidegate_tower::RateLimitLayer;
///
/// let quotas = [Quota::per(50, Duration::from_secs(1))?, Quota::per(1_000, Duration::from_secs(60))?];
/// let app: axum::Router = axum::Router::new()
///     .route("/", axum::routing::get(async || "hello"))
///     .layer(RateLimitLayer::with_quotas(&quotas)?.with_headers());
/// # let _ = app;
/// # Ok::<(), tidegate_tokio::InvalidQuota>(())
/// ```
pub struct RateLimitLayer<R = Answer, A = Silent, T = TokioTimer> {
    limiter: Arc<RateLimiter<T>>,
    refuse: R,
    announce: PhantomData<fn() -> A>,
}

impl RateLimitLayer {
    /// One quota.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Self::with_limiter(Arc::new(RateLimiter::new(quota)))
    }

    /// Several quotas, all or nothing: 50 per second *and* 1000 per minute.
    ///
    /// # Errors
    ///
    /// [`WrongNumber`](InvalidQuota::WrongNumber) of quotas, and [`NoRoom`](InvalidQuota::NoRoom).
    pub fn with_quotas(quotas: &[Quota]) -> Result<Self, InvalidQuota> {
        Ok(Self::with_limiter(Arc::new(RateLimiter::with_quotas(quotas)?)))
    }
}

impl<T> RateLimitLayer<Answer, Silent, T> {
    /// One quota, by another clock than tokio's.
    ///
    /// `QuantaClock`, behind the feature `quanta` of `tidegate-tokio`, takes a third of the time to read, and does not obey
    /// `tokio::time::pause`.
    ///
    /// ```
    /// use core::time::Duration;
    /// use tidegate_tokio::{QuantaClock, Quota};
    /// use tidegate_tower::RateLimitLayer;
    ///
    /// let quota = Quota::per(50, Duration::from_secs(1))?;
    /// let app: axum::Router = axum::Router::new()
    ///     .route("/", axum::routing::get(async || "hello"))
    ///     .layer(RateLimitLayer::with_timer(quota, QuantaClock::new()));
    /// # let _ = app;
    /// # Ok::<(), tidegate_tokio::InvalidQuota>(())
    /// ```
    #[must_use]
    pub fn with_timer(quota: Quota, timer: T) -> Self {
        Self::with_limiter(Arc::new(RateLimiter::with_timer(quota, timer)))
    }

    /// As much as the limiter says, which others may share.
    #[must_use]
    pub const fn with_limiter(limiter: Arc<RateLimiter<T>>) -> Self {
        Self { limiter, refuse: Answer, announce: PhantomData }
    }
}

impl<R> RateLimitLayer<R> {
    /// Lets requests wait for their time, `most` at most, instead of turning them down.
    #[must_use]
    pub fn delay(self, most: Duration) -> RateDelayLayer<R> {
        RateDelayLayer::from_parts(self.limiter, most, self.refuse)
    }
}

impl<R, A, T> RateLimitLayer<R, A, T> {
    /// What becomes of a request that is turned down.
    #[must_use]
    pub fn refuse_with<R2>(self, refuse: R2) -> RateLimitLayer<R2, A, T> {
        RateLimitLayer { limiter: self.limiter, refuse, announce: PhantomData }
    }

    /// Answers say what is left of the quota, also to requests that were admitted: see [`WithHeaders`].
    #[must_use]
    pub fn with_headers(self) -> RateLimitLayer<R, WithHeaders, T> {
        RateLimitLayer { limiter: self.limiter, refuse: self.refuse, announce: PhantomData }
    }

    /// The limiter, to be watched or changed.
    #[must_use]
    pub const fn limiter(&self) -> &Arc<RateLimiter<T>> {
        &self.limiter
    }
}

impl<R: Clone, A, T> Clone for RateLimitLayer<R, A, T> {
    fn clone(&self) -> Self {
        Self { limiter: Arc::clone(&self.limiter), refuse: self.refuse.clone(), announce: PhantomData }
    }
}

impl<R, A, T: Clock> fmt::Debug for RateLimitLayer<R, A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer").field("limiter", &self.limiter).finish_non_exhaustive()
    }
}

impl<S, R: Clone, A, T> Layer<S> for RateLimitLayer<R, A, T> {
    type Service = RateLimit<S, R, A, T>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit { inner, limit: self.clone() }
    }
}

/// Refuses requests beyond a rate: made by [`RateLimitLayer`].
///
/// The answer is 429, with `Retry-After` and [what is left](crate::headers#ratelimit). The token is taken by `call`;
/// `poll_ready` is that of the service within. To wait instead, see [`RateLimitLayer::delay`].
///
/// # Cost
///
/// One reading of the clock and one compare-and-swap, with a single bucket; otherwise a short lock.
pub struct RateLimit<S, R = Answer, A = Silent, T = TokioTimer> {
    inner: S,
    limit: RateLimitLayer<R, A, T>,
}

impl<S, R, A, T> RateLimit<S, R, A, T> {
    accessors!(inner);
}

impl<S: Clone, R: Clone, A, T> Clone for RateLimit<S, R, A, T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), limit: self.limit.clone() }
    }
}

impl<S: fmt::Debug, R, A, T: Clock> fmt::Debug for RateLimit<S, R, A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("inner", &self.inner).field("limit", &self.limit).finish()
    }
}

impl<S, Req, R, A, T> Service<Req> for RateLimit<S, R, A, T>
where
    S: Service<Req>,
    T: Clock,
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
        let limiter = &*self.limit.limiter;
        let now = limiter.timer().now();
        match limiter.try_acquire_at(1, now) {
            Ok(()) => {
                observe::admitted(LAYER);
                let seen = A::see(|| RateStatus::new(limiter.level_at(now), now));
                RateLimitFuture::admitted(self.inner.call(request), seen)
            }
            Err(error) => {
                let rate = RateStatus::new(limiter.level_at(now), now);
                let refusal = Refusal::new(Reason::RateLimited).retry_at(error.earliest(), now).with_rate(rate);
                observe::refused(LAYER, &refusal);
                RateLimitFuture::refused(self.limit.refuse.refuse(refusal))
            }
        }
    }
}
