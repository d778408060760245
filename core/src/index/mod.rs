//! [`HashIndex`]: finds places by the hash of what stands there.
//!
//! It knows neither keys nor hashers: a table keeps the hash beside each key. So a change of the index runs no
//! foreign code; only the question whether a key is the one sought does, and asking it changes nothing.

#[cfg(feature = "alloc")]
mod buckets;
mod chains;
#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(feature = "alloc")]
pub(crate) use buckets::Buckets;
pub(crate) use chains::Chains;

/// Finds places, numbered from zero, by the hash of what stands there.
///
/// Every place is filed under one hash, which whoever files it keeps: it is asked for when something changes.
pub trait HashIndex {
    /// Nothing is filed, and nothing allocated.
    const EMPTY: Self;

    /// The place filed under `hash` of which `is_sought` says so. Of places filed under other hashes it may be
    /// asked in vain.
    fn find(&self, hash: u32, is_sought: impl FnMut(u32) -> bool) -> Option<u32>;

    /// Makes room for the places below `places`. `filed` are the hashes of the places in use, from zero on.
    fn reserve(&mut self, places: usize, filed: impl Iterator<Item = u32>);

    /// Files a place for which there is room.
    fn insert(&mut self, hash: u32, place: u32);

    /// Takes a place out that is filed under `hash`.
    fn remove(&mut self, hash: u32, place: u32);

    /// Takes all places out, and keeps the room.
    fn clear(&mut self);
}
