//! [`Storage`]: where a primitive keeps what grows with use, either [`Inline`] or on the heap.
//!
//! A storage gives one thing, a [`Buffer`]: an array with a length. Everything with more structure (the
//! slab of waiters, rings, tables) is written once on top of it.

use heapless::Vec as InlineVec;

/// Where a primitive keeps what grows with use.
pub trait Storage: Sized + 'static {
    /// An array with a length, of this storage's kind.
    type Buffer<T>: Buffer<T>;
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
}

/// Room for `N` elements inside the primitive itself: no allocator, and full is an outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inline<const N: usize>;

impl<const N: usize> Storage for Inline<N> {
    type Buffer<T> = InlineVec<T, N>;
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
}

/// Room on the heap, as much as is needed: grows by doubling, keeps what it has for the next use.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

#[cfg(feature = "alloc")]
impl Storage for Heap {
    type Buffer<T> = alloc::vec::Vec<T>;
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
}
