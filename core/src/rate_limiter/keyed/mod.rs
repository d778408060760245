//! [`KeyedRateLimiter`]: a bucket for every key, and a bound on how many.

mod table;
#[cfg(all(test, not(loom)))]
mod tests;

use core::fmt;
use core::hash::{BuildHasher, Hash};

use table::{Entered, MOST, Table};

use super::bucket::TokenBucket;
use super::error::{NotUntil, TryAcquireError};
use super::quota::{InvalidQuota, Quota, Span};
use crate::Instant;
use crate::platform::{Platform, Timed};
use crate::storage::{Buffer, Storage};
use crate::sync::{Lock, const_fn};
use crate::time::Clock;

/// What happens to a new key when there are as many as may be and none has a full bucket.
///
/// **It is a security choice.** Whoever can make up keys (addresses, tokens) can fill any bounded table:
///
/// - With [`Refuse`](Self::Refuse) such a flood keeps *new* keys out, honest ones too, for as long as it lasts.
///   Those that are in go on undisturbed, and no limit is ever exceeded.
/// - With [`ForgetFullest`](Self::ForgetFullest) everybody gets in, but the flood can push a key out whose
///   bucket is not full yet, which then comes back with a full one. The bucket closest to being full is the one that is
///   forgotten, so the gain is as small as can be: what had been taken from that bucket. With a flood large
///   enough nobody is limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// The new key is refused, with [`KeyedError::Full`].
    #[default]
    Refuse,
    /// The bucket that is closest to being full is forgotten. (The fullest of the shard in which the new key belongs.)
    ForgetFullest,
}

/// Why a request for tokens of a key was turned down. Nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyedError {
    /// Too early for this key.
    NotUntil(NotUntil),
    /// Zero tokens were asked for, which would mean nothing.
    ZeroTokens,
    /// More tokens were asked for than can ever be had at once.
    ExceedsBurst,
    /// The key is new, there are as many as may be, and none of them has a full bucket.
    Full,
}

impl KeyedError {
    /// The earliest time at which it would be admitted, if that is known.
    #[must_use]
    pub const fn earliest(&self) -> Option<Instant> {
        match self {
            Self::NotUntil(not_until) => Some(not_until.earliest),
            _ => None,
        }
    }
}

impl From<TryAcquireError> for KeyedError {
    fn from(error: TryAcquireError) -> Self {
        match error {
            TryAcquireError::NotUntil(not_until) => Self::NotUntil(not_until),
            TryAcquireError::ZeroTokens => Self::ZeroTokens,
            TryAcquireError::ExceedsBurst => Self::ExceedsBurst,
        }
    }
}

impl fmt::Display for KeyedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUntil(not_until) => not_until.fmt(f),
            Self::ZeroTokens => TryAcquireError::ZeroTokens.fmt(f),
            Self::ExceedsBurst => TryAcquireError::ExceedsBurst.fmt(f),
            Self::Full => f.write_str("there is no room for another key"),
        }
    }
}

impl core::error::Error for KeyedError {}

/// A token bucket for every key, all with the same quota, and never more than `capacity` of them.
///
/// A bucket that has filled up is the same as none, so it makes room for new keys first, and nobody can tell: as long
/// as fewer than `capacity` buckets are short of full, it admits exactly what it would with unbounded
/// memory. Beyond that [`WhenFull`] decides.
///
/// The keys are spread over `SHARDS` parts with a lock each. They share one capacity: a part that has no room
/// gets some from another. Nobody waits here: [`try_acquire`](Self::try_acquire) says when to come again.
///
/// The hasher `H` decides whether somebody who makes up keys can have them collide: take one with a random seed
/// where that matters, as the adapters do.
///
/// # Cost
///
/// One hash and one short lock; two for a new key. Finding the bucket to evict takes a step per 64 buckets of the
/// shard at worst, and mostly one. 16 bytes and the key for each bucket, in an array that grows by doubling with
/// the keys and is kept, and eleven bytes per key of `capacity` for finding it. In [`Inline`](crate::Inline) storage
/// (with one shard) there is room for `N` keys.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use core::hash::BuildHasherDefault;
/// use core::time::Duration;
/// use std::hash::DefaultHasher;
/// use tidegate_core::rate_limiter::{KeyedRateLimiter, Quota, TokenBucket, WhenFull};
/// use tidegate_core::{Heap, Instant, Local};
///
/// let bucket = TokenBucket::new(Quota::per(2, Duration::from_secs(1))?)?;
/// let limiter: KeyedRateLimiter<&str, Local, Heap, Instant, BuildHasherDefault<DefaultHasher>> =
///     KeyedRateLimiter::with_parts(bucket, 1_000, WhenFull::Refuse, Instant::EPOCH, Default::default());
/// assert!(limiter.try_acquire(&"alice", 2).is_ok());
/// assert!(limiter.try_acquire(&"alice", 1).is_err());
/// assert!(limiter.try_acquire(&"bob", 1).is_ok());
/// # }
/// # Ok::<(), tidegate_core::rate_limiter::InvalidQuota>(())
/// ```
pub struct KeyedRateLimiter<K, P: Platform, S: Storage, T, H, const SHARDS: usize = 1> {
    bucket: TokenBucket,
    capacity: usize,
    when_full: WhenFull,
    timer: T,
    hasher: H,
    shards: [Shard<P, K, S>; SHARDS],
}

