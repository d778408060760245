//! [`PriorityLimit`]: so many requests at once, the most urgent first; the permit is taken after `call`.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use pin_project_lite::pin_project;
use tidegate_core::semaphore::Acquire;
use tidegate_tokio::{AcquireError, OwnedPermit, Priority, Semaphore};
use tower_layer::Layer;
use tower_service::Service;

use crate::accessors::accessors;
use crate::queued::{Admit, Arrival, Queued};
use crate::shedding::{Line, MaxWaiting, Shedding};
use crate::{Answer, Hold, Reason, Refusal, Refuse, UntilBody, UntilResponse};

const LAYER: &str = "priority_limit";

/// Lets so many requests through at once, the most urgent ones first: makes a [`PriorityLimit`].
///
/// All clones and all services of one layer share the limit and the line before it.
///
/// ```
/// use core::time::Duration;
/// use http::Request;
/// use tidegate_tokio::Priority;
/// use tidegate_tower::PriorityLimitLayer;
///
/// let layer = PriorityLimitLayer::new(8, |request: &Request<axum::body::Body>| {
///     if request.uri().path().starts_with("/batch") { Priority(10) } else { Priority(0) }
/// })
/// .max_waiting_by(|priority| if priority > Priority(0) { 100 } else { 1_000 })
/// .max_wait(Duration::from_secs(5));
/// let app: axum::Router = axum::Router::new()
///     .route("/batch", axum::routing::get(async || "done"))
///     .layer(layer);
/// # let _ = app;
/// ```
pub struct PriorityLimitLayer<F, R = Answer, H = UntilResponse> {
    semaphore: Arc<Semaphore>,
    priority: F,
    line: Option<Arc<Line>>,
    refuse: R,
    hold: PhantomData<fn() -> H>,
}

impl<F> PriorityLimitLayer<F> {
    /// So many requests at once, each with the priority that `priority` reads from it: lower is sooner.
    #[must_use]
    pub fn new(permits: usize, priority: F) -> Self {
        Self::with_semaphore(Arc::new(Semaphore::new(permits)), priority)
    }

    /// As many as the semaphore says, which others may share.
    #[must_use]
    pub const fn with_semaphore(semaphore: Arc<Semaphore>, priority: F) -> Self {
        Self { semaphore, priority, line: None, refuse: Answer, hold: PhantomData }
    }
}

impl<F, R, H> PriorityLimitLayer<F, R, H> {
    fn shed(mut self, change: impl FnOnce(&mut Shedding)) -> Self {
        let mut shedding = self.line.map_or(Shedding::NONE, |line| line.shedding);
        change(&mut shedding);
        self.line = Some(Arc::new(Line::new(shedding)));
        self
    }

    /// Turns a request down if so many wait already: [`Reason::Overloaded`]. Without this, any number may.
    #[must_use]
    pub fn max_waiting(self, most: usize) -> Self {
        self.shed(|shedding| shedding.max_waiting = MaxWaiting::All(most))
    }

    /// The same, by the priority of the request: let fewer wait before those are turned down that can do without. All who wait
    /// are counted, of whatever priority.
    #[must_use]
    pub fn max_waiting_by(self, most: fn(Priority) -> usize) -> Self {
        self.shed(|shedding| shedding.max_waiting = MaxWaiting::By(most))
    }

    /// Turns a request down once it has waited for so long: [`Reason::TimedOut`]. Without this, it waits for as long as its
    /// caller does.
    #[must_use]
    pub fn max_wait(self, span: Duration) -> Self {
        self.shed(|shedding| shedding.max_wait = Some(span))
    }

    /// When those who are turned down are told to come again: in a second, if nothing is said.
    #[must_use]
    pub fn retry_after(self, span: Option<Duration>) -> Self {
        self.shed(|shedding| shedding.retry_after = span)
    }

    /// What becomes of a request that is turned down.
    #[must_use]
    pub fn refuse_with<R2>(self, refuse: R2) -> PriorityLimitLayer<F, R2, H> {
        let Self { semaphore, priority, line, .. } = self;
        PriorityLimitLayer { semaphore, priority, line, refuse, hold: PhantomData }
    }

    /// Keeps permits until the bodies of answers have ended: see [`UntilBody`].
    #[must_use]
    pub fn until_body(self) -> PriorityLimitLayer<F, R, UntilBody> {
        let Self { semaphore, priority, line, refuse, .. } = self;
        PriorityLimitLayer { semaphore, priority, line, refuse, hold: PhantomData }
    }

    /// The semaphore, to be watched, changed or closed.
    #[must_use]
    pub const fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }

    /// How many wait, before all services of this layer: a figure for display.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.line.as_ref().map_or_else(|| self.semaphore.waiters(), |line| line.waiting())
    }
}

