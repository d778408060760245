//! Queues with a sync and an async side: one object, and any mix of tasks, threads and interrupt handlers.
//!
//! | | what comes out next | capacity 0 |
//! |---|---|---|
//! | [`Queue`] | first in, first out | a rendezvous |
//! | [`LifoQueue`] | last in, first out | - |
//! | [`PriorityQueue`] | the least item by its `Ord`; of equal ones the one that came first | - |
//!
//! All three are one handle, [`Queue`], under another [`Discipline`]; [`Machine`] is the state machine beneath it, for
//! those who bring their own lock. The adapters name the handle with fewer parameters: `tidegate_tokio::Queue<T>`.
//!
//! # Order
//!
//! Whoever waits, for room or for an item, stands in a line: the most urgent first ([`Priority`](crate::Priority):
//! lower is sooner), then first come, first served, whatever its colour. What becomes free is granted to the first in
//! line at once, so nobody who comes later overtakes it.
//!
//! What a getter is granted is a claim to *an* item, not that item: the items stay where they are, and it takes what
//! is first when it is polled. So a get that is dropped has nothing to put back.
//!
//! # Without capacity
//!
//! A [`Queue`] of capacity 0 hands items over from one to another, and none is ever inside unless a getter gives up to
//! whom one was on its way. Whoever gets, waiting or not, takes the item of the first put that waits; a put whose getter
//! waits already is over at once. A put that gives up has its item back, unless it has been taken. Who only
//! [reserves](Queue::reserve) has no item yet: it, and who stands behind it, is served once somebody waits for an item.
//!
//! # Source
//!
//! The seed is `dual_color` of the Python library `async-utils`; `task_done` and `join` are those of Python's queues,
//! reserved room is after tokio's `mpsc`.

mod answers;
mod discipline;
mod error;
mod get;
mod heap;
mod join;
mod line;
mod machine;
mod offers;
mod pointer;
mod put;
mod settle;
#[cfg(feature = "futures")]
mod stream;
#[cfg(all(test, not(loom)))]
mod tests;
mod threads;
mod wait;

pub use answers::{Entry, For, Progress, Refused};
pub use discipline::{ByPriority, Discipline, Fifo, Items, Lifo, Nothing, Offer, Ring};
pub use error::{
    GetError, InvalidCapacity, JoinError, NothingUnfinished, PutError, ReserveError, SlotError, TryGetError,
    TryPutError, TryReserveError,
};
pub use get::{Discarded, Get, GetMany, TryIter};
pub use heap::StableHeap;
pub use join::Join;
pub use machine::Machine;
pub use pointer::QueueRef;
pub use put::{Put, Reserve, Slot};
#[cfg(feature = "futures")]
pub use stream::{QueueSink, QueueStream, SinkError};
pub use threads::Iter;

use core::fmt;
use core::task::Waker;

use get::Taken;
use machine::Call;

use crate::platform::Platform;
use crate::storage::{Buffer, Storage};
use crate::sync::{Lock, const_fn};
use crate::wake::WakeList;
use crate::wakes::{Settle, Wakes};

/// A queue, shared by reference, by `Arc` or as a `static`.
///
/// Items are kept in `S`, and those who wait in `V`: for each of room, items and the end of all work, as many as `V`
/// has room for. Where that is [`Inline`](crate::Inline) and full, waiting is refused and nothing hangs.
///
/// # Fairness
///
/// See the [module's documentation](self). A blocking call looks for a moment before it takes its place in line.
///
/// # Cost
///
/// One short lock per operation; two where it has to wait, and one more once it is woken. No allocation per item once
/// the storage has grown to the most that were ever inside; a [`PriorityQueue`] compares O(log n) times under the
/// lock. Under [`Fifo`] each place in line for room has room for an item, too: that of a put at a rendezvous. In inline
/// storage it is there whether or not it is used, so let `V` be no larger than needed.
///
/// ```
/// use tidegate_core::queue::{Queue, TryGetError, TryPutError};
/// use tidegate_core::{Inline, Local};
/// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let mut cx = Context::from_waker(Waker::noop());
///
/// let queue: Queue<Local, Inline<2>, &str> = Queue::new(2);
/// queue.try_put("first")?;
/// queue.try_put("second")?;
/// assert_eq!(queue.try_put("third"), Err(TryPutError::Full("third")));
///
/// let mut put = pin!(queue.put("third"));
/// assert!(put.as_mut().poll(&mut cx).is_pending());
/// assert_eq!(queue.try_get(), Ok("first"));
/// assert_eq!(put.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
/// assert_eq!((queue.try_get(), queue.try_get()), (Ok("second"), Ok("third")));
/// assert_eq!(queue.try_get(), Err(TryGetError::Empty));
/// # Ok::<(), TryPutError<&str>>(())
/// ```
// The lock and what every operation touches are on one line of the cache.
#[cfg_attr(target_pointer_width = "64", repr(align(64)))]
pub struct Queue<P: Platform, S: Storage, T, D: Discipline<T> = Fifo, V: Storage = S> {
    locked: Lock<P::RawMutex, Machine<T, Waker, D, S, V>>,
}

