//! [`LoadShed`]: turns requests down when the service is not ready for them, at once or after a while.

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::Arc;

use pin_project_lite::pin_project;
use tidegate_tokio::{Clock, Sleep, Timer, TokioTimer, priority};
use tower_layer::Layer;
use tower_service::Service;

use crate::accessors::accessors;
use crate::shedding::{Line, MaxWaiting, Shedding, Ticket};
use crate::{Answer, Reason, Refuse, observe};

const LAYER: &str = "load_shed";

/// Turns requests down when the service is not ready for them: makes a [`LoadShed`].
///
/// As it is, it does so at once, like tower's. So many requests may [wait](Self::max_waiting) if told so, and for
/// [so long](Self::max_wait). All clones and all services of one layer are counted together.
///
/// ```
/// use core::time::Duration;
/// use tidegate_tower::{ConcurrencyLimitLayer, LoadShedLayer, Raise, Refusal};
/// use tower::{ServiceBuilder, service_fn};
///
/// let service = ServiceBuilder::new()
///     .layer(LoadShedLayer::new().max_waiting(100).max_wait(Duration::from_secs(1)).refuse_with(Raise))
///     .layer(ConcurrencyLimitLayer::new(8).refuse_with(Raise))
///     .service(service_fn(async |n: u32| Ok::<_, Refusal>(n)));
/// # let _ = service;
/// ```
#[derive(Clone, Debug)]
pub struct LoadShedLayer<R = Answer> {
    line: Arc<Line>,
    refuse: R,
}

impl LoadShedLayer {
    /// Nobody waits.
    #[must_use]
    pub fn new() -> Self {
        let shedding = Shedding { max_waiting: MaxWaiting::All(0), ..Shedding::NONE };
        Self { line: Arc::new(Line::new(shedding)), refuse: Answer }
    }
}

impl Default for LoadShedLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> LoadShedLayer<R> {
    fn shed(mut self, shedding: Shedding) -> Self {
        self.line = Arc::new(Line::new(shedding));
        self
    }

    /// Lets so many requests wait until the service is ready, and turns down those that come then:
    /// [`Reason::Overloaded`].
    #[must_use]
    pub fn max_waiting(self, most: usize) -> Self {
        let shedding = Shedding { max_waiting: MaxWaiting::All(most), ..self.line.shedding };
        self.shed(shedding)
    }

    /// Turns a request down once it has waited for so long: [`Reason::TimedOut`]. If nothing was said of how many may
    /// wait, any number may from now on.
    #[must_use]
    pub fn max_wait(self, span: Duration) -> Self {
        let mut shedding = Shedding { max_wait: Some(span), ..self.line.shedding };
        if matches!(shedding.max_waiting, MaxWaiting::All(0)) {
            shedding.max_waiting = MaxWaiting::All(usize::MAX);
        }
        self.shed(shedding)
    }

    /// When those who are turned down are told to come again: in a second, if nothing is said.
    #[must_use]
    pub fn retry_after(self, span: Option<Duration>) -> Self {
        let shedding = Shedding { retry_after: span, ..self.line.shedding };
        self.shed(shedding)
    }

    /// What becomes of a request that is turned down.
    #[must_use]
    pub fn refuse_with<R2>(self, refuse: R2) -> LoadShedLayer<R2> {
        LoadShedLayer { line: self.line, refuse }
    }

    /// How many wait, before all services of this layer: a figure for display.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.line.waiting()
    }
}

impl<S, R: Clone> Layer<S> for LoadShedLayer<R> {
    type Service = LoadShed<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        LoadShed { inner, shed: self.clone(), is_ready: false }
    }
}

/// Turns requests down when the service is not ready for them: made by [`LoadShedLayer`].
///
/// `poll_ready` asks the service within and is always ready. If that one was not, the request waits, if it may: the future of
/// `call` takes the very service that was polled, which may have a place in some line, and leaves a clone.
///
/// # Cancel safety
///
/// Dropping the response's future gives up all places in line.
#[derive(Debug)]
pub struct LoadShed<S, R = Answer> {
    inner: S,
    shed: LoadShedLayer<R>,
    is_ready: bool,
}

impl<S, R> LoadShed<S, R> {
    accessors!(inner);

    /// How many wait: a figure for display.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shed.waiting()
    }
}

/// A clone is not ready.
impl<S: Clone, R: Clone> Clone for LoadShed<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shed: self.shed.clone(), is_ready: false }
    }
}

