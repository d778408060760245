//! Time points, clocks and timers: [`Instant`], [`Clock`], [`Timer`], and [`ManualClock`] for tests; [`WallTime`]
//! and [`WallClock`], which people set.
//!
//! Core never reads a clock. A machine is told the time; a handle that knows time holds a [`Timer`].

mod manual;
mod timeout;
mod wall;

pub use manual::{ManualClock, ManualSleep};
pub use timeout::{Elapsed, Timeout, timeout_at};
pub use wall::{ManualWallClock, MaybeWall, NoWall, WallClock, WallTime};

use core::fmt;
use core::future::Future;
use core::ops::Add;
use core::time::Duration;

/// A point in time: nanoseconds since the epoch of the clock that gave it (584 years fit).
///
/// Points of different clocks have nothing to do with each other. An `Instant` is itself a stopped [`Clock`].
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::Instant;
///
/// let start = Instant::from_nanos(1_000);
/// let later = start + Duration::from_micros(2);
/// assert_eq!(later.duration_since(start), Duration::from_nanos(2_000));
/// assert_eq!(start.duration_since(later), Duration::ZERO);
/// assert_eq!(later + Duration::MAX, Instant::MAX);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The clock's epoch.
    pub const EPOCH: Self = Self(0);
    /// The last point there is; as a deadline it means "never".
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The point `micros` microseconds after the epoch, or [`Instant::MAX`] if there is none.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// The point `millis` milliseconds after the epoch, or [`Instant::MAX`] if there is none.
    ///
    /// ```
    /// use core::time::Duration;
    /// use tidegate_core::Instant;
    ///
    /// let uptime_ms = 90_000; // what a tick counter says
    /// assert_eq!(Instant::from_millis(uptime_ms), Instant::EPOCH + Duration::from_secs(90));
    /// assert_eq!(Instant::from_millis(uptime_ms), Instant::from_secs(90));
    /// assert_eq!(Instant::from_millis(uptime_ms), Instant::from_micros(90_000_000));
    /// assert_eq!(Instant::from_millis(u64::MAX), Instant::MAX);
    /// ```
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The point `secs` seconds after the epoch, or [`Instant::MAX`] if there is none.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The point `span` later, or `None` if there is none.
    #[inline]
    #[must_use]
    pub const fn checked_add(self, span: Duration) -> Option<Self> {
        // By way of the span's nanoseconds in all it would take 128 bits.
        let Some(seconds) = span.as_secs().checked_mul(1_000_000_000) else { return None };
        let Some(nanos) = seconds.checked_add(span.subsec_nanos() as u64) else { return None };
        match self.0.checked_add(nanos) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The point `span` later, or [`Instant::MAX`] if there is none. The operator `+` does the same.
    #[inline]
    #[must_use]
    pub const fn saturating_add(self, span: Duration) -> Self {
        match self.checked_add(span) {
            Some(instant) => instant,
            None => Self::MAX,
        }
    }

    /// The span from `earlier` to this point; zero if `earlier` is in fact later.
    #[must_use]
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at [`Instant::MAX`].
    #[inline]
    fn add(self, span: Duration) -> Self {
        self.saturating_add(span)
    }
}

impl fmt::Display for Instant {
    /// Seconds since the epoch, to the nanosecond.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09} s", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// A source of time.
///
/// It may stand still and it may jump; whoever reads it must cope, and everything in Tidegate does.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Instant;
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Instant {
        (**self).now()
    }
}

/// A stopped clock.
impl Clock for Instant {
    fn now(&self) -> Instant {
        *self
    }
}

/// A source of sleeping.
pub trait Timer: Clock {
    /// The future of [`sleep_until`](Self::sleep_until).
    type Sleep: Future<Output = ()>;

    /// A future that is ready once [`now`](Clock::now) has reached `deadline`, never before.
    ///
    /// # Cancel safety
    ///
    /// Dropping it cancels the sleep and nothing else.
    fn sleep_until(&self, deadline: Instant) -> Self::Sleep;
}
