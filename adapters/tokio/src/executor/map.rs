//! [`Map`]: one job for many inputs.

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use futures_core::Stream;
use tidegate_core::semaphore::Acquire;
use tidegate_core::{Blocking, Priority};
use tidegate_threads::task::{ResultOrder, Results};
use tidegate_threads::{IterBlocking, JoinError, iter_blocking};

use super::Executor;
use super::work::Ticketed;
use crate::task_group::Outcome;
use crate::{OwnedPermit, Semaphore, Tokio, priority};

/// The results of [`Executor::map`] and [`map_ordered`](Executor::map_ordered): a `Stream`; and for
/// threads, a `for` loop over them blocks.
///
/// Inputs are taken while it is polled, one for each result that is taken. Should the executor be shut down before
/// all inputs have been taken, one [`JoinError::Aborted`] follows the last result, and then the end.
///
/// # Fairness
///
/// While somebody asks for a result, it stands in the executor's line like everybody else, with one request at a time. In
/// between it has neither a place in line nor a permit, so whoever takes its results may use the same executor. As a
/// stream that was polled in vain, it keeps them until it is polled again or dropped.
///
/// # Cancel safety
///
/// Dropping it takes no more inputs. Tasks that run go on, and their results are lost; a panic among them counts as
/// unobserved.
#[must_use = "nothing is started before it is polled"]
pub struct Map<I, J, F: Future> {
    executor: Executor,
    priority: Priority,
    /// `None` once all have been taken.
    inputs: Option<I>,
    job: J,
    /// The request for the next task's permit, as long as it waits.
    turn: Option<Acquire<Arc<Semaphore>>>,
    results: Results<Outcome<F::Output>>,
}

impl<I, J, F> Map<I, J, F>
where
    I: Iterator,
    J: FnMut(I::Item) -> F,
    F: Future<Output: Send> + Send + 'static,
{
    pub(super) fn new(executor: Executor, order: ResultOrder, inputs: I, job: J) -> Self {
        let priority = priority::current();
        let results = Results::new(order);
        Self { executor, priority, inputs: Some(inputs), job, turn: None, results }
    }

    /// The next result; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`Panicked`](JoinError::Panicked), [`Aborted`](JoinError::Aborted).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no result; it gives up the place in the executor's line.
    pub async fn next(&mut self) -> Option<Result<F::Output, JoinError>> {
        let asking = Asking(self);
        poll_fn(|cx| asking.0.poll_result(cx)).await
    }

    /// The same, and blocks this thread meanwhile: for threads, never for async tasks.
    ///
    /// # Errors
    ///
    /// Those of [`next`](Self::next).
    pub fn next_blocking(&mut self) -> Option<Result<F::Output, JoinError>> {
        Tokio::block_on(self.next())
    }

    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<F::Output, JoinError>>> {
        self.start_tasks(cx);
        let polled = self.results.poll_next(cx, self.inputs.is_some());
        if polled.is_ready() {
            self.turn = None;
        }
        polled
    }

    /// Starts as many tasks as may run.
    fn start_tasks(&mut self, cx: &mut Context<'_>) {
        while self.inputs.is_some() && self.results.outstanding() < self.executor.shared.max_concurrent {
            if self.executor.is_closed() {
                if self.inputs.take().is_some_and(|mut inputs| inputs.next().is_some()) {
                    self.results.cut_off();
                }
                return;
            }
            let Poll::Ready(permit) = self.poll_turn(cx) else { return };
            let Some(input) = self.inputs.as_mut().and_then(Iterator::next) else {
                self.inputs = None;
                return;
            };
            self.start(permit, input);
        }
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<OwnedPermit> {
        let permits = &self.executor.shared.permits;
        let request = || Semaphore::acquire_owned(Arc::clone(permits), 1).priority(self.priority);
        let turn = self.turn.get_or_insert_with(request);
        let permit = core::task::ready!(Pin::new(turn).poll(cx));
        self.turn = None;
        // Nobody closes the semaphore.
        permit.map_or(Poll::Pending, Poll::Ready)
    }

    fn start(&mut self, permit: OwnedPermit, input: I::Item) {
        let (job, group) = (&mut self.job, &self.executor.shared.group);
        let ticket = self.results.draw();
        let spawned = priority::scope_blocking(self.priority, || {
            group.spawn_wrapped(job(input), |member| Ticketed::new(permit, ticket, member))
        });
        if spawned.is_err() {
            // A ticket that was not used says by itself that there is no result.
            self.inputs = None;
        }
    }
}

/// Somebody who asks for a result, until it goes. A permit must not come to a map that nobody polls.
struct Asking<'a, I, J, F: Future>(&'a mut Map<I, J, F>);

impl<I, J, F: Future> Drop for Asking<'_, I, J, F> {
    fn drop(&mut self) {
        self.0.turn = None;
    }
}

/// Nothing in it is ever pinned.
impl<I, J, F: Future> Unpin for Map<I, J, F> {}

impl<I, J, F> Stream for Map<I, J, F>
where
    I: Iterator,
    J: FnMut(I::Item) -> F,
    F: Future<Output: Send> + Send + 'static,
{
    type Item = Result<F::Output, JoinError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_result(cx)
    }

    /// Exact if the inputs' is, as long as the executor is not shut down.
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.results.size_hint(self.inputs.as_ref().map(Iterator::size_hint))
    }
}

/// For threads, never for async tasks.
impl<I, J, F> IntoIterator for Map<I, J, F>
where
    I: Iterator,
    J: FnMut(I::Item) -> F,
    F: Future<Output: Send> + Send + 'static,
{
    type Item = Result<F::Output, JoinError>;
    type IntoIter = IterBlocking<Self>;

    fn into_iter(self) -> IterBlocking<Self> {
        iter_blocking(self)
    }
}

impl<I, J, F: Future> fmt::Debug for Map<I, J, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("results", &self.results).finish_non_exhaustive()
    }
}
