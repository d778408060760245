//! [`Level`]: how much a limiter has left, for whoever tells others about it.

use core::hash::{BuildHasher, Hash};

use super::bucket::TokenBucket;
use super::machine::Machine;
use super::{KeyedRateLimiter, RateLimiter};
use crate::Instant;
use crate::Rooms;
use crate::platform::Platform;
use crate::storage::Storage;
use crate::time::Clock;

/// How much a limiter has left: figures for display, outdated by the time they are seen.
///
/// They are what `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` say in HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Level {
    /// How many tokens can be had at once, at most.
    pub max_tokens: u32,
    /// How many could be had now, if nobody waited.
    pub available: u32,
    /// When all [`max_tokens`](Self::max_tokens) can be had, if nobody takes any meanwhile. It may have passed.
    pub full_at: Instant,
}

impl Level {
    pub(super) fn of_bucket(bucket: &TokenBucket, now: Instant) -> Self {
        let max_tokens = bucket.burst();
        let full_at = bucket.ready_at(max_tokens, now).unwrap_or(Instant::MAX);
        Self { max_tokens, available: bucket.available(now), full_at }
    }
}

impl<P: Platform, S: Storage, T: Clock> RateLimiter<P, S, T> {
    /// How much there is left.
    ///
    /// ```
    /// use core::time::Duration;
    /// use tidegate_core::rate_limiter::{Quota, RateLimiter};
    /// use tidegate_core::{Inline, Instant, Local};
    ///
    /// let now = Instant::from_nanos(7);
    /// let quota = Quota::per(2, Duration::from_secs(1))?;
    /// let limiter: RateLimiter<Local, Inline<4>, _> = RateLimiter::with_timer(quota, now);
    /// assert!(limiter.try_acquire(1).is_ok());
    /// let level = limiter.level();
    /// assert_eq!((level.max_tokens, level.available), (2, 1));
    /// assert_eq!(level.full_at, now + Duration::from_millis(500));
    /// # Ok::<(), tidegate_core::rate_limiter::InvalidQuota>(())
    /// ```
    #[must_use]
    pub fn level(&self) -> Level {
        self.level_at(self.timer.now())
    }
}

impl<P: Platform, S: Storage, T> RateLimiter<P, S, T> {
    /// How much there is left at a time that the caller has read from the limiter's clock already.
    #[must_use]
    pub fn level_at(&self, now: Instant) -> Level {
        self.locked.with(|machine| match (self.word.peek(), machine.sole_bucket()) {
            (Some(full_at), Some(bucket)) => {
                let mut bucket = *bucket;
                bucket.set_full_at(full_at);
                Level::of_bucket(&bucket, now)
            }
            _ => machine.level(now),
        })
    }
}

impl<W, S: Storage> Machine<W, S> {
    /// How much there is left.
    #[must_use]
    pub fn level(&self, now: Instant) -> Level {
        let max_tokens = self.max_tokens();
        let full_at = self.ready_at(max_tokens, now).unwrap_or(Instant::MAX);
        Level { max_tokens, available: self.available(now), full_at }
    }
}

impl<K: Hash + Eq + Clone, P: Platform, S: Rooms, T: Clock, H: BuildHasher, const SHARDS: usize>
    KeyedRateLimiter<K, P, S, T, H, SHARDS>
{
    /// How much a key has left. One that is not known has all.
    #[must_use]
    pub fn level(&self, key: &K) -> Level {
        self.level_at(key, self.timer().now())
    }

    /// How much a key has left at a time that the caller has read from the limiter's clock already.
    #[must_use]
    pub fn level_at(&self, key: &K, now: Instant) -> Level {
        Level::of_bucket(&self.bucket_of(key), now)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::hash::BuildHasherDefault;
    use core::time::Duration;
    use std::hash::DefaultHasher;

    use super::*;
    use crate::rate_limiter::{Config, Quota, WhenFull};
    use crate::{Inline, Local, ManualClock};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn of_several_quotas_the_least_tokens_and_the_latest_time() -> Result<(), Box<dyn core::error::Error>> {
        let clock = ManualClock::<Local, Inline<4>>::new();
        let quotas = [Quota::per(2, SECOND)?, Quota::sliding(3, 10 * SECOND)?];
        let limiter: RateLimiter<Local, Inline<8>, _> = RateLimiter::with_config(&quotas, Config::new(), &clock)?;
        let start = clock.now();
        assert!(limiter.level().full_at <= start);
        limiter.try_acquire(2)?;
        let level = limiter.level();
        assert_eq!((level.max_tokens, level.available), (2, 0));
        // One of the two may stay in the window, for two fit beside it.
        assert_eq!(level.full_at, start + 10 * SECOND);
        clock.advance(SECOND);
        assert_eq!(limiter.level().available, 1);
        Ok(())
    }

    #[test]
    fn of_a_key() -> Result<(), Box<dyn core::error::Error>> {
        type Hasher = BuildHasherDefault<DefaultHasher>;
        let clock = ManualClock::<Local, Inline<4>>::new();
        let bucket = TokenBucket::new(Quota::per(4, SECOND)?)?;
        let limiter: KeyedRateLimiter<u8, Local, Inline<4>, _, Hasher> =
            KeyedRateLimiter::with_parts(bucket, 4, WhenFull::Refuse, &clock, Hasher::default());
        limiter.try_acquire(&1, 3)?;
        let (known, unknown) = (limiter.level(&1), limiter.level(&2));
        assert_eq!((known.max_tokens, known.available, known.full_at), (4, 1, clock.now() + SECOND * 3 / 4));
        assert_eq!((unknown.max_tokens, unknown.available), (4, 4));
        assert!(unknown.full_at <= clock.now());
        assert_eq!(limiter.len(), 1, "to look makes no bucket");
        Ok(())
    }
}
