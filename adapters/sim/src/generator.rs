//! [`Generator`]: a producer in a task of its own.

use core::convert::Infallible;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::rc::Rc;

use futures_core::Stream;
use tidegate_core::Heap;
use tidegate_core::generator::{Consumer, Handover, Producer};
pub use tidegate_core::generator::{InvalidCapacity, Stopped};
pub use tidegate_threads::GeneratorError;

use crate::{Sim, spawn_named};

type Link<T, E> = Rc<Handover<Sim, Heap, T, GeneratorError<E>>>;

/// An iterator or an async closure in a simulated task, whose items are a stream.
///
/// It demands and hands over as the generators of the other adapters do: nothing runs before the first item is
/// asked for, and then never further than the item that is asked for, or the capacity. In a run nothing blocks, so a
/// closure is an async one, and its yields are awaited. A panic ends the run, as any panic does here.
///
/// # Cancel safety
///
/// Dropping [`next`](Self::next) loses nothing: the item is had by the next call. Dropping the generator stops the
/// producer at its next yield; [`close`](Self::close) also waits for it.
///
/// ```
/// use core::time::Duration;
/// use tidegate_sim::{Generator, Sim, sleep};
///
/// let sum = Sim::new(7).run(async {
///     let mut samples = Generator::from_fn(async |mut out| {
///         let mut sample = 0;
///         while out.yield_(sample).await.is_ok() {
///             sleep(Duration::from_hours(1)).await;
///             sample += 1;
///         }
///     });
///     let mut sum = 0;
///     while let Some(Ok(sample @ ..5)) = samples.next().await {
///         sum += sample;
///     }
///     samples.close().await.map(|()| sum)
/// })?;
/// assert!(matches!(sum, Ok(10)));
/// # Ok::<(), tidegate_sim::SimError>(())
/// ```
pub struct Generator<T, E = Infallible> {
    consumer: Consumer<Link<T, E>>,
    hint: (usize, Option<usize>),
    received: usize,
}

impl<T: 'static> Generator<T> {
    /// The items of an iterator, with a capacity of one.
    pub fn new<I: IntoIterator<Item = T> + 'static>(items: I) -> Self {
        Self::over(Handover::new(), items)
    }

    /// The same with another capacity.
    ///
    /// # Errors
    ///
    /// [`InvalidCapacity`] if it is zero.
    pub fn with_capacity<I>(capacity: usize, items: I) -> Result<Self, InvalidCapacity>
    where
        I: IntoIterator<Item = T> + 'static,
    {
        Ok(Self::over(Handover::with_capacity(capacity)?, items))
    }

    fn over<I>(handover: Handover<Sim, Heap, T, GeneratorError>, items: I) -> Self
    where
        I: IntoIterator<Item = T> + 'static,
    {
        let items = items.into_iter();
        let hint = items.size_hint();
        Self::start(handover, hint, async |mut out: Yielder<T, Infallible>| {
            for item in items {
                if out.yield_(item).await.is_err() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// What an async closure yields, with a capacity of one.
    pub fn from_fn<F: AsyncFnOnce(Yielder<T, Infallible>) + 'static>(closure: F) -> Self {
        Self::start(Handover::new(), (0, None), async |out| {
            closure(out).await;
            Ok(())
        })
    }
}

impl<T: 'static, E: 'static> Generator<T, E> {
    /// The items of an iterator of results, up to the first error.
    pub fn try_new<I: IntoIterator<Item = Result<T, E>> + 'static>(items: I) -> Self {
        let items = items.into_iter();
        let (_, most) = items.size_hint();
        Self::start(Handover::new(), (0, most), async |mut out: Yielder<T, E>| {
            for item in items {
                if out.yield_(item?).await.is_err() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// What an async closure yields that may fail.
    pub fn try_from_fn<F>(closure: F) -> Self
    where
        F: AsyncFnOnce(Yielder<T, E>) -> Result<(), E> + 'static,
    {
        Self::start(Handover::new(), (0, None), closure)
    }

    fn start<F>(
        handover: Handover<Sim, Heap, T, GeneratorError<E>>,
        hint: (usize, Option<usize>),
        closure: F,
    ) -> Self
    where
        F: AsyncFnOnce(Yielder<T, E>) -> Result<(), E> + 'static,
    {
        let link = Rc::new(handover);
        let Some((producer, consumer)) = Handover::halves(Rc::clone(&link)) else {
            unreachable!("nobody else has had the new link");
        };
        let place = Rc::new(core::cell::Cell::new(Some(producer)));
        let mut out = Yielder { producer: None, home: Rc::clone(&place) };
        let task = spawn_named("generator", async move {
            let Some(mut producer) = out.home.take() else { return };
            if !producer.demanded().await {
                return;
            }
            let home = Rc::clone(&out.home);
            out.producer = Some(producer);
            let result = closure(out).await;
            // The yielder has come home when it was dropped.
            if let (Err(error), Some(producer)) = (result, home.take()) {
                producer.fail(GeneratorError::Failed(error));
            }
        });
        if task.is_finished()
            && let Some(producer) = place.take()
        {
            // There is no run to run it.
            producer.fail(GeneratorError::Lost);
        }
        drop(task);
        Self { consumer, hint, received: 0 }
    }
}

impl<T, E> Generator<T, E> {
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
    pub fn next(&mut self) -> impl Future<Output = Option<Result<T, GeneratorError<E>>>> + use<'_, T, E> {
        poll_fn(|cx| self.poll_item(cx))
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, GeneratorError<E>>>> {
        let polled = self.consumer.poll_next(cx);
        if matches!(polled, Poll::Ready(Some(_))) {
            self.received = self.received.saturating_add(1);
        }
        polled
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
    pub fn close(&mut self) -> impl Future<Output = Result<(), GeneratorError<E>>> + use<'_, T, E> {
        self.consumer.close()
    }

    /// How many items are still to come, as far as the iterator knew at first.
    #[must_use]
    pub fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.hint;
        (least.saturating_sub(self.received), most.map(|most| most.saturating_sub(self.received)))
    }
}

impl<T, E> Stream for Generator<T, E> {
    type Item = Result<T, GeneratorError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.size_hint()
    }
}

impl<T, E> fmt::Debug for Generator<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator").field("received", &self.received).finish_non_exhaustive()
    }
}

type Half<T, E> = Producer<Link<T, E>>;

/// By which the closure of a [`Generator`] yields its items, one by one.
pub struct Yielder<T, E = Infallible> {
    producer: Option<Half<T, E>>,
    /// Where the producer goes when the closure is done with it.
    home: Rc<core::cell::Cell<Option<Half<T, E>>>>,
}

impl<T, E> Yielder<T, E> {
    /// Hands an item over, and waits until the next one is demanded.
    ///
    /// # Errors
    ///
    /// [`Stopped`] once nothing is wanted any more: the closure is to return. Gives the item back if it was not
    /// handed over.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the item has been handed over, it drops the item; the next call goes on from there.
    pub async fn yield_(&mut self, item: T) -> Result<(), Stopped<Option<T>>> {
        match &mut self.producer {
            Some(producer) => producer.yield_(item).await,
            None => Err(Stopped(Some(item))),
        }
    }
}

impl<T, E> Drop for Yielder<T, E> {
    fn drop(&mut self) {
        if let Some(producer) = self.producer.take() {
            self.home.set(Some(producer));
        }
    }
}

impl<T, E> fmt::Debug for Yielder<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}
