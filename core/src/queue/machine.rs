//! [`Machine`]: a queue as a pure state machine, without lock, clock or executor.
//!
//! ```text
//!          room, nobody before it                        an item, nobody before it
//!        ┌────────────────────────┐                    ┌───────────────────────────┐
//!    put ┤                        ▼                    │                           ▼
//!        └► waits ──settle──► has room ──fill──► [ items ] ──take──► has a claim   taken
//!            │ │                 │                     │  ▲              ▲   │
//!     cancel │ └─close─► refused │ cancel              └──┼── settle ────┘   │ cancel
//!            ▼                   ▼                        │                  ▼
//!          gone            room for the next            get waits     the claim of the next
//! ```
//!
//! Room that has been granted is counted as *reserved*, an item that has been granted as *claimed*; both are
//! numbers, no places. An item stays among the others until its claim is used, and what is taken then is what is
//! first by then. Whoever is granted something leaves its line at once: a key that finds nobody *is* the grant.
//!
//! Without capacity (a rendezvous) nothing is inside, so whoever waits to put leaves its item with its place in line,
//! as an *offer*:
//!
//! ```text
//!    wait, offer ──► in line with its item ──► taken: by whoever gets; or it goes in, as there is room
//!                      │ withdraw  │ close
//!                      ▼           ▼
//!                     back      refused, the item back
//! ```
//!
//! Whoever gets takes what the *first* in line offers, and nothing from behind somebody who has nothing to offer (it has
//! asked for room): nobody is overtaken. The first in line is gone then, which tells it that its item has been taken.
//!
//! Invariants, checked in debug builds once a call has settled:
//! 1. *claimed*: no more items are claimed than there are;
//! 2. *settled*: nobody waits for room while there is some, nor for an item while one is unclaimed;
//! 3. *closed*: nobody waits for room in a queue that has been closed, nor for an item in one that is empty;
//! 4. *joined*: nobody waits for the end of all work when all is done;
//! 5. *calm*: the flag says what it says;
//! 6. *owed*: nobody whose offer has been taken is still to be woken.

use core::fmt;

use super::answers::{Entry, For, Progress, Refused};
use super::discipline::{Discipline, Items, Offer};
use super::error::{InvalidCapacity, NothingUnfinished, TryGetError, TryPutError, TryReserveError};
use super::line::{Granted, Line, Standing};
use crate::Priority;
use crate::storage::Storage;
use crate::wait_queue::WaiterKey;
use crate::wake::Wake;
#[cfg(doc)]
use crate::wake::WakeList;

/// Somebody to be woken, as one operation leaves it; and whether there are more.
pub(super) struct Call<W> {
    pub(super) waker: Option<W>,
    pub(super) more: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// Nothing goes in; what is inside may still be taken.
    Draining,
    /// What is inside belongs to whoever closed the queue.
    Discarded,
}

