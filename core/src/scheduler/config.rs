//! What a user may choose: [`Config`].

use core::time::Duration;

/// How a scheduler keeps time; [`Config::new`] is what one gets without asking.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::scheduler::Config;
///
/// let config = Config::new().granularity(Duration::from_millis(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Config {
    pub(super) granularity: Duration,
    pub(super) wall_recheck: Duration,
}

impl Config {
    /// Timers are exact, and the wall clock is looked at once per second while anything goes by it.
    pub const fn new() -> Self {
        Self { granularity: Duration::ZERO, wall_recheck: Duration::from_secs(1) }
    }

    /// Lets timers go off at multiples of `span` only, counted from the clock's epoch, so that several payloads come
    /// out at one. None comes early, and each at most `span` late.
    pub const fn granularity(mut self, span: Duration) -> Self {
        self.granularity = span;
        self
    }

    /// How often the wall clock is looked at while there are payloads that go by it, because nothing tells that it
    /// has been set: a step forwards is noticed so late at most. [`Duration::MAX`] for a clock that is never set;
    /// zero counts as a nanosecond.
    pub const fn wall_recheck(mut self, span: Duration) -> Self {
        self.wall_recheck = span;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// A span in nanoseconds, at least one.
pub(super) const fn nanos(span: Duration) -> u64 {
    let nanos = span.as_nanos();
    #[expect(clippy::cast_possible_truncation, reason = "compared just before")]
    let nanos = if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 };
    if nanos == 0 { 1 } else { nanos }
}
