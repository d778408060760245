//! [`SlidingWindow`]: never more than so many inside of any period.

use super::bucket::STEP_BACK;
use super::error::TryAcquireError;
use super::quota::{InvalidQuota, Kind, Quota};
use crate::Instant;
use crate::storage::{Buffer, Storage};

/// Never more than `n` tokens inside of any period, as a pure value: bring your own time.
///
/// It remembers when each of the last `n` tokens was taken. A token taken at `t` counts until just before
/// `t + period`.
///
/// # Clocks that misbehave
///
/// A token is never recorded as earlier than the one before, so a clock that steps back admits nothing early.
/// One that steps back by more than an hour is taken to have begun anew, as if everything had been taken just then.
///
/// # Cost
///
/// Eight bytes per token of the quota, kept once they have been needed; in [`Inline`](crate::Inline) storage
/// the quota must fit. O(1) to ask, O(tokens) to take.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::rate_limiter::{Quota, SlidingWindow};
/// use tidegate_core::{Inline, Instant};
///
/// let quota = Quota::sliding(2, Duration::from_secs(1))?;
/// let mut window = SlidingWindow::<Inline<2>>::new(quota)?;
/// let at = |millis| Instant::EPOCH + Duration::from_millis(millis);
/// assert!(window.try_acquire(1, at(0)).is_ok());
/// assert!(window.try_acquire(1, at(900)).is_ok());
/// assert!(window.try_acquire(1, at(999)).is_err());
/// assert!(window.try_acquire(1, at(1_000)).is_ok());
/// assert!(window.try_acquire(1, at(1_899)).is_err()); // a bucket would admit it
/// # Ok::<(), tidegate_core::rate_limiter::InvalidQuota>(())
/// ```
pub struct SlidingWindow<S: Storage> {
    limit: u32,
    period: u64,
    /// A ring, from `head` on, of the times at which tokens were taken: oldest first.
    times: S::Buffer<u64>,
    head: usize,
    len: usize,
}

impl<S: Storage> SlidingWindow<S> {
    /// A window in which nothing has been taken.
    ///
    /// # Errors
    ///
    /// [`NoRoom`](InvalidQuota::NoRoom) if the storage is smaller than the quota;
    /// [`Mismatch`](InvalidQuota::Mismatch) for the quota of a token bucket.
    pub const fn new(quota: Quota) -> Result<Self, InvalidQuota> {
        match Self::check(quota) {
            Ok(()) => Ok(Self::of(quota)),
            Err(error) => Err(error),
        }
    }

    /// Whether the quota is one for a window, and there is room for it.
    pub(super) const fn check(quota: Quota) -> Result<(), InvalidQuota> {
        match quota.kind {
            Kind::Bucket => Err(InvalidQuota::Mismatch),
            Kind::Window if quota.max_tokens() as usize > <S::Buffer<u64> as Buffer<u64>>::CAPACITY => {
                Err(InvalidQuota::NoRoom)
            }
            Kind::Window => Ok(()),
        }
    }

    /// The same; a quota that the storage has no room for is cut to what fits.
    pub(super) const fn of(quota: Quota) -> Self {
        let room = <S::Buffer<u64> as Buffer<u64>>::CAPACITY;
        let limit = quota.max_tokens();
        #[expect(clippy::cast_possible_truncation, reason = "less than a `u32`")]
        let limit = if limit as usize > room { room as u32 } else { limit };
        let times = <S::Buffer<u64> as Buffer<u64>>::EMPTY;
        #[expect(clippy::cast_possible_truncation, reason = "a quota's period fits")]
        Self { limit, period: quota.period().as_nanos() as u64, times, head: 0, len: 0 }
    }

    /// How many tokens can be had at once, at most.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// How many tokens can be had.
    #[must_use]
    pub fn available(&self, now: Instant) -> u32 {
        let counted = (0..self.len).filter(|&nth| !is_due(self.leaves_at(nth), now)).count();
        self.limit.saturating_sub(u32::try_from(counted).unwrap_or(u32::MAX))
    }

