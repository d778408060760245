//! [`WallTime`] and [`WallClock`]: the time of day, which people and protocols set, forwards and backwards.

use core::fmt;
use core::ops::Add;
use core::time::Duration;

use mutex::ConstInit;

use crate::platform::Platform;
use crate::sync::{Lock, const_fn};

/// A point in the time of day: nanoseconds since the beginning of 1970, UTC (it goes on until 2554).
///
/// Unlike an [`Instant`](crate::Instant) it says when something is to happen for people: a clock that is set takes
/// such points along.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::WallTime;
///
/// let landing = WallTime::from_unix(Duration::from_secs(14_182_940));
/// assert_eq!(landing + Duration::from_secs(1), WallTime::from_unix_nanos(14_182_941_000_000_000));
/// assert_eq!(landing + Duration::MAX, WallTime::MAX);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WallTime(u64);

impl WallTime {
    /// The last point there is; as a deadline it means "never".
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the beginning of 1970.
    #[must_use]
    pub const fn from_unix_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The point `span` after the beginning of 1970, or [`WallTime::MAX`] if there is none.
    #[must_use]
    pub const fn from_unix(span: Duration) -> Self {
        let nanos = span.as_nanos();
        if nanos > u64::MAX as u128 {
            return Self::MAX;
        }
        #[expect(clippy::cast_possible_truncation, reason = "compared just above")]
        Self(nanos as u64)
    }

    /// Nanoseconds since the beginning of 1970.
    #[must_use]
    pub const fn as_unix_nanos(self) -> u64 {
        self.0
    }

    /// The span from `earlier` to this point; zero if `earlier` is in fact later.
    #[must_use]
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for WallTime {
    type Output = Self;

    /// Saturates at [`WallTime::MAX`].
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(Self::from_unix(span).0))
    }
}

impl fmt::Display for WallTime {
    /// Seconds since the beginning of 1970, to the nanosecond.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09} s", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// A source of the time of day. It may be set at any time, to any other.
pub trait WallClock {
    /// The time of day now.
    fn wall(&self) -> WallTime;
}

impl<C: WallClock + ?Sized> WallClock for &C {
    fn wall(&self) -> WallTime {
        (**self).wall()
    }
}

/// No wall clock: whoever has it offers nothing that needs one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWall;

impl ConstInit for NoWall {
    const INIT: Self = Self;
}

/// A [`WallClock`], or [`NoWall`]. It is implemented for both and cannot be implemented by hand.
pub trait MaybeWall: sealed::Sealed {
    /// The time of day, if it is known.
    fn read(&self) -> Option<WallTime>;
}

impl MaybeWall for NoWall {
    #[inline]
    fn read(&self) -> Option<WallTime> {
        None
    }
}

impl<C: WallClock> MaybeWall for C {
    #[inline]
    fn read(&self) -> Option<WallTime> {
        Some(self.wall())
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::NoWall {}
    impl<C: super::WallClock> Sealed for C {}
}

/// A wall clock that stands still until it is [`set`](Self::set), forwards or backwards: for tests.
///
/// It wakes nobody, as no system tells that its clock has been set.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::{Local, ManualWallClock, WallClock, WallTime};
///
/// let clock = ManualWallClock::<Local>::new(WallTime::from_unix(Duration::from_secs(1_000)));
/// clock.advance(Duration::from_secs(5));
/// clock.set(WallTime::from_unix(Duration::from_secs(900)));
/// assert_eq!(clock.wall(), WallTime::from_unix(Duration::from_secs(900)));
/// ```
pub struct ManualWallClock<P: Platform> {
    now: Lock<P::RawMutex, WallTime>,
}

impl<P: Platform> ManualWallClock<P> {
    const_fn! {
        /// A clock that shows `now`.
        #[must_use]
        pub fn new(now: WallTime) -> Self {
            Self { now: Lock::new(now) }
        }
    }

    /// Sets the time, forwards or backwards.
    pub fn set(&self, now: WallTime) {
        self.now.with(|time| *time = now);
    }

    /// Lets `span` pass. Saturates at [`WallTime::MAX`].
    pub fn advance(&self, span: Duration) {
        self.now.with(|time| *time = *time + span);
    }
}

impl<P: Platform> WallClock for ManualWallClock<P> {
    fn wall(&self) -> WallTime {
        self.now.with(|time| *time)
    }
}

impl<P: Platform> fmt::Debug for ManualWallClock<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualWallClock").field("now", &self.wall()).finish()
    }
}
