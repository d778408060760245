//! [`Agenda`]: the lines of a shard by when each is due, in a heap that knows where each of them stands.

use crate::Instant;
use crate::slab::NONE;
use crate::storage::{Buffer, Storage};

#[derive(Clone, Copy)]
struct Item {
    due: Instant,
    line: u32,
}

/// Lines by when they are due; each at most once.
pub(super) struct Agenda<V: Storage> {
    /// None is due before the one above it.
    items: V::Buffer<Item>,
    /// By line: where it stands among the items, or `NONE`.
    ranks: V::Buffer<u32>,
}

impl<V: Storage> Agenda<V> {
    pub(super) const fn new() -> Self {
        Self { items: <V::Buffer<Item> as Buffer<Item>>::EMPTY, ranks: <V::Buffer<u32> as Buffer<u32>>::EMPTY }
    }

    /// When the first is due, and which it is.
    pub(super) fn first(&self) -> Option<(Instant, u32)> {
        self.items.as_slice().first().map(|item| (item.due, item.line))
    }

    /// Notes when a line is due, whether it stands here already or not. The storage has room for so many lines.
    pub(super) fn set(&mut self, line: u32, due: Instant) {
        while self.ranks.as_slice().len() <= line as usize {
            if self.ranks.push(NONE).is_err() {
                unreachable!("there are no more lines than there is room for");
            }
        }
        let mut rank = self.ranks.as_slice()[line as usize] as usize;
        if let Some(item) = self.items.as_mut_slice().get_mut(rank) {
            item.due = due;
        } else {
            rank = self.items.as_slice().len();
            if self.items.push(Item { due, line }).is_err() {
                unreachable!("there are no more lines than there is room for");
            }
        }
        self.restore(rank);
    }

    /// When a line is due that stands here.
    #[cfg(debug_assertions)]
    pub(super) fn due(&self, line: u32) -> Instant {
        let rank = self.ranks.as_slice().get(line as usize).map_or(NONE, |rank| *rank);
        self.items.as_slice().get(rank as usize).map_or(Instant::MAX, |item| item.due)
    }

    /// Takes a line out.
    pub(super) fn remove(&mut self, line: u32) {
        let Some(rank) = self.ranks.as_mut_slice().get_mut(line as usize) else { return };
        let vacated = core::mem::replace(rank, NONE) as usize;
        if self.items.swap_remove(vacated).is_some() && vacated < self.items.as_slice().len() {
            self.restore(vacated);
        }
    }

    /// Puts the item of this rank where it belongs.
    fn restore(&mut self, mut rank: usize) {
        let items = self.items.as_mut_slice();
        while rank > 0 && items[rank].due < items[(rank - 1) / 2].due {
            let above = (rank - 1) / 2;
            items.swap(rank, above);
            note(self.ranks.as_mut_slice(), items, rank);
            rank = above;
        }
        loop {
            let below = 2 * rank + 1;
            let first = (below..items.len().min(below + 2)).min_by_key(|&rank| items[rank].due);
            let Some(first) = first.filter(|&first| items[first].due < items[rank].due) else { break };
            items.swap(rank, first);
            note(self.ranks.as_mut_slice(), items, rank);
            rank = first;
        }
        note(self.ranks.as_mut_slice(), items, rank);
    }

    /// Checks that the heap is one, and that each line's rank is where it stands; answers how many there are.
    #[cfg(debug_assertions)]
    pub(super) fn check(&self) -> usize {
        let items = self.items.as_slice();
        for (rank, item) in items.iter().enumerate() {
            debug_assert!(rank == 0 || items[(rank - 1) / 2].due <= item.due, "none before the one above");
            debug_assert_eq!(self.ranks.as_slice()[item.line as usize] as usize, rank, "each knows its rank");
        }
        items.len()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "no more than there are lines")]
fn note(ranks: &mut [u32], items: &[Item], rank: usize) {
    ranks[items[rank].line as usize] = rank as u32;
}
