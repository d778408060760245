//! [`TtlLru`]: an [`Lru`](crate::lru::Lru) whose entries live for a time.
//!
//! The entries and their order of use are those of the `Lru`; `expiry.rs` has their deadlines.

mod expiry;
mod hashed;
mod iter;
#[cfg(all(test, not(loom)))]
mod tests;

use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::mem;
use core::time::Duration;

use crate::Instant;
use crate::lru::table::Table;
use crate::lru::{DefaultHashBuilder, Displaced, fold};
use crate::storage::Storage;
use expiry::Expiry;
pub use iter::Iter;

/// How many expired entries, or deadlines to be looked at again, one call deals with at most.
const STEPS: usize = 32;

/// A value and the time from which on it is not there any more.
pub(crate) struct Timed<V> {
    value: V,
    deadline: Instant,
}

impl<V> Timed<V> {
    /// `MAX` is never.
    #[inline]
    fn is_live(&self, now: Instant) -> bool {
        now < self.deadline || self.deadline == Instant::MAX
    }
}

/// A map of at most `capacity` entries, each of which is there for its lifetime and no longer; when it is full,
/// what has expired goes first, then what has not been used for longest.
///
/// A lifetime starts when the value is inserted, and using the value does not prolong it. The time is passed:
/// an [`Instant`] of whatever clock the caller has. From `insertion + lifetime` on nobody sees the value, whether
/// or not it has been purged; only as [`Displaced::Expired`] it is handed out, so that it can be dropped where
/// the caller likes.
///
/// A time before the latest one passed counts as that one: a clock that goes back brings nothing back, and
/// prolongs nothing. A lifetime of zero is over at once: the value is handed back. One that ends beyond
/// [`Instant::MAX`] never does.
///
/// A capacity of 0 keeps nothing. `Inline<N>` has room for `N`, and a greater capacity means that.
///
/// # Purging
///
/// Expired entries keep their place until they are purged: one by one as others come and the map is full, or by
/// [`handle_timeout`](Self::handle_timeout), for which [`poll_timeout`](Self::poll_timeout) says when, or by
/// [`pop_expired`](Self::pop_expired). Each call purges a bounded number. What there is to know about deadlines is
/// kept with the entries, in as many places.
///
/// # Foreign code
///
/// As with [`Lru`](crate::lru::Lru): a panic of `Hash`, `Eq` or the hasher leaves the map as it was.
///
/// # Cost
///
/// Every operation is O(1) expected, whatever the lifetimes; one lifetime for all is the cheapest. The memory per
/// entry, on the heap at full capacity, is key, value and 55 bytes.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::ttl_lru::TtlLru;
/// use tidegate_core::{Inline, Instant};
///
/// let start = Instant::EPOCH;
/// let mut cache: TtlLru<&str, u32, Inline<8>> = TtlLru::new(8, Duration::from_secs(10));
/// cache.insert("short", 1, start);
/// cache.insert_with_ttl("long", 2, Duration::from_secs(60), start);
///
/// let later = start + Duration::from_secs(10);
/// assert_eq!(cache.get("short", later), None);
/// assert_eq!(cache.get("long", later), Some(&2));
///
/// assert_eq!(cache.poll_timeout(), Some(later));
/// cache.handle_timeout(later);
/// assert_eq!(cache.len(), 1);
/// ```
pub struct TtlLru<K, V, S: Storage, H = DefaultHashBuilder> {
    table: Table<K, Timed<V>, S>,
    expiry: Expiry<S>,
    capacity: usize,
    ttl: Duration,
    latest: Instant,
    hasher: H,
}

impl<K, V, S: Storage> TtlLru<K, V, S> {
    /// An empty map with the default hasher, whose values live for `ttl` where nobody says otherwise.
    #[must_use]
    pub const fn new(capacity: usize, ttl: Duration) -> Self {
        Self::with_hasher(capacity, ttl, DefaultHashBuilder)
    }
}

impl<K, V, S: Storage, H> TtlLru<K, V, S, H> {
    /// An empty map with a hasher of the caller's.
    #[must_use]
    pub const fn with_hasher(capacity: usize, ttl: Duration, hasher: H) -> Self {
        Self {
            table: Table::new(),
            expiry: Expiry::new(),
            capacity: Self::bounded(capacity),
            ttl,
            latest: Instant::EPOCH,
            hasher,
        }
    }

    const fn bounded(capacity: usize) -> usize {
        if capacity < Table::<K, Timed<V>, S>::LIMIT { capacity } else { Table::<K, Timed<V>, S>::LIMIT }
    }

    /// How many entries there can be.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many entries there are, with those that have expired and not been purged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none, live or not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// The hasher.
    #[must_use]
    pub const fn hasher(&self) -> &H {
        &self.hasher
    }

