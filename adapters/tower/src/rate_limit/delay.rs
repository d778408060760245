//! [`RateDelay`]: requests wait until the quota lets them through.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use pin_project_lite::pin_project;
use tidegate_core::rate_limiter::Acquire;
use tidegate_tokio::{RateLimiter, priority};
use tower_layer::Layer;
use tower_service::Service;

use crate::accessors::accessors;
use crate::queued::{Admit, Arrival, Queued};
use crate::shedding::{Line, MaxWaiting, Shedding};
use crate::{Answer, Reason, Refusal, Refuse, Silent};

const LAYER: &str = "rate_delay";

/// Lets requests wait until the quota lets them through: makes a [`RateDelay`], and is made by
/// [`RateLimitLayer::delay`](crate::RateLimitLayer::delay).
///
/// ```
/// use core::time::Duration;
/// use tidegate_tokio::Quota;
/// use tidegate_tower::RateLimitLayer;
///
/// let quota = Quota::per(50, Duration::from_secs(1))?;
/// let layer = RateLimitLayer::new(quota).delay(Duration::from_secs(2)).max_waiting(100);
/// # let _ = layer;
/// # Ok::<(), tidegate_tokio::InvalidQuota>(())
/// ```
#[derive(Clone, Debug)]
pub struct RateDelayLayer<R = Answer> {
    limiter: Arc<RateLimiter>,
    line: Arc<Line>,
    refuse: R,
}

impl<R> RateDelayLayer<R> {
    pub(super) fn from_parts(limiter: Arc<RateLimiter>, most: Duration, refuse: R) -> Self {
        let shedding = Shedding { max_wait: Some(most), ..Shedding::NONE };
        Self { limiter, line: Arc::new(Line::new(shedding)), refuse }
    }

    /// Turns a request down if so many wait already: [`Reason::Overloaded`]. Without this, any number may.
    #[must_use]
    pub fn max_waiting(mut self, most: usize) -> Self {
        let shedding = Shedding { max_waiting: MaxWaiting::All(most), ..self.line.shedding };
        self.line = Arc::new(Line::new(shedding));
        self
    }

    /// How many wait, before all services of this layer: a figure for display.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.line.waiting()
    }
}

impl<S, R: Clone> Layer<S> for RateDelayLayer<R> {
    type Service = RateDelay<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RateDelay { inner, limit: self.clone() }
    }
}

/// Lets requests wait until the quota lets them through: made by [`RateDelayLayer`].
///
/// The future of `call` waits, and `poll_ready` is always ready. First comes the token, and then a clone of the service
/// within is polled ready.
///
/// # Fairness
///
/// By the priority of the [scope](tidegate_tokio::priority) around the future, then first come, first served.
///
/// # Cancel safety
///
/// Dropping the response's future gives up the place in line. A token that it has stays taken.
#[derive(Clone, Debug)]
pub struct RateDelay<S, R = Answer> {
    inner: S,
    limit: RateDelayLayer<R>,
}

impl<S, R> RateDelay<S, R> {
    accessors!(inner);

    /// How many wait: a figure for display.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.limit.waiting()
    }
}

impl<S, Req, R> Service<Req> for RateDelay<S, R>
where
    S: Service<Req> + Clone,
    R: Refuse<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RateDelayFuture<S, Req, R>;

    /// Always ready: the request waits, not its caller.
    #[inline]
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        RateDelayFuture {
            queued: Queued::new(Arrival {
                layer: LAYER,
                turn: RateLimiter::acquire_owned(Arc::clone(&self.limit.limiter), 1),
                service: self.inner.clone(),
                request,
                line: Some(Arc::clone(&self.limit.line)),
                priority: priority::current(),
                refuse: self.limit.refuse.clone(),
            }),
        }
    }
}

impl Admit for Acquire<Arc<RateLimiter>> {
    type Guard = ();

    #[inline]
    fn poll_admit(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.poll(cx).map_err(|_| Refusal::new(Reason::RateLimited))
    }
}

pin_project! {
    /// The future of [`RateDelay`]. Dropping it gives up the place in line.
    #[must_use = "futures do nothing unless polled"]
    pub struct RateDelayFuture<S, Req, R = Answer>
    where
        S: Service<Req>,
    {
        #[pin]
        queued: Queued<Acquire<Arc<RateLimiter>>, S, Req, R, Silent>,
    }
}

impl<S, Req, R> Future for RateDelayFuture<S, Req, R>
where
    S: Service<Req>,
    R: Refuse<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().queued.poll(cx)
    }
}

impl<S: Service<Req>, Req, R> fmt::Debug for RateDelayFuture<S, Req, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateDelayFuture").field(&self.queued).finish()
    }
}
