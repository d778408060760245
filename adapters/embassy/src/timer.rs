//! [`EmbassyTimer`]: embassy's time driver as a clock and a timer of Tidegate.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use embassy_time_driver::{TICK_HZ, now, schedule_wake};
use tidegate_core::{Clock, Instant, Timeout, Timer, timeout_at};

use crate::ticks::{self, MAX_TICK_HZ};

const _: () = assert!(TICK_HZ <= MAX_TICK_HZ, "the time driver ticks faster than Tidegate can count");

/// The clock and the timer of embassy's time driver, at whatever rate it ticks.
///
/// The clock reads the nanoseconds of the last tick, rounded down; a sleep ends with the first tick at or
/// after its deadline. So nothing is early by this clock, and nothing is late by a full tick.
///
/// ```
/// use core::time::Duration;
/// use embassy_time::MockDriver;
/// use tidegate_embassy::{Clock, EmbassyTimer, Instant};
///
/// MockDriver::get().advance(embassy_time::Duration::from_millis(3));
/// assert_eq!(EmbassyTimer.now(), Instant::EPOCH + Duration::from_millis(3));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbassyTimer;

impl Clock for EmbassyTimer {
    fn now(&self) -> Instant {
        Instant::from_nanos(ticks::to_nanos(now(), TICK_HZ))
    }
}

impl Timer for EmbassyTimer {
    type Sleep = Sleep;

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep { until: ticks::from_nanos(deadline.as_nanos(), TICK_HZ) }
    }
}

/// The sleep of [`EmbassyTimer`]: ready at once when its deadline has passed, never early.
///
/// A deadline of [`Instant::MAX`] never comes.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    /// In ticks.
    until: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.until == u64::MAX {
            return Poll::Pending;
        }
        if now() >= self.until {
            return Poll::Ready(());
        }
        schedule_wake(self.until, cx.waker());
        Poll::Pending
    }
}

/// Runs `future` for at most `span`, counted from this call.
///
/// A span that reaches beyond [`Instant::MAX`] is no limit. The future is polled before the clock is looked
/// at, so one that is ready is never refused, whatever the span.
///
/// # Errors
///
/// [`Elapsed`](crate::Elapsed) if the time was up first; the future is dropped with the [`Timeout`].
///
/// # Cancel safety
///
/// As safe as dropping `future`.
///
/// ```
/// use core::{future, time::Duration};
/// use tidegate_embassy::timeout;
///
/// embassy_futures::block_on(async {
///     assert_eq!(timeout(Duration::ZERO, future::ready(5)).await, Ok(5));
///     assert!(timeout(Duration::ZERO, future::pending::<()>()).await.is_err());
/// });
/// ```
pub fn timeout<F: Future>(span: Duration, future: F) -> Timeout<F, Sleep> {
    timeout_at(&EmbassyTimer, EmbassyTimer.now() + span, future)
}
