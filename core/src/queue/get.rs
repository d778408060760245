//! [`Get`] and [`GetMany`]: the futures that wait for items; [`Discarded`]: the items of a queue that was closed.

use core::fmt;
use core::future::Future;
use core::iter::FusedIterator;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::wait::{Denied, Waiting};
use super::{Discipline, For, GetError, Got, Machine, Queue, QueueRef, get_into, keep};
use crate::Priority;
use crate::platform::{Platform, Timed};
use crate::storage::{Buffer, Storage};
use crate::time::{Clock, timeout_at};

impl From<Denied> for GetError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Closed => Self::Closed,
            Denied::Full => Self::Full,
        }
    }
}

/// The future of [`Queue::get`]: resolves to an item.
///
/// It takes its place in line when it is first polled. Once it has been ready it stays pending for good.
///
/// # Cancel safety
///
/// Dropping it gives up the place in line, and passes on its claim if it had one; no item leaves the queue.
#[must_use = "futures do nothing unless polled"]
pub struct Get<R: QueueRef> {
    waiting: Waiting<R>,
}

impl<R: QueueRef> Get<R> {
    pub(super) const fn new(queue: R) -> Self {
        Self { waiting: Waiting::new(queue, For::Item) }
    }

    /// Waits with this priority, whatever the scope's is. It says who gets first, not what comes out first.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.waiting.set_priority(priority);
        self
    }

    #[inline]
    fn finish(&mut self, output: Result<R::Item, GetError>) -> Poll<Result<R::Item, GetError>> {
        self.waiting.finish();
        Poll::Ready(output)
    }

    /// When there is no item for the taking.
    #[cold]
    #[inline(never)]
    fn progress(&mut self, cx: &Context<'_>) -> Poll<Result<R::Item, GetError>> {
        let Some((queue, place)) = self.waiting.split() else { return Poll::Pending };
        let mut taken = Taken::new(queue);
        let polled = place.poll(queue, cx, &mut taken.item, |machine, item| *item = machine.take_claimed());
        let item = taken.keep();
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => self.finish(item.ok_or(GetError::Closed)),
            Poll::Ready(Err(denied)) => self.finish(Err(denied.into())),
        }
    }
}

/// An item that is on its way out: should somebody's wake panic meanwhile, it goes back to where it was.
pub(super) struct Taken<'a, P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> {
    queue: &'a Queue<P, S, T, D, V>,
    pub(super) item: Option<T>,
}

impl<'a, P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Taken<'a, P, S, T, D, V> {
    pub(super) const fn new(queue: &'a Queue<P, S, T, D, V>) -> Self {
        Self { queue, item: None }
    }

    /// Everybody has been woken.
    pub(super) fn keep(mut self) -> Option<T> {
        self.item.take()
    }
}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Drop for Taken<'_, P, S, T, D, V> {
    fn drop(&mut self) {
        if let Some(item) = self.item.take() {
            let mut wakes = self.queue.wakes();
            let homeless = self.queue.transact(&mut wakes, |machine| machine.put_back(item));
            wakes.deliver();
            drop(homeless);
        }
    }
}

impl<R: QueueRef> Future for Get<R> {
    type Output = Result<R::Item, GetError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.waiting.is_new()
            && let Some(queue) = this.waiting.queue()
            && let Some(item) = queue.queue().locked.with(Machine::get_at_once)
        {
            return this.finish(Ok(item));
        }
        this.progress(cx)
    }
}

/// Nothing in it is ever pinned.
impl<R: QueueRef> Unpin for Get<R> {}

impl<R: QueueRef> fmt::Debug for Get<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get").field("waits", &!self.waiting.is_new()).finish_non_exhaustive()
    }
}

/// The future of [`Queue::get_many`]: resolves to how many items it has appended to the buffer.
///
/// It takes its place in line when it is first polled. Once it has been ready it stays pending for good.
///
/// # Cancel safety
///
/// Dropping it gives up the place in line, and passes on its claim if it had one; no item leaves the queue.
#[must_use = "futures do nothing unless polled"]
pub struct GetMany<'b, R: QueueRef, B: Buffer<R::Item>> {
    waiting: Waiting<R>,
    buffer: &'b mut B,
    most: usize,
}

impl<R: QueueRef, B: Buffer<R::Item>> GetMany<'_, R, B> {
    /// Waits with this priority, whatever the scope's is.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.waiting.set_priority(priority);
        self
    }
}

impl<R: QueueRef, B: Buffer<R::Item>> Future for GetMany<'_, R, B> {
    type Output = Result<usize, GetError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(queue) = this.waiting.queue() else { return Poll::Pending };
        // At least one, which the claim is to.
        let held = this.buffer.as_slice().len();
        let room = this.most.min(B::CAPACITY - held);
        if room == 0 {
            drop(this.waiting.give_up());
            return Poll::Ready(Ok(0));
        }
        let most = queue.queue().make_room(this.buffer, room).max(1);
        this.buffer.reserve(held + most);
        let buffer = &mut *this.buffer;
        let polled = this.waiting.poll(cx, &mut None, |machine, _| {
            // The claim first: if others wait behind, it is all that there is.
            keep(buffer, machine.take_claimed()?);
            let Got { count, more } = get_into(machine, buffer, most - 1);
            Some(Got { count: count + 1, more })
        });
        let got = match polled {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(got)) => got.ok_or(GetError::Closed),
            Poll::Ready(Err(denied)) => Err(denied.into()),
        };
        let queue = this.waiting.finish();
        Poll::Ready(got.map(|got| match queue {
            Some(queue) => queue.queue().get_offered(&mut *this.buffer, most, got),
            None => got.count,
        }))
    }
}