    /// Takes `tokens` tokens, all or none.
    ///
    /// # Errors
    ///
    /// [`NotUntil`](TryAcquireError::NotUntil) with the earliest time at which they can be had,
    /// [`ZeroTokens`](TryAcquireError::ZeroTokens), [`ExceedsBurst`](TryAcquireError::ExceedsBurst).
    pub fn try_acquire(&mut self, tokens: u32, now: Instant) -> Result<(), TryAcquireError> {
        if tokens == 0 {
            return Err(TryAcquireError::ZeroTokens);
        }
        self.resync(now);
        let earliest = self.ready_at(tokens).ok_or(TryAcquireError::ExceedsBurst)?;
        if !is_due(earliest, now) {
            return Err(TryAcquireError::not_until(earliest));
        }
        self.take(tokens, now);
        Ok(())
    }

    /// When so many tokens can be had, if nobody else takes any; `None` for more than ever can.
    pub(super) fn ready_at(&self, tokens: u32) -> Option<Instant> {
        if tokens > self.limit {
            return None;
        }
        // That many have to leave the window first.
        let leave = (self.len + tokens as usize).saturating_sub(self.limit as usize);
        Some(if leave == 0 { Instant::EPOCH } else { self.leaves_at(leave - 1) })
    }

    /// Takes tokens that are [ready](Self::ready_at).
    pub(super) fn take(&mut self, tokens: u32, now: Instant) {
        while self.len > 0 && is_due(self.leaves_at(0), now) {
            self.head = (self.head + 1) % self.times.as_slice().len();
            self.len -= 1;
        }
        let newest = self.len.checked_sub(1).map_or(0, |last| self.time(last));
        let time = newest.max(now.as_nanos());
        for _ in 0..tokens {
            self.push(time);
        }
    }

    /// Forgets the tokens taken last: those that were not used after all.
    ///
    /// To be called before they have left the window by themselves; otherwise it forgets others, taken later.
    pub fn refund(&mut self, tokens: u32) {
        self.len = self.len.saturating_sub(tokens as usize);
    }

    /// Changes the quota; what has been taken counts on.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new); nothing changes.
    pub fn set_quota(&mut self, quota: Quota) -> Result<(), InvalidQuota> {
        let next = Self::new(quota)?;
        self.straighten();
        self.limit = next.limit;
        self.period = next.period;
        // The newest decide.
        let surplus = self.len.saturating_sub(self.limit as usize);
        self.times.as_mut_slice().rotate_left(surplus);
        self.len -= surplus;
        Ok(())
    }

    /// Begins anew, as if all had been taken just now, if the clock has stepped back too far to be waited for.
    pub(super) fn resync(&mut self, now: Instant) {
        let Some(last) = self.len.checked_sub(1) else { return };
        if self.time(last).saturating_sub(now.as_nanos()) > STEP_BACK {
            for time in self.times.as_mut_slice() {
                *time = now.as_nanos().min(*time);
            }
        }
    }

    /// The time at which the `nth` oldest was taken.
    fn time(&self, nth: usize) -> u64 {
        let times = self.times.as_slice();
        times[(self.head + nth) % times.len()]
    }

    fn leaves_at(&self, nth: usize) -> Instant {
        Instant::from_nanos(self.time(nth).saturating_add(self.period))
    }

    fn push(&mut self, time: u64) {
        if self.len == self.times.as_slice().len() {
            self.grow();
        }
        let (head, len) = (self.head, self.len);
        let times = self.times.as_mut_slice();
        let room = times.len();
        if len < room {
            times[(head + len) % room] = time;
            self.len += 1;
        }
    }

    /// Doubles the ring, up to the limit.
    fn grow(&mut self) {
        self.straighten();
        let room = self.times.as_slice().len();
        for _ in room..(room * 2).clamp(4, 1 << 31).min(self.limit as usize) {
            if self.times.push(0).is_err() {
                return;
            }
        }
    }

    /// Turns the ring so that it begins at its first place.
    fn straighten(&mut self) {
        let head = self.head;
        self.times.as_mut_slice().rotate_left(head);
        self.head = 0;
    }
}

/// Whether the time has come; for [`Instant::MAX`] it never does.
pub(super) fn is_due(time: Instant, now: Instant) -> bool {
    time <= now && time < Instant::MAX
}

impl<S: Storage> core::fmt::Debug for SlidingWindow<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SlidingWindow")
            .field("limit", &self.limit)
            .field("period", &self.period)
            .field("taken", &self.len)
            .finish_non_exhaustive()
    }
}