    /// The lifetime where nobody says otherwise.
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Changes the lifetime of what is inserted from now on.
    pub const fn set_ttl(&mut self, ttl: Duration) {
        self.ttl = ttl;
    }

    /// Makes room for `capacity` entries now, all at once. `Inline` storage has it anyway.
    pub fn reserve(&mut self) {
        self.table.reserve(self.capacity);
        self.expiry.reserve(self.capacity);
    }

    /// Changes the capacity. If there are more entries than that, the least recent are dropped, live or not: to
    /// have them instead, [pop](Self::pop_lru) them before. The room on the heap is kept.
    ///
    /// # Cost
    ///
    /// O(1) for every entry dropped.
    pub fn resize(&mut self, capacity: usize) {
        self.capacity = Self::bounded(capacity);
        while self.table.len() > self.capacity {
            drop(self.take(self.table.oldest()));
        }
    }

    /// When it is worth while to call [`handle_timeout`](Self::handle_timeout): no value expires before that. It
    /// may be sooner than the first that does. `None` if nothing expires.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.expiry.soonest()
    }

    /// Drops what has expired by `now`, up to a bounded number. If more may be left, or something has to be looked
    /// at again, [`poll_timeout`](Self::poll_timeout) says so: it is not later than `now`. Calling it at another
    /// time, or needlessly, does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        for _ in 0..STEPS {
            let Some(entry) = self.pop_expired(now) else { return };
            drop(entry);
        }
    }

    /// Takes one entry out that has expired by `now`.
    ///
    /// After `None`, there may yet be one if [`poll_timeout`](Self::poll_timeout) is not later than `now`: a call
    /// looks at a bounded number of deadlines.
    pub fn pop_expired(&mut self, now: Instant) -> Option<(K, V)> {
        let now = self.at_least(now);
        let place = self.expiry.expired(now, STEPS)?;
        let (key, timed) = self.take(place)?;
        Some((key, timed.value))
    }

    /// Takes the least recent entry out: [`Evicted`](Displaced::Evicted) if it is live at `now`, else
    /// [`Expired`](Displaced::Expired).
    pub fn pop_lru(&mut self, now: Instant) -> Option<Displaced<K, V>> {
        let now = self.at_least(now);
        let (key, timed) = self.take(self.table.oldest())?;
        Some(if timed.is_live(now) {
            Displaced::Evicted(key, timed.value)
        } else {
            Displaced::Expired(key, timed.value)
        })
    }

    /// The entries that are live at `now`, from the most to the least recent. Looking touches none.
    #[must_use]
    pub fn iter(&self, now: Instant) -> Iter<'_, K, V, S> {
        Iter::new(&self.table, now.max(self.latest))
    }

    /// Drops every entry and keeps the room.
    pub fn clear(&mut self) {
        self.expiry.clear();
        self.table.clear();
    }

    /// Time does not go back.
    #[inline]
    fn at_least(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }

    fn take(&mut self, place: u32) -> Option<(K, Timed<V>)> {
        let entry = self.table.remove(place)?;
        self.expiry.swap_remove(place);
        Some(entry)
    }
}

impl<K: Hash + Eq, V, S: Storage, H: BuildHasher> TtlLru<K, V, S, H> {
    #[inline]
    fn find<Q>(&self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.table.find(fold(self.hasher.hash_one(key)), |candidate| candidate.borrow() == key)
    }

