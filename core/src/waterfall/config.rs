//! [`Config`]: when a batch leaves, and how much there may be.

use core::error::Error;
use core::fmt;
use core::time::Duration;

/// When a batch leaves, and how much there may be at once.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::waterfall::{Config, InvalidConfig};
///
/// const CONFIG: Config = match Config::new(100, Duration::from_millis(20)) {
///     Ok(config) => config.capacity(1_000),
///     Err(_) => panic!("that makes no sense"),
/// };
/// assert_eq!(CONFIG.max_quantity(), 100);
/// assert_eq!(Config::new(0, Duration::ZERO).err(), Some(InvalidConfig::ZeroQuantity));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    max_quantity: usize,
    interval: Duration,
    capacity: usize,
    max_in_flight: usize,
    max_keys: usize,
}

impl Config {
    /// Batches leave with `max_quantity` items, or once `interval` has passed since the batch's first item was
    /// accepted, whichever comes first. No bound on the number of items, one batch in flight at a time.
    ///
    /// An interval of zero means: as soon as somebody takes it; a batch then holds what has come in while those before
    /// it were in flight. With [`Duration::MAX`], and with any interval that reaches beyond
    /// [`Instant::MAX`](crate::Instant::MAX), batches leave by volume or by a flush only.
    ///
    /// # Errors
    ///
    /// [`ZeroQuantity`](InvalidConfig::ZeroQuantity).
    pub const fn new(max_quantity: usize, interval: Duration) -> Result<Self, InvalidConfig> {
        if max_quantity == 0 {
            return Err(InvalidConfig::ZeroQuantity);
        }
        Ok(Self { max_quantity, interval, capacity: usize::MAX, max_in_flight: 1, max_keys: 1_024 })
    }

    /// Bounds how many items there may be that have been accepted and have not come to an end, those in flight
    /// included; who puts more waits. Zero counts as one.
    ///
    /// [`Inline`](crate::Inline) storage has room for `N` at most, whatever is said here. A batch is never larger than
    /// the capacity; with room for two batches, one can be gathered while another is in flight.
    #[must_use]
    pub const fn capacity(mut self, items: usize) -> Self {
        self.capacity = if items == 0 { 1 } else { items };
        self
    }

    /// How many batches may be in flight at once. With one, which is the default, and the least, they come to an
    /// end in order, too.
    #[must_use]
    pub const fn max_in_flight(mut self, batches: usize) -> Self {
        self.max_in_flight = if batches == 0 { 1 } else { batches };
        self
    }

    /// How many batches of different keys may be gathered at once, where there are keys: 1 024 unless it is said
    /// here, and as many as the storage has room for at most. Zero counts as one.
    #[must_use]
    pub const fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = if keys == 0 { 1 } else { keys };
        self
    }

    /// How many items a batch holds at most.
    #[must_use]
    pub const fn max_quantity(&self) -> usize {
        self.max_quantity
    }

    /// How long a batch waits for more, from its first item on.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// How many batches may be in flight at once.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.max_in_flight
    }

    /// How many items there may be at once.
    #[must_use]
    pub const fn room(&self) -> usize {
        self.capacity
    }

    /// How many batches of different keys may be gathered at once.
    #[must_use]
    pub const fn keys(&self) -> usize {
        self.max_keys
    }

    /// The same where there is room for `most` items and `batch` in one batch.
    pub(super) const fn within(mut self, most: usize, batch: usize) -> Self {
        if self.capacity > most {
            self.capacity = most;
        }
        if self.max_quantity > batch {
            self.max_quantity = batch;
        }
        if self.max_quantity > self.capacity {
            self.max_quantity = self.capacity;
        }
        self
    }
}

/// What makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum InvalidConfig {
    /// A batch of no items would leave all the time.
    ZeroQuantity,
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch must have room for an item")
    }
}

impl Error for InvalidConfig {}
