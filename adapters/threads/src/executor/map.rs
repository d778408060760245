//! [`Map`]: one job for many inputs.

use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

use tidegate_core::Priority;

use super::Executor;
use crate::join_handle::Outcome;
use crate::task::{JoinError, ResultOrder, Results, contain};
use crate::{block_on, priority};

/// The results of [`Executor::map`] and [`map_ordered`](Executor::map_ordered): an `Iterator` for threads, and
/// [`next_async`](Self::next_async) for futures.
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
    /// The executor was shut down before all inputs had been taken, and nobody has been told.
    cut_off: bool,
}

impl<I, J, T> Map<I, J, T> {
    pub(super) fn new(executor: Executor, order: ResultOrder, inputs: I, job: J) -> Self {
        let priority = priority::current();
        Self { executor, priority, inputs: Some(inputs), job, results: Results::new(order), cut_off: false }
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
    pub async fn next_async(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_result(cx)).await
    }

    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        // A few ahead, so that no thread waits for whoever takes the results.
        let ahead = self.executor.max_concurrent().saturating_mul(2);
        while self.inputs.is_some() && self.results.outstanding() < ahead {
            self.start();
        }
        match self.results.poll(cx) {
            Poll::Ready(Some(Ok(output))) => Poll::Ready(Some(Ok(output))),
            Poll::Ready(Some(Err(failed))) => Poll::Ready(Some(Err(failed.observe()))),
            Poll::Ready(None) => Poll::Ready(Some(Err(JoinError::Aborted))),
            Poll::Pending if self.results.outstanding() > 0 => Poll::Pending,
            Poll::Pending if core::mem::take(&mut self.cut_off) => Poll::Ready(Some(Err(JoinError::Aborted))),
            Poll::Pending => Poll::Ready(None),
        }
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
            self.cut_off = true;
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

impl<I, J, T> Iterator for Map<I, J, T>
where
    I: Iterator<Item: Send + 'static>,
    J: Fn(I::Item) -> T + Clone + Send + 'static,
    T: Send + 'static,
{
    type Item = Result<T, JoinError>;

    fn next(&mut self) -> Option<Self::Item> {
        block_on(self.next_async())
    }

    /// Exact if the inputs' is, as long as the executor is not shut down.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let running = self.results.outstanding() + usize::from(self.cut_off);
        let (_, upper) = self.inputs.as_ref().map_or((0, Some(0)), Iterator::size_hint);
        (running, upper.and_then(|upper| upper.checked_add(running)))
    }
}

impl<I, J, T> fmt::Debug for Map<I, J, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("results", &self.results).finish_non_exhaustive()
    }
}
