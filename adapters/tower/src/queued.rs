//! [`Queued`]: a request that waits for its turn, then for the service, then for the answer.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use pin_project_lite::pin_project;
use tidegate_tokio::{Clock, Priority, Sleep, Timer, TokioTimer};
use tower_service::Service;

use crate::shedding::{Line, Ticket};
use crate::{Hold, Reason, Refusal, Refuse, observe};

/// A turn that is waited for.
pub(crate) trait Admit {
    /// What is held from then on.
    type Guard;

    fn poll_admit(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Guard, Refusal>>;
}

/// What a request brings along to wait.
pub(crate) struct Arrival<A, S, Req, R> {
    pub(crate) layer: &'static str,
    pub(crate) turn: A,
    /// A clone that is not ready yet.
    pub(crate) service: S,
    pub(crate) request: Req,
    /// If there is a bound on those who wait.
    pub(crate) line: Option<Arc<Line>>,
    pub(crate) priority: Priority,
    pub(crate) refuse: R,
}

pin_project! {
    /// First the turn, then the service: while the turn is waited for, nothing of the service is reserved.
    pub(crate) struct Queued<A, S, Req, R, H>
    where
        A: Admit,
        S: Service<Req>,
    {
        #[pin]
        step: Step<A, A::Guard, S::Future>,
        layer: &'static str,
        service: S,
        request: Option<Req>,
        line: Option<Arc<Line>>,
        priority: Priority,
        refuse: R,
        hold: PhantomData<fn() -> H>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<A, G, F> {
        Waits { #[pin] turn: A, #[pin] alarm: Option<Sleep>, ticket: Option<Ticket>, span: observe::Wait },
        Readies { guard: Option<G> },
        Runs { guard: Option<G>, #[pin] future: F },
        Over,
    }
}

impl<A, S, Req, R, H> Queued<A, S, Req, R, H>
where
    A: Admit,
    S: Service<Req>,
{
    #[inline]
    pub(crate) fn new(arrival: Arrival<A, S, Req, R>) -> Self {
        let Arrival { layer, turn, service, request, line, priority, refuse } = arrival;
        let step = Step::Waits { turn, alarm: None, ticket: None, span: observe::Wait::NONE };
        Self { step, layer, service, request: Some(request), line, priority, refuse, hold: PhantomData }
    }
}

impl<A, S, Req, R, H> Queued<A, S, Req, R, H>
where
    A: Admit,
    S: Service<Req>,
    H: Hold<A::Guard, S::Response>,
    R: Refuse<H::Response, S::Error>,
{
    /// The turn has not come: whether to go on waiting for it.
    #[cold]
    #[inline(never)]
    fn wait(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<H::Response, S::Error>> {
        match self.as_mut().go_on(cx) {
            Ok(()) => Poll::Pending,
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn go_on(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<(), Refusal> {
        let this = self.project();
        let StepProjection::Waits { mut alarm, ticket, span, .. } = this.step.project() else { return Ok(()) };
        span.begin(this.layer, *this.priority);
        let Some(line) = this.line else { return Ok(()) };
        if ticket.is_none() {
            *ticket = Some(line.enter(|| *this.priority)?);
            if let Some(most) = line.shedding.max_wait {
                alarm.set(Some(TokioTimer.sleep_until(TokioTimer.now() + most)));
            }
        }
        match alarm.as_pin_mut().map(|alarm| alarm.poll(cx)) {
            Some(Poll::Ready(())) => Err(line.shedding.refusal(Reason::TimedOut)),
            _ => Ok(()),
        }
    }

    #[cold]
    #[inline(never)]
    fn refuse(self: Pin<&mut Self>, refusal: Refusal) -> Poll<Result<H::Response, S::Error>> {
        let mut this = self.project();
        this.step.set(Step::Over);
        observe::refused(this.layer, &refusal);
        Poll::Ready(this.refuse.refuse(refusal))
    }
}

impl<A, S, Req, R, H> Future for Queued<A, S, Req, R, H>
where
    A: Admit,
    S: Service<Req>,
    H: Hold<A::Guard, S::Response>,
    R: Refuse<H::Response, S::Error>,
{
    type Output = Result<H::Response, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        if let StepProjection::Waits { turn, .. } = this.step.as_mut().project() {
            match turn.poll_admit(cx) {
                Poll::Ready(Ok(guard)) => {
                    observe::admitted(this.layer);
                    this.step.set(Step::Readies { guard: Some(guard) });
                }
                Poll::Ready(Err(refusal)) => return self.refuse(refusal),
                Poll::Pending => return self.wait(cx),
            }
        }
        if let StepProjection::Readies { guard } = this.step.as_mut().project() {
            if let Err(error) = ready!(this.service.poll_ready(cx)) {
                this.step.set(Step::Over);
                return Poll::Ready(Err(error));
            }
            let (guard, Some(request)) = (guard.take(), this.request.take()) else { return Poll::Pending };
            let future = this.service.call(request);
            this.step.set(Step::Runs { guard, future });
        }
        let StepProjection::Runs { guard, future } = this.step.as_mut().project() else { return Poll::Pending };
        let output = ready!(future.poll(cx));
        let guard = guard.take();
        // The work is gone before the next one begins.
        this.step.set(Step::Over);
        let Some(guard) = guard else { return Poll::Pending };
        Poll::Ready(output.map(|response| H::hold(guard, response)))
    }
}

impl<A, S, Req, R, H> fmt::Debug for Queued<A, S, Req, R, H>
where
    A: Admit,
    S: Service<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match &self.step {
            Step::Waits { .. } => "waits",
            Step::Readies { .. } => "waits for the service",
            Step::Runs { .. } => "runs",
            Step::Over => "over",
        };
        f.debug_struct("Queued").field("step", &step).finish_non_exhaustive()
    }
}
