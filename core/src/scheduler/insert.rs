//! What puts payloads in.

use core::time::Duration;

use super::{InsertError, Key, MissedTickBehavior, Scheduler};
use crate::platform::Platform;
use crate::storage::Storage;
use crate::time::{Clock, Instant, MaybeWall, WallClock, WallTime};

impl<T, P: Platform, S: Storage, C: Clock, W: MaybeWall> Scheduler<T, P, S, C, W> {
    /// Schedules a payload for `deadline`. Never waits; fit for interrupt handlers in inline storage.
    ///
    /// A deadline that has passed is due at once. [`Instant::MAX`] never comes: such a payload comes out by
    /// [`cancel`](Self::cancel) or [`drain`](Self::drain) alone.
    ///
    /// # Errors
    ///
    /// Gives the payload back if `S` has no room ([`InsertError::Full`]), or if the scheduler has been closed.
    pub fn insert_at(&self, deadline: Instant, payload: T) -> Result<Key, InsertError<T>> {
        self.transact(&mut self.wakes(), |machine| machine.insert_at(deadline, payload))
    }

    /// Schedules a payload for `span` from now on. Otherwise as [`insert_at`](Self::insert_at).
    ///
    /// A span that reaches beyond [`Instant::MAX`] never ends.
    ///
    /// # Errors
    ///
    /// Those of [`insert_at`](Self::insert_at).
    pub fn insert_after(&self, span: Duration, payload: T) -> Result<Key, InsertError<T>> {
        self.insert_at(self.timer.now() + span, payload)
    }

    /// Schedules a payload that recurs: it comes out a `period` from now, and then again and again, until it is
    /// cancelled. What comes out are clones of it.
    ///
    /// A period beyond what an [`Instant`] can hold does not end. `Clone` runs under the lock, and must not use the
    /// scheduler; should it panic, nothing has changed.
    ///
    /// # Errors
    ///
    /// Those of [`insert_at`](Self::insert_at), and [`InsertError::ZeroPeriod`].
    ///
    /// ```
    /// use core::time::Duration;
    /// use tidegate_core::scheduler::{MissedTickBehavior, Scheduler};
    /// use tidegate_core::{Inline, Local, ManualClock};
    ///
    /// let clock = ManualClock::<Local, Inline<4>>::new();
    /// let chores: Scheduler<&str, Local, Inline<4>, _> = Scheduler::with_timer(&clock);
    /// let key = chores.insert_every(Duration::from_secs(10), MissedTickBehavior::Skip, "sweep")?;
    /// clock.advance(Duration::from_secs(25));
    /// assert_eq!(chores.try_next().map(|expired| expired.into_inner()), Ok("sweep"));
    /// assert!(chores.try_next().is_err(), "those missed are left out");
    /// clock.advance(Duration::from_secs(5));
    /// assert!(chores.try_next().is_ok());
    /// assert_eq!(chores.cancel(key), Some("sweep"));
    /// # Ok::<(), tidegate_core::scheduler::InsertError<&str>>(())
    /// ```
    pub fn insert_every(
        &self,
        period: Duration,
        behavior: MissedTickBehavior,
        payload: T,
    ) -> Result<Key, InsertError<T>>
    where
        T: Clone,
    {
        self.insert_every_from(self.timer.now() + period, period, behavior, payload)
    }

    /// The same, with the first time it comes out named.
    ///
    /// # Errors
    ///
    /// Those of [`insert_every`](Self::insert_every).
    pub fn insert_every_from(
        &self,
        first: Instant,
        period: Duration,
        behavior: MissedTickBehavior,
        payload: T,
    ) -> Result<Key, InsertError<T>>
    where
        T: Clone,
    {
        self.transact(&mut self.wakes(), |machine| machine.insert_every(first, period, behavior, payload))
    }
}

impl<T, P: Platform, S: Storage, C: Clock, W: WallClock> Scheduler<T, P, S, C, W> {
    /// Schedules a payload by the wall clock, which may be set meanwhile, forwards or backwards: the payload is due
    /// once that clock shows `deadline`, whatever has become of it.
    ///
    /// Nothing tells when a clock is set. So while there are such payloads, whoever waits looks at it once per
    /// [`wall_recheck`](super::Config::wall_recheck), by default a second; a payload is late by so much at most.
    ///
    /// # Errors
    ///
    /// Those of [`insert_at`](Self::insert_at).
    ///
    /// ```
    /// use core::time::Duration;
    /// use tidegate_core::scheduler::{Config, Scheduler};
    /// use tidegate_core::{Inline, Instant, Local, ManualWallClock, WallTime};
    ///
    /// let noon = WallTime::from_unix(Duration::from_secs(1_700_049_600));
    /// let wall = ManualWallClock::<Local>::new(noon);
    /// let clock = Instant::EPOCH; // stands still
    /// let calendar: Scheduler<&str, Local, Inline<4>, _, _> = Scheduler::with_clocks(clock, &wall, Config::new());
    /// calendar.insert_at_system_time(noon + Duration::from_secs(3_600), "tea at one")?;
    ///
    /// assert!(calendar.try_next().is_err());
    /// wall.advance(Duration::from_secs(3_600)); // somebody sets the clock
    /// assert_eq!(calendar.try_next().map(|expired| expired.into_inner()), Ok("tea at one"));
    /// # Ok::<(), tidegate_core::scheduler::InsertError<&str>>(())
    /// ```
    pub fn insert_at_system_time(&self, deadline: WallTime, payload: T) -> Result<Key, InsertError<T>> {
        self.transact(&mut self.wakes(), |machine| machine.insert_at_wall(deadline, payload))
    }
}
