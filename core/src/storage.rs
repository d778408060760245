//! [`Storage`]: where a primitive keeps what grows with use, either [`Inline`] or on the heap.
//!
//! A storage gives a [`Buffer`], an array with a length, a [`Deque`], a ring with two ends, and a [`HashIndex`] to
//! find elements by. Everything with more structure (the slab of waiters, heaps, tables) is written once on top of
//! these.

use heapless::{Deque as InlineDeque, Vec as InlineVec};

use crate::deque::Deque;
#[cfg(feature = "alloc")]
use crate::index::Buckets;
use crate::index::{Chains, HashIndex};
#[cfg(feature = "alloc")]
use crate::stock::Chunks;
use crate::stock::{NoShelf, Shelf, Stock};

/// Where a primitive keeps what grows with use.
pub trait Storage: Sized + 'static {
    /// An array with a length, of this storage's kind.
    type Buffer<T>: Buffer<T>;

    /// A ring with two ends, of this storage's kind.
    type Deque<T>: Deque<T>;

    /// What finds a buffer's elements by hash, of this storage's kind.
    type Index: HashIndex;

    /// Items that wait to be taken out in batches, of this storage's kind.
    type Stock<T>: Stock<T, Batch = Self::Buffer<T>>;

    /// What keeps buffers for reuse, where that is worth it.
    type Shelf<B>: Shelf<B>;

    /// An array for what pays off in great numbers only. [`Inline`] storage, which is for few, has none: its
    /// capacity is zero.
    type Bulk<T>: Buffer<T>;
}

/// An array with a length.
pub trait Buffer<T> {
    /// No elements, and no allocation.
    const EMPTY: Self;

    /// How many elements fit at most.
    const CAPACITY: usize;

    /// The elements.
    fn as_slice(&self) -> &[T];

    /// The elements, to be changed in place.
    fn as_mut_slice(&mut self) -> &mut [T];

    /// Appends an element.
    ///
    /// # Errors
    ///
    /// Gives the element back if the buffer is bounded and full.
    fn push(&mut self, value: T) -> Result<(), T>;

    /// Takes the element at `index` out and puts the last one in its place; `None` if there is none.
    fn swap_remove(&mut self, index: usize) -> Option<T>;

    /// Takes all elements out, first to last, and keeps the room. What the iterator has not given when it is
    /// dropped is dropped with it.
    fn drain(&mut self) -> impl DoubleEndedIterator<Item = T> + ExactSizeIterator;

    /// Drops every element and keeps the room.
    fn clear(&mut self);

    /// Sees to it that the buffer can grow to `len` elements without another allocation; a bounded one has its
    /// room already.
    fn reserve(&mut self, len: usize);
}

/// Room for `N` elements inside the primitive itself: no allocator, and full is an outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inline<const N: usize>;

impl<const N: usize> Storage for Inline<N> {
    type Buffer<T> = InlineVec<T, N>;
    type Deque<T> = InlineDeque<T, N>;
    type Index = Chains<N>;
    type Stock<T> = InlineDeque<T, N>;
    type Shelf<B> = NoShelf;
    type Bulk<T> = InlineVec<T, 0>;
}

impl<T, const N: usize> Buffer<T> for InlineVec<T, N> {
    const EMPTY: Self = Self::new();
    const CAPACITY: usize = N;

    #[inline]
    fn as_slice(&self) -> &[T] {
        self
    }

    #[inline]
    fn as_mut_slice(&mut self) -> &mut [T] {
        self
    }

    #[inline]
    fn push(&mut self, value: T) -> Result<(), T> {
        InlineVec::push(self, value)
    }

    fn swap_remove(&mut self, index: usize) -> Option<T> {
        (index < self.len()).then(|| InlineVec::swap_remove(self, index))
    }

    fn drain(&mut self) -> impl DoubleEndedIterator<Item = T> + ExactSizeIterator {
        InlineVec::drain(self, ..)
    }

    fn clear(&mut self) {
        InlineVec::clear(self);
    }

    fn reserve(&mut self, _len: usize) {}
}

/// Room on the heap, as much as is needed: grows by doubling, keeps what it has for the next use.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

#[cfg(feature = "alloc")]
impl Storage for Heap {
    type Buffer<T> = alloc::vec::Vec<T>;
    type Deque<T> = alloc::collections::VecDeque<T>;
    type Index = Buckets;
    type Stock<T> = Chunks<T>;
    type Shelf<B> = alloc::vec::Vec<B>;
    type Bulk<T> = alloc::vec::Vec<T>;
}

#[cfg(feature = "alloc")]
impl<T> Buffer<T> for alloc::vec::Vec<T> {
    const EMPTY: Self = Self::new();
    const CAPACITY: usize = usize::MAX;

    #[inline]
    fn as_slice(&self) -> &[T] {
        self
    }

    #[inline]
    fn as_mut_slice(&mut self) -> &mut [T] {
        self
    }

    #[inline]
    fn push(&mut self, value: T) -> Result<(), T> {
        Self::push(self, value);
        Ok(())
    }

    fn swap_remove(&mut self, index: usize) -> Option<T> {
        (index < self.len()).then(|| Self::swap_remove(self, index))
    }

    fn drain(&mut self) -> impl DoubleEndedIterator<Item = T> + ExactSizeIterator {
        Self::drain(self, ..)
    }

    fn clear(&mut self) {
        Self::clear(self);
    }

    fn reserve(&mut self, len: usize) {
        self.reserve_exact(len.saturating_sub(self.len()));
    }
}