impl<F: Clone, R: Clone, H> Clone for PriorityLimitLayer<F, R, H> {
    fn clone(&self) -> Self {
        Self {
            semaphore: Arc::clone(&self.semaphore),
            priority: self.priority.clone(),
            line: self.line.clone(),
            refuse: self.refuse.clone(),
            hold: PhantomData,
        }
    }
}

impl<S, F: Clone, R: Clone, H> Layer<S> for PriorityLimitLayer<F, R, H> {
    type Service = PriorityLimit<S, F, R, H>;

    fn layer(&self, inner: S) -> Self::Service {
        PriorityLimit { inner, limit: self.clone() }
    }
}

impl<F, R, H> fmt::Debug for PriorityLimitLayer<F, R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriorityLimitLayer")
            .field("semaphore", &self.semaphore)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// Lets so many requests through at once, the most urgent ones first: made by [`PriorityLimitLayer`].
///
/// The priority is known only once there is a request, so the permit is taken by the future of `call`, and
/// `poll_ready` is always ready. **What waits is in memory**: bound it with
/// [`max_waiting`](PriorityLimitLayer::max_waiting) or [`max_wait`](PriorityLimitLayer::max_wait). First comes the
/// permit, and then a clone of the service within is polled ready, so that those who wait reserve nothing there.
///
/// # Fairness
///
/// Most urgent first, then first come, first served. The place in line is taken when the future is first polled.
///
/// # Cancel safety
///
/// Dropping the response's future gives up the place in line or the permit; nothing is lost.
///
/// # Cost
///
/// A clone of the service within, a pointer's count up and down, and the semaphore's own two atomic operations. A
/// timer and one more count for those who wait, if there is a bound.
pub struct PriorityLimit<S, F, R = Answer, H = UntilResponse> {
    inner: S,
    limit: PriorityLimitLayer<F, R, H>,
}

impl<S, F, R, H> PriorityLimit<S, F, R, H> {
    accessors!(inner);

    /// How many wait: a figure for display.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.limit.waiting()
    }
}

impl<S: Clone, F: Clone, R: Clone, H> Clone for PriorityLimit<S, F, R, H> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), limit: self.limit.clone() }
    }
}

impl<S, Req, F, R, H> Service<Req> for PriorityLimit<S, F, R, H>
where
    S: Service<Req> + Clone,
    F: Fn(&Req) -> Priority,
    H: Hold<OwnedPermit, S::Response>,
    R: Refuse<H::Response, S::Error> + Clone,
{
    type Response = H::Response;
    type Error = S::Error;
    type Future = PriorityLimitFuture<S, Req, R, H>;

    /// Always ready: the request waits, not its caller.
    #[inline]
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let limit = &self.limit;
        let priority = (limit.priority)(&request);
        let acquire = Semaphore::acquire_owned(Arc::clone(&limit.semaphore), 1).priority(priority);
        PriorityLimitFuture {
            queued: Queued::new(Arrival {
                layer: LAYER,
                turn: acquire,
                service: self.inner.clone(),
                request,
                line: limit.line.clone(),
                priority,
                refuse: limit.refuse.clone(),
            }),
        }
    }
}

impl<S: fmt::Debug, F, R, H> fmt::Debug for PriorityLimit<S, F, R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriorityLimit").field("inner", &self.inner).field("limit", &self.limit).finish()
    }
}

impl Admit for Acquire<Arc<Semaphore>> {
    type Guard = OwnedPermit;

    #[inline]
    fn poll_admit(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<OwnedPermit, Refusal>> {
        self.poll(cx).map_err(|error| {
            Refusal::new(match error {
                AcquireError::Closed => Reason::Closed,
                _ => Reason::Overloaded,
            })
        })
    }
}

pin_project! {
    /// The future of [`PriorityLimit`]. Dropping it gives up the place in line, or the permit.
    #[must_use = "futures do nothing unless polled"]
    pub struct PriorityLimitFuture<S, Req, R = Answer, H = UntilResponse>
    where
        S: Service<Req>,
    {
        #[pin]
        queued: Queued<Acquire<Arc<Semaphore>>, S, Req, R, H>,
    }
}

impl<S, Req, R, H> Future for PriorityLimitFuture<S, Req, R, H>
where
    S: Service<Req>,
    H: Hold<OwnedPermit, S::Response>,
    R: Refuse<H::Response, S::Error>,
{
    type Output = Result<H::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().queued.poll(cx)
    }
}

impl<S: Service<Req>, Req, R, H> fmt::Debug for PriorityLimitFuture<S, Req, R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PriorityLimitFuture").field(&self.queued).finish()
    }
}
