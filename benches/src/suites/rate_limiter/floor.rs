//! The least that a limiter can do: one word, one comparison, one compare-and-swap.

use core::sync::atomic::{AtomicU64, Ordering};

/// The generic cell rate algorithm and nothing else: no overflow, no waiters, no change of the quota.
pub(super) struct Gcra {
    full_at: AtomicU64,
    cost: u64,
    capacity: u64,
}

impl Gcra {
    pub(super) const fn new(cost: u64, burst: u64) -> Self {
        Self { full_at: AtomicU64::new(0), cost, capacity: cost * burst }
    }

    #[inline]
    pub(super) fn check(&self, now: u64) -> Result<(), u64> {
        let mut seen = self.full_at.load(Ordering::Relaxed);
        loop {
            let full_at = seen.max(now) + self.cost;
            if full_at > now + self.capacity {
                return Err(full_at - self.capacity);
            }
            match self.full_at.compare_exchange_weak(seen, full_at, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }
}
