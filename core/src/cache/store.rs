//! [`Store`]: the values that are ready, with or without lifetimes; and [`Lifetimes`], which chooses between them.

use core::fmt;
use core::hash::Hash;
use core::time::Duration;

use super::recent::Recent;
use crate::Instant;
use crate::lru::Displaced;
use crate::storage::Storage;
use crate::time::Clock;
use crate::ttl_lru::TtlLru;

/// How long values live in a [`Cache`](super::Cache): [`Forever`] or [`Expiring`]. Nobody else implements it.
///
/// Where values live forever no clock is read, and none is needed.
pub trait Lifetimes<V>: sealed::Sealed {
    /// The time, as far as it matters.
    type Now: Copy;
    /// For how long a value lives.
    type Span: Copy;
    /// The map that values are kept in.
    type Map<K: Hash + Eq, O, S: Storage>: Store<K, O, Now = Self::Now, Span = Self::Span>;

    /// The time now.
    fn now(&self) -> Self::Now;

    /// For how long the outcome of a computation lives.
    fn span<E>(&self, outcome: &Result<V, E>) -> Self::Span;
}

/// A bounded map of values that are ready. Nobody else implements it.
pub trait Store<K, O>: Sized + sealed::Sealed {
    /// The time, as far as it matters.
    type Now: Copy;
    /// For how long a value lives.
    type Span: Copy;

    /// Nothing, and no allocation.
    const EMPTY: Self;

    /// The value, which is then the most recent, and whether it is fresh: a stale one may be served while a new one
    /// is computed.
    fn get(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool, now: Self::Now) -> Option<(&O, bool)>;

    /// Keeps a value if there are to be any, and hands out what had to go.
    fn insert(
        &mut self,
        entry: Entry<K, O, Self::Span>,
        capacity: usize,
        now: Self::Now,
    ) -> Option<Displaced<K, O>>;

    /// Takes a value out, live or not.
    fn remove(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool) -> Option<(K, O)>;

    /// Takes one out whose time is up, if one is found soon.
    fn pop_expired(&mut self, now: Self::Now) -> Option<(K, O)>;

    /// No value expires before that.
    fn poll_timeout(&self) -> Option<Instant>;

    /// How many there are, live or not.
    fn count(&self) -> usize;
}

/// A value to be kept.
#[derive(Clone, Copy, Debug)]
pub struct Entry<K, O, X> {
    /// The key's hash.
    pub hash: u32,
    /// The key.
    pub key: K,
    /// The value.
    pub value: O,
    /// For how long it lives.
    pub span: X,
}

/// Values live until they are evicted or invalidated; there is no clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forever;

impl<V> Lifetimes<V> for Forever {
    type Now = ();
    type Span = ();
    type Map<K: Hash + Eq, O, S: Storage> = Recent<K, O, S>;

    #[inline]
    fn now(&self) {}

    fn span<E>(&self, _outcome: &Result<V, E>) {}
}

impl<K: Hash + Eq, O, S: Storage> Store<K, O> for Recent<K, O, S> {
    type Now = ();
    type Span = ();

    const EMPTY: Self = Self::EMPTY;

    #[inline]
    fn get(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool, _now: ()) -> Option<(&O, bool)> {
        Some((Self::get(self, hash, is_sought)?, true))
    }

    fn insert(&mut self, entry: Entry<K, O, ()>, capacity: usize, _now: ()) -> Option<Displaced<K, O>> {
        Self::insert(self, entry, capacity)
    }

    fn remove(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool) -> Option<(K, O)> {
        Self::remove(self, hash, is_sought)
    }

    fn pop_expired(&mut self, _now: ()) -> Option<(K, O)> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn count(&self) -> usize {
        self.len()
    }
}

/// Values live for a time, counted from when their computation was complete; using them does not prolong it.
///
/// `C` is the clock. A lifetime of zero keeps nothing: all who asked while it was computed get the value, and the
/// next one computes anew. One that reaches beyond [`Instant::MAX`] never ends.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::cache::Expiring;
/// use tidegate_core::Instant;
///
/// let lifetimes: Expiring<u32, Instant> = Expiring::with_clock(Duration::from_secs(60), Instant::EPOCH)
///     .stale_while_revalidate(Duration::from_secs(10))
///     .errors_for(Duration::from_secs(1))
///     .by_value(|value| Duration::from_secs(u64::from(*value)));
/// # let _ = lifetimes;
/// ```
#[derive(Clone, Copy)]
pub struct Expiring<V, C> {
    clock: C,
    ttl: Duration,
    error_ttl: Duration,
    stale: Duration,
    by_value: Option<fn(&V) -> Duration>,
}

