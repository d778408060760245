//! [`Put`] and [`Reserve`]: the futures that wait for room; [`Slot`]: room that is reserved.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::wait::{Denied, Waiting};
use super::{Discipline, For, PutError, Queue, QueueRef, ReserveError, SlotError};
use crate::Priority;
use crate::platform::{Platform, Timed};
use crate::storage::Storage;
use crate::time::{Clock, timeout_at};

/// The future of [`Queue::put`]: resolves once the item is inside, or at a rendezvous has been taken.
///
/// It takes its place in line when it is first polled. Once it has been ready it stays pending for good.
///
/// # Cancel safety
///
/// Dropping it gives up the place in line, and drops the item unless it is inside or taken. To have the item back, call
/// [`into_inner`](Self::into_inner); to have room before there is an item, [`Queue::reserve`].
#[must_use = "futures do nothing unless polled"]
pub struct Put<R: QueueRef> {
    waiting: Waiting<R>,
    item: Option<R::Item>,
}

impl<R: QueueRef> Put<R> {
    const fn new(queue: R, item: R::Item) -> Self {
        Self { waiting: Waiting::new(queue, For::Room), item: Some(item) }
    }

    /// Waits with this priority, whatever the scope's is. It says who puts first, not what comes out first.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.waiting.set_priority(priority);
        self
    }

    /// Gives up, and gives the item back; `None` if it is inside or taken.
    pub fn into_inner(mut self) -> Option<R::Item> {
        self.waiting.give_up().or_else(|| self.item.take())
    }

    /// Gives up because the time is up.
    pub(super) fn time_out(&mut self) -> Result<(), PutError<R::Item>> {
        let item = self.waiting.give_up().or_else(|| self.item.take());
        item.map_or(Ok(()), |item| Err(PutError::TimedOut(item)))
    }

    #[inline]
    fn finish(&mut self, denied: Denied) -> Poll<Result<(), PutError<R::Item>>> {
        self.waiting.finish();
        match (denied, self.item.take()) {
            (Denied::Closed, Some(item)) => Poll::Ready(Err(PutError::Closed(item))),
            (Denied::Full, Some(item)) => Poll::Ready(Err(PutError::Full(item))),
            (_, None) => Poll::Pending,
        }
    }

    /// When there is no room for the taking.
    #[cold]
    #[inline(never)]
    fn progress(&mut self, cx: &Context<'_>) -> Poll<Result<(), PutError<R::Item>>> {
        // Without an item there was an offer, and it has been taken.
        match self.waiting.poll(cx, &mut self.item, |machine, item| item.is_none() || machine.fill(item)) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(true)) => {
                self.waiting.finish();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(false)) => self.finish(Denied::Closed),
            Poll::Ready(Err(denied)) => self.finish(denied),
        }
    }
}

impl<R: QueueRef> Future for Put<R> {
    type Output = Result<(), PutError<R::Item>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.waiting.is_new()
            && let Some(queue) = this.waiting.queue()
            && let Some(item) = this.item.take()
        {
            match queue.queue().put_at_once(item) {
                Ok(()) => {
                    this.waiting.finish();
                    return Poll::Ready(Ok(()));
                }
                Err(item) => this.item = Some(item),
            }
        }
        this.progress(cx)
    }
}

/// Nothing in it is ever pinned.
impl<R: QueueRef> Unpin for Put<R> {}

impl<R: QueueRef> fmt::Debug for Put<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put").field("waits", &!self.waiting.is_new()).finish_non_exhaustive()
    }
}

/// The future of [`Queue::reserve`]: resolves to a [`Slot`].
///
/// It takes its place in line when it is first polled. Once it has been ready it stays pending for good.
///
/// # Cancel safety
///
/// Dropping it gives up the place in line, and passes on room that was on its way to it; nothing is lost.
#[must_use = "futures do nothing unless polled"]
pub struct Reserve<R: QueueRef> {
    waiting: Waiting<R>,
}

impl<R: QueueRef> Reserve<R> {
    const fn new(queue: R) -> Self {
        Self { waiting: Waiting::new(queue, For::Room) }
    }

    /// Waits with this priority, whatever the scope's is.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.waiting.set_priority(priority);
        self
    }
}

impl<R: QueueRef> Future for Reserve<R> {
    type Output = Result<Slot<R>, ReserveError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let denied = match this.waiting.poll(cx, &mut None, |_, _| ()) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {
                return this.waiting.finish().map_or(Poll::Pending, |queue| Poll::Ready(Ok(Slot::new(queue))));
            }
            Poll::Ready(Err(denied)) => denied,
        };
        this.waiting.finish();
        Poll::Ready(Err(match denied {
            Denied::Closed => ReserveError::Closed,
            Denied::Full => ReserveError::Full,
        }))
    }
}

/// Nothing in it is ever pinned.
impl<R: QueueRef> Unpin for Reserve<R> {}

impl<R: QueueRef> fmt::Debug for Reserve<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").field("waits", &!self.waiting.is_new()).finish_non_exhaustive()
    }
}

