//! [`Config`]: what a cache has room for, and what it does where there is a choice.

/// What happens to a call that finds no room for another computation in flight, or for another who waits for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WhenFull {
    /// It is refused, with [`LoadError::Full`](super::LoadError::Full).
    #[default]
    Refuse,
    /// It computes for itself alone: nobody joins, and the value is not kept. A loader that asks for its own key is not
    /// seen here, and asks again without end.
    Unshared,
}

/// What a cache has room for, and what it does where there is a choice. It has no lifetimes: those are
/// [`Expiring`](super::Expiring)'s.
///
/// ```
/// use tidegate_core::cache::{Config, WhenFull};
///
/// const CONFIG: Config = Config::new(10_000).max_flights(500).when_full(WhenFull::Unshared).keep_errors(true);
/// # let _ = CONFIG;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub(super) capacity: usize,
    pub(super) max_flights: usize,
    pub(super) when_full: WhenFull,
    pub(super) keep_errors: bool,
}

impl Config {
    /// So many values at most; as many computations in flight as the storage has room for; errors are not kept.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { capacity, max_flights: usize::MAX, when_full: WhenFull::Refuse, keep_errors: false }
    }

    /// So many computations in flight at most, in each shard, counted until the last who waits has read.
    #[must_use]
    pub const fn max_flights(mut self, flights: usize) -> Self {
        self.max_flights = flights;
        self
    }

    /// What happens when there is no room.
    #[must_use]
    pub const fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Whether errors are kept as values are. If not, which is the default, all who waited get the error, and the
    /// next to come computes anew.
    #[must_use]
    pub const fn keep_errors(mut self, keep: bool) -> Self {
        self.keep_errors = keep;
        self
    }
}
