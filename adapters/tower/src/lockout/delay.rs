//! [`LockoutDelay`]: requests wait until the service wants to hear from them again.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use pin_project_lite::pin_project;
use tidegate_core::lockout::Wait;
use tidegate_tokio::{Lockout, priority};
use tower_layer::Layer;
use tower_service::Service;

use super::learning::{Learning, Lessons};
use super::{FromHeaders, Learn};
use crate::accessors::accessors;
use crate::queued::{Admit, Arrival, Queued};
use crate::shedding::{Line, MaxWaiting, Shedding};
use crate::{Answer, Reason, Refusal, Refuse, Silent};

const LAYER: &str = "lockout_delay";

/// Lets requests wait until a service wants to hear from them again: makes a [`LockoutDelay`], and is made by
/// [`LockoutLayer::delay`](crate::LockoutLayer::delay).
#[derive(Debug)]
pub struct LockoutDelayLayer<L = FromHeaders, R = Answer> {
    lessons: Arc<Lessons<L>>,
    line: Arc<Line>,
    refuse: R,
}

impl<L, R> LockoutDelayLayer<L, R> {
    pub(super) fn from_parts(lessons: Arc<Lessons<L>>, most: Duration, refuse: R) -> Self {
        let shedding = Shedding { max_wait: Some(most), ..Shedding::NONE };
        Self { lessons, line: Arc::new(Line::new(shedding)), refuse }
    }

    /// Turns a request down if so many wait already: [`Reason::Overloaded`]. Without this, any number may.
    #[must_use]
    pub fn max_waiting(mut self, most: usize) -> Self {
        let shedding = Shedding { max_waiting: MaxWaiting::All(most), ..self.line.shedding };
        self.line = Arc::new(Line::new(shedding));
        self
    }

    /// The lockout, to be watched, locked or lifted.
    #[must_use]
    pub fn lockout(&self) -> &Arc<Lockout> {
        &self.lessons.lockout
    }

    /// How many wait, before all services of this layer: a figure for display.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.line.waiting()
    }
}

impl<L, R: Clone> Clone for LockoutDelayLayer<L, R> {
    fn clone(&self) -> Self {
        Self { lessons: Arc::clone(&self.lessons), line: Arc::clone(&self.line), refuse: self.refuse.clone() }
    }
}

impl<S, L, R: Clone> Layer<S> for LockoutDelayLayer<L, R> {
    type Service = LockoutDelay<S, L, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let inner = Learning { inner, lessons: Arc::clone(&self.lessons) };
        LockoutDelay { inner, line: Arc::clone(&self.line), refuse: self.refuse.clone() }
    }
}

/// Lets requests wait until a service wants to hear from them again: made by [`LockoutDelayLayer`].
///
/// The future of `call` waits, and `poll_ready` is always ready. First comes the end of lockouts, and then a clone of the
/// service within is polled ready.
///
/// # Cancel safety
///
/// Dropping the response's future gives up the place in line.
#[derive(Debug)]
pub struct LockoutDelay<S, L = FromHeaders, R = Answer> {
    inner: Learning<S, L>,
    line: Arc<Line>,
    refuse: R,
}

impl<S, L, R> LockoutDelay<S, L, R> {
    accessors!(inner.inner);

    /// How many wait: a figure for display.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.line.waiting()
    }
}

impl<S: Clone, L, R: Clone> Clone for LockoutDelay<S, L, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), line: Arc::clone(&self.line), refuse: self.refuse.clone() }
    }
}

impl<S, L, R, Req> Service<Req> for LockoutDelay<S, L, R>
where
    S: Service<Req> + Clone,
    L: Learn<S::Response, S::Error>,
    R: Refuse<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = LockoutDelayFuture<S, Req, L, R>;

    /// Always ready: the request waits, not its caller.
    #[inline]
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        LockoutDelayFuture {
            queued: Queued::new(Arrival {
                layer: LAYER,
                turn: Lockout::wait_owned(Arc::clone(&self.inner.lessons.lockout)),
                service: self.inner.clone(),
                request,
                line: Some(Arc::clone(&self.line)),
                priority: priority::current(),
                refuse: self.refuse.clone(),
            }),
        }
    }
}

impl Admit for Wait<Arc<Lockout>> {
    type Guard = ();

    #[inline]
    fn poll_admit(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.poll(cx).map_err(|_| Refusal::new(Reason::LockedOut))
    }
}

pin_project! {
    /// The future of [`LockoutDelay`]. Dropping it gives up the place in line.
    #[must_use = "futures do nothing unless polled"]
    pub struct LockoutDelayFuture<S, Req, L = FromHeaders, R = Answer>
    where
        S: Service<Req>,
        L: Learn<S::Response, S::Error>,
    {
        #[pin]
        queued: Queued<Wait<Arc<Lockout>>, Learning<S, L>, Req, R, Silent>,
    }
}

impl<S, Req, L, R> Future for LockoutDelayFuture<S, Req, L, R>
where
    S: Service<Req>,
    L: Learn<S::Response, S::Error>,
    R: Refuse<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().queued.poll(cx)
    }
}

impl<S, Req, L, R> fmt::Debug for LockoutDelayFuture<S, Req, L, R>
where
    S: Service<Req>,
    L: Learn<S::Response, S::Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockoutDelayFuture").field(&self.queued).finish()
    }
}