type Shard<P, K, S> = Padded<Lock<<P as Platform>::RawMutex, Table<K, S>>>;

/// On a cache line of its own, where there are caches.
#[cfg_attr(target_pointer_width = "64", repr(align(64)))]
struct Padded<T>(T);

impl<K: Hash + Eq + Clone, P: Timed, S: Storage, H: BuildHasher + Default, const SHARDS: usize>
    KeyedRateLimiter<K, P, S, P::Timer, H, SHARDS>
{
    /// A limiter for up to `capacity` keys, by the platform's own time; a new key too many is
    /// [refused](WhenFull::Refuse).
    ///
    /// # Errors
    ///
    /// [`NotABucket`](InvalidQuota::NotABucket) for a sliding window; [`NoRoom`](InvalidQuota::NoRoom) for a
    /// capacity of zero, or of more than the storage has room for.
    pub fn new(quota: Quota, capacity: usize) -> Result<Self, InvalidQuota> {
        let bucket = TokenBucket::new(quota)?;
        if capacity == 0 || capacity > Self::MAX_CAPACITY {
            return Err(InvalidQuota::NoRoom);
        }
        Ok(Self::with_parts(bucket, capacity, WhenFull::Refuse, P::TIMER, H::default()))
    }
}

impl<K: Eq, P: Platform, S: Storage, T, H, const SHARDS: usize> KeyedRateLimiter<K, P, S, T, H, SHARDS> {
    /// The most keys there can be: as many as the storage has room for, and 2³¹ − 1 at most.
    pub const MAX_CAPACITY: usize = {
        let room = <S::Buffer<u64> as Buffer<u64>>::CAPACITY;
        if room < MOST { room } else { MOST }
    };

    const_fn! {
        /// A limiter with everything chosen: every key gets a bucket like this one, a full one.
        ///
        /// A capacity of more than [`MAX_CAPACITY`](Self::MAX_CAPACITY) is cut to that.
        #[must_use]
        pub fn with_parts(
            bucket: TokenBucket,
            capacity: usize,
            when_full: WhenFull,
            timer: T,
            hasher: H,
        ) -> Self {
            let capacity = if capacity > Self::MAX_CAPACITY { Self::MAX_CAPACITY } else { capacity };
            let mut bucket = bucket;
            bucket.set_full_at(Span::ZERO);
            #[cfg(not(loom))]
            let shards = [const { Padded(Lock::new(Table::new())) }; SHARDS];
            #[cfg(loom)]
            let shards = core::array::from_fn(|_| Padded(Lock::new(Table::new())));
            Self { bucket, capacity, when_full, timer, hasher, shards }
        }
    }

    /// How many keys there may be.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many keys there are, full buckets that have not been evicted among them: a figure for display.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.with(|table| table.len())).sum()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The limiter's clock.
    pub const fn timer(&self) -> &T {
        &self.timer
    }

    /// How many keys a shard may have if it has neither ceded nor gained room.
    const fn share(&self, shard: usize) -> usize {
        self.capacity / SHARDS + (shard < self.capacity % SHARDS) as usize
    }
}

