//! [`Batch`]: calls that a service answers together.

use core::fmt;
use core::future::{Future, poll_fn};
use core::marker::PhantomData;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::{Arc, Mutex, PoisonError};

use pin_project_lite::pin_project;
use tidegate_core::batcher::Call;
use tidegate_tokio::batcher::{BareBatcher, Batcher, CallError, Config};
use tokio::runtime::{Handle, TryCurrentError};
use tower_layer::Layer;
use tower_service::Service;

/// Turns a `Service<Vec<T>>` into a `Service<T>` whose calls are answered together: makes a [`Batch`].
///
/// A batch leaves when it is full, or when its first call has waited for the interval, as
/// [`Config`] says. Each service that the layer makes has batches of its own; the clones of one share them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use core::time::Duration;
/// use tidegate_tokio::batcher::Config;
/// use tidegate_tower::BatchLayer;
/// use tower::{Layer as _, ServiceExt as _, service_fn};
///
/// let squares = service_fn(async |numbers: Vec<u32>| {
///     Ok::<_, std::io::Error>(numbers.into_iter().map(|n| n * n).collect::<Vec<_>>()) // … one query for all …
/// });
/// let squares = BatchLayer::new(Config::new(100, Duration::from_millis(1))?)?.layer(squares);
/// let (two, three) = tokio::join!(squares.clone().oneshot(2), squares.clone().oneshot(3));
/// assert_eq!((two?, three?), (4, 9));
/// # Ok(())
/// # }
/// ```
pub struct BatchLayer<T> {
    config: Config,
    runtime: Handle,
    calls: PhantomData<fn(T)>,
}

impl<T> Clone for BatchLayer<T> {
    fn clone(&self) -> Self {
        Self { config: self.config, runtime: self.runtime.clone(), calls: PhantomData }
    }
}

impl<T> fmt::Debug for BatchLayer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchLayer").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<T> BatchLayer<T> {
    /// Batches that are sent off by tasks of the current runtime, as many of them as there may be batches in flight.
    ///
    /// # Errors
    ///
    /// If it is called outside of a runtime.
    pub fn new(config: Config) -> Result<Self, TryCurrentError> {
        Ok(Self { config, runtime: Handle::try_current()?, calls: PhantomData })
    }
}

impl<S, T> Layer<S> for BatchLayer<T>
where
    S: Service<Vec<T>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + Sync + 'static,
    S::Response: IntoIterator + Send + 'static,
    <S::Response as IntoIterator>::IntoIter: Send,
    <S::Response as IntoIterator>::Item: Send + 'static,
    T: Send + 'static,
{
    type Service = Batch<T, <S::Response as IntoIterator>::Item, S::Error>;

    fn layer(&self, inner: S) -> Self::Service {
        let inner = Mutex::new(inner);
        let callback = move |calls: Vec<T>| {
            let mut service = inner.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move {
                let count = calls.len();
                let answered = match poll_fn(|cx| service.poll_ready(cx)).await {
                    Ok(()) => service.call(calls).await,
                    Err(error) => Err(error),
                };
                match answered {
                    Ok(answers) => Answers::Each(answers.into_iter()),
                    Err(error) => Answers::Failed(Arc::new(error), count),
                }
            }
        };
        let _entered = self.runtime.enter();
        let batcher = Batcher::spawn(self.config, callback)
            .unwrap_or_else(|_| unreachable!("a runtime has just been entered"));
        Batch { batcher: Shared(Arc::new(batcher)) }
    }
}

/// The answers of a batch.
enum Answers<I, E> {
    Each(I),
    Failed(Arc<E>, usize),
}

impl<I: Iterator, E> Iterator for Answers<I, E> {
    type Item = Result<I::Item, Arc<E>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Each(answers) => answers.next().map(Ok),
            Self::Failed(_, 0) => None,
            Self::Failed(error, left) => {
                *left -= 1;
                Some(Err(Arc::clone(error)))
            }
        }
    }
}

/// A `Service<T>` whose calls a `Service<Vec<T>>` answers together: made by [`BatchLayer`].
///
/// The service within gets the calls of a batch in the order in which they came, and answers with as many, in the same
/// order; whoever gets none hears [`BatchError::Dropped`]. It is polled ready before each batch. If it fails, all of the
/// batch get the same error.
///
/// `poll_ready` is always ready, and a call waits until the batcher has room, if [`Config`] has a bound; to hold
/// callers back, put a [`ConcurrencyLimitLayer`](crate::ConcurrencyLimitLayer) before it.
///
/// When the last clone is dropped, what has been called is still answered.
///
/// # Cancel safety
///
/// Dropping the response's future takes the call along, unless it has been accepted; then it is answered, and the answer is
/// dropped.
pub struct Batch<T, O, E> {
    batcher: Shared<T, O, E>,
}

impl<T, O, E> Batch<T, O, E> {
    /// The batcher, to be watched, flushed or closed.
    #[must_use]
    pub fn batcher(&self) -> &BareBatcher<T, Result<O, Arc<E>>> {
        &self.batcher
    }
}

impl<T, O, E> Clone for Batch<T, O, E> {
    fn clone(&self) -> Self {
        Self { batcher: self.batcher.clone() }
    }
}

impl<T, O, E> fmt::Debug for Batch<T, O, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("batcher", self.batcher()).finish()
    }
}

impl<T, O, E> Service<T> for Batch<T, O, E> {
    type Response = O;
    type Error = BatchError<E>;
    type Future = BatchFuture<T, O, E>;

    /// Always ready.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: T) -> Self::Future {
        BatchFuture { call: BareBatcher::call_owned(self.batcher.clone(), request) }
    }
}

/// A pointer to the batcher, which closes it when the last one is dropped.
struct Shared<T, O, E>(Arc<Batcher<T, Result<O, Arc<E>>>>);

impl<T, O, E> Clone for Shared<T, O, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, O, E> Deref for Shared<T, O, E> {
    type Target = BareBatcher<T, Result<O, Arc<E>>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

pin_project! {
    /// The future of [`Batch`].
    #[must_use = "futures do nothing unless polled"]
    pub struct BatchFuture<T, O, E> {
        #[pin]
        call: Call<Shared<T, O, E>>,
    }
}

impl<T, O, E> Future for BatchFuture<T, O, E> {
    type Output = Result<O, BatchError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().call.poll(cx).map(|answer| match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(BatchError::Failed(error)),
            Err(CallError::Closed(_)) => Err(BatchError::Closed),
            Err(_) => Err(BatchError::Dropped),
        })
    }
}

impl<T, O, E> fmt::Debug for BatchFuture<T, O, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BatchFuture").field(&self.call).finish()
    }
}

/// Why a call in a [`Batch`] has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum BatchError<E> {
    /// The service has failed. All calls of the batch get the same error.
    Failed(Arc<E>),
    /// The service has panicked, or answered fewer calls than there were.
    Dropped,
    /// The batcher has been closed.
    Closed,
}

impl<E> Clone for BatchError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Dropped => Self::Dropped,
            Self::Closed => Self::Closed,
        }
    }
}

impl<E: fmt::Display> fmt::Display for BatchError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Dropped => f.write_str("the call was dropped without an answer"),
            Self::Closed => f.write_str("the batcher is closed"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for BatchError<E> {}
