//! [`Limiters`]: several keyed limiters that are asked together.

use core::hash::Hash;
use core::iter;
use std::sync::Arc;

use tidegate_tokio::{Instant, KeyedError, KeyedRateLimiter};

use crate::headers::RateStatus;
use crate::{Reason, Refusal};

/// One limiter at least. The first is at hand, because mostly it is the only one.
pub(super) struct Limiters<K: Eq> {
    pub(super) first: Arc<KeyedRateLimiter<K>>,
    pub(super) rest: Arc<[Arc<KeyedRateLimiter<K>>]>,
}

impl<K: Eq> Clone for Limiters<K> {
    fn clone(&self) -> Self {
        Self { first: Arc::clone(&self.first), rest: Arc::clone(&self.rest) }
    }
}

impl<K: Eq> Limiters<K> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<KeyedRateLimiter<K>>> {
        iter::once(&self.first).chain(self.rest.iter())
    }
}

impl<K: Hash + Eq + Clone> Limiters<K> {
    /// A token of each, or of none.
    #[inline]
    pub(super) fn admit(&self, key: &K, now: Instant) -> Result<(), Refusal> {
        if let Err(error) = self.first.try_acquire_at(key, 1, now) {
            return Err(self.refuse(key, 0, error, now));
        }
        for (nth, limiter) in self.rest.iter().enumerate() {
            if let Err(error) = limiter.try_acquire_at(key, 1, now) {
                return Err(self.refuse(key, nth + 1, error, now));
            }
        }
        Ok(())
    }

    /// What the one at `nth` has refused: those after it are asked as well, so that nobody comes back too early, and what
    /// was taken is given back.
    #[cold]
    fn refuse(&self, key: &K, nth: usize, error: KeyedError, now: Instant) -> Refusal {
        let mut worst = (error, &self.first);
        for (at, limiter) in self.iter().enumerate() {
            let answer = match at {
                _ if at < nth => Ok(()),
                _ if at == nth => Err(error),
                _ => limiter.try_acquire_at(key, 1, now),
            };
            match answer {
                Ok(()) => limiter.refund(key, 1),
                Err(error) if at == nth || error.earliest() > worst.0.earliest() => worst = (error, limiter),
                Err(_) => {}
            }
        }
        let (error, limiter) = worst;
        if error == KeyedError::Full {
            return Refusal::new(Reason::KeysExhausted);
        }
        let rate = RateStatus::new(limiter.level_at(key, now), now);
        Refusal::new(Reason::RateLimited).retry_at(error.earliest(), now).with_rate(rate)
    }

    /// What is left of the quota that has least.
    pub(super) fn scarcest(&self, key: &K, now: Instant) -> RateStatus {
        let first = self.first.level_at(key, now);
        let level = self.rest.iter().fold(first, |least, limiter| {
            let level = limiter.level_at(key, now);
            if level.available < least.available { level } else { least }
        });
        RateStatus::new(level, now)
    }
}
