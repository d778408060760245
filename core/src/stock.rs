//! [`Stock`]: what waits to be taken out in batches, of either storage's kind.

use heapless::{Deque, Vec as InlineVec};

use crate::storage::Buffer;

/// Items in the order in which they came, to be taken out in batches of up to `quantity`, which is the same in
/// every call and at least 1. Each batch but the last is full, so where one ends and the next begins is known from
/// the start.
pub trait Stock<T> {
    /// What a batch comes in.
    type Batch: Buffer<T>;

    /// Nothing, and no allocation.
    const EMPTY: Self;

    /// Adds an item behind the others.
    ///
    /// # Errors
    ///
    /// Gives the item back if the stock is bounded and full.
    fn push(&mut self, quantity: usize, item: T) -> Result<(), T>;

    /// Takes the first batch out; `None` if there is nothing.
    fn take(&mut self, quantity: usize) -> Option<Self::Batch>;

    /// Gives the room of a batch back, for another one to come in. It must be empty.
    fn shelve(&mut self, empty: Self::Batch);
}

/// Room that is kept for reuse, where it is worth keeping.
pub trait Shelf<B> {
    /// Nothing on it.
    const EMPTY: Self;

    /// Keeps a buffer.
    fn put(&mut self, empty: B);

    /// A buffer that was kept, if there is any.
    fn take(&mut self) -> Option<B>;
}

/// In place: a ring. A batch is moved out of it.
impl<T, const N: usize> Stock<T> for Deque<T, N> {
    type Batch = InlineVec<T, N>;
    const EMPTY: Self = Self::new();

    fn push(&mut self, _quantity: usize, item: T) -> Result<(), T> {
        self.push_back(item)
    }

    fn take(&mut self, quantity: usize) -> Option<Self::Batch> {
        if self.is_empty() {
            return None;
        }
        let mut batch = InlineVec::new();
        while batch.len() < quantity
            && let Some(item) = self.pop_front()
        {
            if batch.push(item).is_err() {
                unreachable!("a batch has as much room as the stock");
            }
        }
        Some(batch)
    }

    fn shelve(&mut self, _empty: Self::Batch) {}
}

/// Inline room is part of whatever it is in, so there is nothing to be kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoShelf;

impl<B> Shelf<B> for NoShelf {
    const EMPTY: Self = Self;

    fn put(&mut self, _empty: B) {}

    fn take(&mut self) -> Option<B> {
        None
    }
}

#[cfg(feature = "alloc")]
pub(crate) use on_the_heap::Chunks;

#[cfg(feature = "alloc")]
mod on_the_heap {
    use alloc::collections::VecDeque;
    use alloc::vec::Vec;

    use core::fmt;
    use core::mem;

    use super::{Shelf, Stock};

    /// On the heap: every batch an allocation of its own, which changes hands and is used again.
    // What every item touches comes first.
    #[repr(C)]
    pub struct Chunks<T> {
        /// The one behind the full ones, which is not full.
        open: Vec<T>,
        /// The full ones, in order.
        full: VecDeque<Vec<T>>,
        /// Empty ones.
        shelf: Vec<Vec<T>>,
    }

    impl<T> Stock<T> for Chunks<T> {
        type Batch = Vec<T>;
        const EMPTY: Self = Self { open: Vec::new(), full: VecDeque::new(), shelf: Vec::new() };

        #[inline]
        fn push(&mut self, quantity: usize, item: T) -> Result<(), T> {
            self.open.push(item);
            if self.open.len() >= quantity {
                self.close(quantity);
            }
            Ok(())
        }

        fn take(&mut self, _quantity: usize) -> Option<Vec<T>> {
            if let Some(full) = self.full.pop_front() {
                return Some(full);
            }
            if self.open.is_empty() {
                return None;
            }
            let next = self.shelf.pop().unwrap_or_default();
            Some(mem::replace(&mut self.open, next))
        }

        fn shelve(&mut self, empty: Vec<T>) {
            if self.open.capacity() == 0 {
                self.open = empty;
            } else {
                self.shelf.push(empty);
            }
        }
    }

    impl<T> Chunks<T> {
        /// Once for each batch, and out of the way of its items.
        #[inline(never)]
        fn close(&mut self, quantity: usize) {
            let next = self.shelf.pop().unwrap_or_else(|| Vec::with_capacity(quantity));
            self.full.push_back(mem::replace(&mut self.open, next));
        }
    }

    impl<T> fmt::Debug for Chunks<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Chunks")
                .field("full", &self.full.len())
                .field("open", &self.open.len())
                .finish_non_exhaustive()
        }
    }

    impl<B> Shelf<B> for Vec<B> {
        const EMPTY: Self = Self::new();

        fn put(&mut self, empty: B) {
            self.push(empty);
        }

        fn take(&mut self) -> Option<B> {
            self.pop()
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn batches_of_three<S: Stock<u8>>() {
        let mut stock = S::EMPTY;
        for item in 0..7 {
            assert!(stock.push(3, item).is_ok());
        }
        let mut sizes = [0; 3];
        let mut next = 0;
        for size in &mut sizes {
            let mut batch = stock.take(3).unwrap();
            *size = batch.as_slice().len();
            for &item in batch.as_slice() {
                assert_eq!(item, next);
                next += 1;
            }
            batch.clear();
            stock.shelve(batch);
        }
        assert_eq!((sizes, next), ([3, 3, 1], 7));
        assert!(stock.take(3).is_none());
    }

    #[test]
    fn batches_are_cut_where_they_are_full() {
        batches_of_three::<Deque<u8, 8>>();
        #[cfg(feature = "alloc")]
        batches_of_three::<Chunks<u8>>();
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn room_is_used_again() {
        let mut stock = <Chunks<u8> as Stock<u8>>::EMPTY;
        for round in 0..5 {
            // A full batch, and one that is not.
            for item in 0..5 {
                assert_eq!(stock.push(3, item), Ok(()));
            }
            for mut batch in [stock.take(3).unwrap(), stock.take(3).unwrap()] {
                assert!(round < 2 || batch.capacity() >= 100, "{round}: {}", batch.capacity());
                batch.clear();
                batch.reserve(100);
                stock.shelve(batch);
            }
        }
    }

    /// Batches that are never full: the room goes to and fro between the two that there are.
    #[cfg(feature = "alloc")]
    #[test]
    fn room_of_a_batch_that_was_not_full_is_used_again() {
        let mut stock = <Chunks<u8> as Stock<u8>>::EMPTY;
        for round in 0..6 {
            assert_eq!(stock.push(9, round), Ok(()));
            let mut batch = stock.take(9).unwrap();
            assert_eq!(batch, [round]);
            assert_eq!(batch.capacity() >= 100, round > 0, "{round}");
            if round == 2 {
                // While this one is away another comes and goes, and then there are two.
                assert_eq!(stock.push(9, 99), Ok(()));
                let mut other = stock.take(9).unwrap();
                other.clear();
                other.reserve(100);
                stock.shelve(other);
            }
            batch.clear();
            batch.reserve(100);
            stock.shelve(batch);
        }
        for _ in 0..2 {
            assert_eq!(stock.push(9, 7), Ok(()));
            assert!(stock.take(9).unwrap().capacity() >= 100, "both have room");
        }
    }

    #[test]
    fn a_full_stock_gives_the_item_back() {
        let mut stock = <Deque<u8, 2> as Stock<u8>>::EMPTY;
        assert_eq!((stock.push(9, 1), stock.push(9, 2), stock.push(9, 3)), (Ok(()), Ok(()), Err(3)));
    }
}
