//! The clock: nanoseconds of the operating system's monotonic clock, since a day before the process first asked.

use std::sync::LazyLock;
use std::time::Instant as StdInstant;

use core::time::Duration;

use tidegate_core::Instant;

/// A day back, so that points of time from before the first question have their place, too.
const MARGIN: Duration = Duration::from_hours(24);

static EPOCH: LazyLock<StdInstant> = LazyLock::new(|| {
    let now = StdInstant::now();
    now.checked_sub(MARGIN).unwrap_or(now)
});

/// Within 584 years of the epoch: nearer than this, in seconds, nothing overflows.
const REACH: u64 = u64::MAX / 1_000_000_000;

#[inline]
pub(crate) fn now() -> Instant {
    from_std(StdInstant::now())
}

/// The same point for this clock; its epoch if it is earlier than that.
#[inline]
pub(crate) fn from_std(instant: StdInstant) -> Instant {
    let since = instant.saturating_duration_since(*EPOCH);
    // Whoever reads the clock waits for this: to know that nothing overflows takes less time than to see whether it has.
    if since.as_secs() < REACH {
        Instant::from_nanos(since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos()))
    } else {
        Instant::EPOCH + since
    }
}

/// The same point for the operating system; `None` means "never", or too far away to be told apart from it.
pub(crate) fn to_std(instant: Instant) -> Option<StdInstant> {
    if instant == Instant::MAX { None } else { EPOCH.checked_add(Duration::from_nanos(instant.as_nanos())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_near_and_far_points_of_the_operating_system() {
        assert_eq!(from_std(*EPOCH), Instant::EPOCH);
        assert_eq!(EPOCH.checked_sub(Duration::from_nanos(1)).map(from_std), Some(Instant::EPOCH));
        let end = Duration::from_nanos(u64::MAX);
        let near = [Duration::from_nanos(1), MARGIN, Duration::new(REACH - 1, 999_999_999)];
        let far = [Duration::from_secs(REACH), Duration::from_nanos(u64::MAX - 1), end];
        for span in near.into_iter().chain(far) {
            let nanos = u64::try_from(span.as_nanos()).expect("no later than the end");
            assert_eq!(from_std(*EPOCH + span), Instant::from_nanos(nanos), "{span:?}");
        }
        for span in [end + Duration::from_nanos(1), Duration::from_secs(REACH + 1), 10 * end] {
            assert_eq!(from_std(*EPOCH + span), Instant::MAX, "{span:?}");
        }
    }
}
