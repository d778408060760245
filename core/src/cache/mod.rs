//! Caches that compute a value once, however many ask for it at the same time.
//!
//! [`Cache`] is the handle that is shared; [`Machine`] is the state machine beneath it, for those who bring their own
//! lock. The adapters name the handle without most of its parameters: `tidegate_tokio::Cache<K, V>`, and
//! `TtlCache<K, V>` where values live for a time.
//!
//! # Who computes
//!
//! For each key a value is there, or is being computed, or neither. The first who asks computes with the loader it
//! has brought; all who ask meanwhile wait for that, and get a clone of the one result.
//!
//! | drive | who runs the loader | if the caller goes away |
//! |---|---|---|
//! | [`get_or_load`](Cache::get_or_load) | the caller itself, as it is polled | the first in line takes over, with a loader of its own |
//! | [`get_or_load_blocking`](Cache::get_or_load_blocking) | the caller's thread | it cannot; if it panics, the first in line takes over |
//! | [`get_or_load_spawned`](Cache::get_or_load_spawned) | a task, or a thread | the computation goes on |
//!
//! All three wait for each other. A driver that panics costs nobody else anything: the next takes over, however
//! often that happens.
//!
//! # A loader that asks for its own key
//!
//! It would wait for itself, and gets [`LoadError::Recursive`] instead, where that can be seen: when the call is
//! first polled while the loader is being polled further up the same stack. On platforms that know threads
//! ([`Platform::current_thread`]) this is so whatever lies between; on others, if the call is polled by the same
//! task with the same waker. It cannot be seen, and waits for good, if the loader awaits another task which asks, or
//! if two loaders ask for each other's keys in two tasks. (A timeout ends such a wait.)
//!
//! # Source
//!
//! The seeds are `corofunc_cache` and `task_cache` of the Python library `async-utils`; to compute once is
//! `singleflight` of Go's `groupcache`.

mod answers;
mod blocking;
mod config;
mod error;
mod flights;
mod invariants;
mod key;
mod load;
mod machine;
mod recent;
mod seat;
mod shard;
mod spawned;
mod store;
#[cfg(all(test, not(loom)))]
mod tests;
mod wrap;

pub use answers::{Caller, Entered, FlightKey, JoinKey, Leftover, Limits, Progress, Stats};
pub use config::{Config, WhenFull};
pub use error::{LoadError, Outcome};
pub use key::ToKey;
pub use machine::Machine;
pub use recent::Recent;
pub use store::{Dated, Entry, Expiring, Forever, Lifetimes, Span, Store};
pub use wrap::Wrapped;

use core::borrow::Borrow;
use core::convert::Infallible;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::task::Waker;
use core::time::Duration;

use shard::Shard;

use crate::Instant;
use crate::lru::{DefaultHashBuilder, fold};
use crate::platform::{Platform, Timed};
use crate::rooms::Rooms;
use crate::sync::const_fn;

/// Below so many values a shard is not worth having: what is exact is worth more.
const SHARD: usize = 64;

/// An odd number without a pattern.
const STIR: u64 = 0xD6E8_FEB8_6659_FD93;

