//! [`Discipline`]: which item comes out next; and what holds the items so.

use super::heap::StableHeap;
use crate::deque::Deque;
use crate::storage::Storage;

/// Which item comes out next: [`Fifo`], [`Lifo`] or [`ByPriority`].
pub trait Discipline<T>: sealed::Sealed + 'static {
    /// What holds the items.
    type Items<S: Storage>: Items<T>;

    /// What somebody who waits for room can leave with its place in line: its item, under a discipline that knows a
    /// rendezvous, and nothing elsewhere.
    type Offer: Offer<T>;

    /// The least capacity that makes sense: 0, a rendezvous, only where order does not matter to what is inside.
    const MIN_CAPACITY: usize;
}

/// First in, first out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fifo;

/// Last in, first out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lifo;

/// The least item first, by its `Ord`; of equal ones the one that came first.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByPriority;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Fifo {}
    impl Sealed for super::Lifo {}
    impl Sealed for super::ByPriority {}
}

/// What holds the items of a queue.
pub trait Items<T> {
    /// No items, and no allocation.
    const EMPTY: Self;

    /// How many fit at most.
    const CAPACITY: usize;

    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the item in; `false`, and it stays where it is, if there is no room.
    ///
    /// Should comparing it panic, nothing has changed.
    fn push(&mut self, item: &mut Option<T>) -> bool;

    /// Takes the next item out. Should comparing items panic, nothing has changed.
    fn pop(&mut self) -> Option<T>;

    /// Takes the item in and the one that has been there for longest out. If there is none, nothing changes.
    ///
    /// Should comparing items panic, nothing has changed.
    fn displace(&mut self, item: &mut Option<T>) -> Option<T>;

    /// Puts the item that was taken out last back, to be the next again.
    ///
    /// # Errors
    ///
    /// Gives the item back if there is no room any more.
    fn put_back(&mut self, item: T) -> Result<(), T>;
}

/// What somebody who waits for room can leave with its place in line, for whoever comes and wants an item.
pub trait Offer<T> {
    /// Nothing is offered.
    const NONE: Self;

    /// Offers the item. It stays where it is if there is no room for any.
    fn make(&mut self, item: &mut Option<T>);

    /// Takes what is offered.
    fn take(&mut self) -> Option<T>;
}

impl<T> Offer<T> for Option<T> {
    const NONE: Self = None;

    fn make(&mut self, item: &mut Option<T>) {
        if self.is_none() {
            *self = item.take();
        }
    }

    fn take(&mut self) -> Option<T> {
        self.take()
    }
}

/// Room for no offer: where no queue is without capacity, nobody need make one.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl<T> Offer<T> for Nothing {
    const NONE: Self = Self;

    fn make(&mut self, _: &mut Option<T>) {}

    fn take(&mut self) -> Option<T> {
        None
    }
}

impl<T> Discipline<T> for Fifo {
    type Items<S: Storage> = Ring<T, S, false>;
    type Offer = Option<T>;
    const MIN_CAPACITY: usize = 0;
}

impl<T> Discipline<T> for Lifo {
    type Items<S: Storage> = Ring<T, S, true>;
    type Offer = Nothing;
    const MIN_CAPACITY: usize = 1;
}

impl<T: Ord> Discipline<T> for ByPriority {
    type Items<S: Storage> = StableHeap<T, S>;
    type Offer = Nothing;
    const MIN_CAPACITY: usize = 1;
}

/// Items in order of arrival, taken from the end that the newest is at, or from the other.
pub struct Ring<T, S: Storage, const NEWEST_FIRST: bool>(S::Deque<T>);

impl<T, S: Storage, const NEWEST_FIRST: bool> Items<T> for Ring<T, S, NEWEST_FIRST> {
    const EMPTY: Self = Self(<S::Deque<T> as Deque<T>>::EMPTY);
    const CAPACITY: usize = <S::Deque<T> as Deque<T>>::CAPACITY;

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn push(&mut self, item: &mut Option<T>) -> bool {
        let Some(value) = item.take() else { return false };
        match self.0.push_back(value) {
            Ok(()) => true,
            Err(value) => {
                *item = Some(value);
                false
            }
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        if NEWEST_FIRST { self.0.pop_back() } else { self.0.pop_front() }
    }

    fn displace(&mut self, item: &mut Option<T>) -> Option<T> {
        let oldest = self.0.pop_front()?;
        self.push(item);
        Some(oldest)
    }

    fn put_back(&mut self, item: T) -> Result<(), T> {
        if NEWEST_FIRST { self.0.push_back(item) } else { self.0.push_front(item) }
    }
}

impl<T, S: Storage, const NEWEST_FIRST: bool> core::fmt::Debug for Ring<T, S, NEWEST_FIRST> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ring").field("len", &self.0.len()).finish()
    }
}