/// A [`Queue`] from which the newest item comes first.
///
/// ```
/// use tidegate_core::queue::{LifoQueue, TryPutError};
/// use tidegate_core::{Inline, Local};
///
/// let free: LifoQueue<Local, Inline<4>, u8> = LifoQueue::new(4);
/// for buffer in 0..3 {
///     free.try_put(buffer)?;
/// }
/// assert_eq!(free.try_get(), Ok(2)); // the one that is still in the cache
/// # Ok::<(), TryPutError<u8>>(())
/// ```
pub type LifoQueue<P, S, T, V = S> = Queue<P, S, T, Lifo, V>;

/// A [`Queue`] from which the least item comes first, by its `Ord`, and of equal ones the one that came first.
///
/// Items are compared under the lock. Should that panic, the call panics, and the queue is as it was before.
///
/// ```
/// use tidegate_core::queue::{PriorityQueue, TryPutError};
/// use tidegate_core::{Inline, Local};
///
/// let todo: PriorityQueue<Local, Inline<4>, (u8, &str)> = PriorityQueue::new(4);
/// todo.try_put((2, "later"))?;
/// todo.try_put((1, "now"))?;
/// assert_eq!(todo.try_get(), Ok((1, "now")));
/// # Ok::<(), TryPutError<(u8, &str)>>(())
/// ```
pub type PriorityQueue<P, S, T, V = S> = Queue<P, S, T, ByPriority, V>;

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Queue<P, S, T, D, V> {
    /// The least capacity: 0 for a first-in-first-out queue, which then is a rendezvous; 1 for others.
    pub const MIN_CAPACITY: usize = D::MIN_CAPACITY;

    /// The greatest capacity: what `S` has room for, or what can be addressed.
    pub const MAX_CAPACITY: usize = <D::Items<S> as Items<T>>::CAPACITY;

    const_fn! {
        /// A queue for `capacity` items, or as near to that as [`MIN_CAPACITY`](Self::MIN_CAPACITY) and
        /// [`MAX_CAPACITY`](Self::MAX_CAPACITY) allow; [`bounded`](Self::bounded) refuses instead.
        ///
        /// With a capacity of 0 a put waits for somebody who gets, [`try_put`](Self::try_put) succeeds only
        /// while somebody waits for an item, and [`try_get`](Self::try_get) takes the item of a put that waits.
        #[must_use]
        pub fn new(capacity: usize) -> Self {
            Self { locked: Lock::new(Machine::new(capacity)) }
        }
    }

    /// A queue for `capacity` items.
    ///
    /// # Errors
    ///
    /// All of [`InvalidCapacity`].
    pub fn bounded(capacity: usize) -> Result<Self, InvalidCapacity> {
        Machine::<T, Waker, D, S, V>::check_capacity(capacity)?;
        Ok(Self::new(capacity))
    }

    const_fn! {
        /// A queue for as many items as the storage has room for: on the heap, without a bound.
        #[must_use]
        pub fn unbounded() -> Self {
            Self::new(Self::MAX_CAPACITY)
        }
    }

    /// Puts an item in here and now. Never waits; fit for interrupt handlers.
    ///
    /// # Errors
    ///
    /// [`Full`](TryPutError::Full), also while others wait for room; or [`Closed`](TryPutError::Closed). Either gives
    /// the item back.
    #[inline]
    pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
        match self.put_at_once(item) {
            Ok(()) => Ok(()),
            Err(item) => {
                let mut item = Some(item);
                let (put, _rendezvous) = self.put_otherwise(&mut item);
                Machine::<T, Waker, D, S, V>::give_back(put, item)
            }
        }
    }

    /// Puts an item in here and now; if there is no room, the oldest item goes and is handed out. Never waits; fit for
    /// interrupt handlers.
    ///
    /// The oldest is the one that was put in first, whatever would come out next. The new one takes its place in every
    /// respect: those who wait for room lose none, those who have been granted an item get one, and as many are
    /// [unfinished](Self::unfinished).
    ///
    /// # Errors
    ///
    /// [`Closed`](TryPutError::Closed); or [`Full`](TryPutError::Full) if nothing is inside that could go, because all
    /// room is reserved, or because there is none and nobody waits for an item (capacity 0: what others offer there is
    /// theirs). Either gives the item back.
    ///
    /// # Cost
    ///
    /// That of [`try_put`](Self::try_put); in a [`PriorityQueue`] that is full the oldest is looked for among all,
    /// without comparing items: O(n) under the lock.
    ///
    /// ```
    /// use tidegate_core::queue::{PriorityQueue, Queue, TryPutError};
    /// use tidegate_core::{Inline, Local};
    ///
    /// let latest: Queue<Local, Inline<2>, u8> = Queue::new(2);
    /// assert_eq!(latest.force_put(1)?, None);
    /// assert_eq!(latest.force_put(2)?, None);
    /// assert_eq!(latest.force_put(3)?, Some(1));
    ///
    /// let alarms: PriorityQueue<Local, Inline<2>, u8> = PriorityQueue::new(2);
    /// assert_eq!(alarms.force_put(5)?, None);
    /// assert_eq!(alarms.force_put(9)?, None);
    /// assert_eq!(alarms.force_put(7)?, Some(5)); // the oldest, though the most urgent
    /// assert_eq!((alarms.try_get(), alarms.try_get()), (Ok(7), Ok(9)));
    /// # Ok::<(), TryPutError<u8>>(())
    /// ```
    pub fn force_put(&self, item: T) -> Result<Option<T>, TryPutError<T>> {
        // Here it is dropped after the lock is released, should comparing it panic.
        let mut item = Some(item);
        let mut wakes = self.wakes();
        let put = self.transact(&mut wakes, |machine| machine.force_put_in_place(&mut item));
        Machine::<T, Waker, D, S, V>::give_back(put, item)
    }

    /// Takes an item out here and now. Never waits; fit for interrupt handlers.
    ///
    /// In a rendezvous it takes the item of whoever waits to put and is first in line. From behind somebody who waits
    /// to [`reserve`](Self::reserve), and so has no item yet, nothing is to be had: nobody is overtaken.
    ///
    /// ```
    /// use tidegate_core::queue::Queue;
    /// use tidegate_core::{Inline, Local};
    /// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    ///
    /// let rendezvous: Queue<Local, Inline<1>, &str> = Queue::new(0);
    /// let mut put = pin!(rendezvous.put("here you are"));
    /// assert!(put.as_mut().poll(&mut cx).is_pending());
    /// assert_eq!(rendezvous.try_get(), Ok("here you are"));
    /// assert_eq!(put.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Empty`](TryGetError::Empty), also while all that is inside has been granted to others; or
    /// [`Closed`](TryGetError::Closed) once nothing is left.
    #[inline]
    pub fn try_get(&self) -> Result<T, TryGetError> {
        if let Some(item) = self.locked.with(Machine::get_at_once) {
            return Ok(item);
        }
        let mut missed = Missed::NEW;
        self.get_otherwise(&mut missed).ok_or(missed.error)
    }

    /// When there is more to it than taking an item; `missed` says why there is none.
    // A result of both would be in memory, and so would be an item that was got at once.
    #[cold]
    #[inline(never)]
    fn get_otherwise(&self, missed: &mut Missed) -> Option<T> {
        let mut taken = Taken::new(self);
        let call = self.locked.with(|machine| {
            match machine.try_get() {
                Ok(item) => taken.item = Some(item),
                Err(error) => *missed = Missed { error, rendezvous: machine.capacity() == 0 },
            }
            machine.call()
        });
        self.wake(call);
        taken.keep()
    }

    /// Reserves room here and now, for an item to be put in later.
    ///
    /// # Errors
    ///
    /// All of [`TryReserveError`].
    pub fn try_reserve(&self) -> Result<Slot<&Self>, TryReserveError> {
        self.locked.with(Machine::try_reserve)?;
        Ok(Slot::new(self))
    }

    /// Reserves room here and now by way of any pointer to the queue, which the slot keeps. Otherwise as
    /// [`try_reserve`](Self::try_reserve).
    ///
    /// # Errors
    ///
    /// All of [`TryReserveError`].
    pub fn try_reserve_owned<R>(this: R) -> Result<Slot<R>, TryReserveError>
    where
        R: QueueRef<Platform = P, Storage = S, Item = T, Discipline = D, Waiters = V>,
    {
        this.queue().locked.with(Machine::try_reserve)?;
        Ok(Slot::new(this))
    }

    /// Takes what is ready out and appends it to `buffer`: up to `most` items, in order, under one lock. Answers how
    /// many. Never waits; memory is found before the lock is taken.
    ///
    /// In a rendezvous they come from those who wait to put, as with [`try_get`](Self::try_get), and only so many under
    /// each lock as can be woken after it.
    ///
    /// ```
    /// use tidegate_core::queue::{Queue, TryPutError};
    /// use tidegate_core::{Inline, Local};
    ///
    /// let queue: Queue<Local, Inline<8>, u8> = Queue::new(8);
    /// for sample in 0..5 {
    ///     queue.try_put(sample)?;
    /// }
    /// let mut batch = heapless::Vec::<u8, 3>::new();
    /// assert_eq!(queue.drain_ready(&mut batch, usize::MAX), 3); // all that fits
    /// assert_eq!((batch.as_slice(), queue.len()), (&[0, 1, 2][..], 2));
    /// # Ok::<(), TryPutError<u8>>(())
    /// ```
    pub fn drain_ready<B: Buffer<T>>(&self, buffer: &mut B, most: usize) -> usize {
        let most = self.make_room(buffer, most);
        let mut wakes = self.wakes();
        let got = self.transact(&mut wakes, |machine| get_into(machine, buffer, most));
        wakes.deliver();
        self.get_offered(buffer, most, got)
    }

    /// After what was inside, takes what is offered: up to `most` items, all told.
    #[inline]
    fn get_offered<B: Buffer<T>>(&self, buffer: &mut B, most: usize, got: Got) -> usize {
        if got.more && got.count < most { self.get_more(buffer, most, got.count) } else { got.count }
    }

    #[cold]
    #[inline(never)]
    fn get_more<B: Buffer<T>>(&self, buffer: &mut B, most: usize, mut count: usize) -> usize {
        loop {
            let before = count;
            let mut wakes = self.wakes();
            self.locked.with(|machine| {
                while count < most
                    && !wakes.list().is_full()
                    && let Some((item, waker)) = machine.take_offered()
                {
                    keep(buffer, item);
                    count += 1;
                    if let Some(waker) = waker
                        && wakes.list().push(waker).is_err()
                    {
                        unreachable!("the list is not full");
                    }
                }
                wakes.gather(|list| machine.settle(list));
            });
            wakes.deliver();
            if count == before || count == most {
                return count;
            }
        }
    }

    /// Sees to it that `buffer` has room for what is ready, up to `most`; answers how many it may take.
    fn make_room<B: Buffer<T>>(&self, buffer: &mut B, most: usize) -> usize {
        let held = buffer.as_slice().len();
        let most = most.min(B::CAPACITY - held).min(self.locked.with(|machine| machine.ready()));
        buffer.reserve(held + most);
        most
    }

    /// How many items are inside, those offered at a rendezvous not among them: a figure for display, outdated by the time
    /// it is seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.locked.with(|machine| machine.len())
    }

    /// Whether no item is inside: outdated by the time it is seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room for another item, reserved room counting as taken: outdated by the time it is seen.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.locked.with(|machine| machine.is_full())
    }

    /// How many items are to be inside at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.locked.with(|machine| machine.capacity())
    }

    /// Sets how many items are to be inside at most; reserved room counts.
    ///
    /// Nothing that is inside goes, and what is reserved or granted stays so. While there is more than that, puts wait.
    /// A put that waits already when the queue becomes a rendezvous keeps its item until somebody waits for one.
    ///
    /// # Errors
    ///
    /// All of [`InvalidCapacity`]; nothing changes then.
    pub fn set_capacity(&self, capacity: usize) -> Result<(), InvalidCapacity> {
        let mut wakes = self.wakes();
        self.transact(&mut wakes, |machine| machine.set_capacity(capacity))
    }

    /// How many wait for room, for an item, or for the end of all work: a figure for display.
    #[must_use]
    pub fn waiters(&self, what: For) -> usize {
        self.locked.with(|machine| machine.waiters(what))
    }

    /// How many items have been put in and not yet been reported as [done](Self::task_done).
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.locked.with(|machine| machine.unfinished())
    }

    /// Reports an item that was taken out as done. When all are, [`join`](Self::join) is over.
    ///
    /// # Errors
    ///
    /// [`NothingUnfinished`] if more are reported than were put in.
    pub fn task_done(&self) -> Result<(), NothingUnfinished> {
        let mut wakes = self.wakes();
        self.transact(&mut wakes, Machine::task_done)
    }

    /// Lets nothing in any more, and turns down those who wait for room. What is inside may still be taken out; then
    /// whoever gets is turned down, too.
    ///
    /// Room that is reserved is worth nothing from now on. Closing again does nothing.
    pub fn close(&self) {
        let mut wakes = self.wakes();
        self.transact(&mut wakes, Machine::close);
    }

    /// Closes the queue at once: nothing goes in or out any more, and what is inside belongs to the caller. It counts
    /// as done.
    ///
    /// Those who wait are turned down, also those who had been granted an item and not yet fetched it.
    pub fn close_and_discard(&self) -> Discarded<&Self> {
        let mut wakes = self.wakes();
        self.transact(&mut wakes, Machine::close_and_discard);
        Discarded::new(self)
    }

    /// Whether the queue has been closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.locked.with(|machine| machine.is_closed())
    }

    /// Puts the item in if nothing is in the way; otherwise there may be room all the same.
    #[inline]
    fn put_at_once(&self, item: T) -> Result<(), T> {
        // Here it is dropped after the lock is released, should comparing it panic.
        let mut item = Some(item);
        self.locked.with(|machine| machine.put_at_once(&mut item));
        item.map_or(Ok(()), Err)
    }

    /// When there is more to it than putting an item in. Also answers whether this is a rendezvous.
    #[cold]
    #[inline(never)]
    fn put_otherwise(&self, item: &mut Option<T>) -> (Result<(), TryReserveError>, bool) {
        let (put, rendezvous, call) =
            self.locked.with(|machine| (machine.try_put_in_place(item), machine.capacity() == 0, machine.call()));
        self.wake(call);
        (put, rendezvous)
    }

    fn wake(&self, call: Call<Waker>) {
        let mut wakes = self.wakes();
        wakes.gather(|list| {
            if let Some(waker) = call.waker
                && list.push(waker).is_err()
            {
                unreachable!("the list is empty");
            }
            call.more
        });
    }

    #[inline]
    const fn wakes(&self) -> Wakes<'_, Self> {
        Wakes::new(self)
    }

    /// Runs one operation on the machine and lets it settle.
    ///
    /// Dropping `wakes` afterwards wakes those that it says; until then nobody else has been touched.
    #[inline]
    fn transact<U>(
        &self,
        wakes: &mut Wakes<'_, Self>,
        operation: impl FnOnce(&mut Machine<T, Waker, D, S, V>) -> U,
    ) -> U {
        self.locked.with(|machine| {
            // Comparing items may panic, and who can go on then is to be woken all the same.
            wakes.guard();
            let output = operation(machine);
            wakes.gather(|list| machine.settle(list));
            output
        })
    }
}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Settle for Queue<P, S, T, D, V> {
    fn settle(&self, list: &mut WakeList<Waker>) -> bool {
        self.locked.with(|machine| machine.settle(list))
    }
}