/// A cache that computes a value once, however many ask at the same time; shared by reference, by `Arc` or as a
/// `static`.
///
/// `K` are the keys; `V` the values, which everybody gets a clone of (put large ones into an `Arc`); `E` the errors
/// of computations, [`Infallible`] where there are none. `L` is [`Forever`], or [`Expiring`] with its clock.
///
/// At most `capacity` values are kept; the one that has not been used for longest goes first. A capacity of 0 keeps
/// none, and still computes once for all who ask at the same time.
///
/// There is no way to ask whether a key is there, and none to iterate: the answer may be wrong before it is seen.
///
/// # Shards
///
/// With `SHARDS` of more than one, keys are spread over up to so many parts, with a lock each, and none with room
/// for fewer than 64 values. The order of use is exact in each shard, and so is its capacity, an equal part of the
/// whole: keys that happen to fall together may evict each other while there is room elsewhere. A cache of fewer
/// than 128 is in one piece.
///
/// # Foreign code
///
/// Keys are hashed, made and dropped, loaders run, wakers and values are dropped without any lock. `Eq` of keys and
/// `Clone` of values run under a shard's lock: let them be short, and let them not call the cache. If they panic,
/// the cache is as it was (where unwinding opens the lock: not with a critical section or none). A key whose `Hash` and `Eq` disagree, or change, may not be found, or be computed twice; its value
/// is evicted in its turn like any other.
///
/// # Cost
///
/// A hit is one hash, one short lock and a clone, O(1); no clock is read unless values expire. A miss takes the lock three times. Nothing is allocated in steady
/// state. The memory per value is that of [`Lru`](crate::lru::Lru), or [`TtlLru`](crate::ttl_lru::TtlLru) where values expire.
///
/// ```
/// use tidegate_core::cache::Cache;
/// use tidegate_core::{Inline, Local};
/// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let mut cx = Context::from_waker(Waker::noop());
///
/// let squares: Cache<u32, u32, Local, Inline<8>> = Cache::new(8);
/// let mut first = pin!(squares.get_or_load(&7, || async { 7 * 7 }));
/// assert_eq!(first.as_mut().poll(&mut cx), Poll::Ready(Ok(49)));
///
/// let mut second = pin!(squares.get_or_load(&7, || async { 0 }));
/// assert_eq!(second.as_mut().poll(&mut cx), Poll::Ready(Ok(49)));
/// assert_eq!((squares.stats().hits, squares.stats().misses), (1, 1));
/// ```
pub struct Cache<
    K: Hash + Eq,
    V,
    P: Platform,
    S: Rooms,
    E = Infallible,
    L: Lifetimes<V> = Forever,
    H = DefaultHashBuilder,
    const SHARDS: usize = 1,
> {
    config: Config,
    lifetimes: L,
    hasher: H,
    shards: [Shard<K, V, P, S, E, L>; SHARDS],
}

impl<K: Hash + Eq, V, P: Platform, S: Rooms, E, const SHARDS: usize>
    Cache<K, V, P, S, E, Forever, DefaultHashBuilder, SHARDS>
{
    const_fn! {
        /// A cache of up to `capacity` values, which live until they are evicted or invalidated. There is no clock.
        #[must_use]
        pub fn new(capacity: usize) -> Self {
            Self::with_parts(Config::new(capacity), Forever, DefaultHashBuilder)
        }
    }
}

impl<K: Hash + Eq, V, P: Timed, S: Rooms, E, const SHARDS: usize>
    Cache<K, V, P, S, E, Expiring<V, P::Timer>, DefaultHashBuilder, SHARDS>
{
    const_fn! {
        /// A cache of up to `capacity` values, each of which lives for `ttl` from when it was computed, by the
        /// platform's own clock.
        #[must_use]
        pub fn with_ttl(capacity: usize, ttl: Duration) -> Self {
            Self::with_parts(Config::new(capacity), Expiring::with_clock(ttl, P::TIMER), DefaultHashBuilder)
        }
    }
}

impl<K: Hash + Eq, V, P: Platform, S: Rooms, E, L: Lifetimes<V>, H, const SHARDS: usize>
    Cache<K, V, P, S, E, L, H, SHARDS>
{
    const_fn! {
        /// A cache with everything chosen.
        #[must_use]
        pub fn with_parts(config: Config, lifetimes: L, hasher: H) -> Self {
            #[cfg(not(loom))]
            let shards = [const { Shard::new() }; SHARDS];
            #[cfg(loom)]
            let shards = core::array::from_fn(|_| Shard::new());
            Self { config, lifetimes, hasher, shards }
        }
    }

    /// How many values there may be.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.config.capacity
    }

    /// How values live.
    pub const fn lifetimes(&self) -> &L {
        &self.lifetimes
    }

    /// How many values there are, also those whose time is up and that are still to be evicted: a figure for
    /// display.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(Shard::len).sum()
    }

    /// Whether there are no values: a figure for display.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many computations are in flight: a figure for display.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shards.iter().map(Shard::flights).sum()
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shards.iter().map(Shard::stats).fold(Stats::default(), |all, one| Stats {
            hits: all.hits.wrapping_add(one.hits),
            misses: all.misses.wrapping_add(one.misses),
            joined: all.joined.wrapping_add(one.joined),
            evicted: all.evicted.wrapping_add(one.evicted),
        })
    }

    /// Takes all values out, and drops them. Computations in flight go on for those who wait for them; whoever comes
    /// from now on computes anew.
    ///
    /// On the heap, the room goes with them.
    pub fn invalidate_all(&self) {
        for shard in &self.shards {
            shard.invalidate_all();
        }
    }

    /// Drops the values whose time is up. Nobody sees them any more as it is; but until others need the room they
    /// take it up.
    ///
    /// # Cost
    ///
    /// O(1) for each, a lock for each.
    pub fn purge(&self) {
        let now = self.lifetimes.now();
        for shard in &self.shards {
            shard.purge(now);
        }
    }

    /// When it is worth while to [`purge`](Self::purge): no value expires before that. `None` if none does.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.shards.iter().filter_map(Shard::poll_timeout).min()
    }

    /// How many shards are in use.
    const fn used(&self) -> usize {
        let worthwhile = self.config.capacity / SHARD;
        if worthwhile >= SHARDS {
            SHARDS
        } else if worthwhile == 0 {
            1
        } else {
            worthwhile
        }
    }

    /// How much there may be in one shard.
    const fn limits(&self, shard: u32) -> Limits {
        let (capacity, used) = (self.config.capacity, self.used());
        let share =
            if used > 1 { capacity / used + ((shard as usize) < capacity % used) as usize } else { capacity };
        Limits { capacity: share, flights: self.config.max_flights }
    }
}

