//! [`Producer`]: who works on demand.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::error::{PushError, Stopped};
use super::machine::{Demand, Machine};
use super::{HandoverRef, wake};
use crate::platform::Blocking;

type HalfMachine<R> =
    Machine<Waker, <R as HandoverRef>::Item, <R as HandoverRef>::Failure, <R as HandoverRef>::Storage>;

/// The side that produces, of a [`Handover`](super::Handover). Dropping it ends the items, as [`end`](Self::end)
/// does.
pub struct Producer<R: HandoverRef> {
    handover: R,
}

impl<R: HandoverRef> Producer<R> {
    pub(super) const fn new(handover: R) -> Self {
        Self { handover }
    }

    /// Waits until an item is demanded; `false` if none ever will be.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub const fn demanded(&mut self) -> Demanded<'_, R> {
        Demanded { producer: self }
    }

    /// Hands an item over, and waits until the next one is demanded.
    ///
    /// If this one has not been demanded yet, it waits for that first.
    ///
    /// # Errors
    ///
    /// [`Stopped`], with the item if it was not handed over: the consumer is gone, and the producer is to stop.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it has been ready either drops the item, or it has been handed over.
    pub const fn yield_(&mut self, item: R::Item) -> Yield<'_, R> {
        Yield { producer: self, item: Some(item) }
    }

    /// Hands an item over if it is demanded, and waits for nothing.
    ///
    /// # Errors
    ///
    /// Gives the item back if it is not wanted: not yet, or not any more.
    pub fn try_yield(&mut self, item: R::Item) -> Result<(), PushError<R::Item>> {
        let pushed = self.handover.handover().transact(|machine| machine.push(item));
        pushed.map(wake)
    }

    /// Whether an item is demanded, `Some(true)`, or none ever will be, `Some(false)`, without the lock; `None` if
    /// neither is known, as on platforms without a fast path: for those who look a few times before they wait.
    #[must_use]
    #[inline]
    pub fn peek_demand(&self) -> Option<bool> {
        self.handover.handover().word.demand()
    }

    /// Ends with a failure, which the consumer gets after the last item.
    pub fn fail(self, failure: R::Failure) {
        self.finish(Some(failure));
    }

    /// Ends.
    pub fn end(self) {
        self.finish(None);
    }

    fn finish(&self, failure: Option<R::Failure>) {
        let (consumer, unheard) = self.handover.handover().transact(|machine| machine.end(failure));
        wake(consumer);
        drop(unheard);
    }

    fn poll_demanded(&mut self, waker: &Waker) -> Poll<bool> {
        match self.ask(waker, |machine| (machine.poll_demand(waker), None)) {
            Demand::Produce => Poll::Ready(true),
            Demand::Stop => Poll::Ready(false),
            Demand::Waiting | Demand::WakerDiffers => Poll::Pending,
        }
    }

    /// Asks, and sees to it that the machine knows the waker if it is to wait. The other waker that comes with the
    /// answer is the consumer's, and is woken.
    fn ask(&mut self, waker: &Waker, ask: impl FnOnce(&mut HalfMachine<R>) -> (Demand, Option<Waker>)) -> Demand {
        let handover = self.handover.handover();
        let (demand, consumer) = handover.transact(ask);
        wake(consumer);
        if demand != Demand::WakerDiffers {
            return demand;
        }
        let fresh = waker.clone();
        let (demand, _replaced) = handover.transact(|machine| match machine.poll_demand(waker) {
            Demand::WakerDiffers => (Demand::Waiting, machine.register_producer(fresh)),
            demand => (demand, Some(fresh)),
        });
        demand
    }

    fn poll_yield(
        &mut self,
        slot: &mut Option<R::Item>,
        waker: &Waker,
    ) -> Poll<Result<(), Stopped<Option<R::Item>>>> {
        loop {
            let mut waits_with_item = slot.is_some();
            let demand = self.ask(waker, |machine| {
                let mut consumer = None;
                if let Some(item) = slot.take() {
                    match machine.push(item) {
                        Ok(woken) => {
                            consumer = woken;
                            waits_with_item = false;
                        }
                        Err(PushError::NotDemanded(item) | PushError::Closed(item)) => *slot = Some(item),
                    }
                }
                (machine.poll_demand(waker), consumer)
            });
            match demand {
                // It was demanded just now.
                Demand::Produce if waits_with_item => {}
                Demand::Produce => return Poll::Ready(Ok(())),
                Demand::Stop => return Poll::Ready(Err(Stopped(slot.take()))),
                Demand::Waiting | Demand::WakerDiffers => return Poll::Pending,
            }
        }
    }
}

impl<R: HandoverRef<Platform: Blocking>> Producer<R> {
    /// Waits until an item is demanded, and blocks this thread meanwhile; `false` if none ever will be.
    pub fn demanded_blocking(&mut self) -> bool {
        R::Platform::block_on(self.demanded())
    }

    /// Hands an item over, and blocks this thread until the next one is demanded: for threads, never for async
    /// tasks. Otherwise as [`yield_`](Self::yield_).
    ///
    /// # Errors
    ///
    /// Those of [`yield_`](Self::yield_).
    pub fn yield_blocking(&mut self, item: R::Item) -> Result<(), Stopped<Option<R::Item>>> {
        R::Platform::block_on(self.yield_(item))
    }
}

// Items are moved, and never pinned in place.
impl<R: HandoverRef> Unpin for Producer<R> {}

impl<R: HandoverRef> Drop for Producer<R> {
    fn drop(&mut self) {
        self.finish(None);
    }
}

impl<R: HandoverRef> fmt::Debug for Producer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}

/// The future of [`Producer::demanded`].
///
/// # Cancel safety
///
/// Dropping it loses nothing.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Demanded<'a, R: HandoverRef> {
    producer: &'a mut Producer<R>,
}

impl<R: HandoverRef> Future for Demanded<'_, R> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        self.producer.poll_demanded(cx.waker())
    }
}

/// The future of [`Producer::yield_`].
///
/// # Cancel safety
///
/// Dropping it before it has been ready either drops the item, or it has been handed over.
#[must_use = "futures do nothing unless polled"]
pub struct Yield<'a, R: HandoverRef> {
    producer: &'a mut Producer<R>,
    /// `None` once it has been handed over.
    item: Option<R::Item>,
}

// The item is moved, and never pinned in place.
impl<R: HandoverRef> Unpin for Yield<'_, R> {}

impl<R: HandoverRef> Future for Yield<'_, R> {
    type Output = Result<(), Stopped<Option<R::Item>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.producer.poll_yield(&mut this.item, cx.waker())
    }
}

impl<R: HandoverRef> fmt::Debug for Yield<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yield").field("handed_over", &self.item.is_none()).finish_non_exhaustive()
    }
}
