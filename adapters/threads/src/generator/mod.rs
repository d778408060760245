//! [`Generator`]: a blocking iterator or closure as a stream; and [`iter_blocking`], the other direction.

mod error;
mod iter_blocking;
mod options;
mod produce;
#[cfg(test)]
mod tests;
mod turns;
mod work;
mod yielder;

pub use error::GeneratorError;
pub use iter_blocking::{IterBlocking, iter_blocking};
pub use options::{GeneratorOptions, Workers};
pub use tidegate_core::generator::{InvalidCapacity, Stopped};
pub use yielder::Yielder;

use core::convert::Infallible;
use core::fmt;
use core::future::{Future, poll_fn};
use core::marker::PhantomData;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use futures_core::Stream;
use tidegate_core::generator::{Consumer, Handover};
use tidegate_core::{Elapsed, Heap};

use crate::{Threads, block_on};
use produce::linger;
use work::Work;

type Failure<E> = GeneratorError<E>;
type Link<T, E> = Arc<Handover<Threads, Heap, T, Failure<E>>>;

/// A blocking iterator or closure on a thread, whose items are a stream.
///
/// It is lazy: nothing runs before the first item is asked for, and then never further than the item that is asked
/// for, or as far ahead as its [capacity](GeneratorOptions::capacity) allows. An iterator gives its thread back
/// whenever nothing is asked of it, so any number of them share a few threads; a closure keeps its thread until
/// it returns.
///
/// `X` says whose threads these are; the adapters name it away.
///
/// # Errors
///
/// The items are results. What the producer fails or panics with comes after its last item; then the stream ends.
///
/// # Cancel safety
///
/// Dropping [`next`](Self::next) loses nothing: the item is had by the next call. Dropping the generator stops the
/// producer at its next yield; what was yielded and not taken is dropped. [`close`](Self::close) also waits for it.
///
/// # Cost
///
/// Two allocations. At a capacity of one, each item is asked for and handed over between two threads: some hundreds
/// of nanoseconds while both are awake. Either side looks for about two microseconds whether the other answers
/// before it goes to sleep; the consumer, in a task, does so less and less often as long as it is in vain. With a
/// larger capacity items are handed over in batches.
///
/// ```
/// use tidegate_threads::{Generator, block_on};
///
/// block_on(async {
///     let mut lines = Generator::new(["one", "two"].into_iter().map(str::len));
///     let mut sum = 0;
///     while let Some(length) = lines.next().await {
///         sum += length?;
///     }
///     assert_eq!(sum, 6);
///
///     let mut numbers = Generator::from_fn(|out| {
///         let mut number = 1_u32;
///         while out.yield_(number).is_ok() {
///             number *= 2; // … anything that blocks …
///         }
///     });
///     assert_eq!(numbers.next().await.transpose()?, Some(1));
///     assert_eq!(numbers.next().await.transpose()?, Some(2));
///     numbers.close().await
/// })?;
/// # Ok::<(), tidegate_threads::GeneratorError>(())
/// ```
pub struct Generator<T, E = Infallible, X = Threads> {
    consumer: Consumer<Link<T, E>>,
    work: Arc<Work>,
    /// Whether anything was ever asked for.
    started: bool,
    /// How many items there were at first, as far as the iterator knew.
    hint: (usize, Option<usize>),
    received: usize,
    hope: Hope,
    workers: PhantomData<fn() -> X>,
}

impl<T: Send + 'static, X: Workers> Generator<T, Infallible, X> {
    /// The items of an iterator, on the default threads, with a capacity of one.
    pub fn new<I>(items: I) -> Self
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        GeneratorOptions::new().items(items)
    }

    /// What a closure yields, on the default threads, with a capacity of one.
    pub fn from_fn<F>(closure: F) -> Self
    where
        F: FnOnce(&mut Yielder<T, Infallible>) + Send + 'static,
    {
        GeneratorOptions::new().from_fn(closure)
    }
}

impl<T: Send + 'static, E: Send + 'static, X: Workers> Generator<T, E, X> {
    /// The items of an iterator of results, up to the first error.
    pub fn try_new<I>(items: I) -> Self
    where
        I: IntoIterator<Item = Result<T, E>>,
        I::IntoIter: Send + 'static,
    {
        GeneratorOptions::new().try_items(items)
    }

    /// What a closure yields that may fail.
    pub fn try_from_fn<F>(closure: F) -> Self
    where
        F: FnOnce(&mut Yielder<T, E>) -> Result<(), E> + Send + 'static,
    {
        GeneratorOptions::new().try_from_fn(closure)
    }
}

impl<T, E, X> Generator<T, E, X> {
    fn over(consumer: Consumer<Link<T, E>>, work: Arc<Work>, hint: (usize, Option<usize>)) -> Self {
        Self { consumer, work, started: false, hint, received: 0, hope: Hope::default(), workers: PhantomData }
    }

