//! [`Deque`]: a ring with two ends, of either storage.

use heapless::Deque as InlineDeque;

/// A ring with two ends.
pub trait Deque<T> {
    /// No elements, and no allocation.
    const EMPTY: Self;

    /// How many elements fit at most.
    const CAPACITY: usize;

    /// How many elements there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends an element at the back.
    ///
    /// # Errors
    ///
    /// Gives the element back if the ring is bounded and full.
    fn push_back(&mut self, value: T) -> Result<(), T>;

    /// Puts an element in at the front.
    ///
    /// # Errors
    ///
    /// Gives the element back if the ring is bounded and full.
    fn push_front(&mut self, value: T) -> Result<(), T>;

    /// Takes the element at the front.
    fn pop_front(&mut self) -> Option<T>;

    /// Takes the element at the back.
    fn pop_back(&mut self) -> Option<T>;
}

impl<T, const N: usize> Deque<T> for InlineDeque<T, N> {
    const EMPTY: Self = Self::new();
    const CAPACITY: usize = N;

    #[inline]
    fn len(&self) -> usize {
        Self::len(self)
    }

    #[inline]
    fn push_back(&mut self, value: T) -> Result<(), T> {
        Self::push_back(self, value)
    }

    fn push_front(&mut self, value: T) -> Result<(), T> {
        Self::push_front(self, value)
    }

    #[inline]
    fn pop_front(&mut self) -> Option<T> {
        Self::pop_front(self)
    }

    #[inline]
    fn pop_back(&mut self) -> Option<T> {
        Self::pop_back(self)
    }
}

/// The most elements of a type that one allocation can hold.
#[cfg(feature = "alloc")]
pub(crate) const fn addressable<T>() -> usize {
    let bytes = size_of::<T>();
    isize::MAX.cast_unsigned() / if bytes == 0 { 1 } else { bytes }
}

#[cfg(feature = "alloc")]
impl<T> Deque<T> for alloc::collections::VecDeque<T> {
    const EMPTY: Self = Self::new();
    const CAPACITY: usize = addressable::<T>();

    #[inline]
    fn len(&self) -> usize {
        Self::len(self)
    }

    #[inline]
    fn push_back(&mut self, value: T) -> Result<(), T> {
        Self::push_back(self, value);
        Ok(())
    }

    fn push_front(&mut self, value: T) -> Result<(), T> {
        Self::push_front(self, value);
        Ok(())
    }

    #[inline]
    fn pop_front(&mut self) -> Option<T> {
        Self::pop_front(self)
    }

    #[inline]
    fn pop_back(&mut self) -> Option<T> {
        Self::pop_back(self)
    }
}
