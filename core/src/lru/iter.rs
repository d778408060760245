//! [`Iter`]: entries in the order of their use.

use core::fmt;
use core::iter::FusedIterator;

use super::table::Table;
use crate::storage::Storage;

/// The entries of an [`Lru`](super::Lru), from the most to the least recent; [`rev`](Iterator::rev) is the way
/// back. Looking at them touches none.
pub struct Iter<'a, K, V, S: Storage> {
    table: &'a Table<K, V, S>,
    front: u32,
    back: u32,
    left: usize,
}

impl<'a, K, V, S: Storage> Iter<'a, K, V, S> {
    pub(crate) fn new(table: &'a Table<K, V, S>) -> Self {
        Self { table, front: table.newest(), back: table.oldest(), left: table.len() }
    }
}

impl<'a, K, V, S: Storage> Iterator for Iter<'a, K, V, S> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let node = self.table.at(self.front)?;
        self.front = self.table.older(self.front);
        Some((&node.key, &node.value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V, S: Storage> DoubleEndedIterator for Iter<'_, K, V, S> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let node = self.table.at(self.back)?;
        self.back = self.table.newer(self.back);
        Some((&node.key, &node.value))
    }
}

impl<K, V, S: Storage> ExactSizeIterator for Iter<'_, K, V, S> {}
impl<K, V, S: Storage> FusedIterator for Iter<'_, K, V, S> {}

impl<K, V, S: Storage> Clone for Iter<'_, K, V, S> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<K, V, S: Storage> fmt::Debug for Iter<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.left).finish_non_exhaustive()
    }
}
