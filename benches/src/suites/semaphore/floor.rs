//! The least that a semaphore can do: count, without anybody who waits.

use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};

/// One compare-and-swap to take, one addition to give back.
pub(super) struct Atomics(AtomicUsize);

pub(super) struct AtomicsPermit<'a>(&'a AtomicUsize);

impl Atomics {
    pub(super) const fn new(permits: usize) -> Self {
        Self(AtomicUsize::new(permits))
    }

    #[inline]
    pub(super) fn try_acquire(&self) -> Option<AtomicsPermit<'_>> {
        let mut permits = self.0.load(Ordering::Relaxed);
        loop {
            let rest = permits.checked_sub(1)?;
            match self.0.compare_exchange_weak(permits, rest, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(AtomicsPermit(&self.0)),
                Err(now) => permits = now,
            }
        }
    }
}

impl Drop for AtomicsPermit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// A plain number.
pub(super) struct Number(Cell<usize>);

pub(super) struct NumberPermit<'a>(&'a Cell<usize>);

impl Number {
    pub(super) const fn new(permits: usize) -> Self {
        Self(Cell::new(permits))
    }

    #[inline]
    pub(super) fn try_acquire(&self) -> Option<NumberPermit<'_>> {
        self.0.set(self.0.get().checked_sub(1)?);
        Some(NumberPermit(&self.0))
    }
}

impl Drop for NumberPermit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}
