//! [`SimTimer`]: virtual time as a clock and a timer.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use tidegate_core::{Clock, Instant, Timeout, Timer, timeout_at};

use crate::world::{self, SleeperKey};

/// The virtual clock of the current run, and sleeps by it.
///
/// Time stands still while any task is ready, and jumps to the next deadline when none is. Each run begins at
/// [`Instant::EPOCH`]. Outside of a run time stands still there for good, and sleeps do not end.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimTimer;

impl Clock for SimTimer {
    fn now(&self) -> Instant {
        world::current().map_or(Instant::EPOCH, |world| world.now())
    }
}

impl Timer for SimTimer {
    type Sleep = Sleep;

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep { deadline, place: None }
    }
}

/// The virtual time.
///
/// ```
/// use core::time::Duration;
/// use tidegate_sim::{Instant, Sim, now, sleep};
///
/// let end = Sim::new(1).run(async {
///     sleep(Duration::from_hours(24)).await;
///     now()
/// });
/// assert_eq!(end, Ok(Instant::EPOCH + Duration::from_hours(24)));
/// ```
#[must_use]
pub fn now() -> Instant {
    SimTimer.now()
}

/// Lets the clock jump ahead by `span`, within the current step, and makes whoever is due ready. Saturates at
/// [`Instant::MAX`]. Outside of a run it does nothing.
///
/// ```
/// use core::time::Duration;
/// use tidegate_sim::{Instant, Sim, advance, now};
///
/// let end = Sim::new(1).run(async {
///     advance(Duration::from_secs(5));
///     now()
/// });
/// assert_eq!(end, Ok(Instant::from_nanos(5_000_000_000)));
/// ```
pub fn advance(span: Duration) {
    if let Some(world) = world::current() {
        world.set_now(world.now() + span);
    }
}

/// A future that is ready once `span` has passed, counted from this call.
///
/// A span that reaches beyond [`Instant::MAX`] never ends.
///
/// # Cancel safety
///
/// Dropping it cancels the sleep and nothing else.
pub fn sleep(span: Duration) -> Sleep {
    SimTimer.sleep_until(now() + span)
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
pub fn timeout<F: Future>(span: Duration, future: F) -> Timeout<F, Sleep> {
    timeout_at(&SimTimer, now() + span, future)
}

/// The sleep of [`SimTimer`]: ready at once when its deadline has passed.
///
/// A deadline of [`Instant::MAX`] never comes, so who waits for nothing else is stuck, and is reported as such.
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    deadline: Instant,
    place: Option<Place>,
}

/// Where a sleep is registered, until this is dropped.
struct Place {
    world: u64,
    key: SleeperKey,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(world) = world::current()
            && world.id == self.world
        {
            world.remove_sleeper(self.key);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.deadline == Instant::MAX {
            return Poll::Pending;
        }
        if now() >= self.deadline {
            self.place = None;
            return Poll::Ready(());
        }
        let Some(world) = world::current() else { return Poll::Pending };
        if let Some(place) = &self.place
            && place.world == world.id
            && world.refresh_sleeper(place.key, cx.waker())
        {
            return Poll::Pending;
        }
        let key = world.add_sleeper(self.deadline, cx.waker().clone());
        self.place = Some(Place { world: world.id, key });
        Poll::Pending
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
