//! [`Limits`]: several quotas, all or nothing.

use super::bucket::TokenBucket;
use super::error::TryAcquireError;
use super::quota::{InvalidQuota, Kind, Quota};
use super::window::{SlidingWindow, is_due};
use crate::Instant;
use crate::storage::Storage;

/// How many quotas one limiter can have.
pub const MAX_QUOTAS: usize = 4;

enum Limit<S: Storage> {
    Unused,
    Bucket(TokenBucket),
    Window(SlidingWindow<S>),
}

impl<S: Storage> Limit<S> {
    const fn maybe(quota: Option<Quota>) -> Self {
        match quota {
            Some(quota) => Self::of(quota),
            None => Self::Unused,
        }
    }

    const fn of(quota: Quota) -> Self {
        match quota.kind {
            Kind::Bucket => Self::Bucket(TokenBucket::of(quota)),
            Kind::Window => Self::Window(SlidingWindow::of(quota)),
        }
    }
}

/// Several quotas, all or nothing: one that refuses keeps the others from being touched.
pub(super) struct Limits<S: Storage>([Limit<S>; MAX_QUOTAS]);

impl<S: Storage> Limits<S> {
    pub(super) const fn one(quota: Quota) -> Self {
        Self([Limit::of(quota), Limit::Unused, Limit::Unused, Limit::Unused])
    }

    /// The quotas, if they make sense for this storage.
    pub(super) const fn check(quotas: &[Quota]) -> Result<[Option<Quota>; MAX_QUOTAS], InvalidQuota> {
        if quotas.is_empty() || quotas.len() > MAX_QUOTAS {
            return Err(InvalidQuota::WrongNumber);
        }
        let mut checked = [None; MAX_QUOTAS];
        let mut at = 0;
        while at < quotas.len() {
            if let Kind::Window = quotas[at].kind
                && let Err(error) = SlidingWindow::<S>::check(quotas[at])
            {
                return Err(error);
            }
            checked[at] = Some(quotas[at]);
            at += 1;
        }
        Ok(checked)
    }

    pub(super) const fn several([a, b, c, d]: [Option<Quota>; MAX_QUOTAS]) -> Self {
        Self([Limit::maybe(a), Limit::maybe(b), Limit::maybe(c), Limit::maybe(d)])
    }

    /// The one bucket, if that is all there is.
    #[inline]
    pub(super) const fn sole_bucket(&self) -> Option<&TokenBucket> {
        match &self.0 {
            [Limit::Bucket(bucket), Limit::Unused, ..] => Some(bucket),
            _ => None,
        }
    }

    pub(super) const fn sole_bucket_mut(&mut self) -> Option<&mut TokenBucket> {
        match &mut self.0 {
            [Limit::Bucket(bucket), Limit::Unused, ..] => Some(bucket),
            _ => None,
        }
    }

    /// How many tokens can be had at once, at most.
    #[inline]
    pub(super) fn max_tokens(&self) -> u32 {
        if let Some(bucket) = self.sole_bucket() {
            return bucket.burst();
        }
        self.least(|limit| match limit {
            Limit::Unused => u32::MAX,
            Limit::Bucket(bucket) => bucket.burst(),
            Limit::Window(window) => window.limit(),
        })
    }

    pub(super) fn available(&self, now: Instant) -> u32 {
        self.least(|limit| match limit {
            Limit::Unused => u32::MAX,
            Limit::Bucket(bucket) => bucket.available(now),
            Limit::Window(window) => window.available(now),
        })
    }

    fn least(&self, of: impl Fn(&Limit<S>) -> u32) -> u32 {
        self.0.iter().map(of).min().unwrap_or(0)
    }

    /// When so many tokens can be had, by `now` or later; `None` for more than ever can.
    pub(super) fn ready_at(&self, tokens: u32, now: Instant) -> Option<Instant> {
        if let Some(bucket) = self.sole_bucket() {
            return bucket.ready_at(tokens, now);
        }
        let mut latest = Instant::EPOCH;
        for limit in &self.0 {
            latest = latest.max(match limit {
                Limit::Unused => Instant::EPOCH,
                Limit::Bucket(bucket) => bucket.ready_at(tokens, now)?,
                Limit::Window(window) => window.ready_at(tokens)?,
            });
        }
        Some(latest)
    }

    /// Takes tokens of all quotas, or of none.
    #[inline]
    pub(super) fn try_acquire(&mut self, tokens: u32, now: Instant) -> Result<(), TryAcquireError> {
        if let Some(bucket) = self.sole_bucket_mut()
            && let Some(full_at) = bucket.admit(bucket.full_at(), tokens, now)
        {
            bucket.set_full_at(full_at);
            return Ok(());
        }
        self.try_acquire_closely(tokens, now)
    }

    #[inline(never)]
    fn try_acquire_closely(&mut self, tokens: u32, now: Instant) -> Result<(), TryAcquireError> {
        match self.sole_bucket_mut() {
            Some(bucket) => bucket.try_acquire(tokens, now),
            None => self.try_acquire_all(tokens, now),
        }
    }

    fn try_acquire_all(&mut self, tokens: u32, now: Instant) -> Result<(), TryAcquireError> {
        self.resync(now);
        let earliest = self.ready_at(tokens, now).ok_or(TryAcquireError::ExceedsBurst)?;
        if !is_due(earliest, now) {
            return Err(TryAcquireError::not_until(earliest));
        }
        for limit in &mut self.0 {
            match limit {
                Limit::Unused => {}
                Limit::Bucket(bucket) => {
                    let taken = bucket.take(tokens, now);
                    debug_assert!(taken, "it was ready");
                }
                Limit::Window(window) => window.take(tokens, now),
            }
        }
        Ok(())
    }

    fn resync(&mut self, now: Instant) {
        for limit in &mut self.0 {
            match limit {
                Limit::Unused => {}
                Limit::Bucket(bucket) => bucket.resync(now),
                Limit::Window(window) => window.resync(now),
            }
        }
    }

    pub(super) fn refund(&mut self, tokens: u32) {
        for limit in &mut self.0 {
            match limit {
                Limit::Unused => {}
                Limit::Bucket(bucket) => bucket.refund(tokens),
                Limit::Window(window) => window.refund(tokens),
            }
        }
    }

    /// Changes all quotas, or none.
    pub(super) fn set_quotas(&mut self, quotas: &[Quota], now: Instant) -> Result<(), InvalidQuota> {
        for (nth, limit) in self.0.iter().enumerate() {
            match (limit, quotas.get(nth)) {
                (Limit::Unused, None) => {}
                (Limit::Bucket(_), Some(quota)) if quota.kind == Kind::Bucket => {}
                (Limit::Window(_), Some(quota)) if quota.kind == Kind::Window => {
                    SlidingWindow::<S>::check(*quota)?;
                }
                _ => return Err(InvalidQuota::Mismatch),
            }
        }
        if quotas.len() > MAX_QUOTAS {
            return Err(InvalidQuota::Mismatch);
        }
        for (limit, quota) in self.0.iter_mut().zip(quotas) {
            match limit {
                Limit::Unused => {}
                Limit::Bucket(bucket) => bucket.set_quota(*quota, now)?,
                Limit::Window(window) => window.set_quota(*quota)?,
            }
        }
        Ok(())
    }
}
