//! [`Consumer`]: who demands.

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::machine::{Machine, Supply};
use super::{HandoverRef, wake};
use crate::platform::Blocking;
use crate::storage::{Buffer, Storage};

type Items<R> = <<R as HandoverRef>::Storage as Storage>::Buffer<<R as HandoverRef>::Item>;
type Output<R> = Option<Result<<R as HandoverRef>::Item, <R as HandoverRef>::Failure>>;

/// The side that demands, of a [`Handover`](super::Handover). Dropping it tells the producer to stop.
pub struct Consumer<R: HandoverRef> {
    handover: R,
    /// What has been taken, the oldest last.
    taken: Items<R>,
    /// How many demands the machine does not know of yet.
    untold: usize,
    /// Tell it when there are so many.
    tell_at: usize,
    /// The demand that the next of those taken answers, or the one in its place, has been counted already.
    counted: bool,
    /// An item has been demanded, and not come.
    open: bool,
    closed: bool,
}

impl<R: HandoverRef> Consumer<R> {
    pub(super) fn new(handover: R, capacity: usize) -> Self {
        let taken = <Items<R> as Buffer<R::Item>>::EMPTY;
        Self {
            handover,
            taken,
            untold: 0,
            tell_at: capacity.div_ceil(2),
            counted: false,
            open: false,
            closed: false,
        }
    }

    /// The next item, once it has been produced: demands it, and waits. `None` after the last one; if the producer
    /// has failed, the failure comes in between, once.
    ///
    /// # Cancel safety
    ///
    /// The demand stays: what is produced meanwhile is had by the next call.
    pub const fn next(&mut self) -> Next<'_, R> {
        Next { consumer: self }
    }

    /// The same for those who poll by hand.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Output<R>> {
        match self.try_next() {
            Poll::Ready(output) => Poll::Ready(output),
            Poll::Pending if self.closed => Poll::Ready(None),
            Poll::Pending => self.wait_for_items(cx.waker()),
        }
    }

    /// The next item if it is there; demands it otherwise, and does not wait. The demand stays.
    pub fn try_next(&mut self) -> Poll<Output<R>> {
        if !self.taken.as_slice().is_empty() {
            self.untold += usize::from(!mem::replace(&mut self.counted, true));
            if self.untold >= self.tell_at && self.tell_at > 1 {
                // Before the item is in hand: a wake may panic.
                self.tell();
            }
            self.counted = false;
            return Poll::Ready(self.pop().map(Ok));
        }
        self.counted = false;
        if self.closed {
            return Poll::Ready(None);
        }
        let handover = self.handover.handover();
        if mem::replace(&mut self.open, true) {
            if handover.word.is_supplied() == Some(false) {
                return Poll::Pending;
            }
        } else {
            self.untold += 1;
        }
        let demanded = mem::take(&mut self.untold);
        let taken = &mut self.taken;
        let (producer, ended) = handover.transact(|machine| {
            machine.take(taken);
            let ended = taken.as_slice().is_empty() && machine.is_ended();
            let producer = machine.demand(demanded);
            (producer, ended.then(|| machine.take_failure()))
        });
        // Before anybody is woken: a wake may panic, and the items stay in order.
        self.order();
        self.counted = true;
        wake(producer);
        self.counted = false;
        match ended {
            Some(failure) => Poll::Ready(failure.map(Err)),
            None => self.pop().map_or(Poll::Pending, |item| Poll::Ready(Some(Ok(item)))),
        }
    }

    fn wait_for_items(&mut self, waker: &Waker) -> Poll<Output<R>> {
        let handover = self.handover.handover();
        let taken = &mut self.taken;
        let mut ask = |fresh: Option<Waker>| {
            handover.transact(|machine| match machine.poll_items(waker) {
                Supply::Items => {
                    machine.take(taken);
                    (Supply::Items, fresh, None)
                }
                Supply::Ended => (Supply::Ended, fresh, machine.take_failure()),
                Supply::WakerDiffers if let Some(fresh) = fresh => {
                    (Supply::Waiting, machine.register_consumer(fresh), None)
                }
                supply => (supply, None, None),
            })
        };
        let mut asked = ask(None);
        if asked.0 == Supply::WakerDiffers {
            asked = ask(Some(waker.clone()));
        }
        let (supply, _unused, failure) = asked;
        match supply {
            Supply::Items => {
                self.order();
                self.pop().map_or(Poll::Pending, |item| Poll::Ready(Some(Ok(item))))
            }
            Supply::Ended => Poll::Ready(failure.map(Err)),
            Supply::Waiting | Supply::WakerDiffers => Poll::Pending,
        }
    }

    /// Puts what has just been taken in the order in which it is taken from.
    fn order(&mut self) {
        let taken = self.taken.as_mut_slice();
        if taken.len() > 1 {
            taken.reverse();
        }
        self.open &= taken.is_empty();
    }

    #[inline]
    fn pop(&mut self) -> Option<R::Item> {
        let last = self.taken.as_slice().len().checked_sub(1)?;
        self.taken.swap_remove(last)
    }

    /// Tells the machine what it does not know of.
    fn tell(&mut self) {
        let demanded = mem::take(&mut self.untold);
        wake(self.handover.handover().transact(|machine| machine.demand(demanded)));
    }

    /// Whether a [`try_next`](Self::try_next) may succeed by now, without the lock where the platform has a fast
    /// path: for those who look a few times before they wait.
    #[must_use]
    #[inline]
    pub fn may_be_supplied(&self) -> bool {
        self.handover.handover().word.is_supplied() != Some(false)
    }

    /// Wants nothing any more: the producer is told to stop, and what it has produced is dropped.
    pub fn stop(&mut self) {
        if !mem::replace(&mut self.closed, true) {
            let (producer, items) = self.handover.handover().transact(Machine::close);
            wake(producer);
            drop(items);
            self.taken.clear();
        }
    }

    /// [Stops](Self::stop), and waits until the producer has ended. The failure, if it ended with one that has not
    /// been told.
    ///
    /// # Errors
    ///
    /// What the producer failed with.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the producer is told to stop; ask again to wait for it.
    pub const fn close(&mut self) -> Close<'_, R> {
        Close { consumer: self }
    }

    fn poll_close(&mut self, waker: &Waker) -> Poll<Result<(), R::Failure>> {
        self.stop();
        let handover = self.handover.handover();
        let ask = |fresh: Option<Waker>| {
            handover.transact(|machine| match machine.poll_ended(waker) {
                Supply::Ended => (Supply::Ended, fresh, machine.take_failure()),
                Supply::WakerDiffers if let Some(fresh) = fresh => {
                    (Supply::Waiting, machine.register_consumer(fresh), None)
                }
                supply => (supply, None, None),
            })
        };
        let mut asked = ask(None);
        if asked.0 == Supply::WakerDiffers {
            asked = ask(Some(waker.clone()));
        }
        match asked {
            (Supply::Ended, _unused, failure) => Poll::Ready(failure.map_or(Ok(()), Err)),
            _ => Poll::Pending,
        }
    }
}

