//! [`Permit`]: what one holds while one may proceed.

use core::fmt;

use super::SemaphoreRef;
use super::word::MAX_PERMITS;

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
    /// How many, zero once they have gone into another permit or into the void; and `WANTED`.
    bits: usize,
}

/// The permits were handed over, so somebody else is likely to wait for them.
const WANTED: usize = 1 << (usize::BITS - 1);

const _: () = assert!(MAX_PERMITS < WANTED, "the number of permits leaves that bit free");

impl<R: SemaphoreRef> Permit<R> {
    pub(super) const fn new(semaphore: R, permits: usize) -> Self {
        Self { semaphore, bits: permits }
    }

    /// A permit that has been waited for.
    pub(super) const fn handed_over(semaphore: R, permits: usize) -> Self {
        Self { semaphore, bits: permits | WANTED }
    }

    /// The permits are in other hands now.
    pub(super) fn disarm(mut self) {
        self.bits = 0;
    }

    /// How many permits of the semaphore this one stands for: at least 1.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.bits & !WANTED
    }

    /// Never gives the permits back: the semaphore has so many fewer from now on.
    ///
    /// Permits that [`reduce_permits`](super::Semaphore::reduce_permits) has taken out of existence, and waits for, are
    /// among those forgotten: what is gone already is not taken twice.
    pub fn forget(mut self) {
        let permits = self.count();
        self.bits = 0;
        self.semaphore.semaphore().forget(permits);
    }

    /// Splits off a permit that stands for `permits` of these.
    ///
    /// `None`, and nothing changes, unless at least 1 stays in either part.
    pub fn split(&mut self, permits: usize) -> Option<Self>
    where
        R: Clone,
    {
        if permits == 0 || permits >= self.count() {
            return None;
        }
        let semaphore = self.semaphore.clone();
        self.bits -= permits;
        Some(Self { semaphore, bits: permits | (self.bits & WANTED) })
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
        self.bits += other.count();
        other.bits = 0;
        Ok(())
    }
}

impl<R: SemaphoreRef> Drop for Permit<R> {
    #[inline]
    fn drop(&mut self) {
        if self.bits != 0 {
            self.semaphore.semaphore().release(self.count(), self.bits & WANTED != 0);
        }
    }
}

impl<R: SemaphoreRef> fmt::Debug for Permit<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("count", &self.count()).finish_non_exhaustive()
    }
}