    /// The value of `key` if it is live at `now`; it is then the most recent, and lives no longer for it.
    #[inline]
    pub fn get<Q>(&mut self, key: &Q, now: Instant) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.get_mut(key, now).map(|value| &*value)
    }

    /// The value of `key` if it is live at `now`, to be changed in place; it is then the most recent, and lives no
    /// longer for it.
    #[inline]
    pub fn get_mut<Q>(&mut self, key: &Q, now: Instant) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let place = self.find(key)?;
        let now = self.at_least(now);
        if !self.table.at(place)?.value.is_live(now) {
            return None;
        }
        Some(&mut self.table.touch(place)?.value)
    }

    /// The value of `key` if it is live at `now`. It stays as recent as it was.
    #[inline]
    #[must_use]
    pub fn peek<Q>(&self, key: &Q, now: Instant) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let timed = &self.table.at(self.find(key)?)?.value;
        timed.is_live(now.max(self.latest)).then_some(&timed.value)
    }

    /// From when on the value of `key` is not there any more, if it is live at `now`; [`Instant::MAX`] is never.
    #[must_use]
    pub fn expires_at<Q>(&self, key: &Q, now: Instant) -> Option<Instant>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let timed = &self.table.at(self.find(key)?)?.value;
        timed.is_live(now.max(self.latest)).then_some(timed.deadline)
    }

    /// Gives `key` a value, the most recent, for the lifetime that all have.
    ///
    /// See [`insert_with_ttl`](Self::insert_with_ttl).
    pub fn insert(&mut self, key: K, value: V, now: Instant) -> Option<Displaced<K, V>> {
        self.insert_with_ttl(key, value, self.ttl, now)
    }

    /// Gives `key` a value, the most recent, that lives until `now + ttl`, and hands out what had to go for it:
    /// the value it had before, live or expired; or, if the map was full, an entry that has expired or else the
    /// least recent one.
    ///
    /// With a capacity of 0, it hands back what it was given, as evicted. With a lifetime of zero, it hands back
    /// what it was given, as expired; if `key` had a value before, that one is handed out instead, and what was
    /// given is expired and waits to be purged.
    pub fn insert_with_ttl(&mut self, key: K, value: V, ttl: Duration, now: Instant) -> Option<Displaced<K, V>> {
        let hash = fold(self.hasher.hash_one(&key));
        let found = self.table.find(hash, |candidate| *candidate == key);
        let now = self.at_least(now);
        let timed = Timed { value, deadline: now.saturating_add(ttl) };
        match found {
            Some(place) => self.replace(place, key, timed, now),
            None if self.capacity > 0 && ttl.is_zero() => Some(Displaced::Expired(key, timed.value)),
            None => self.insert_new(hash, key, timed, now),
        }
    }

    /// The value of `key` if it is live at `now`; it is then the most recent, and lives no longer for it. Else the
    /// one that `make` makes, for the lifetime that all have.
    ///
    /// `None` only with a capacity of 0 or a lifetime of zero; then `make` is not called. What goes for it is
    /// dropped: to have it instead, use [`get_mut`](Self::get_mut) and [`insert`](Self::insert). If `make` panics,
    /// the map is as it was.
    pub fn get_or_insert_with(&mut self, key: K, now: Instant, make: impl FnOnce() -> V) -> Option<&mut V> {
        let hash = fold(self.hasher.hash_one(&key));
        let found = self.table.find(hash, |candidate| *candidate == key);
        let now = self.at_least(now);
        if let Some(place) = found
            && self.table.at(place)?.value.is_live(now)
        {
            return Some(&mut self.table.touch(place)?.value);
        }
        if self.capacity == 0 || self.ttl.is_zero() {
            return None;
        }
        let timed = Timed { value: make(), deadline: now.saturating_add(self.ttl) };
        drop(match found {
            Some(place) => self.replace(place, key, timed, now),
            None => self.insert_new(hash, key, timed, now),
        });
        Some(&mut self.table.at_mut(self.table.newest())?.value.value)
    }

    /// Takes the value of `key` out, if it is live at `now`. If it has expired, it is dropped.
    pub fn remove<Q>(&mut self, key: &Q, now: Instant) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let place = self.find(key)?;
        let now = self.at_least(now);
        let (_, timed) = self.take(place)?;
        timed.is_live(now).then_some(timed.value)
    }

    fn replace(&mut self, place: u32, key: K, timed: Timed<V>, now: Instant) -> Option<Displaced<K, V>> {
        self.expiry.set(place, timed.deadline, now);
        let former = mem::replace(self.table.touch(place)?, timed);
        Some(if former.is_live(now) {
            Displaced::Replaced(key, former.value)
        } else {
            Displaced::Expired(key, former.value)
        })
    }

    fn insert_new(&mut self, hash: u32, key: K, timed: Timed<V>, now: Instant) -> Option<Displaced<K, V>> {
        let deadline = timed.deadline;
        if self.capacity == 0 {
            return Some(Displaced::Evicted(key, timed.value));
        }
        if self.table.len() < self.capacity {
            return match self.table.push(hash, key, timed, self.capacity) {
                Ok(_) => {
                    self.expiry.push(deadline, now);
                    None
                }
                Err((key, timed)) => Some(Displaced::Evicted(key, timed.value)),
            };
        }
        let place = self.expiry.expired(now, STEPS).unwrap_or(self.table.oldest());
        self.expiry.set(place, deadline, now);
        let (key, former) = self.table.supplant(place, hash, key, timed)?;
        Some(if former.is_live(now) {
            Displaced::Evicted(key, former.value)
        } else {
            Displaced::Expired(key, former.value)
        })
    }
}

impl<K, V, S: Storage, H> fmt::Debug for TtlLru<K, V, S, H> {
    /// How many entries there are, and for how many there is room. Which of them are live depends on the time.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TtlLru")
            .field("len", &self.len())
            .field("capacity", &self.capacity)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}