impl<V, C> Expiring<V, C> {
    /// Every value lives for `ttl` by this clock.
    pub const fn with_clock(ttl: Duration, clock: C) -> Self {
        Self { clock, ttl, error_ttl: ttl, stale: Duration::ZERO, by_value: None }
    }

    /// Serves a value for another `stale` after its time is up, while one caller computes it anew. Zero, which is
    /// the default, turns that off.
    ///
    /// The first who asks after the time is up computes, and gets the new value; those who ask meanwhile get the
    /// old one at once. If the computation fails, the old value is served until its time is up for good, unless errors
    /// are [kept](super::Config::keep_errors): then the error takes its place. An error is never served stale.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, stale: Duration) -> Self {
        self.stale = stale;
        self
    }

    /// For how long errors live, where they are [kept](super::Config::keep_errors). As long as values do if nothing
    /// is said.
    #[must_use]
    pub const fn errors_for(mut self, ttl: Duration) -> Self {
        self.error_ttl = ttl;
        self
    }

    /// Asks each value for how long it lives, once, when it is there.
    #[must_use]
    pub const fn by_value(mut self, ttl: fn(&V) -> Duration) -> Self {
        self.by_value = Some(ttl);
        self
    }

    /// The clock.
    pub const fn clock(&self) -> &C {
        &self.clock
    }
}

impl<V, C: fmt::Debug> fmt::Debug for Expiring<V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expiring")
            .field("clock", &self.clock)
            .field("ttl", &self.ttl)
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}

/// For how long a value is fresh, and for how long it is there.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    fresh: Duration,
    whole: Duration,
}

impl<V, C: Clock> Lifetimes<V> for Expiring<V, C> {
    type Now = Instant;
    type Span = Span;
    type Map<K: Hash + Eq, O, S: Storage> = TtlLru<K, Dated<O>, S>;

    #[inline]
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn span<E>(&self, outcome: &Result<V, E>) -> Span {
        let fresh = match (outcome, self.by_value) {
            (Err(_), _) => self.error_ttl,
            (Ok(value), Some(ttl)) => ttl(value),
            (Ok(_), None) => self.ttl,
        };
        let stale = if fresh.is_zero() || outcome.is_err() { Duration::ZERO } else { self.stale };
        Span { fresh, whole: fresh.saturating_add(stale) }
    }
}

/// A value, and until when it is fresh.
#[derive(Debug)]
pub struct Dated<O> {
    value: O,
    fresh_until: Instant,
}

impl<K: Hash + Eq, O, S: Storage> Store<K, O> for TtlLru<K, Dated<O>, S> {
    type Now = Instant;
    type Span = Span;

    const EMPTY: Self = Self::new(0, Duration::ZERO);

    #[inline]
    fn get(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool, now: Instant) -> Option<(&O, bool)> {
        let dated = self.get_hashed(hash, is_sought, now)?;
        Some((&dated.value, now < dated.fresh_until || dated.fresh_until == Instant::MAX))
    }

    fn insert(&mut self, entry: Entry<K, O, Span>, capacity: usize, now: Instant) -> Option<Displaced<K, O>> {
        if self.capacity() == 0 {
            self.resize(capacity);
        }
        let Entry { hash, key, value, span } = entry;
        let dated = Dated { value, fresh_until: now + span.fresh };
        self.insert_hashed(hash, key, dated, span.whole, now).map(|displaced| match displaced {
            Displaced::Replaced(key, dated) => Displaced::Replaced(key, dated.value),
            Displaced::Evicted(key, dated) => Displaced::Evicted(key, dated.value),
            Displaced::Expired(key, dated) => Displaced::Expired(key, dated.value),
        })
    }

    fn remove(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool) -> Option<(K, O)> {
        self.remove_hashed(hash, is_sought).map(|(key, dated)| (key, dated.value))
    }

    fn pop_expired(&mut self, now: Instant) -> Option<(K, O)> {
        Self::pop_expired(self, now).map(|(key, dated)| (key, dated.value))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }

    fn count(&self) -> usize {
        self.len()
    }
}

mod sealed {
    use super::{Expiring, Forever, Recent, Storage, TtlLru};

    pub trait Sealed {}

    impl Sealed for Forever {}
    impl<V, C> Sealed for Expiring<V, C> {}
    impl<K, V, S: Storage> Sealed for Recent<K, V, S> {}
    impl<K, V, S: Storage> Sealed for TtlLru<K, V, S> {}
}
