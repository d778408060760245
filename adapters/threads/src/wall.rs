//! [`SystemClock`]: the operating system's time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use mutex::ConstInit;
use tidegate_core::{WallClock, WallTime};

/// The operating system's time of day, which people and protocols set, forwards and backwards.
///
/// ```
/// use core::time::Duration;
/// use std::time::SystemTime;
/// use tidegate_threads::{SystemClock, WallClock};
///
/// let in_an_hour = SystemClock::at(SystemTime::now() + Duration::from_secs(3_600));
/// assert!(in_an_hour > SystemClock.wall());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemClock;

impl SystemClock {
    /// The same point in time; the first or the last there is, if it lies before 1970 or after 2554.
    #[must_use]
    pub fn at(time: SystemTime) -> WallTime {
        WallTime::from_unix(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

impl ConstInit for SystemClock {
    const INIT: Self = Self;
}

impl WallClock for SystemClock {
    fn wall(&self) -> WallTime {
        Self::at(SystemTime::now())
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn what_is_out_of_reach_is_at_the_end_of_it() {
        assert_eq!(SystemClock::at(UNIX_EPOCH - Duration::from_secs(1)), WallTime::default());
        assert_eq!(SystemClock::at(UNIX_EPOCH + Duration::from_nanos(5)), WallTime::from_unix_nanos(5));
        assert_eq!(SystemClock::at(UNIX_EPOCH + Duration::from_secs(1 << 40)), WallTime::MAX);
    }
}
