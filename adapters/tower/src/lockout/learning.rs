//! [`Learning`]: a service whose answers start lockouts.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use pin_project_lite::pin_project;
use tidegate_tokio::lockout::Key;
use tidegate_tokio::{Clock, Instant, Lockout, TokioTimer};
use tower_service::Service;

use super::Learn;
use crate::observe;

/// What has been learnt, and how.
#[derive(Debug)]
pub(super) struct Lessons<L> {
    pub(super) lockout: Arc<Lockout>,
    pub(super) learn: L,
    pub(super) at_most: Duration,
    /// The lockout that is due to answers. There is never more than one, however many answers come.
    latest: Mutex<Option<(Instant, Key)>>,
}

impl<L> Lessons<L> {
    pub(super) const fn new(lockout: Arc<Lockout>, learn: L, at_most: Duration) -> Self {
        Self { lockout, learn, at_most, latest: Mutex::new(None) }
    }

    /// Locks for `span`, unless answers have locked for longer.
    fn lock_for(&self, span: Duration) {
        let span = span.min(self.at_most);
        let end = TokioTimer.now() + span;
        if span.is_zero() || self.latest().is_some_and(|(latest, _)| latest >= end) {
            return;
        }
        // On the heap there is always room.
        let Ok(key) = self.lockout.lock_until(end) else { return };
        let superfluous = {
            let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
            match *latest {
                Some((other, _)) if other >= end => Some(key),
                _ => latest.replace((end, key)).map(|(_, key)| key),
            }
        };
        if let Some(key) = superfluous {
            self.lockout.lift(key);
        }
        observe::locked_out(span);
    }

    fn latest(&self) -> Option<(Instant, Key)> {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A service whose answers start lockouts.
#[derive(Debug)]
pub(super) struct Learning<S, L> {
    pub(super) inner: S,
    pub(super) lessons: Arc<Lessons<L>>,
}

impl<S: Clone, L> Clone for Learning<S, L> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), lessons: Arc::clone(&self.lessons) }
    }
}

impl<S, L, Req> Service<Req> for Learning<S, L>
where
    S: Service<Req>,
    L: Learn<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = LearningFuture<S::Future, L>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        LearningFuture { future: self.inner.call(request), lessons: Arc::clone(&self.lessons) }
    }
}

pin_project! {
    /// The service at work.
    pub(super) struct LearningFuture<F, L> {
        #[pin]
        future: F,
        lessons: Arc<Lessons<L>>,
    }
}

impl<F, L, Res, Err> Future for LearningFuture<F, L>
where
    F: Future<Output = Result<Res, Err>>,
    L: Learn<Res, Err>,
{
    type Output = Result<Res, Err>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = ready!(this.future.poll(cx));
        if let Some(span) = this.lessons.learn.learn(&outcome) {
            this.lessons.lock_for(span);
        }
        Poll::Ready(outcome)
    }
}