impl<K: Hash + Eq + Clone, P: Platform, S: Storage, T: Clock, H: BuildHasher, const SHARDS: usize>
    KeyedRateLimiter<K, P, S, T, H, SHARDS>
{
    /// Takes `tokens` tokens of a key here and now, all of them or none.
    ///
    /// # Errors
    ///
    /// [`NotUntil`](KeyedError::NotUntil) with the earliest time at which they can be had,
    /// [`Full`](KeyedError::Full) as [`WhenFull`] says, [`ZeroTokens`](KeyedError::ZeroTokens),
    /// [`ExceedsBurst`](KeyedError::ExceedsBurst).
    pub fn try_acquire(&self, key: &K, tokens: u32) -> Result<(), KeyedError> {
        self.try_acquire_at(key, tokens, self.timer.now())
    }

    /// The same at a time that the caller has read from the limiter's clock already.
    ///
    /// # Errors
    ///
    /// Those of [`try_acquire`](Self::try_acquire).
    #[inline]
    pub fn try_acquire_at(&self, key: &K, tokens: u32, now: Instant) -> Result<(), KeyedError> {
        let (shard, hash) = self.place(key);
        let Some(table) = self.shards.get(shard) else { return Err(KeyedError::Full) };
        match table.0.with(|table| table.take(hash, key, &self.bucket, tokens, now)) {
            Some(answer) => answer.map_err(KeyedError::from),
            None => self.enter(shard, hash, key.clone(), tokens, now),
        }
    }

    /// Puts tokens of a key back that were taken and not used; more than fit are lost.
    pub fn refund(&self, key: &K, tokens: u32) {
        let (shard, hash) = self.place(key);
        if let Some(table) = self.shards.get(shard) {
            table.0.with(|table| table.refund(hash, key, &self.bucket, tokens));
        }
    }

    /// The key's bucket as it is, or a full one.
    pub(super) fn bucket_of(&self, key: &K) -> TokenBucket {
        let (shard, hash) = self.place(key);
        let known =
            self.shards.get(shard).and_then(|table| table.0.with(|table| table.look(hash, key, &self.bucket)));
        known.unwrap_or(self.bucket)
    }

    /// The shard and the hash of a key. Outside of every lock.
    #[inline]
    fn place(&self, key: &K) -> (usize, u64) {
        // Stirred, for hashers that leave some bits alone; the upper half chooses the shard, the lower the chain.
        let hash = self.hasher.hash_one(key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = hash ^ hash >> 32;
        let shard = (hash >> 32) as usize % SHARDS.max(1);
        (shard, hash)
    }

    #[cold]
    fn enter(&self, shard: usize, hash: u64, key: K, tokens: u32, now: Instant) -> Result<(), KeyedError> {
        let Some(table) = self.shards.get(shard) else { return Err(KeyedError::Full) };
        let share = self.share(shard);
        let (mut key, mut forget) = (key, false);
        // Room that has been gained may be gone again; after so many times others have had it all.
        for _ in 0..=SHARDS {
            match table.0.with(|table| table.enter(hash, key, &self.bucket, tokens, now, share, forget)) {
                Entered::Answered(answer, _dropped) => return answer.map_err(KeyedError::from),
                Entered::NoRoom(again) => key = again,
            }
            if !self.gain(shard, now, forget) {
                if forget || self.when_full == WhenFull::Refuse {
                    break;
                }
                forget = true;
            }
        }
        Err(KeyedError::Full)
    }

    /// Moves room from another shard to this one, if any has some.
    fn gain(&self, shard: usize, now: Instant, forget: bool) -> bool {
        for nth in 1..SHARDS {
            let other = (shard + nth) % SHARDS;
            let share = self.share(other);
            let ceded = self.shards[other].0.with(|table| table.cede(self.bucket.capacity(), now, share, forget));
            if ceded > 0 {
                self.shards[shard].0.with(|table| table.gain(ceded));
                return true;
            }
        }
        false
    }
}

impl<K: Eq, P: Platform, S: Storage, T, H, const SHARDS: usize> fmt::Debug
    for KeyedRateLimiter<K, P, S, T, H, SHARDS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimiter")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
