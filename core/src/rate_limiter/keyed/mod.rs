//! [`KeyedRateLimiter`]: a bucket for every key, a bound on how many, and a line for each key that is waited for.

mod acquire;
mod agenda;
mod error;
mod lines;
mod machine;
mod pointer;
mod policy;
mod shard;
mod table;
#[cfg(all(test, not(loom)))]
mod tests;
mod wait;

pub use acquire::KeyedAcquire;
pub use error::{KeyedAcquireError, KeyedError};
pub use pointer::KeyedRateLimiterRef;
pub use policy::WhenFull;

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::mem;

use machine::Asked;
use shard::Shard;
use table::{Entered, MOST, Table};

use super::bucket::TokenBucket;
use super::quota::{InvalidQuota, Quota, Span};
use crate::Instant;
use crate::Rooms;
use crate::platform::{Platform, Timed};
use crate::storage::{Buffer, Storage};
use crate::sync::const_fn;
use crate::time::Clock;
use crate::wakes::Wakes;

/// A token bucket for every key, all with the same quota, and never more than `capacity` of them.
///
/// A bucket that has filled up is the same as none, so it makes room for new keys first, and nobody can tell: as long
/// as fewer than `capacity` buckets are short of full, it admits exactly what it would with unbounded
/// memory. Beyond that [`WhenFull`] decides.
///
/// The keys are spread over `SHARDS` parts with a lock each. They share one capacity: a part that has no room
/// gets some from another.
///
/// [`try_acquire`](Self::try_acquire) says when to come again; [`acquire`](Self::acquire) waits in the key's line. A key
/// for which somebody waits is never evicted. One timer is armed for each key that is waited for, by the first in its
/// line, so that no key depends on whether those who wait for another are polled. Waiting takes room in `S`, which may be a
/// pair of storages: see [`Rooms`].
///
/// The hasher `H` decides whether somebody who makes up keys can have them collide: take one with a random seed
/// where that matters, as the adapters do.
///
/// The quota is for good: what a million keys have taken counts in its terms. For another quota put another limiter in its
/// place, which begins with full buckets; those who wait at this one are served by it for as long as they hold it.
///
/// # Clocks that misbehave
///
/// As [`TokenBucket`] says, key by key. Whoever waits by the time of a clock that has stepped back from afar is told the new
/// time by the next who waits, comes with a new key, or asks for a key that is waited for, in the same shard.
///
/// # Cost
///
/// One hash and one short lock; two for a new key. Finding the bucket to evict takes a step per 64 buckets of the
/// shard at worst, and mostly one. 16 bytes and the key for each bucket, in an array that grows by doubling with
/// the keys and is kept, and eleven bytes per key of `capacity` for finding it. In [`Inline`](crate::Inline) storage
/// (with one shard) there is room for `N` keys.
///
/// To wait costs a step per priority in use with the key, and one per doubling of the number of keys that are waited
/// for in the shard. Those who never wait pay nothing for it.
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
pub struct KeyedRateLimiter<K, P: Platform, S: Rooms, T, H, const SHARDS: usize = 1> {
    bucket: TokenBucket,
    capacity: usize,
    when_full: WhenFull,
    timer: T,
    hasher: H,
    shards: [Shard<K, P, S>; SHARDS],
}

impl<K: Hash + Eq + Clone, P: Timed, S: Rooms, H: BuildHasher + Default, const SHARDS: usize>
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

impl<K: Eq, P: Platform, S: Rooms, T, H, const SHARDS: usize> KeyedRateLimiter<K, P, S, T, H, SHARDS> {
    /// The most keys there can be: as many as the storage has room for, and 2³¹ − 1 at most.
    pub const MAX_CAPACITY: usize = {
        let room = <<S::Kept as Storage>::Buffer<u64> as Buffer<u64>>::CAPACITY;
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
            let shards = [const { Shard::new() }; SHARDS];
            #[cfg(loom)]
            let shards = core::array::from_fn(|_| Shard::new());
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
        self.shards.iter().map(|shard| shard.with(|machine| machine.table().len())).sum()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait, for all keys together: a figure for display.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.shards.iter().map(|shard| shard.with(|machine| machine.waiters())).sum()
    }

    /// The limiter's clock, or timer.
    pub const fn timer(&self) -> &T {
        &self.timer
    }

    /// How many keys a shard may have if it has neither ceded nor gained room.
    const fn share(&self, shard: usize) -> usize {
        self.capacity / SHARDS + (shard < self.capacity % SHARDS) as usize
    }
}

