//! [`QuantaClock`]: the processor's time stamp counter as a clock.

use tidegate_core::{Clock, Instant};

/// The time of the crate [`quanta`]: the processor's time stamp counter, where it is fit for that; reading it costs
/// about half of what [`ThreadsTimer`](crate::ThreadsTimer) costs. It cannot sleep, so it is for what never waits.
///
/// Its epoch is the counter's own, mostly the start of the machine: all of a process have the same.
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
pub struct QuantaClock(quanta::Clock);

impl QuantaClock {
    /// A clock. The first of a process takes some 200 ms to be calibrated.
    #[must_use]
    pub fn new() -> Self {
        Self(quanta::Clock::new())
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
        // Since the counter's zero: what need not be subtracted costs nothing.
        Instant::from_nanos(self.0.delta_as_nanos(0, self.0.raw()))
    }
}