/// A queue as a pure state machine.
///
/// It never wakes, never sleeps and never allocates beyond its storage. Drive it thus: call an operation, then
/// [`settle`](Self::settle) into a fresh [`WakeList`], over and over while it says that there is more, dropping each
/// list outside of the lock that guards the machine. [`Queue`](super::Queue) does so.
///
/// `S` is where items are kept, `V` where waiters are: each of the three lines has room for as many as `V` says.
///
/// ```
/// use tidegate_core::queue::{Entry, Fifo, For, Machine, Progress};
/// use tidegate_core::{Inline, Priority, Wake, WakeList};
///
/// #[derive(Debug, PartialEq)]
/// struct Flag(u8);
/// impl Wake for Flag {
///     fn wake(self) { /* set an event flag, pend an interrupt … */ }
///     fn will_wake(&self, other: &Self) -> bool { self == other }
/// }
///
/// let mut machine: Machine<u32, Flag, Fifo, Inline<8>, Inline<2>> = Machine::new(8);
/// let Ok(Entry::Queued(key)) = machine.wait(For::Item, Priority(0), Flag(1)) else { panic!("it is empty") };
///
/// machine.try_put(7)?;
/// let mut wakes = WakeList::new();
/// assert!(!machine.settle(&mut wakes), "that was all");
/// drop(wakes); // wakes Flag(1)
/// assert_eq!(machine.poll(For::Item, key, &Flag(1)), Progress::Granted);
/// assert_eq!(machine.take_claimed(), Some(7));
/// # Ok::<(), tidegate_core::queue::TryPutError<u32>>(())
/// ```
// What every operation touches stands together, on one line of the cache with the lock, and the rest behind it. A test
// holds it to that.
#[repr(C)]
pub struct Machine<T, W, D: Discipline<T>, S: Storage, V: Storage = S> {
    /// Open, and nobody waits: whether there is room and whether there are items is all there is to know.
    pub(super) calm: bool,
    pub(super) state: State,
    /// How much room has been granted and is neither filled nor released.
    pub(super) reserved: u32,
    /// How many items have been granted and are neither taken nor released.
    pub(super) claimed: u32,
    /// How many items are offered, those among them that are to go back because the queue has been closed.
    pub(super) offers: u32,
    pub(super) capacity: usize,
    pub(super) items: D::Items<S>,
    /// How many items have been put in and not yet been reported as done.
    pub(super) unfinished: usize,
    pub(super) for_room: Line<W, V, D::Offer>,
    pub(super) for_item: Line<W, V>,
    pub(super) for_done: Line<W, V>,
    /// Whose offer has just been taken.
    pub(super) owed: Option<W>,
}

impl<T, W, D: Discipline<T>, S: Storage, V: Storage> Machine<T, W, D, S, V> {
    /// The least capacity: 0 for a first-in-first-out queue, which then is a rendezvous.
    pub const MIN_CAPACITY: usize = D::MIN_CAPACITY;

    /// The greatest capacity: what the storage has room for, or what can be addressed.
    pub const MAX_CAPACITY: usize = <D::Items<S> as Items<T>>::CAPACITY;