impl<K: Hash + Eq + Clone, P: Platform, S: Rooms, T: Clock, H: BuildHasher, const SHARDS: usize>
    KeyedRateLimiter<K, P, S, T, H, SHARDS>
{
    /// Takes `tokens` tokens of a key here and now, all of them or none.
    ///
    /// It is refused while others wait for the key whose turn is not later.
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
        let spot = self.place(key);
        let Some(shard) = self.shards.get(spot.shard) else { return Err(KeyedError::Full) };
        match shard.with(|machine| machine.take(self.asked(spot, key), tokens, now)) {
            Some(answer) => answer.map_err(KeyedError::from),
            None => self.try_acquire_closely(spot, key, tokens, now),
        }
    }

    /// The same for a key that is new, or has a line.
    #[cold]
    fn try_acquire_closely(&self, spot: Spot, key: &K, tokens: u32, now: Instant) -> Result<(), KeyedError> {
        let Some(shard) = self.shards.get(spot.shard) else { return Err(KeyedError::Full) };
        loop {
            if let Some(answer) = self.enter(spot, key, tokens, now) {
                return answer;
            }
            let priority = P::ambient_priority();
            let mut wakes = Wakes::new(shard);
            let taken = shard.transact(&mut wakes, Some(now), |machine| {
                machine.try_acquire(self.asked(spot, key), tokens, priority)
            });
            if let Some(answer) = taken {
                if answer.is_ok() {
                    self.deliver(&mut wakes, spot, key, tokens);
                }
                return answer.map_err(KeyedError::from);
            }
        }
    }

    /// Puts tokens of a key back that were taken and not used; more than fit are lost.
    pub fn refund(&self, key: &K, tokens: u32) {
        self.refund_at(self.place(key), key, tokens);
    }

    fn refund_at(&self, spot: Spot, key: &K, tokens: u32) {
        let Some(shard) = self.shards.get(spot.shard) else { return };
        // What somebody in line gets of it is had now, not when the shard was last told the time.
        let now = Some(self.timer.now());
        shard.transact(&mut Wakes::new(shard), now, |machine| machine.refund(self.asked(spot, key), tokens));
    }

    /// The key's bucket as it is, or a full one.
    pub(super) fn bucket_of(&self, key: &K) -> TokenBucket {
        let spot = self.place(key);
        let look =
            |shard: &Shard<K, P, S>| shard.with(|machine| machine.table().look(spot.hash, key, &self.bucket));
        self.shards.get(spot.shard).and_then(look).unwrap_or(self.bucket)
    }

    /// Where a key belongs. Outside of every lock.
    #[inline]
    fn place(&self, key: &K) -> Spot {
        // Stirred, for hashers that leave some bits alone; the upper half chooses the shard, the lower the chain.
        let hash = self.hasher.hash_one(key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = hash ^ hash >> 32;
        let shard = (hash >> 32) as usize % SHARDS.max(1);
        Spot { shard, hash }
    }

    #[inline]
    const fn asked<'a>(&'a self, spot: Spot, key: &'a K) -> Asked<'a, K> {
        Asked { hash: spot.hash, key, bucket: &self.bucket }
    }

    /// Takes tokens for a key that is new; `None` if it has got a bucket and a line meanwhile.
    #[cold]
    fn enter(&self, spot: Spot, key: &K, tokens: u32, now: Instant) -> Option<Result<(), KeyedError>> {
        let Some(shard) = self.shards.get(spot.shard) else { return Some(Err(KeyedError::Full)) };
        let share = self.share(spot.shard);
        let (mut owned, mut forget) = (key.clone(), false);
        // Room that has been gained may be gone again; after so many times others have had it all.
        for _ in 0..=SHARDS {
            let entered = shard.with(|machine| {
                machine.table_mut().enter(spot.hash, owned, &self.bucket, tokens, now, share, forget)
            });
            match entered {
                Entered::Answered(answer, _dropped) => return Some(answer.map_err(KeyedError::from)),
                Entered::Pinned(_dropped) => return None,
                Entered::NoRoom(again) => owned = again,
            }
            if !self.gain(spot.shard, now, forget) {
                if forget || self.when_full == WhenFull::Refuse {
                    break;
                }
                forget = true;
            }
        }
        Some(Err(KeyedError::Full))
    }

    /// Moves room from another shard to this one, if any has some.
    fn gain(&self, shard: usize, now: Instant, forget: bool) -> bool {
        for nth in 1..SHARDS {
            let other = (shard + nth) % SHARDS;
            let share = self.share(other);
            let cede = |table: &mut Table<_, _, _>| table.cede(self.bucket.capacity(), now, share, forget);
            let ceded = self.shards[other].with(|machine| cede(machine.table_mut()));
            if ceded > 0 {
                self.shards[shard].with(|machine| machine.table_mut().gain(ceded));
                return true;
            }
        }
        false
    }

    /// Wakes everybody, with `tokens` of a key in hand that must not be lost if a wake panics.
    fn deliver(&self, wakes: &mut Wakes<'_, Shard<K, P, S>>, spot: Spot, key: &K, tokens: u32) {
        /// Calls it when it is dropped.
        struct Held<F: FnMut()>(F);

        impl<F: FnMut()> Drop for Held<F> {
            fn drop(&mut self) {
                (self.0)();
            }
        }

        if !wakes.is_empty() {
            let held = Held(|| self.refund_at(spot, key, tokens));
            wakes.deliver();
            mem::forget(held);
        }
    }
}

/// Where a key belongs.
#[derive(Clone, Copy, Debug)]
struct Spot {
    shard: usize,
    hash: u64,
}

impl<K: Eq, P: Platform, S: Rooms, T, H, const SHARDS: usize> fmt::Debug
    for KeyedRateLimiter<K, P, S, T, H, SHARDS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimiter")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
