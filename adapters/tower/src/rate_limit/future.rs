//! [`RateLimitFuture`]: the service's answer, or that of a refusal.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::running::Running;
use crate::{Announce, Hold, Silent};

pin_project! {
    /// The future of [`RateLimit`](crate::RateLimit) and of [`KeyedRateLimit`](crate::KeyedRateLimit).
    ///
    /// # Cancel safety
    ///
    /// As that of the service within. The token stays taken: the request has been made.
    #[must_use = "futures do nothing unless polled"]
    pub struct RateLimitFuture<F, O, A: Announce = Silent> {
        #[pin]
        running: Running<F, A::Seen, A, O>,
    }
}

impl<F, O, A: Announce> RateLimitFuture<F, O, A> {
    #[inline]
    pub(super) const fn admitted(future: F, seen: A::Seen) -> Self {
        Self { running: Running::admitted(future, seen) }
    }

    #[inline]
    pub(super) const fn refused(output: O) -> Self {
        Self { running: Running::refused(output) }
    }
}

impl<F, A, Res, E> Future for RateLimitFuture<F, Result<A::Response, E>, A>
where
    F: Future<Output = Result<Res, E>>,
    A: Announce + Hold<A::Seen, Res>,
{
    type Output = Result<A::Response, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().running.poll(cx)
    }
}

impl<F, O, A: Announce> fmt::Debug for RateLimitFuture<F, O, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitFuture").field("step", &self.running.step()).finish_non_exhaustive()
    }
}
