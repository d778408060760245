//! [`TokenBucket`]: tokens that come at an even rate.

use super::error::TryAcquireError;
use super::quota::{InvalidQuota, Kind, Quota, Rate, Span};
use super::window::is_due;
use crate::Instant;

/// How far a clock may step back and be waited for; one that steps back further is believed.
pub(super) const STEP_BACK: u64 = 3_600_000_000_000;

/// Tokens that come at an even rate and gather up to a burst, as a pure value: bring your own time.
///
/// It stores one point in time: when the bucket will be full again (the "theoretical arrival time" of the
/// generic cell rate algorithm). Admission is exact: over any span of time `burst + ⌊span · n / period⌋`
/// tokens under saturation, without drift, however awkward the rate. (Except that a bucket too small for what
/// comes in a nanosecond and one token more, such as one of a *single* token, is full, and gains nothing, for the
/// rest of the nanosecond in which it fills.)
///
/// # Clocks that misbehave
///
/// While the time given stands still, or is earlier than before, nothing comes in; it never admits early. A clock that
/// steps back by more than an hour *beyond what it takes to fill the bucket* is taken to have begun anew, with
/// an empty bucket, so that one wild reading does not shut the door for a year. Nothing is admitted that would
/// fill the bucket only after [`Instant::MAX`].
///
/// # Cost
///
/// 24 bytes of state beside the quota; O(1); for single tokens a few additions and no division.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::Instant;
/// use tidegate_core::rate_limiter::{Quota, TokenBucket, TryAcquireError};
///
/// let mut bucket = TokenBucket::new(Quota::per(3, Duration::from_secs(7))?)?;
/// let start = Instant::EPOCH;
/// assert_eq!(bucket.try_acquire(3, start), Ok(()));
/// let Err(TryAcquireError::NotUntil(not_until)) = bucket.try_acquire(1, start) else { panic!("it is empty") };
/// assert_eq!(not_until.earliest.as_nanos(), 2_333_333_334); // rounded up: never early
/// assert_eq!(bucket.try_acquire(1, not_until.earliest), Ok(()));
/// # Ok::<(), tidegate_core::rate_limiter::InvalidQuota>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    rate: Rate,
    /// How many tokens fit.
    burst: u32,
    /// What it takes to fill the empty bucket.
    capacity: Span,
    /// When the bucket is full again.
    full_at: Span,
}

impl TokenBucket {
    /// A full bucket.
    ///
    /// # Errors
    ///
    /// [`NotABucket`](InvalidQuota::NotABucket) for the quota of a sliding window.
    pub const fn new(quota: Quota) -> Result<Self, InvalidQuota> {
        match quota.kind {
            Kind::Bucket => Ok(Self::of(quota)),
            Kind::Window => Err(InvalidQuota::NotABucket),
        }
    }

    pub(super) const fn of(quota: Quota) -> Self {
        let (rate, burst) = (quota.rate(), quota.max_tokens());
        let capacity = match rate.times(burst) {
            Some(capacity) => capacity,
            // Quotas that long are refused.
            None => Span::whole(u64::MAX),
        };
        Self { rate, burst, capacity, full_at: Span::ZERO }
    }

    /// How many tokens fit.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    #[cfg(target_has_atomic = "64")]
    pub(super) const fn rate(&self) -> Rate {
        self.rate
    }

    pub(super) const fn capacity(&self) -> Span {
        self.capacity
    }

    pub(super) const fn full_at(&self) -> Span {
        self.full_at
    }

    pub(super) const fn set_full_at(&mut self, full_at: Span) {
        self.full_at = full_at;
    }

    /// How many tokens are in the bucket.
    #[must_use]
    pub fn available(&self, now: Instant) -> u32 {
        let owed = self.rate.sub(self.full_at, Span::whole(now.as_nanos()));
        let free = self.rate.to_parts(self.rate.sub(self.capacity, owed));
        u32::try_from(free / self.rate.to_parts(self.rate.span)).unwrap_or(u32::MAX)
    }

    /// Takes `tokens` tokens, all or none.
    ///
    /// # Errors
    ///
    /// [`NotUntil`](TryAcquireError::NotUntil) with the earliest time at which they can be had,
    /// [`ZeroTokens`](TryAcquireError::ZeroTokens), [`ExceedsBurst`](TryAcquireError::ExceedsBurst).
    #[inline]
    pub fn try_acquire(&mut self, tokens: u32, now: Instant) -> Result<(), TryAcquireError> {
        if let Some(full_at) = self.admit(self.full_at, tokens, now) {
            self.full_at = full_at;
            return Ok(());
        }
        self.try_acquire_closely(tokens, now)
    }

