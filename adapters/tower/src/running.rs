//! [`Running`]: a request that was admitted or refused when it was made.

use core::future::Future;
use core::marker::PhantomData;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::Hold;

pin_project! {
    /// The service at work, with what the request was admitted with; or the answer of a refusal.
    pub(crate) struct Running<F, G, H, O> {
        #[pin]
        step: Step<F, G, O>,
        hold: PhantomData<fn() -> H>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, G, O> {
        Runs { #[pin] future: F, guard: Option<G> },
        Refused { output: Option<O> },
    }
}

impl<F, G, H, O> Running<F, G, H, O> {
    #[inline]
    pub(crate) const fn admitted(future: F, guard: G) -> Self {
        Self { step: Step::Runs { future, guard: Some(guard) }, hold: PhantomData }
    }

    #[inline]
    pub(crate) const fn refused(output: O) -> Self {
        Self { step: Step::Refused { output: Some(output) }, hold: PhantomData }
    }

    /// As a word, for `Debug`.
    pub(crate) const fn step(&self) -> &'static str {
        match &self.step {
            Step::Runs { .. } => "runs",
            Step::Refused { .. } => "refused",
        }
    }
}

impl<F, G, H, Res, E> Future for Running<F, G, H, Result<H::Response, E>>
where
    F: Future<Output = Result<Res, E>>,
    H: Hold<G, Res>,
{
    type Output = Result<H::Response, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        match this.step.as_mut().project() {
            StepProjection::Runs { future, guard } => {
                let output = ready!(future.poll(cx));
                let Some(guard) = guard.take() else { return Poll::Pending };
                // The work is gone before the next one begins, if that waits for the guard.
                if mem::needs_drop::<G>() {
                    this.step.set(Step::Refused { output: None });
                }
                Poll::Ready(output.map(|response| H::hold(guard, response)))
            }
            StepProjection::Refused { output } => output.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}
