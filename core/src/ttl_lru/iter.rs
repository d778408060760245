//! [`Iter`]: live entries in the order of their use.

use core::fmt;
use core::iter::FusedIterator;

use super::Timed;
use crate::Instant;
use crate::lru;
use crate::lru::table::Table;
use crate::storage::Storage;

/// The entries of a [`TtlLru`](super::TtlLru) that are live at some time, from the most to the least recent;
/// [`rev`](Iterator::rev) is the way back. Looking at them touches none.
pub struct Iter<'a, K, V, S: Storage> {
    all: lru::Iter<'a, K, Timed<V>, S>,
    now: Instant,
}

impl<'a, K, V, S: Storage> Iter<'a, K, V, S> {
    pub(super) fn new(table: &'a Table<K, Timed<V>, S>, now: Instant) -> Self {
        Self { all: lru::Iter::new(table), now }
    }
}

impl<'a, K, V, S: Storage> Iterator for Iter<'a, K, V, S> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, timed) = self.all.find(|(_, timed)| timed.is_live(self.now))?;
        Some((key, &timed.value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.all.len()))
    }
}

impl<K, V, S: Storage> DoubleEndedIterator for Iter<'_, K, V, S> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (key, timed) = self.all.rfind(|(_, timed)| timed.is_live(self.now))?;
        Some((key, &timed.value))
    }
}

impl<K, V, S: Storage> FusedIterator for Iter<'_, K, V, S> {}

impl<K, V, S: Storage> Clone for Iter<'_, K, V, S> {
    fn clone(&self) -> Self {
        Self { all: self.all.clone(), now: self.now }
    }
}

impl<K, V, S: Storage> fmt::Debug for Iter<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("now", &self.now).finish_non_exhaustive()
    }
}