impl<R: HandoverRef<Platform: Blocking>> Consumer<R> {
    /// The next item, and blocks this thread until it has been produced: for threads, never for async tasks.
    /// Otherwise as [`next`](Self::next).
    pub fn next_blocking(&mut self) -> Output<R> {
        match self.try_next() {
            Poll::Ready(output) => output,
            Poll::Pending => R::Platform::block_on(self.next()),
        }
    }

    /// As [`close`](Self::close), and blocks this thread meanwhile.
    ///
    /// # Errors
    ///
    /// What the producer failed with.
    pub fn close_blocking(&mut self) -> Result<(), R::Failure> {
        R::Platform::block_on(self.close())
    }
}

// Items are moved, and never pinned in place.
impl<R: HandoverRef> Unpin for Consumer<R> {}

impl<R: HandoverRef> Drop for Consumer<R> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<R: HandoverRef> fmt::Debug for Consumer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("taken", &self.taken.as_slice().len()).finish_non_exhaustive()
    }
}

/// The future of [`Consumer::next`].
///
/// # Cancel safety
///
/// The demand stays: what is produced meanwhile is had by the next call.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Next<'a, R: HandoverRef> {
    consumer: &'a mut Consumer<R>,
}

impl<R: HandoverRef> Future for Next<'_, R> {
    type Output = Output<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output<R>> {
        self.consumer.poll_next(cx)
    }
}

/// The future of [`Consumer::close`].
///
/// # Cancel safety
///
/// Once polled, the producer is told to stop; ask again to wait for it.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Close<'a, R: HandoverRef> {
    consumer: &'a mut Consumer<R>,
}

impl<R: HandoverRef> Future for Close<'_, R> {
    type Output = Result<(), R::Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.consumer.poll_close(cx.waker())
    }
}