    /// The next item: asks for it, and waits.
    ///
    /// # Errors
    ///
    /// What the producer failed with, after its last item and once.
    ///
    /// # Cancel safety
    ///
    /// What is produced meanwhile is had by the next call.
    #[expect(clippy::should_implement_trait, reason = "the name that streams have it by")]
    pub fn next(&mut self) -> impl Future<Output = Option<Result<T, GeneratorError<E>>>> + use<'_, T, E, X> {
        poll_fn(|cx| self.poll_item(cx))
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, GeneratorError<E>>>> {
        self.started = true;
        let polled = match self.consumer.try_next() {
            Poll::Ready(output) => Poll::Ready(output),
            Poll::Pending => match self.hope_for_item() {
                Poll::Ready(output) => Poll::Ready(output),
                Poll::Pending => self.consumer.poll_next(cx),
            },
        };
        if matches!(polled, Poll::Ready(Some(_))) {
            self.received = self.received.saturating_add(1);
        }
        polled
    }

    fn hope_for_item(&mut self) -> Poll<Option<Result<T, GeneratorError<E>>>> {
        if !self.hope.is_worth_it() {
            return Poll::Pending;
        }
        let consumer = &mut self.consumer;
        let seen = linger(|| {
            let polled = if consumer.may_be_supplied() { consumer.try_next() } else { Poll::Pending };
            polled.is_ready().then_some(polled)
        });
        self.hope.learn(seen.is_some());
        seen.unwrap_or(Poll::Pending)
    }

    /// The next item, and blocks this thread until it is there: for threads, never for async tasks. Otherwise as
    /// [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// Those of [`next`](Self::next).
    pub fn next_blocking(&mut self) -> Option<Result<T, GeneratorError<E>>> {
        block_on(self.next())
    }

    /// The same, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] if the time was up first; what is produced meanwhile is had by the next call.
    pub fn next_blocking_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<Result<T, GeneratorError<E>>>, Elapsed> {
        block_on(crate::timeout(timeout, self.next()))
    }

    /// Stops the producer at its next yield, and waits until it has ended. What has been yielded and not taken is
    /// dropped.
    ///
    /// # Errors
    ///
    /// What the producer failed with, if nobody has been told.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the producer is told to stop. Call it again to wait for it.
    pub fn close(&mut self) -> impl Future<Output = Result<(), GeneratorError<E>>> + use<'_, T, E, X> {
        poll_fn(|cx| {
            if !self.started {
                self.work.discard();
            }
            pin!(self.consumer.close()).poll(cx)
        })
    }

    /// The same, and blocks this thread meanwhile.
    ///
    /// # Errors
    ///
    /// Those of [`close`](Self::close).
    pub fn close_blocking(&mut self) -> Result<(), GeneratorError<E>> {
        block_on(self.close())
    }

    /// The same, for at most `timeout`. The producer is told to stop in any case.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] if it did not end in time; otherwise the answer of [`close`](Self::close).
    pub fn close_blocking_timeout(&mut self, timeout: Duration) -> Result<Result<(), GeneratorError<E>>, Elapsed> {
        block_on(crate::timeout(timeout, self.close()))
    }

    /// How many items are still to come, as far as the iterator knew at first.
    #[must_use]
    pub fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.hint;
        (least.saturating_sub(self.received), most.map(|most| most.saturating_sub(self.received)))
    }
}

impl<T, E, X> Stream for Generator<T, E, X> {
    type Item = Result<T, GeneratorError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.size_hint()
    }
}

// Items are moved, and never pinned in place.
impl<T, E, X> Unpin for Generator<T, E, X> {}

impl<T, E, X> Drop for Generator<T, E, X> {
    fn drop(&mut self) {
        if !self.started {
            // It takes no thread to drop what has never run.
            self.work.discard();
        }
    }
}

impl<T, E, X> fmt::Debug for Generator<T, E, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator")
            .field("started", &self.started)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

/// Whether it is worth a consumer's while to look again before it waits: less and less often, as long as that is
/// in vain.
#[derive(Debug, Default)]
struct Hope {
    /// How many times in a row it was in vain.
    failures: u32,
    /// How many times to wait without looking.
    skip: u32,
}

impl Hope {
    const fn is_worth_it(&mut self) -> bool {
        match self.skip.checked_sub(1) {
            None => true,
            Some(skip) => {
                self.skip = skip;
                false
            }
        }
    }

    fn learn(&mut self, seen: bool) {
        self.failures = if seen { 0 } else { (self.failures + 1).min(7) };
        self.skip = (1 << self.failures) - 1;
    }
}
