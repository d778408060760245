//! [`Limiters`]: several keyed limiters that are asked together.

use core::hash::Hash;
use core::iter;
use std::sync::Arc;

use tidegate_tokio::{Clock, Instant, KeyedError, KeyedRateLimiter};

use crate::headers::RateStatus;
use crate::{Reason, Refusal};

/// One limiter at least. Mostly it is the only one: then there is nothing else to be counted with each clone.
pub(super) struct Limiters<K: Eq, T> {
    pub(super) first: Arc<KeyedRateLimiter<K, T>>,
    rest: Option<Rest<K, T>>,
}

type Rest<K, T> = Arc<[Arc<KeyedRateLimiter<K, T>>]>;

impl<K: Eq, T> Clone for Limiters<K, T> {
    fn clone(&self) -> Self {
        Self { first: Arc::clone(&self.first), rest: self.rest.clone() }
    }
}

impl<K: Eq, T> Limiters<K, T> {
    pub(super) fn new(
        first: Arc<KeyedRateLimiter<K, T>>,
        rest: impl Iterator<Item = Arc<KeyedRateLimiter<K, T>>>,
    ) -> Self {
        let mut rest = rest.peekable();
        let rest = rest.peek().is_some().then(|| rest.collect());
        Self { first, rest }
    }

    fn rest(&self) -> &[Arc<KeyedRateLimiter<K, T>>] {
        self.rest.as_deref().unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<KeyedRateLimiter<K, T>>> {
        iter::once(&self.first).chain(self.rest())
    }
}

impl<K: Hash + Eq + Clone, T: Clock> Limiters<K, T> {
    /// A token of each, or of none.
    #[inline]
    pub(super) fn admit(&self, key: &K, now: Instant) -> Result<(), Refusal> {
        if let Err(error) = self.first.try_acquire_at(key, 1, now) {
            return Err(self.refuse(key, 0, error, now));
        }
        if self.rest.is_some() { self.admit_rest(key, now) } else { Ok(()) }
    }

    #[inline(never)]
    fn admit_rest(&self, key: &K, now: Instant) -> Result<(), Refusal> {
        for (nth, limiter) in self.rest().iter().enumerate() {
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

    /// Puts back what was taken of so many.
    pub(super) fn refund(&self, key: &K, taken: usize) {
        self.iter().take(taken).for_each(|limiter| limiter.refund(key, 1));
    }

    /// What is left of the quota that has least.
    pub(super) fn scarcest(&self, key: &K, now: Instant) -> RateStatus {
        let first = self.first.level_at(key, now);
        let level = self.rest().iter().fold(first, |least, limiter| {
            let level = limiter.level_at(key, now);
            if level.available < least.available { level } else { least }
        });
        RateStatus::new(level, now)
    }
}
