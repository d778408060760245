//! [`QuantaClock`]: the processor's time stamp counter as a clock.

use tidegate_core::{Clock, Instant};

/// The time of the crate [`quanta`]: the processor's time stamp counter, where it is fit for that; reading it costs
/// about half of what [`ThreadsTimer`](crate::ThreadsTimer) costs. It cannot sleep, so it is for what never waits.
///
/// Its epoch is a day before it was made: clones have the same epoch, others have not.
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::{QuantaClock, Quota, RateLimiter};
///
/// let limiter = RateLimiter::with_timer(Quota::per(5, Duration::from_secs(1))?, QuantaClock::new());
/// assert!(limiter.try_acquire(5).is_ok());
/// assert!(limiter.try_acquire(5).is_err());
/// # Ok::<(), tidegate_threads::InvalidQuota>(())
/// ```
#[derive(Clone, Debug)]
pub struct QuantaClock {
    clock: quanta::Clock,
    start: u64,
}

/// Nanoseconds before the start, so that what is a little earlier than it exists: a day.
const BEFORE: u64 = 86_400_000_000_000;

impl QuantaClock {
    /// A clock. The first of a process takes some 200 ms to be calibrated.
    #[must_use]
    pub fn new() -> Self {
        let clock = quanta::Clock::new();
        let start = clock.raw();
        Self { clock, start }
    }
}

impl Default for QuantaClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for QuantaClock {
    #[inline]
    fn now(&self) -> Instant {
        Instant::from_nanos(self.clock.delta_as_nanos(self.start, self.clock.raw()).saturating_add(BEFORE))
    }
}
