//! [`Put`]: the future that waits for room.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::answers::{Entry, Putting, Refused};
use super::{Gather, PutError, TryPutError, Waterfall, WaterfallRef};
use crate::platform::{Blocking, Platform};
use crate::storage::Storage;
use crate::time::{Timer, timeout_at};
use crate::wait_queue::WaiterKey;

/// What a waterfall's items are when they are put.
type Input<R> = <<R as WaterfallRef>::Gather as Gather>::Input;
type Item<R> = <<R as WaterfallRef>::Gather as Gather>::Item;

/// The future of [`Waterfall::put`]: ready once the item has been accepted.
///
/// It takes its place in line when it is first polled, if there is no room. Once it has been ready it stays pending for
/// good.
///
/// # Cancel safety
///
/// Dropping it takes the item along, unless it has been accepted: then it stays accepted. To have it back, use
/// [`withdraw`](Self::withdraw).
#[must_use = "futures do nothing unless polled"]
pub struct Put<R: WaterfallRef> {
    /// `None` once the future has been ready.
    waterfall: Option<R>,
    step: Step<Item<R>>,
}

enum Step<I> {
    Holds(I),
    Waits(WaiterKey),
    Over,
}

impl<R: WaterfallRef> Put<R> {
    #[inline]
    fn new(waterfall: R, item: Input<R>) -> Self {
        let item = R::Gather::prepare(&waterfall.waterfall().prepare, item);
        Self { waterfall: Some(waterfall), step: Step::Holds(item) }
    }

    /// Takes the item back; `None` if it has been accepted.
    ///
    /// Afterwards the future stays pending for good.
    pub fn withdraw(&mut self) -> Option<Input<R>> {
        let waterfall = self.waterfall.take()?;
        let item = match core::mem::replace(&mut self.step, Step::Over) {
            Step::Holds(item) => Some(item),
            Step::Waits(key) => waterfall.waterfall().cancel_put(key),
            Step::Over => None,
        };
        item.map(R::Gather::restore)
    }

    fn finish(&mut self, outcome: Result<(), PutError<Item<R>>>) -> Poll<Result<(), PutError<Input<R>>>> {
        self.waterfall = None;
        self.step = Step::Over;
        let restore = R::Gather::restore;
        Poll::Ready(outcome.map_err(|error| match error {
            PutError::Full(item) => PutError::Full(restore(item)),
            PutError::Closed(item) => PutError::Closed(restore(item)),
            PutError::TimedOut(item) => PutError::TimedOut(restore(item)),
        }))
    }

    /// The first poll, when there is no room.
    #[cold]
    fn enter(&mut self, item: Item<R>, cx: &Context<'_>) -> Poll<Result<(), PutError<Input<R>>>> {
        let Some(waterfall) = self.waterfall.as_ref().map(WaterfallRef::waterfall) else { return Poll::Pending };
        let waker = cx.waker().clone();
        let step = &mut self.step;
        let mut wakes = waterfall.wakes();
        let now = waterfall.now();
        let entered = waterfall.transact(now, &mut wakes, |machine| {
            let entered = machine.wait_to_put(now, item, waker);
            // Noted before anybody is woken: a wake may panic.
            if let Ok(Entry::Queued(key)) = entered {
                *step = Step::Waits(key);
            }
            entered
        });
        match entered {
            Ok(Entry::Queued(_)) => Poll::Pending,
            Ok(Entry::Done(_unused)) => {
                drop(wakes);
                self.finish(Ok(()))
            }
            Err((Refused::Closed(item), _unused)) => {
                drop(wakes);
                self.finish(Err(PutError::Closed(item)))
            }
            Err((Refused::Full(item) | Refused::NeedsTime(item), _unused)) => {
                drop(wakes);
                self.finish(Err(PutError::Full(item)))
            }
        }
    }

    /// A later poll, in line.
    #[cold]
    fn progress(&mut self, key: WaiterKey, cx: &Context<'_>) -> Poll<Result<(), PutError<Input<R>>>> {
        let Some(waterfall) = self.waterfall.as_ref().map(WaterfallRef::waterfall) else { return Poll::Pending };
        loop {
            let (putting, replaced) = waterfall.locked.with(|machine| machine.poll_put(key, cx.waker()));
            drop(replaced);
            match putting {
                Putting::Accepted => return self.finish(Ok(())),
                Putting::Closed(item) => return self.finish(Err(PutError::Closed(item))),
                Putting::Waiting => return Poll::Pending,
                Putting::WakerDiffers => {
                    let fresh = cx.waker().clone();
                    let registered = waterfall.locked.with(|machine| machine.register_put(key, fresh));
                    if registered.is_ok() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl<R: WaterfallRef> Future for Put<R> {
    type Output = Result<(), PutError<Input<R>>>;

    #[expect(clippy::inline_always, reason = "inlined it is a lock and a few moves, otherwise mostly calls")]
    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(waterfall) = &this.waterfall else { return Poll::Pending };
        if let Step::Waits(key) = this.step {
            return this.progress(key, cx);
        }
        match core::mem::replace(&mut this.step, Step::Over) {
            Step::Holds(item) => match waterfall.waterfall().put_now(item) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(TryPutError::Full(item)) => this.enter(item, cx),
                Err(TryPutError::Closed(item)) => this.finish(Err(PutError::Closed(item))),
            },
            Step::Waits(_) | Step::Over => Poll::Pending,
        }
    }
}

/// Nothing in it is ever pinned.
impl<R: WaterfallRef> Unpin for Put<R> {}

impl<R: WaterfallRef> Drop for Put<R> {
    #[inline]
    fn drop(&mut self) {
        if let (Step::Waits(key), Some(waterfall)) = (&self.step, &self.waterfall) {
            drop(waterfall.waterfall().cancel_put(*key));
        }
    }
}

impl<R: WaterfallRef> fmt::Debug for Put<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put").field("waits", &matches!(self.step, Step::Waits(_))).finish_non_exhaustive()
    }
}

impl<G: Gather, P: Platform, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    /// Puts an item here and now. Never waits; fit for interrupt handlers.
    ///
    /// # Errors
    ///
    /// [`TryPutError`], with the item: [`Full`](TryPutError::Full) also while others wait for room.
    #[inline]
    pub fn try_put(&self, item: G::Input) -> Result<(), TryPutError<G::Input>> {
        self.put_now(G::prepare(&self.prepare, item)).map_err(|error| match error {
            TryPutError::Full(item) => TryPutError::Full(G::restore(item)),
            TryPutError::Closed(item) => TryPutError::Closed(G::restore(item)),
        })
    }

