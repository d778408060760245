//! [`Machine`]: demand and hand-over between one producer and one consumer, as a pure state machine.
//!
//! ```text
//!                   demand: the first one                     end
//!   not started ───────────────────────────► producing ─────────────────► ended
//!        │                                  │  ▲     │                      ▲
//!        │ close                  push: the │  │     │ close                │
//!        │                  credit is spent ▼  │     ▼                      │
//!        │                             resting ┘  told to stop ─────────────┤
//!        │                             demand         ▲                 end │
//!        └────────────────────────────────────────────┘─────────────────────┘
//! ```
//!
//! The consumer *demands* items one by one, and so gives the producer *credit*: how many items it may still begin.
//! With a capacity of `c` the first demand is worth `c`, every further one is worth 1. So the producer is never
//! further ahead than the demanded item and `c - 1` more.
//!
//! Invariants, checked in debug builds after every operation:
//! 1. *never ahead*: credit and items that nobody has taken are no more than the capacity;
//! 2. *lazy*: there is neither credit nor an item before the first demand;
//! 3. *called*: neither side is registered as waiting while it could go on;
//! 4. *closed*: once closed, there are no items.

use core::fmt;
use core::mem;

use super::error::PushError;
use crate::storage::{Buffer, Storage};
use crate::wake::Wake;

/// The answer to the consumer's [`Machine::poll_items`] and [`Machine::poll_ended`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// There are items: [`take`](Machine::take) them.
    Items,
    /// There are none, and there never will be: [`take_failure`](Machine::take_failure) says why.
    Ended,
    /// Not yet. The consumer will be woken by the waker that it showed.
    Waiting,
    /// Not yet, and another waker is registered: [register](Machine::register_consumer) this one.
    WakerDiffers,
}

/// The answer to the producer's [`Machine::poll_demand`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// An item is wanted.
    Produce,
    /// Nothing is wanted any more.
    Stop,
    /// Not yet. The producer will be woken by the waker that it showed.
    Waiting,
    /// Not yet, and another waker is registered: [register](Machine::register_producer) this one.
    WakerDiffers,
}

/// How far the producer is.
#[derive(Debug)]
enum End<E> {
    NotYet,
    Ended(Option<E>),
}

/// Demand and hand-over between one producer and one consumer, as a pure state machine.
///
/// It never wakes: an operation answers whom to wake, once the lock is released that guards the machine. There is
/// never more than one to wake, since there is one on either side. [`Handover`](super::Handover) drives it so.
///
/// # Cost
///
/// O(1), and O(n) for a batch of n items.
///
/// ```
/// use tidegate_core::generator::{Demand, Machine, Supply};
/// use tidegate_core::{Buffer, Inline, Storage, Wake};
///
/// #[derive(Debug, PartialEq)]
/// struct Flag(u8);
/// impl Wake for Flag {
///     fn wake(self) { /* set an event flag, pend an interrupt … */ }
///     fn will_wake(&self, other: &Self) -> bool { self == other }
/// }
/// let (producer, consumer) = (|| Flag(1), || Flag(2));
///
/// let mut machine: Machine<Flag, u32, (), Inline<1>> = Machine::new(1).expect("there is room for one");
/// machine.register_producer(producer());
/// assert_eq!(machine.poll_demand(&producer()), Demand::Waiting);
///
/// assert_eq!(machine.demand(1), Some(producer()));
/// machine.register_consumer(consumer());
/// assert_eq!(machine.poll_items(&consumer()), Supply::Waiting);
///
/// assert_eq!(machine.poll_demand(&producer()), Demand::Produce);
/// assert_eq!(machine.push(7), Ok(Some(consumer())));
/// assert!(machine.push(8).is_err(), "nobody has demanded it");
///
/// let mut items = <Inline<1> as Storage>::Buffer::<u32>::EMPTY;
/// machine.take(&mut items);
/// assert_eq!(items.as_slice(), [7]);
/// ```
pub struct Machine<W, T, E, S: Storage> {
    capacity: usize,
    /// How many items the producer may still begin.
    credit: usize,
    started: bool,
    /// What has been produced and not been taken, the oldest first.
    items: S::Buffer<T>,
    end: End<E>,
    closed: bool,
    consumer: Option<W>,
    producer: Option<W>,
}

impl<W, T, E, S: Storage> Machine<W, T, E, S> {
    /// Nothing demanded; `None` if the capacity is zero, or more than there is room for.
    #[must_use]
    pub const fn new(capacity: usize) -> Option<Self> {
        if Self::has_room(capacity) { Some(Self::with_room(capacity)) } else { None }
    }

    pub(super) const fn has_room(capacity: usize) -> bool {
        capacity != 0 && capacity <= <S::Buffer<T> as Buffer<T>>::CAPACITY
    }

    /// With a capacity for which it [has room](Self::has_room).
    pub(super) const fn with_room(capacity: usize) -> Self {
        Self {
            capacity,
            credit: 0,
            started: false,
            items: <S::Buffer<T> as Buffer<T>>::EMPTY,
            end: End::NotYet,
            closed: false,
            consumer: None,
            producer: None,
        }
    }

