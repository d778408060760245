//! [`ConcurrencyLimit`]: so many requests at once, all of one priority; the permit is taken by `poll_ready`.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use pin_project_lite::pin_project;
use tidegate_core::semaphore::Acquire;
use tidegate_tokio::{OwnedPermit, Priority, Semaphore};
use tower_layer::Layer;
use tower_service::Service;

use crate::accessors::accessors;
use crate::running::Running;
use crate::{Answer, Hold, Reason, Refusal, Refuse, UntilBody, UntilResponse, observe};

const LAYER: &str = "concurrency_limit";

/// Lets so many requests through at once, all clones and all services together: makes a [`ConcurrencyLimit`].
///
/// ```
/// use tidegate_tokio::Priority;
/// use tidegate_tower::ConcurrencyLimitLayer;
/// use tower::{ServiceBuilder, service_fn};
///
/// let layer = ConcurrencyLimitLayer::new(8).priority(Priority(10));
/// let service = ServiceBuilder::new()
///     .layer(layer)
///     .service(service_fn(async |n: u32| Ok::<_, std::io::Error>(n)));
/// # let _ = service;
/// ```
#[derive(Debug)]
pub struct ConcurrencyLimitLayer<R = Answer, H = UntilResponse> {
    semaphore: Arc<Semaphore>,
    priority: Option<Priority>,
    refuse: R,
    hold: PhantomData<fn() -> H>,
}

impl ConcurrencyLimitLayer {
    /// So many requests at once.
    #[must_use]
    pub fn new(permits: usize) -> Self {
        Self::with_semaphore(Arc::new(Semaphore::new(permits)))
    }

    /// As many as the semaphore says, which others may share.
    #[must_use]
    pub const fn with_semaphore(semaphore: Arc<Semaphore>) -> Self {
        Self { semaphore, priority: None, refuse: Answer, hold: PhantomData }
    }
}

impl<R, H> ConcurrencyLimitLayer<R, H> {
    /// The place in line of all requests here. Otherwise it is the priority of the
    /// [scope](tidegate_tokio::priority) around `poll_ready`.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// What becomes of a request when the semaphore has been closed.
    #[must_use]
    pub fn refuse_with<R2>(self, refuse: R2) -> ConcurrencyLimitLayer<R2, H> {
        ConcurrencyLimitLayer { semaphore: self.semaphore, priority: self.priority, refuse, hold: PhantomData }
    }

    /// Keeps permits until the bodies of answers have ended: see [`UntilBody`].
    #[must_use]
    pub fn until_body(self) -> ConcurrencyLimitLayer<R, UntilBody> {
        ConcurrencyLimitLayer {
            semaphore: self.semaphore,
            priority: self.priority,
            refuse: self.refuse,
            hold: PhantomData,
        }
    }

    /// The semaphore, to be watched, changed or closed.
    #[must_use]
    pub const fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }
}

impl<R: Clone, H> Clone for ConcurrencyLimitLayer<R, H> {
    fn clone(&self) -> Self {
        Self {
            semaphore: Arc::clone(&self.semaphore),
            priority: self.priority,
            refuse: self.refuse.clone(),
            hold: PhantomData,
        }
    }
}

impl<S, R: Clone, H> Layer<S> for ConcurrencyLimitLayer<R, H> {
    type Service = ConcurrencyLimit<S, R, H>;

    fn layer(&self, inner: S) -> Self::Service {
        ConcurrencyLimit {
            inner,
            semaphore: Arc::clone(&self.semaphore),
            priority: self.priority,
            turn: Turn::None,
            refuse: self.refuse.clone(),
            hold: PhantomData,
        }
    }
}

/// Lets so many requests through at once: made by [`ConcurrencyLimitLayer`].
///
/// The permit is taken by `poll_ready`, so whoever calls waits there: this is back-pressure. It is kept from then on,
/// also if `call` never comes, until the service is dropped; a clone has none. Where the priority comes from the
/// request, see [`PriorityLimit`](crate::PriorityLimit).
///
/// # Fairness
///
/// Most urgent first, then first come, first served.
///
/// # Cancel safety
///
/// A service that waits keeps its place in line while it is not polled, and may be handed a permit meanwhile; dropping
/// it gives both up. Dropping the response's future gives the permit back.
///
/// # Cost
///
/// A pointer's count up and down, and the semaphore's own two atomic operations.
pub struct ConcurrencyLimit<S, R = Answer, H = UntilResponse> {
    inner: S,
    semaphore: Arc<Semaphore>,
    priority: Option<Priority>,
    turn: Turn,
    refuse: R,
    hold: PhantomData<fn() -> H>,
}

