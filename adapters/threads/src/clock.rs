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

#[inline]
pub(crate) fn now() -> Instant {
    let since = StdInstant::now().saturating_duration_since(*EPOCH);
    // No operating system runs for 584 years, so nothing overflows.
    let seconds = since.as_secs().wrapping_mul(1_000_000_000);
    Instant::from_nanos(seconds.wrapping_add(u64::from(since.subsec_nanos())))
}

/// The same point for this clock; its epoch if it is earlier than that.
#[inline]
pub(crate) fn from_std(instant: StdInstant) -> Instant {
    Instant::EPOCH + instant.saturating_duration_since(*EPOCH)
}

/// The same point for the operating system; `None` means "never", or too far away to be told apart from it.
pub(crate) fn to_std(instant: Instant) -> Option<StdInstant> {
    if instant == Instant::MAX { None } else { EPOCH.checked_add(Duration::from_nanos(instant.as_nanos())) }
}