impl<S, Req, R> Service<Req> for LoadShed<S, R>
where
    S: Service<Req> + Clone,
    R: Refuse<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = LoadShedFuture<S, Req, R>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.is_ready = self.inner.poll_ready(cx)?.is_ready();
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        if mem::take(&mut self.is_ready) {
            observe::admitted(LAYER);
            return LoadShedFuture { step: Step::Runs { future: self.inner.call(request) } };
        }
        self.wait(request)
    }
}

impl<S, R> LoadShed<S, R> {
    #[cold]
    fn wait<Req>(&mut self, request: Req) -> LoadShedFuture<S, Req, R>
    where
        S: Service<Req> + Clone,
        R: Refuse<S::Response, S::Error> + Clone,
    {
        let LoadShedLayer { line, refuse } = &self.shed;
        let step = match line.enter(priority::current) {
            Ok(ticket) => {
                let clone = self.inner.clone();
                Step::Waits {
                    service: mem::replace(&mut self.inner, clone),
                    request: Some(request),
                    alarm: line.shedding.max_wait.map(|most| TokioTimer.sleep_until(TokioTimer.now() + most)),
                    line: Arc::clone(line),
                    ticket,
                    refuse: refuse.clone(),
                    span: observe::Wait::NONE,
                }
            }
            Err(refusal) => {
                observe::refused(LAYER, &refusal);
                Step::Refused { output: Some(refuse.refuse(refusal)) }
            }
        };
        LoadShedFuture { step }
    }
}

pin_project! {
    /// The future of [`LoadShed`]. Dropping it gives up all places in line.
    #[must_use = "futures do nothing unless polled"]
    pub struct LoadShedFuture<S, Req, R = Answer>
    where
        S: Service<Req>,
    {
        #[pin]
        step: Step<S, Req, R, S::Future, Result<S::Response, S::Error>>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<S, Req, R, F, O> {
        Waits {
            service: S,
            request: Option<Req>,
            #[pin]
            alarm: Option<Sleep>,
            line: Arc<Line>,
            ticket: Ticket,
            refuse: R,
            span: observe::Wait,
        },
        Runs { #[pin] future: F },
        Refused { output: Option<O> },
    }
}

impl<S, Req, R> Future for LoadShedFuture<S, Req, R>
where
    S: Service<Req>,
    R: Refuse<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let StepProjection::Runs { future } = self.as_mut().project().step.project() {
            return future.poll(cx);
        }
        self.poll_waiting(cx)
    }
}

impl<S, Req, R> LoadShedFuture<S, Req, R>
where
    S: Service<Req>,
    R: Refuse<S::Response, S::Error>,
{
    /// What is out of the way.
    #[cold]
    #[inline(never)]
    fn poll_waiting(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<S::Response, S::Error>> {
        loop {
            let mut this = self.as_mut().project();
            match this.step.as_mut().project() {
                StepProjection::Runs { future } => return future.poll(cx),
                StepProjection::Refused { output } => return output.take().map_or(Poll::Pending, Poll::Ready),
                StepProjection::Waits { service, request, mut alarm, line, refuse, span, .. } => {
                    let output = match service.poll_ready(cx) {
                        Poll::Ready(Ok(())) => {
                            let Some(request) = request.take() else { return Poll::Pending };
                            observe::admitted(LAYER);
                            let future = service.call(request);
                            this.step.set(Step::Runs { future });
                            continue;
                        }
                        Poll::Ready(Err(error)) => Err(error),
                        Poll::Pending => {
                            span.begin(LAYER, priority::current());
                            let Some(alarm) = alarm.as_mut().as_pin_mut() else { return Poll::Pending };
                            ready!(alarm.poll(cx));
                            let refusal = line.shedding.refusal(Reason::TimedOut);
                            observe::refused(LAYER, &refusal);
                            refuse.refuse(refusal)
                        }
                    };
                    this.step.set(Step::Refused { output: None });
                    return Poll::Ready(output);
                }
            }
        }
    }
}

impl<S: Service<Req>, Req, R> fmt::Debug for LoadShedFuture<S, Req, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match &self.step {
            Step::Waits { .. } => "waits",
            Step::Runs { .. } => "runs",
            Step::Refused { .. } => "refused",
        };
        f.debug_struct("LoadShedFuture").field("step", &step).finish_non_exhaustive()
    }
}