/// Room for one item, given back when it is dropped.
///
/// `R` is whatever points at the queue: a reference, an `Arc`, a `&'static`. The item's place among the others is
/// decided when it is put in.
#[must_use = "dropping a slot gives the room back at once"]
pub struct Slot<R: QueueRef> {
    /// `None` once it has been used.
    queue: Option<R>,
}

impl<R: QueueRef> Slot<R> {
    pub(super) const fn new(queue: R) -> Self {
        Self { queue: Some(queue) }
    }

    /// Puts the item in; there is room for it. Never waits.
    ///
    /// # Errors
    ///
    /// [`Closed`](SlotError::Closed) if the queue has been closed since; the item comes back.
    pub fn put(mut self, item: R::Item) -> Result<(), SlotError<R::Item>> {
        let mut item = Some(item);
        if let Some(queue) = self.queue.take() {
            let queue = queue.queue();
            let mut wakes = queue.wakes();
            queue.transact(&mut wakes, |machine| machine.fill(&mut item));
        }
        item.map_or(Ok(()), |item| Err(SlotError::Closed(item)))
    }
}

impl<R: QueueRef> Drop for Slot<R> {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            let queue = queue.queue();
            let mut wakes = queue.wakes();
            queue.transact(&mut wakes, |machine| machine.release(For::Room));
        }
    }
}

impl<R: QueueRef> fmt::Debug for Slot<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Queue<P, S, T, D, V> {
    /// Puts an item in, and waits for room if there is none; at a rendezvous, until somebody takes it.
    ///
    /// # Errors
    ///
    /// [`Closed`](PutError::Closed), or [`Full`](PutError::Full) in inline storage. Either gives the item back.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and drops the item unless it is inside:
    /// [`Put::into_inner`] gives it back, and [`reserve`](Self::reserve) waits without one.
    #[inline]
    pub const fn put(&self, item: T) -> Put<&Self> {
        Put::new(self, item)
    }

    /// Puts an item in by way of any pointer to the queue, which the future keeps. Otherwise as [`put`](Self::put).
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put).
    ///
    /// # Cancel safety
    ///
    /// As [`put`](Self::put).
    #[inline]
    pub const fn put_owned<R>(this: R, item: T) -> Put<R>
    where
        R: QueueRef<Platform = P, Storage = S, Item = T, Discipline = D, Waiters = V>,
    {
        Put::new(this, item)
    }

    /// Waits for room, for an item to be put in later.
    ///
    /// ```
    /// use tidegate_core::queue::{Queue, TryPutError};
    /// use tidegate_core::{Inline, Local};
    ///
    /// let queue: Queue<Local, Inline<2>, String> = Queue::new(1);
    /// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    /// # let Poll::Ready(Ok(slot)) = pin!(queue.reserve()).poll(&mut cx) else { panic!() };
    /// // let slot = queue.reserve().await?;
    /// assert!(queue.is_full());
    /// slot.put("made when there was room for it".into()).expect("nobody closes it");
    /// assert_eq!(queue.len(), 1);
    /// ```
    ///
    /// # Errors
    ///
    /// [`Closed`](ReserveError::Closed), or [`Full`](ReserveError::Full) in inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and passes on room that was on its way; nothing is lost.
    pub const fn reserve(&self) -> Reserve<&Self> {
        Reserve::new(self)
    }

    /// Waits for room by way of any pointer to the queue, which the slot keeps. Otherwise as
    /// [`reserve`](Self::reserve).
    ///
    /// # Errors
    ///
    /// Those of [`reserve`](Self::reserve).
    ///
    /// # Cancel safety
    ///
    /// As [`reserve`](Self::reserve).
    pub const fn reserve_owned<R>(this: R) -> Reserve<R>
    where
        R: QueueRef<Platform = P, Storage = S, Item = T, Discipline = D, Waiters = V>,
    {
        Reserve::new(this)
    }
}

impl<P: Timed, S: Storage, T, D: Discipline<T>, V: Storage> Queue<P, S, T, D, V> {
    /// Puts an item in, and waits for room for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`put_blocking_timeout`](Self::put_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](PutError::TimedOut), and those of [`put`](Self::put), each with the item. Where there is room
    /// nobody is refused for the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`put`](Self::put).
    pub fn put_timeout(
        &self,
        item: T,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), PutError<T>>> + use<'_, P, S, T, D, V> {
        let deadline = P::TIMER.now() + timeout;
        let mut put = self.put(item);
        async move {
            match timeout_at(&P::TIMER, deadline, &mut put).await {
                Ok(put) => put,
                Err(_elapsed) => put.time_out(),
            }
        }
    }

    /// Waits for room for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`reserve_blocking_timeout`](Self::reserve_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ReserveError::TimedOut), and those of [`reserve`](Self::reserve).
    ///
    /// # Cancel safety
    ///
    /// As [`reserve`](Self::reserve).
    pub fn reserve_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Slot<&Self>, ReserveError>> + use<'_, P, S, T, D, V> {
        let deadline = P::TIMER.now() + timeout;
        async move { timeout_at(&P::TIMER, deadline, self.reserve()).await.unwrap_or(Err(ReserveError::TimedOut)) }
    }
}
