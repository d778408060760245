//! What a user may choose: [`Config`].

use core::time::Duration;

/// How a limiter treats those who wait; [`Config::new`] is what one gets without asking.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::rate_limiter::Config;
///
/// let config = Config::new().granularity(Duration::from_millis(5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Config {
    pub(super) granularity: Duration,
}

impl Config {
    /// Timers are exact.
    pub const fn new() -> Self {
        Self { granularity: Duration::ZERO }
    }

    /// Lets timers go off at multiples of `span` only, counted from the clock's epoch, so that several waiters
    /// are served by one. Nobody is served early, and at most `span` late.
    pub const fn granularity(self, span: Duration) -> Self {
        Self { granularity: span }
    }
}
