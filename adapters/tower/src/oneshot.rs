//! [`Oneshot`]: a service polled ready, and called once.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

pin_project! {
    /// One call of a service that is not ready yet.
    pub(crate) struct Oneshot<S: Service<Req>, Req> {
        #[pin]
        step: Step<S, Req, S::Future>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<S, Req, F> {
        Readies { service: S, request: Option<Req> },
        Runs { #[pin] future: F },
    }
}

impl<S: Service<Req>, Req> Oneshot<S, Req> {
    pub(crate) const fn new(service: S, request: Req) -> Self {
        Self { step: Step::Readies { service, request: Some(request) } }
    }
}

impl<S: Service<Req>, Req> Future for Oneshot<S, Req> {
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepProjection::Readies { service, request } => {
                    ready!(service.poll_ready(cx))?;
                    let Some(request) = request.take() else { return Poll::Pending };
                    let future = service.call(request);
                    this.step.set(Step::Runs { future });
                }
                StepProjection::Runs { future } => return future.poll(cx),
            }
        }
    }
}