    /// A queue for `capacity` items, or as near to that as [`MIN_CAPACITY`](Self::MIN_CAPACITY) and
    /// [`MAX_CAPACITY`](Self::MAX_CAPACITY) allow. Storage without room for a single item does not compile.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        const { assert!(Self::MAX_CAPACITY > 0, "the storage of a queue holds at least one item, also at a rendezvous") }
        let capacity = if capacity > Self::MAX_CAPACITY { Self::MAX_CAPACITY } else { capacity };
        let capacity = if capacity < Self::MIN_CAPACITY { Self::MIN_CAPACITY } else { capacity };
        Self {
            calm: true,
            state: State::Open,
            reserved: 0,
            claimed: 0,
            offers: 0,
            capacity,
            items: <D::Items<S> as Items<T>>::EMPTY,
            unfinished: 0,
            for_room: Line::new(),
            for_item: Line::new(),
            for_done: Line::new(),
            owed: None,
        }
    }

    /// Whether a queue can have this capacity.
    ///
    /// # Errors
    ///
    /// All of [`InvalidCapacity`].
    pub const fn check_capacity(capacity: usize) -> Result<(), InvalidCapacity> {
        if capacity < Self::MIN_CAPACITY {
            return Err(InvalidCapacity::Zero);
        }
        if capacity > Self::MAX_CAPACITY {
            return Err(InvalidCapacity::TooLarge);
        }
        Ok(())
    }

    /// How many items are inside, those that are claimed among them.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.state == State::Discarded { 0 } else { self.items.len() }
    }

    /// Whether no item is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room for another item.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.has_room()
    }

    /// How many items are to be inside at most.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many items have been put in and not yet been reported as done.
    #[must_use]
    pub const fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Whether the queue has been closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state != State::Open
    }

    /// How many wait for this.
    #[must_use]
    pub const fn waiters(&self, what: For) -> usize {
        match what {
            For::Room => self.for_room.len(),
            For::Item => self.for_item.len(),
            For::Done => self.for_done.len(),
        }
    }

    /// Whether there is room that has not been granted.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        let taken = self.items.len() + self.reserved as usize;
        (taken < self.capacity || (self.capacity == 0 && taken < self.rendezvous())) && self.reserved < u32::MAX
    }

    /// How many items a rendezvous has room for: one for everybody who has come for one.
    fn rendezvous(&self) -> usize {
        (self.for_item.len() + self.claimed as usize).min(Self::MAX_CAPACITY)
    }

    /// Whether there is an item that has not been granted.
    #[inline]
    pub(super) fn has_item(&self) -> bool {
        self.items.len() > self.claimed as usize && self.state != State::Discarded && self.claimed < u32::MAX
    }

    #[inline]
    pub(super) fn see_whether_calm(&mut self) {
        self.calm = self.state == State::Open
            && self.for_item.is_empty()
            && self.for_room.is_empty()
            && self.for_done.is_empty();
    }

    /// Whether [`settle`](Self::settle) has nothing to do, because nobody waits and the queue is open.
    #[must_use]
    #[inline]
    pub const fn is_calm(&self) -> bool {
        self.calm
    }

    /// Puts the item in if nothing is in the way; otherwise there may be room all the same.
    #[inline]
    pub(super) fn put_at_once(&mut self, item: &mut Option<T>) {
        if self.calm && self.items.len() + (self.reserved as usize) < self.capacity {
            self.push(item);
        }
    }

    /// Takes an item if nothing is in the way; otherwise there may be one all the same.
    #[inline]
    pub(super) fn get_at_once(&mut self) -> Option<T> {
        if self.calm && self.items.len() > self.claimed as usize { self.items.pop() } else { None }
    }

    #[inline]
    pub(super) fn push(&mut self, item: &mut Option<T>) -> bool {
        let pushed = self.items.push(item);
        self.unfinished += usize::from(pushed);
        pushed
    }

    /// Puts an item in here and now. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// All of [`TryPutError`].
    ///
    /// # Panics
    ///
    /// If comparing items does; the item is dropped then, and the queue has not changed.
    pub fn try_put(&mut self, item: T) -> Result<(), TryPutError<T>> {
        let mut item = Some(item);
        let put = self.try_put_in_place(&mut item);
        Self::give_back(put, item)
    }

    /// The same, and the item stays where it is unless it goes in.
    #[inline]
    pub(super) fn try_put_in_place(&mut self, item: &mut Option<T>) -> Result<(), TryReserveError> {
        self.check_room()?;
        if self.push(item) { Ok(()) } else { Err(TryReserveError::Full) }
    }

    /// Puts an item in; if there is no room, the oldest one goes. Call [`settle`](Self::settle) afterwards.
    ///
    /// Nobody who waits for room loses any by it, and nobody who was granted an item gets none.
    ///
    /// # Errors
    ///
    /// [`Closed`](TryPutError::Closed); or [`Full`](TryPutError::Full) if nothing is inside that could go.
    ///
    /// # Panics
    ///
    /// If comparing items does; the item is dropped then, and the queue has not changed.
    pub fn force_put(&mut self, item: T) -> Result<Option<T>, TryPutError<T>> {
        let mut item = Some(item);
        let put = self.force_put_in_place(&mut item);
        Self::give_back(put, item)
    }

    /// The same, and the item stays where it is unless it goes in.
    pub(super) fn force_put_in_place(&mut self, item: &mut Option<T>) -> Result<Option<T>, TryReserveError> {
        match self.try_put_in_place(item) {
            Ok(()) => Ok(None),
            Err(TryReserveError::Full) => {
                let oldest = self.items.displace(item).ok_or(TryReserveError::Full)?;
                // It takes the other's place: what is to be done is as much as before, and not nothing.
                self.unfinished = self.unfinished.max(1);
                Ok(Some(oldest))
            }
            Err(refused) => Err(refused),
        }
    }

    /// Whoever was refused has its item back.
    #[inline]
    pub(super) fn give_back<U>(put: Result<U, TryReserveError>, item: Option<T>) -> Result<U, TryPutError<T>> {
        match (put, item) {
            (Ok(put), _) => Ok(put),
            (Err(TryReserveError::Closed), Some(item)) => Err(TryPutError::Closed(item)),
            (Err(TryReserveError::Full), Some(item)) => Err(TryPutError::Full(item)),
            (Err(_), None) => unreachable!("an item that was refused stays where it is"),
        }
    }

    fn check_room(&self) -> Result<(), TryReserveError> {
        if self.state != State::Open {
            return Err(TryReserveError::Closed);
        }
        // While somebody waits for room, what there is has only to be granted.
        if !self.for_room.is_empty() || !self.has_room() {
            return Err(TryReserveError::Full);
        }
        Ok(())
    }

    /// Reserves room here and now: to be [filled](Self::fill) or [released](Self::release).
    ///
    /// # Errors
    ///
    /// All of [`TryReserveError`].
    pub fn try_reserve(&mut self) -> Result<(), TryReserveError> {
        self.check_room()?;
        self.reserved += 1;
        Ok(())
    }

    /// Puts an item into room that was reserved, which is used up by it also where it fails. Call
    /// [`settle`](Self::settle) afterwards.
    ///
    /// `false`, and the item stays where it is, if the queue has been closed.
    ///
    /// # Panics
    ///
    /// If comparing items does; the item stays where it is then, and the room is free.
    pub fn fill(&mut self, item: &mut Option<T>) -> bool {
        self.release(For::Room);
        self.state == State::Open && self.push(item)
    }

    /// Takes an item out here and now. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// All of [`TryGetError`].
    ///
    /// # Panics
    ///
    /// If comparing items does; the queue has not changed then.
    #[inline]
    pub fn try_get(&mut self) -> Result<T, TryGetError> {
        if self.for_item.is_empty()
            && self.has_item()
            && let Some(item) = self.items.pop()
        {
            return Ok(item);
        }
        if self.offers > 0
            && self.owed.is_none()
            && let Some((item, waker)) = self.take_offered()
        {
            self.owed = waker;
            return Ok(item);
        }
        let over = self.state != State::Open && !self.has_item() && self.for_item.is_empty();
        Err(if over { TryGetError::Closed } else { TryGetError::Empty })
    }

    /// Takes the item of a claim that was granted. Call [`settle`](Self::settle) afterwards.
    ///
    /// `None` only if nothing was granted.
    ///
    /// # Panics
    ///
    /// If comparing items does; the item stays in the queue then, for anybody.
    pub fn take_claimed(&mut self) -> Option<T> {
        if self.claimed == 0 {
            return None;
        }
        self.claimed -= 1;
        self.items.pop()
    }

    /// Puts the item that was taken out last back, as if it had never been taken; gives it back where that cannot be.
    /// Call [`settle`](Self::settle) afterwards.
    pub(super) fn put_back(&mut self, item: T) -> Result<(), T> {
        if self.state == State::Discarded { Err(item) } else { self.items.put_back(item) }
    }

    /// Takes up to `most` items out that nobody has a claim to, and hands them to `keep`, which must be quick: it is
    /// called under the lock. Call [`settle`](Self::settle) afterwards.
    pub(super) fn get_many(&mut self, most: usize, mut keep: impl FnMut(T)) -> usize {
        if !self.for_item.is_empty() || !self.has_item() {
            return 0;
        }
        let count = most.min(self.items.len() - self.claimed as usize);
        for _ in 0..count {
            if let Some(item) = self.items.pop() {
                keep(item);
            }
        }
        count
    }

    /// Gives back what was granted and not used. Call [`settle`](Self::settle) afterwards.
    pub const fn release(&mut self, what: For) {
        match what {
            For::Room => self.reserved = self.reserved.saturating_sub(1),
            For::Item => self.claimed = self.claimed.saturating_sub(1),
            For::Done => {}
        }
    }

    /// Reports an item as done. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// [`NothingUnfinished`] if all are.
    pub fn task_done(&mut self) -> Result<(), NothingUnfinished> {
        self.unfinished = self.unfinished.checked_sub(1).ok_or(NothingUnfinished)?;
        Ok(())
    }

    /// Gets what there is to wait for, or takes a place in line for it. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// All of [`Refused`].
    pub fn wait(&mut self, what: For, priority: Priority, waker: W) -> Result<Entry<W>, Refused<W>> {
        let closed = self.state != State::Open;
        match what {
            For::Room if closed => return Err(Refused::Closed(waker)),
            For::Room if self.for_room.is_empty() && self.has_room() => {
                self.reserved += 1;
                return Ok(Entry::Granted(waker));
            }
            For::Item if self.for_item.is_empty() && self.has_item() => {
                self.claimed += 1;
                return Ok(Entry::Granted(waker));
            }
            For::Item if closed && self.for_item.is_empty() => return Err(Refused::Closed(waker)),
            For::Item if self.offers > 0 && self.for_item.is_empty() && self.meet() => {
                self.claimed += 1;
                return Ok(Entry::Granted(waker));
            }
            For::Done if self.unfinished == 0 => return Ok(Entry::Granted(waker)),
            _ => {}
        }
        let entered = match what {
            For::Room => self.for_room.enter(priority, waker, D::Offer::NONE),
            For::Item => self.for_item.enter(priority, waker, ()),
            For::Done => self.for_done.enter(priority, waker, ()),
        };
        let key = entered.map_err(Refused::Full)?;
        self.calm = false;
        Ok(Entry::Queued(key))
    }

    /// Asks how a waiter stands. Call [`settle`](Self::settle) afterwards.
    #[inline]
    pub fn poll(&mut self, what: For, key: WaiterKey, waker: &W) -> Progress
    where
        W: Wake,
    {
        let standing = match what {
            For::Room => self.for_room.ask(key, waker),
            For::Item => self.for_item.ask(key, waker),
            For::Done => self.for_done.ask(key, waker),
        };
        match standing {
            Standing::Granted if what == For::Room && self.state != State::Open => {
                self.release(what);
                Progress::Closed
            }
            Standing::Granted if what == For::Item && self.state == State::Discarded => Progress::Closed,
            standing => standing.into(),
        }
    }

    /// Registers another waker for a waiter, and answers the one it replaces, to be dropped outside of the lock.
    ///
    /// # Errors
    ///
    /// Gives the waker back if the key does not wait any more: [`poll`](Self::poll) it.
    pub fn register(&mut self, what: For, key: WaiterKey, waker: W) -> Result<Option<W>, W> {
        match what {
            For::Room => self.for_room.register(key, waker),
            For::Item => self.for_item.register(key, waker),
            For::Done => self.for_done.register(key, waker),
        }
    }

    /// Forgets a waiter. If it had been granted something, that goes to the next.
    ///
    /// Answers its waker, to be dropped outside of the lock. Call [`settle`](Self::settle) afterwards.
    pub fn cancel(&mut self, what: For, key: WaiterKey) -> Option<W> {
        let cancelled = match what {
            For::Room => self.for_room.cancel(key),
            For::Item => self.for_item.cancel(key),
            For::Done => self.for_done.cancel(key),
        };
        cancelled.unwrap_or_else(|Granted| {
            self.release(what);
            None
        })
    }

    /// Sets how many items are to be inside at most. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// All of [`InvalidCapacity`]; nothing changes then.
    pub fn set_capacity(&mut self, capacity: usize) -> Result<(), InvalidCapacity> {
        Self::check_capacity(capacity)?;
        self.capacity = capacity;
        Ok(())
    }

    /// Lets nothing in any more. Call [`settle`](Self::settle) afterwards.
    pub fn close(&mut self) {
        if self.state == State::Open {
            self.state = State::Draining;
        }
        self.calm = false;
    }

    /// Lets nothing in and nothing out any more. What is inside counts as done, and is to be had from
    /// [`take_discarded`](Self::take_discarded). Call [`settle`](Self::settle) afterwards.
    pub fn close_and_discard(&mut self) {
        if self.state != State::Discarded {
            self.state = State::Discarded;
            self.claimed = 0;
            self.unfinished = self.unfinished.saturating_sub(self.items.len());
        }
        self.calm = false;
    }

    /// Takes an item out of a queue that was [closed for that](Self::close_and_discard).
    pub fn take_discarded(&mut self) -> Option<T> {
        if self.state == State::Discarded { self.items.pop() } else { None }
    }
}

impl<T, W, D: Discipline<T>, S: Storage, V: Storage> fmt::Debug for Machine<T, W, D, S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("len", &self.items.len())
            .field("capacity", &self.capacity)
            .field("reserved", &self.reserved)
            .field("claimed", &self.claimed)
            .field("unfinished", &self.unfinished)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
