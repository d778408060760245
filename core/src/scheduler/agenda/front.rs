//! [`Front`]: what is in a bag whose time has come, in order.
//!
//! It is an order only: deadlines stay where they stand, so their spots hold. Their chunks get no others, and come free
//! together when all that they had is gone.

use super::NEVER;
use super::chunks::{self, Bag, Chunks, OFFSET_BITS};
use crate::slab::NONE;
use crate::storage::Storage;

/// So many chunks are put in order at once, in a microsecond or two.
#[cfg(not(test))]
pub(super) const FEW: usize = 16;
#[cfg(test)]
pub(super) const FEW: usize = 2;
/// The lower bits of a key: in which chunk of the front, and where in that.
const INDEX_BITS: u32 = FEW.trailing_zeros() + OFFSET_BITS;

/// What chunks in the front have instead of the number of a bag.
pub(super) const FRONT: u16 = u16::MAX;

/// The first deadline, whose it is, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct First {
    pub(super) deadline: u64,
    pub(super) place: u32,
    pub(super) spot: u32,
}

pub(super) struct Front {
    /// In order. The upper bits say how long after the first one, the lower ones where, in order of arrival.
    keys: [u64; 1 << INDEX_BITS],
    /// Keys before this one are done with. Of the others, too, the deadlines may be gone.
    next: u16,
    len: u16,
    chunks: [u32; FEW],
    list: Bag,
}

impl Front {
    pub(super) const fn new() -> Self {
        Self { keys: [0; 1 << INDEX_BITS], next: 0, len: 0, chunks: [NONE; FEW], list: Bag::EMPTY }
    }

    /// Forgets what it has, and leaves the chunks to the caller.
    pub(super) const fn clear(&mut self) {
        (self.next, self.len, self.list) = (0, 0, Bag::EMPTY);
    }

    /// The first that is left. If none is, the chunks come free.
    #[inline]
    pub(super) fn seek<S: Storage>(&mut self, chunks: &mut Chunks<S>) -> Option<First> {
        while self.next < self.len {
            if let Some(first) = self.at(self.next, chunks) {
                return Some(first);
            }
            self.next += 1;
        }
        if self.list.head != NONE {
            chunks.free(self.list);
            self.clear();
        }
        None
    }

    /// The first that is left.
    pub(super) fn first<S: Storage>(&self, chunks: &Chunks<S>) -> Option<First> {
        (self.next..self.len).find_map(|rank| self.at(rank, chunks))
    }

    /// Checks that its keys are in order. Answers how many have deadlines, and the chunks in which these are.
    #[cfg(debug_assertions)]
    pub(super) fn check<S: Storage>(&self, chunks: &Chunks<S>) -> (usize, Bag) {
        let keys = self.keys.get(usize::from(self.next)..usize::from(self.len));
        debug_assert!(keys.is_some_and(<[u64]>::is_sorted), "the front is in order");
        ((self.next..self.len).filter_map(|rank| self.at(rank, chunks)).count(), self.list)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower bits are meant")]
    fn at<S: Storage>(&self, rank: u16, chunks: &Chunks<S>) -> Option<First> {
        let index = *self.keys.get(usize::from(rank))? as u32;
        let id = *self.chunks.get((index >> OFFSET_BITS) as usize % FEW)?;
        let record = chunks.at(id)?.record(index)?;
        let deadline = record.deadline();
        (deadline != NEVER).then(|| First { deadline, place: record.place, spot: chunks::spot(id, index) })
    }

    /// Puts a bag in order whose first deadline is `first`. `false`, and nothing has happened, if it has more than a
    /// few chunks or goes on for years. To be called only while nothing is left here.
    pub(super) fn fill<S: Storage>(&mut self, list: Bag, first: u64, chunks: &mut Chunks<S>) -> bool {
        let (mut len, mut id) = (0, list.head);
        for (number, noted) in (0..).zip(&mut self.chunks) {
            let Some(chunk) = chunks.at(id) else { break };
            for (offset, record) in (0..).zip(chunk.all_records()) {
                if record.deadline() == NEVER {
                    continue;
                }
                let behind = record.deadline() - first;
                let Some(key) = self.keys.get_mut(usize::from(len)) else { return false };
                if behind >> (u64::BITS - INDEX_BITS) != 0 {
                    return false;
                }
                *key = behind << INDEX_BITS | number << OFFSET_BITS | offset;
                len += 1;
            }
            (*noted, id) = (id, chunk.behind);
        }
        if id != NONE {
            return false;
        }
        let Some(keys) = self.keys.get_mut(..usize::from(len)) else { return false };
        keys.sort_unstable();
        (self.next, self.len, self.list) = (0, len, list);
        chunks.rename(list, FRONT);
        true
    }
}
