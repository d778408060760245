//! [`Map`]: one job for many inputs.

use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::Stream;
use tidegate_core::Priority;

use super::Executor;
use crate::join_handle::Outcome;
use crate::task::{JoinError, ResultOrder, Results, contain};
use crate::{IterBlocking, block_on, iter_blocking, priority};

/// The results of [`Executor::map`] and [`map_ordered`](Executor::map_ordered): a `for` loop over them blocks, and to
/// futures it is a `Stream`.
///
/// Inputs are taken as results are. Should the executor be shut down before all inputs have been taken, one
/// [`JoinError::Aborted`] follows the last result, and then the end.
///
/// Dropping it takes no more inputs. What runs goes on, and its results are lost; a panic among them counts as
/// unobserved.
#[must_use = "nothing is started before it is asked"]
pub struct Map<I, J, T> {
    executor: Executor,
    priority: Priority,
    /// `None` once all have been taken.
    inputs: Option<I>,
    job: J,
    results: Results<Outcome<T>>,
}

impl<I, J, T> Map<I, J, T> {
    pub(super) fn new(executor: Executor, order: ResultOrder, inputs: I, job: J) -> Self {
        let priority = priority::current();
        Self { executor, priority, inputs: Some(inputs), job, results: Results::new(order) }
    }
}

impl<I, J, T> Map<I, J, T>
where
    I: Iterator<Item: Send + 'static>,
    J: Fn(I::Item) -> T + Clone + Send + 'static,
    T: Send + 'static,
{
    /// The next result, to be awaited; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`Panicked`](JoinError::Panicked), [`Aborted`](JoinError::Aborted).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_result(cx)).await
    }

    /// The same, and blocks this thread meanwhile: for threads, never for async tasks.
    ///
    /// # Errors
    ///
    /// Those of [`next`](Self::next).
    pub fn next_blocking(&mut self) -> Option<Result<T, JoinError>> {
        block_on(self.next())
    }

    fn poll_result(&mut self, cx: &Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        // A few ahead, so that no thread waits for whoever takes the results.
        let ahead = self.executor.max_concurrent().saturating_mul(2);
        while self.inputs.is_some() && self.results.outstanding() < ahead {
            self.start();
        }
        self.results.poll_next(cx, false)
    }

    /// Takes one more input, if there is any.
    fn start(&mut self) {
        let Some(input) = self.inputs.as_mut().and_then(Iterator::next) else {
            self.inputs = None;
            return;
        };
        // It may panic, so before a thread is seen to.
        let job = self.job.clone();
        let Ok((guard, input)) = self.executor.enter(input) else {
            self.inputs = None;
            self.results.cut_off();
            return;
        };
        let (ticket, home) = (self.results.draw(), self.executor.shared.home);
        let priority = self.priority;
        self.executor.shared.pool.push(
            priority,
            Box::new(move || {
                ticket.complete(home.enter(|| contain(&guard, priority, || job(input))));
                drop(guard);
            }),
        );
    }
}

/// Nothing in it is ever pinned.
impl<I, J, T> Unpin for Map<I, J, T> {}

impl<I, J, T> Stream for Map<I, J, T>
where
    I: Iterator<Item: Send + 'static>,
    J: Fn(I::Item) -> T + Clone + Send + 'static,
    T: Send + 'static,
{
    type Item = Result<T, JoinError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_result(cx)
    }

    /// Exact if the inputs' is, as long as the executor is not shut down.
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.results.size_hint(self.inputs.as_ref().map(Iterator::size_hint))
    }
}

/// For threads, never for async tasks.
impl<I, J, T> IntoIterator for Map<I, J, T>
where
    I: Iterator<Item: Send + 'static>,
    J: Fn(I::Item) -> T + Clone + Send + 'static,
    T: Send + 'static,
{
    type Item = Result<T, JoinError>;
    type IntoIter = IterBlocking<Self>;

    fn into_iter(self) -> IterBlocking<Self> {
        iter_blocking(self)
    }
}

impl<I, J, T> fmt::Debug for Map<I, J, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("results", &self.results).finish_non_exhaustive()
    }
}