/// Why there was no item, and whether this is a rendezvous.
#[derive(Clone, Copy)]
struct Missed {
    error: TryGetError,
    rendezvous: bool,
}

impl Missed {
    const NEW: Self = Self { error: TryGetError::Empty, rendezvous: false };
}

/// How many items were taken out under a lock, and whether others are offered.
#[derive(Clone, Copy)]
struct Got {
    count: usize,
    more: bool,
}

/// Moves up to `most` items into a buffer that has room for them.
fn get_into<T, D: Discipline<T>, S: Storage, V: Storage, B: Buffer<T>>(
    machine: &mut Machine<T, Waker, D, S, V>,
    buffer: &mut B,
    most: usize,
) -> Got {
    let count = machine.get_many(most, |item| keep(buffer, item));
    Got { count, more: machine.has_offers() }
}

fn keep<T, B: Buffer<T>>(buffer: &mut B, item: T) {
    if buffer.push(item).is_err() {
        unreachable!("the buffer has room");
    }
}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> Default for Queue<P, S, T, D, V> {
    /// The [unbounded](Self::unbounded) one.
    fn default() -> Self {
        Self::unbounded()
    }
}

impl<P: Platform, S: Storage, T, D: Discipline<T>, V: Storage> fmt::Debug for Queue<P, S, T, D, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