/// Nothing in it is ever pinned.
impl<R: QueueRef, B: Buffer<R::Item>> Unpin for GetMany<'_, R, B> {}

impl<R: QueueRef, B: Buffer<R::Item>> fmt::Debug for GetMany<'_, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetMany").field("waits", &!self.waiting.is_new()).finish_non_exhaustive()
    }
}

/// The iterator of [`Queue::try_iter`]. Once it has ended it may go on later, as items come.
pub struct TryIter<'a, P: Platform, S: Storage, T, D: Discipline<T>, V: Storage>(&'a Queue<P, S, T, D, V>);

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Iterator for TryIter<'_, P, S, T, D, V> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.try_get().ok()
    }
}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> fmt::Debug for TryIter<'_, P, S, T, D, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryIter").field(self.0).finish()
    }
}

/// What was inside when a queue was [closed at once](Queue::close_and_discard), in order. Dropping it drops the rest.
pub struct Discarded<R: QueueRef>(R);

impl<R: QueueRef> Discarded<R> {
    pub(super) const fn new(queue: R) -> Self {
        Self(queue)
    }
}

impl<R: QueueRef> Iterator for Discarded<R> {
    type Item = R::Item;

    fn next(&mut self) -> Option<R::Item> {
        self.0.queue().locked.with(Machine::take_discarded)
    }
}

/// Nothing goes into a queue that was closed.
impl<R: QueueRef> FusedIterator for Discarded<R> {}

impl<R: QueueRef> Drop for Discarded<R> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

impl<R: QueueRef> fmt::Debug for Discarded<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discarded").finish_non_exhaustive()
    }
}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Queue<P, S, T, D, V> {
    /// Takes an item out, and waits for one if there is none.
    ///
    /// # Errors
    ///
    /// [`Closed`](GetError::Closed) once the queue is closed and nothing is left, or [`Full`](GetError::Full) in
    /// inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and passes on its claim if it had one; no item is lost,
    /// whatever poll it dies at.
    #[inline]
    pub const fn get(&self) -> Get<&Self> {
        Get::new(self)
    }

    /// Takes an item out by way of any pointer to the queue, which the future keeps. Otherwise as [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    #[inline]
    pub const fn get_owned<R>(this: R) -> Get<R>
    where
        R: QueueRef<Platform = P, Storage = S, Item = T, Discipline = D, Waiters = V>,
    {
        Get::new(this)
    }

    /// What is ready, item by item; it ends where [`try_get`](Self::try_get) finds nothing, and never waits.
    ///
    /// ```
    /// use tidegate_core::queue::{Queue, TryPutError};
    /// use tidegate_core::{Inline, Local};
    ///
    /// let queue: Queue<Local, Inline<8>, u8> = Queue::new(8);
    /// for sample in 0..5 {
    ///     queue.try_put(sample)?;
    /// }
    /// assert_eq!(queue.try_iter().map(u32::from).sum::<u32>(), 10);
    /// # Ok::<(), TryPutError<u8>>(())
    /// ```
    ///
    /// # Cost
    ///
    /// One lock per item; [`drain_ready`](Self::drain_ready) takes a batch under one.
    pub const fn try_iter(&self) -> TryIter<'_, P, S, T, D, V> {
        TryIter(self)
    }

    /// Waits until there is at least one item, then takes what is ready and appends it to `buffer`: up to `most` items,
    /// in order, under one lock. Resolves to how many; to 0 at once if `most` is 0 or the buffer has no room.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub fn get_many<'b, B: Buffer<T>>(&self, buffer: &'b mut B, most: usize) -> GetMany<'b, &Self, B> {
        GetMany { waiting: Waiting::new(self, For::Item), buffer, most }
    }
}

impl<P: Timed, S: Storage, T, D: Discipline<T>, V: Storage> Queue<P, S, T, D, V> {
    /// Takes an item out, and waits for one for at most `timeout` from this call on. To be awaited; the blocking one
    /// is [`get_blocking_timeout`](Self::get_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](GetError::TimedOut), and those of [`get`](Self::get). An item that is there is never refused for
    /// the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub fn get_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<T, GetError>> + use<'_, P, S, T, D, V> {
        let deadline = P::TIMER.now() + timeout;
        async move { timeout_at(&P::TIMER, deadline, self.get()).await.unwrap_or(Err(GetError::TimedOut)) }
    }

    /// Takes what is ready out as [`get_many`](Self::get_many) does, and waits for at least one item for at most
    /// `timeout` from this call on. To be awaited; the blocking one is
    /// [`get_many_blocking_timeout`](Self::get_many_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](GetError::TimedOut), and those of [`get`](Self::get). Items that are there are never refused for
    /// the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub fn get_many_timeout<'b, B: Buffer<T>>(
        &self,
        buffer: &'b mut B,
        most: usize,
        timeout: Duration,
    ) -> impl Future<Output = Result<usize, GetError>> + use<'_, 'b, B, P, S, T, D, V> {
        let deadline = P::TIMER.now() + timeout;
        let get = self.get_many(buffer, most);
        async move { timeout_at(&P::TIMER, deadline, get).await.unwrap_or(Err(GetError::TimedOut)) }
    }
}