/// Where a key belongs. Known before any lock is taken.
#[derive(Clone, Copy)]
struct Place {
    shard: u32,
    hash: u32,
}

impl<K: Hash + Eq, V: Clone, P: Platform, S: Rooms, E: Clone, L: Lifetimes<V>, H: BuildHasher, const SHARDS: usize>
    Cache<K, V, P, S, E, L, H, SHARDS>
{
    /// The value, if it is there. It is then the most recent; nothing is computed.
    ///
    /// An error that is kept is no value. One that is stale is served for as long as it may be.
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let place = self.place(key);
        self.shard(place)?.get(place.hash, |candidate| candidate.borrow() == key, self.lifetimes.now())?.ok()
    }

    /// Puts a value in from outside, as if it had just been computed. One that is being computed meanwhile goes to
    /// those who wait for it, and is not kept.
    pub fn insert(&self, key: K, value: V) {
        let place = self.place(&key);
        let outcome = Ok(value);
        let span = self.lifetimes.span(&outcome);
        let entry = Entry { hash: place.hash, key, value: outcome, span };
        let (limits, now) = (self.limits(place.shard), self.lifetimes.now());
        if let Some(shard) = self.shard(place) {
            drop(shard.transact(&mut shard.wakes(), |machine| machine.insert(entry, limits, now)));
        }
    }

    /// Takes the value of a key out, and drops it. If it is being computed, those who wait get it; whoever comes from
    /// now on computes anew.
    pub fn invalidate<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let place = self.place(key);
        if let Some(shard) = self.shard(place) {
            let is_sought = |candidate: &K| candidate.borrow() == key;
            drop(shard.transact(&mut shard.wakes(), |machine| machine.invalidate(place.hash, is_sought)));
        }
    }

    /// The shard and the hash of a key.
    #[inline]
    fn place<Q: Hash + ?Sized>(&self, key: &Q) -> Place {
        let hash = self.hasher.hash_one(key);
        let shard = if SHARDS > 1 {
            // Stirred, for hashers that leave some bits alone; in another way than the map does, or the keys of one
            // shard would be neighbours there.
            (((hash.wrapping_mul(STIR) >> 32) * self.used() as u64) >> 32) as u32
        } else {
            0
        };
        Place { shard, hash: fold(hash) }
    }

    #[inline]
    fn shard(&self, place: Place) -> Option<&Shard<K, V, P, S, E, L>> {
        self.shards.get(place.shard as usize)
    }

    /// A value that need not be computed.
    #[inline]
    fn lookup<Q>(&self, place: Place, key: &Q) -> Option<Result<V, E>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let now = self.lifetimes.now();
        self.shard(place)?.lookup(place.hash, |candidate| candidate.borrow() == key, now)
    }
}

/// Who calls, for [`LoadError::Recursive`].
fn caller<P: Platform>(waker: &Waker) -> Caller {
    match P::current_thread() {
        Some(thread) => Caller(thread.get(), 0),
        None => Caller(waker.data().addr(), core::ptr::from_ref(waker.vtable()).addr()),
    }
}

impl<K: Hash + Eq, V, P: Platform, S: Rooms, E, L: Lifetimes<V>, H, const SHARDS: usize> fmt::Debug
    for Cache<K, V, P, S, E, L, H, SHARDS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("capacity", &self.capacity())
            .field("len", &self.len())
            .field("in_flight", &self.in_flight())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
