//! [`Displaced`]: what had to go.

/// What had to go for something else: handed out, so that it is dropped where the caller wants it to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Displaced<K, V> {
    /// The value that the same key had before. The key is the one passed; the one that was there stays.
    Replaced(K, V),
    /// An entry that went to make room; or, where the capacity is 0, what was to be inserted.
    Evicted(K, V),
    /// An entry whose time was up. Only a [`TtlLru`](crate::ttl_lru::TtlLru) has those.
    Expired(K, V),
}

impl<K, V> Displaced<K, V> {
    /// Key and value, whatever the reason.
    #[must_use]
    pub fn into_entry(self) -> (K, V) {
        match self {
            Self::Replaced(key, value) | Self::Evicted(key, value) | Self::Expired(key, value) => (key, value),
        }
    }
}