    #[inline]
    fn put_now(&self, item: G::Item) -> Result<(), TryPutError<G::Item>> {
        // Here it is dropped after the lock is released, should comparing its key panic.
        let mut item = Some(item);
        self.locked.with(|machine| machine.put_at_once(&mut item));
        item.map_or(Ok(()), |item| self.put_otherwise(item))
    }

    /// When there is more to it than adding an item to others.
    #[inline(never)]
    fn put_otherwise(&self, item: G::Item) -> Result<(), TryPutError<G::Item>> {
        let mut wakes = self.wakes();
        let now = self.now();
        let outcome = self.transact(now, &mut wakes, |machine| machine.put(Some(now), item));
        outcome.map_err(|refused| match refused {
            Refused::Closed(item) => TryPutError::Closed(item),
            Refused::Full(item) | Refused::NeedsTime(item) => TryPutError::Full(item),
        })
    }

    /// Puts an item, and waits for room if there is none.
    ///
    /// # Errors
    ///
    /// [`Closed`](PutError::Closed), or [`Full`](PutError::Full) in inline storage, with the item.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes the item along, unless it has been accepted; [`Put::withdraw`] gives it back.
    #[inline]
    pub fn put(&self, item: G::Input) -> Put<&Self> {
        Put::new(self, item)
    }

    /// Puts an item by way of any pointer to the waterfall, which the future keeps. Otherwise as [`put`](Self::put).
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put).
    ///
    /// # Cancel safety
    ///
    /// As [`put`](Self::put).
    pub fn put_owned<R>(this: R, item: G::Input) -> Put<R>
    where
        R: WaterfallRef<Gather = G, Platform = P, Room = Q, Timer = T>,
    {
        Put::new(this, item)
    }

    /// Puts an item, and waits for room for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`put_blocking_timeout`](Self::put_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](PutError::TimedOut), and those of [`put`](Self::put), with the item. It is never refused for the
    /// time's sake if there is room.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes the item along, unless it has been accepted.
    pub fn put_timeout(
        &self,
        item: G::Input,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), PutError<G::Input>>> + use<'_, G, P, Q, T> {
        let deadline = self.timer.now() + timeout;
        let mut put = self.put(item);
        async move {
            match timeout_at(&self.timer, deadline, &mut put).await {
                Ok(outcome) => outcome,
                Err(_elapsed) => put.withdraw().map_or(Ok(()), |item| Err(PutError::TimedOut(item))),
            }
        }
    }

    /// Gives up a place in line; answers the item unless it has been accepted.
    #[cold]
    fn cancel_put(&self, key: WaiterKey) -> Option<G::Item> {
        let mut wakes = self.wakes();
        let (item, waker) = self.transact(self.now(), &mut wakes, |machine| machine.cancel_put(key));
        drop(wakes);
        drop(waker);
        item
    }
}

impl<G: Gather, P: Blocking, Q: Storage, T: Timer> Waterfall<G, P, Q, T> {
    /// Puts an item, and blocks this thread until there is room: for threads, never for async tasks. Otherwise as
    /// [`put`](Self::put).
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put).
    pub fn put_blocking(&self, item: G::Input) -> Result<(), PutError<G::Input>> {
        match self.try_put(item) {
            Ok(()) => Ok(()),
            Err(error) => P::block_on(self.put(error.into_inner())),
        }
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](PutError::TimedOut), and those of [`put`](Self::put), with the item.
    pub fn put_blocking_timeout(&self, item: G::Input, timeout: Duration) -> Result<(), PutError<G::Input>> {
        let mut put = match self.try_put(item) {
            Ok(()) => return Ok(()),
            Err(error) => self.put(error.into_inner()),
        };
        match P::block_on_until(P::now() + timeout, &mut put) {
            Some(outcome) => outcome,
            None => put.withdraw().map_or(Ok(()), |item| Err(PutError::TimedOut(item))),
        }
    }
}