enum Turn {
    None,
    Waits(Acquire<Arc<Semaphore>>),
    Granted(OwnedPermit),
    Closed,
}

impl<S, R, H> ConcurrencyLimit<S, R, H> {
    accessors!(inner);

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.turn {
                Turn::None => {
                    let mut acquire = Semaphore::acquire_owned(Arc::clone(&self.semaphore), 1);
                    if let Some(priority) = self.priority {
                        acquire = acquire.priority(priority);
                    }
                    match Pin::new(&mut acquire).poll(cx) {
                        Poll::Ready(granted) => self.turn = granted.map_or(Turn::Closed, Turn::Granted),
                        Poll::Pending => {
                            self.turn = Turn::Waits(acquire);
                            return Poll::Pending;
                        }
                    }
                }
                Turn::Waits(acquire) => {
                    let granted = ready!(Pin::new(acquire).poll(cx));
                    self.turn = granted.map_or(Turn::Closed, Turn::Granted);
                }
                Turn::Granted(_) | Turn::Closed => return Poll::Ready(()),
            }
        }
    }
}

impl<S, Req, R, H> Service<Req> for ConcurrencyLimit<S, R, H>
where
    S: Service<Req>,
    H: Hold<OwnedPermit, S::Response>,
    R: Refuse<H::Response, S::Error>,
{
    type Response = H::Response;
    type Error = S::Error;
    type Future = ConcurrencyLimitFuture<S::Future, Result<H::Response, S::Error>, H>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        ready!(self.poll_turn(cx));
        // With a permit that will not come, the service is not asked either.
        if matches!(self.turn, Turn::Closed) { Poll::Ready(Ok(())) } else { self.inner.poll_ready(cx) }
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let reason = match mem::replace(&mut self.turn, Turn::None) {
            Turn::Granted(permit) => {
                observe::admitted(LAYER);
                let future = self.inner.call(request);
                return ConcurrencyLimitFuture { running: Running::admitted(future, permit) };
            }
            Turn::Closed => Reason::Closed,
            Turn::None | Turn::Waits(_) => Reason::NotReady,
        };
        let refusal = Refusal::new(reason);
        observe::refused(LAYER, &refusal);
        ConcurrencyLimitFuture { running: Running::refused(self.refuse.refuse(refusal)) }
    }
}

/// The same limit; without the permit or the place in line that this one may have.
impl<S: Clone, R: Clone, H> Clone for ConcurrencyLimit<S, R, H> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            semaphore: Arc::clone(&self.semaphore),
            priority: self.priority,
            turn: Turn::None,
            refuse: self.refuse.clone(),
            hold: PhantomData,
        }
    }
}

impl<S: fmt::Debug, R, H> fmt::Debug for ConcurrencyLimit<S, R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turn = match self.turn {
            Turn::None => "none",
            Turn::Waits(_) => "waits",
            Turn::Granted(_) => "granted",
            Turn::Closed => "closed",
        };
        f.debug_struct("ConcurrencyLimit")
            .field("inner", &self.inner)
            .field("semaphore", &self.semaphore)
            .field("turn", &turn)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`ConcurrencyLimit`]. Dropping it gives the permit back.
    #[must_use = "futures do nothing unless polled"]
    pub struct ConcurrencyLimitFuture<F, O, H = UntilResponse> {
        #[pin]
        running: Running<F, OwnedPermit, H, O>,
    }
}

impl<F, H, Res, E> Future for ConcurrencyLimitFuture<F, Result<H::Response, E>, H>
where
    F: Future<Output = Result<Res, E>>,
    H: Hold<OwnedPermit, Res>,
{
    type Output = Result<H::Response, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().running.poll(cx)
    }
}

impl<F, O, H> fmt::Debug for ConcurrencyLimitFuture<F, O, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimitFuture").field("step", &self.running.step()).finish_non_exhaustive()
    }
}
