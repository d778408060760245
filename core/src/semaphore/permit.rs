//! [`Permit`]: what one holds while one may proceed.

use core::fmt;
use core::mem;

use super::SemaphoreRef;

/// Permission to proceed, given back when it is dropped.
///
/// `R` is whatever points at the semaphore: a reference, an `Arc`, a `&'static`. With the last two the permit
/// borrows nothing, and may be kept, sent and stored.
///
/// # Cost
///
/// Dropping it is one atomic read-modify-write while nobody waits, on platforms with a fast path.
#[must_use = "dropping a permit gives it back at once"]
pub struct Permit<R: SemaphoreRef> {
    semaphore: R,
    /// Zero once they have gone into another permit, or into the void.
    permits: usize,
}

impl<R: SemaphoreRef> Permit<R> {
    pub(super) fn new(semaphore: R, permits: usize) -> Self {
        Self { semaphore, permits }
    }

    /// The permits are in other hands now.
    pub(super) fn disarm(mut self) {
        self.permits = 0;
    }

    /// How many permits of the semaphore this one stands for: at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        self.permits
    }

    /// Never gives the permits back: the semaphore has so many fewer from now on.
    pub fn forget(mut self) {
        self.semaphore.semaphore().forget(mem::take(&mut self.permits));
    }

    /// Splits off a permit that stands for `permits` of these.
    ///
    /// `None`, and nothing changes, unless at least 1 stays in either part.
    pub fn split(&mut self, permits: usize) -> Option<Self>
    where
        R: Clone,
    {
        if permits == 0 || permits >= self.permits {
            return None;
        }
        let semaphore = self.semaphore.clone();
        self.permits -= permits;
        Some(Self { semaphore, permits })
    }

    /// Merges `other` into this permit.
    ///
    /// # Errors
    ///
    /// Gives `other` back if it is of another semaphore.
    pub fn merge(&mut self, mut other: Self) -> Result<(), Self> {
        if !core::ptr::eq(self.semaphore.semaphore(), other.semaphore.semaphore()) {
            return Err(other);
        }
        self.permits += mem::take(&mut other.permits);
        Ok(())
    }
}

impl<R: SemaphoreRef> Drop for Permit<R> {
    #[inline]
    fn drop(&mut self) {
        if self.permits > 0 {
            self.semaphore.semaphore().release(self.permits);
        }
    }
}

impl<R: SemaphoreRef> fmt::Debug for Permit<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("count", &self.permits).finish_non_exhaustive()
    }
}