    /// How many items are there or may be begun at most.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether anything has ever been demanded.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.started
    }

    /// Whether the consumer could go on.
    #[must_use]
    pub fn is_supplied(&self) -> bool {
        !self.items.as_slice().is_empty() || self.is_ended()
    }

    /// Whether the producer could go on.
    #[must_use]
    pub const fn is_demanded(&self) -> bool {
        self.credit > 0 || self.closed
    }

    /// Whether the consumer is gone, or about to go.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the producer has ended.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.end, End::Ended(_))
    }

    // The consumer's side.

    /// Demands so many more items; answers the producer, if it is to be woken.
    #[must_use = "it is to be woken, outside of the lock"]
    pub fn demand(&mut self, items: usize) -> Option<W> {
        if items > 0 && !self.closed && !self.is_ended() {
            let first = if mem::replace(&mut self.started, true) { 0 } else { self.capacity - 1 };
            // A demand in excess of what was handed over buys nothing: the consumer has but one open at a time.
            let room = self.capacity.saturating_sub(self.items.as_slice().len());
            self.credit = self.credit.saturating_add(first).saturating_add(items).min(room);
        }
        self.call_producer()
    }

    /// Asks whether there are items to be taken.
    pub fn poll_items(&self, waker: &W) -> Supply
    where
        W: Wake,
    {
        if self.items.as_slice().is_empty() { self.poll_ended(waker) } else { Supply::Items }
    }

    /// Asks whether the producer has ended; never answers [`Supply::Items`].
    pub fn poll_ended(&self, waker: &W) -> Supply
    where
        W: Wake,
    {
        match &self.consumer {
            _ if self.is_ended() => Supply::Ended,
            Some(registered) if registered.will_wake(waker) => Supply::Waiting,
            _ => Supply::WakerDiffers,
        }
    }

    /// Registers the consumer's waker, to be done under the lock that it was asked under; answers the one before,
    /// to be dropped outside of it.
    pub fn register_consumer(&mut self, waker: W) -> Option<W> {
        self.consumer.replace(waker)
    }

    /// Gives the items in exchange for a buffer, which should be empty: its items would come next.
    pub fn take(&mut self, items: &mut S::Buffer<T>) {
        mem::swap(&mut self.items, items);
        self.check();
    }

    /// Why the producer has ended, if it told a reason. It is told once.
    pub fn take_failure(&mut self) -> Option<E> {
        match &mut self.end {
            End::Ended(failure) => failure.take(),
            End::NotYet => None,
        }
    }

    /// Wants nothing any more. Answers the producer, if it is to be woken, and what nobody will take, to be
    /// dropped outside of the lock.
    #[must_use = "the producer is to be woken, outside of the lock"]
    pub fn close(&mut self) -> (Option<W>, S::Buffer<T>) {
        self.closed = true;
        self.credit = 0;
        let items = mem::replace(&mut self.items, <S::Buffer<T> as Buffer<T>>::EMPTY);
        (self.call_producer(), items)
    }

    // The producer's side.

    /// Asks whether an item is wanted.
    pub fn poll_demand(&self, waker: &W) -> Demand
    where
        W: Wake,
    {
        match &self.producer {
            _ if self.closed => Demand::Stop,
            _ if self.credit > 0 => Demand::Produce,
            Some(registered) if registered.will_wake(waker) => Demand::Waiting,
            _ => Demand::WakerDiffers,
        }
    }

    /// Registers the producer's waker, to be done under the lock that it was asked under; answers the one before,
    /// to be dropped outside of it.
    pub fn register_producer(&mut self, waker: W) -> Option<W> {
        self.producer.replace(waker)
    }

    /// Hands an item over; answers the consumer, if it is to be woken.
    ///
    /// # Errors
    ///
    /// Gives the item back if nobody wants it: not yet, or not any more.
    pub fn push(&mut self, item: T) -> Result<Option<W>, PushError<T>> {
        if self.closed {
            return Err(PushError::Closed(item));
        }
        if self.credit == 0 || self.is_ended() {
            return Err(PushError::NotDemanded(item));
        }
        match self.items.push(item) {
            Ok(()) => {
                self.credit -= 1;
                Ok(self.call_consumer())
            }
            Err(item) => Err(PushError::NotDemanded(item)),
        }
    }

    /// The producer ends, for this reason if there is one; only the first end counts. Answers the consumer, if it
    /// is to be woken.
    #[must_use = "it is to be woken, outside of the lock"]
    pub fn end(&mut self, failure: Option<E>) -> (Option<W>, Option<E>) {
        if self.is_ended() {
            return (None, failure);
        }
        self.end = End::Ended(failure);
        self.credit = 0;
        (self.call_consumer(), None)
    }

    fn call_consumer(&mut self) -> Option<W> {
        let called = if self.is_supplied() { self.consumer.take() } else { None };
        self.check();
        called
    }

    fn call_producer(&mut self) -> Option<W> {
        // The waker that an ended producer has left behind is nobody's.
        let called = if self.is_demanded() && !self.is_ended() { self.producer.take() } else { None };
        self.check();
        called
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks the invariants named at the top of this file; that nobody waits in vain, the operations do.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        let items = self.items.as_slice().len();
        debug_assert!(self.credit + items <= self.capacity, "never ahead");
        debug_assert!(self.started || self.credit + items == 0, "lazy");
        debug_assert!(self.producer.is_none() || !self.is_demanded() || self.is_ended(), "called");
        debug_assert!(self.consumer.is_none() || !self.is_supplied(), "called");
        debug_assert!(!self.closed || items == 0, "closed");
    }
}

impl<W, T, E, S: Storage> fmt::Debug for Machine<W, T, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("capacity", &self.capacity)
            .field("credit", &self.credit)
            .field("items", &self.items.as_slice().len())
            .field("ended", &self.is_ended())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