    /// What becomes of a bucket of this kind that is full at `full_at`, if so many tokens are in it: the quick answer.
    #[inline]
    pub(super) fn admit(&self, full_at: Span, tokens: u32, now: Instant) -> Option<Span> {
        if tokens == 0 || tokens > self.burst {
            return None;
        }
        if self.rate.parts == 1 {
            // Most rates: whole nanoseconds per token.
            let (from, cost) =
                (full_at.nanos.max(now.as_nanos()), self.rate.span.nanos.checked_mul(tokens.into())?);
            let full_at = from.checked_add(cost)?;
            let latest = now.as_nanos().checked_add(self.capacity.nanos)?;
            return (full_at <= latest).then_some(Span::whole(full_at));
        }
        let full_at = self.rate.add(full_at.max(Span::whole(now.as_nanos())), self.rate.times(tokens)?)?;
        let nanos = now.as_nanos().checked_add(self.capacity.nanos)?;
        (full_at <= Span { nanos, part: self.capacity.part }).then_some(full_at)
    }

    /// The same for what is refused, and for the end of time.
    fn try_acquire_closely(&mut self, tokens: u32, now: Instant) -> Result<(), TryAcquireError> {
        if tokens == 0 {
            return Err(TryAcquireError::ZeroTokens);
        }
        self.resync(now);
        let earliest = self.ready_at(tokens, now).ok_or(TryAcquireError::ExceedsBurst)?;
        if !is_due(earliest, now) || !self.take(tokens, now) {
            return Err(TryAcquireError::not_until(earliest));
        }
        Ok(())
    }

    /// When so many tokens can be had, if nobody else takes any: by `now`, or later. `None` for more than
    /// ever fit.
    #[inline]
    pub(super) fn ready_at(&self, tokens: u32, now: Instant) -> Option<Instant> {
        if tokens > self.burst {
            return None;
        }
        let cost = self.rate.times(tokens)?;
        // The end of time.
        if self.arrival(cost, now).is_none() {
            return Some(Instant::MAX);
        }
        if self.rate.parts == 1 {
            // Most rates. It fits, because the arrival does, which is no earlier.
            let full_at = self.full_at.nanos.saturating_add(cost.nanos);
            return Some(Instant::from_nanos(full_at.saturating_sub(self.capacity.nanos)));
        }
        let nanos = u128::from(self.full_at.nanos) + u128::from(cost.nanos);
        // More than minus one nanosecond, less than two of them.
        let parts = i64::from(self.full_at.part) + i64::from(cost.part) - i64::from(self.capacity.part);
        let up = u128::from(parts > 0) + u128::from(parts > i64::from(self.rate.parts));
        let earliest = (nanos + up).saturating_sub(u128::from(self.capacity.nanos));
        Some(Instant::from_nanos(u64::try_from(earliest).unwrap_or(u64::MAX)))
    }

    /// Takes tokens that are [ready](Self::ready_at); `false`, and nothing is taken, at the end of time.
    #[inline]
    pub(super) fn take(&mut self, tokens: u32, now: Instant) -> bool {
        match self.rate.times(tokens).and_then(|cost| self.arrival(cost, now)) {
            Some(full_at) => {
                self.full_at = full_at;
                true
            }
            None => false,
        }
    }

    /// When the bucket will be full again once what takes `cost` has been taken.
    #[inline]
    fn arrival(&self, cost: Span, now: Instant) -> Option<Span> {
        self.rate.add(self.full_at.max(Span::whole(now.as_nanos())), cost)
    }

    /// Puts tokens back that were taken and not used; what does not fit is lost.
    pub fn refund(&mut self, tokens: u32) {
        self.full_at = match self.rate.times(tokens) {
            Some(span) => self.rate.sub(self.full_at, span),
            None => Span::ZERO,
        };
    }

    /// Changes the quota. As many tokens as are missing stay missing, up to an empty bucket.
    ///
    /// # Errors
    ///
    /// [`NotABucket`](InvalidQuota::NotABucket) for the quota of a sliding window; nothing changes.
    pub fn set_quota(&mut self, quota: Quota, now: Instant) -> Result<(), InvalidQuota> {
        let mut next = Self::new(quota)?;
        let now = Span::whole(now.as_nanos());
        let (old, new) = (self.rate.to_parts(self.rate.span), next.rate.to_parts(next.rate.span));
        let owed = self.rate.to_parts(self.rate.sub(self.full_at, now));
        // Both factors are less than 2⁶⁴: a token in parts is the period, reduced.
        let owed = (owed / old).saturating_mul(new).saturating_add(((owed % old) * new).div_ceil(old));
        let owed = next.rate.of_parts(owed).min(next.capacity);
        next.full_at = next.rate.add(now, owed).unwrap_or(Span::whole(u64::MAX));
        *self = next;
        Ok(())
    }

    /// Begins anew, with an empty bucket, if the clock has stepped back so far that the bucket cannot be
    /// its work.
    #[inline]
    pub(super) fn resync(&mut self, now: Instant) {
        let owed = self.full_at.nanos.saturating_sub(now.as_nanos());
        if owed > self.capacity.nanos && owed - self.capacity.nanos > STEP_BACK {
            self.full_at = self.rate.add(Span::whole(now.as_nanos()), self.capacity).unwrap_or(self.full_at);
        }
    }
}
