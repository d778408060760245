//! [`Heap`]: any deadline at any time, in O(log n).
//!
//! Four below each, so that what is compared lies together. Among equal deadlines the earlier number goes first;
//! should the numbers run out, all are given new ones in the same order.
//!
//! # Invariants
//!
//! 1. None comes before the one above it, by deadline and then by number.
//! 2. The spot of each place says its rank.

use super::{Spot, note};
use crate::storage::{Buffer, Storage};

const BELOW: usize = 4;

#[derive(Clone, Copy)]
struct Item {
    deadline: u64,
    /// Among equal deadlines, the order of arrival.
    number: u32,
    place: u32,
}

impl Item {
    const fn key(&self) -> (u64, u32) {
        (self.deadline, self.number)
    }
}

/// Deadlines in a heap, which is part `PART` of an agenda.
pub(super) struct Heap<S: Storage, const PART: u32> {
    items: S::Buffer<Item>,
    next_number: u32,
}

impl<S: Storage, const PART: u32> Heap<S, PART> {
    pub(super) const fn new() -> Self {
        Self { items: <S::Buffer<Item> as Buffer<Item>>::EMPTY, next_number: 0 }
    }

    /// The first deadline, and whose it is.
    #[inline]
    pub(super) fn first(&self) -> Option<(u64, u32)> {
        self.items.as_slice().first().map(|item| (item.deadline, item.place))
    }

    pub(super) fn deadline(&self, rank: u32) -> Option<u64> {
        self.items.as_slice().get(rank as usize).map(|item| item.deadline)
    }

    /// `false` if there is no room.
    pub(super) fn insert(&mut self, place: u32, deadline: u64, spots: &mut [Spot]) -> bool {
        if self.items.as_slice().is_empty() {
            self.next_number = 0;
        } else if self.next_number == u32::MAX {
            self.renumber(spots);
        }
        let rank = self.items.as_slice().len();
        if self.items.push(Item { deadline, number: self.next_number, place }).is_err() {
            return false;
        }
        self.next_number += 1;
        self.rise(rank, spots);
        true
    }

    pub(super) fn remove(&mut self, rank: u32, spots: &mut [Spot]) {
        let rank = rank as usize;
        let Some(removed) = self.items.swap_remove(rank) else { return };
        if let Some(moved) = self.items.as_slice().get(rank) {
            if moved.key() < removed.key() {
                self.rise(rank, spots);
            } else {
                self.sink(rank, spots);
            }
        }
    }

    /// Gives out the numbers anew. In order is a heap, too.
    #[cold]
    fn renumber(&mut self, spots: &mut [Spot]) {
        let items = self.items.as_mut_slice();
        items.sort_unstable_by_key(Item::key);
        self.next_number = 0;
        for (rank, item) in items.iter_mut().enumerate() {
            item.number = self.next_number;
            self.next_number += 1;
            note(spots, item.place, Self::spot(rank));
        }
    }

    #[cfg(test)]
    pub(super) fn set_next_number(&mut self, number: u32) {
        self.next_number = number;
    }

    #[expect(clippy::cast_possible_truncation, reason = "no more items than places")]
    pub(super) const fn spot(rank: usize) -> Spot {
        Spot(PART | rank as u32)
    }

    /// Moves an item up that may come before those above it.
    fn rise(&mut self, mut rank: usize, spots: &mut [Spot]) {
        let items = self.items.as_mut_slice();
        while rank > 0 {
            let above = (rank - 1) / BELOW;
            if items[above].key() < items[rank].key() {
                break;
            }
            items.swap(above, rank);
            note(spots, items[rank].place, Self::spot(rank));
            rank = above;
        }
        note(spots, items[rank].place, Self::spot(rank));
    }

    /// Moves an item down that may come after those below it.
    fn sink(&mut self, mut rank: usize, spots: &mut [Spot]) {
        let items = self.items.as_mut_slice();
        loop {
            let below = BELOW * rank + 1;
            let first = (below..items.len().min(below + BELOW)).min_by_key(|&rank| items[rank].key());
            let Some(first) = first.filter(|&first| items[first].key() < items[rank].key()) else { break };
            items.swap(first, rank);
            note(spots, items[rank].place, Self::spot(rank));
            rank = first;
        }
        note(spots, items[rank].place, Self::spot(rank));
    }

    #[cfg(debug_assertions)]
    pub(super) fn check(&self, spots: &[Spot]) -> usize {
        let items = self.items.as_slice();
        for (rank, item) in items.iter().enumerate() {
            debug_assert!(rank == 0 || items[(rank - 1) / BELOW].key() < item.key(), "invariant 1");
            debug_assert_eq!(spots[item.place as usize], Self::spot(rank), "invariant 2");
        }
        items.len()
    }
}
