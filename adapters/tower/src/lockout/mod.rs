//! [`LearnedLockout`]: a service that says when to come again is left alone until then.

mod delay;
mod learn;
mod learning;

pub use delay::{LockoutDelay, LockoutDelayFuture, LockoutDelayLayer};
pub use learn::{FromHeaders, Learn, retry_after};
pub(crate) use learn::{seconds, until_date};

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use pin_project_lite::pin_project;
use tidegate_tokio::{Clock, Lockout, TokioTimer};
use tower_layer::Layer;
use tower_service::Service;

use crate::accessors::accessors;
use crate::running::Running;
use crate::{Answer, Reason, Refusal, Refuse, Silent, observe};
use learning::{Learning, LearningFuture, Lessons};

const LAYER: &str = "lockout";

/// Leaves a service alone for as long as its answers say: makes a [`LearnedLockout`].
///
/// It belongs before a client of some other server. All clones and all services of one layer share the lockout.
///
/// A client's body mostly cannot be made of nothing, so there a refusal is an [error](crate::Raise):
///
/// ```
/// # async fn ask() -> Result<(), tower::BoxError> {
/// use http::Request;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use tidegate_tower::{LockoutLayer, Raise, Refusal};
/// use tower::{BoxError, ServiceBuilder, ServiceExt as _};
///
/// let client = ServiceBuilder::new()
///     .layer(LockoutLayer::new().refuse_with(Raise))
///     .map_err(BoxError::from)
///     .service(Client::builder(TokioExecutor::new()).build_http::<String>());
/// let request = Request::get("http://192.0.2.1/").body(String::new())?;
/// match client.clone().oneshot(request).await {
///     Ok(response) => println!("{}", response.status()),
///     Err(error) if error.is::<Refusal>() => println!("it is left alone: {error}"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
///
/// Where it can be, as in a proxy, it is an answer:
///
/// ```
/// use core::time::Duration;
/// use http::{Request, Response};
/// use tidegate_tower::{FromHeaders, LockoutLayer};
/// use tower::{ServiceBuilder, service_fn};
///
/// let layer = LockoutLayer::new()
///     .learn_with(FromHeaders::new().otherwise(Duration::from_secs(1)))
///     .at_most(Duration::from_secs(600));
/// let client = ServiceBuilder::new()
///     .layer(layer)
///     .service(service_fn(async |_: Request<String>| Ok::<_, std::io::Error>(Response::new(String::new()))));
/// # let _ = client;
/// ```
#[derive(Debug)]
pub struct LockoutLayer<L = FromHeaders, R = Answer> {
    lessons: Arc<Lessons<L>>,
    refuse: R,
}

/// The longest that is learnt if nothing else is said.
const AT_MOST: Duration = Duration::from_hours(1);

impl LockoutLayer {
    /// Nothing locked.
    #[must_use]
    pub fn new() -> Self {
        Self::with_lockout(Arc::new(Lockout::new()))
    }

    /// The same by a lockout that others may share, lock and lift.
    #[must_use]
    pub fn with_lockout(lockout: Arc<Lockout>) -> Self {
        Self { lessons: Arc::new(Lessons::new(lockout, FromHeaders::new(), AT_MOST)), refuse: Answer }
    }
}

impl Default for LockoutLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<L, R> LockoutLayer<L, R> {
    /// Reads answers in another way.
    #[must_use]
    pub fn learn_with<L2>(self, learn: L2) -> LockoutLayer<L2, R> {
        let lessons = Lessons::new(Arc::clone(&self.lessons.lockout), learn, self.lessons.at_most);
        LockoutLayer { lessons: Arc::new(lessons), refuse: self.refuse }
    }

    /// Never lets an answer lock for longer than this, an hour if nothing is said: a wrong header must not stop the
    /// traffic for good.
    #[must_use]
    pub fn at_most(self, span: Duration) -> Self
    where
        L: Clone,
    {
        let lessons = Lessons::new(Arc::clone(&self.lessons.lockout), self.lessons.learn.clone(), span);
        Self { lessons: Arc::new(lessons), refuse: self.refuse }
    }

    /// What becomes of a request while there is a lockout.
    #[must_use]
    pub fn refuse_with<R2>(self, refuse: R2) -> LockoutLayer<L, R2> {
        LockoutLayer { lessons: self.lessons, refuse }
    }

    /// Lets requests wait for the end of lockouts, `most` at most, instead of turning them down.
    #[must_use]
    pub fn delay(self, most: Duration) -> LockoutDelayLayer<L, R> {
        LockoutDelayLayer::from_parts(self.lessons, most, self.refuse)
    }

    /// The lockout, to be watched, locked or lifted.
    #[must_use]
    pub fn lockout(&self) -> &Arc<Lockout> {
        &self.lessons.lockout
    }
}

impl<L, R: Clone> Clone for LockoutLayer<L, R> {
    fn clone(&self) -> Self {
        Self { lessons: Arc::clone(&self.lessons), refuse: self.refuse.clone() }
    }
}

impl<S, L, R: Clone> Layer<S> for LockoutLayer<L, R> {
    type Service = LearnedLockout<S, L, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let inner = Learning { inner, lessons: Arc::clone(&self.lessons) };
        LearnedLockout { inner, refuse: self.refuse.clone() }
    }
}

/// Leaves a service alone for as long as its answers say: made by [`LockoutLayer`].
///
/// Meanwhile the answer is 503 with `Retry-After`. Requests that are on their way are not disturbed, and their answers count
/// too. `poll_ready` is that of the service within. To wait instead, see [`LockoutLayer::delay`].
///
/// # Cost
///
/// With nothing locked an atomic load, and a pointer's count up and down.
#[derive(Debug)]
pub struct LearnedLockout<S, L = FromHeaders, R = Answer> {
    inner: Learning<S, L>,
    refuse: R,
}

impl<S, L, R> LearnedLockout<S, L, R> {
    accessors!(inner.inner);
}

impl<S: Clone, L, R: Clone> Clone for LearnedLockout<S, L, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), refuse: self.refuse.clone() }
    }
}

impl<S, L, R, Req> Service<Req> for LearnedLockout<S, L, R>
where
    S: Service<Req>,
    L: Learn<S::Response, S::Error>,
    R: Refuse<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = LockoutFuture<S::Future, Result<S::Response, S::Error>, L>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let running = match self.inner.lessons.lockout.try_pass() {
            Ok(()) => {
                observe::admitted(LAYER);
                Running::admitted(self.inner.call(request), ())
            }
            Err(locked) => {
                let refusal = Refusal::new(Reason::LockedOut).retry_at(Some(locked.until), TokioTimer.now());
                observe::refused(LAYER, &refusal);
                Running::refused(self.refuse.refuse(refusal))
            }
        };
        LockoutFuture { running }
    }
}

pin_project! {
    /// The future of [`LearnedLockout`].
    ///
    /// # Cancel safety
    ///
    /// As that of the service within. From an answer that never came nothing is learnt.
    #[must_use = "futures do nothing unless polled"]
    pub struct LockoutFuture<F, O, L = FromHeaders> {
        #[pin]
        running: Running<LearningFuture<F, L>, (), Silent, O>,
    }
}

impl<F, L, Res, E> Future for LockoutFuture<F, Result<Res, E>, L>
where
    F: Future<Output = Result<Res, E>>,
    L: Learn<Res, E>,
{
    type Output = Result<Res, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().running.poll(cx)
    }
}

impl<F, O, L> fmt::Debug for LockoutFuture<F, O, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockoutFuture").field("step", &self.running.step()).finish_non_exhaustive()
    }
}
