//! [`Chunks`]: what bags are made of: deadlines in order of arrival, a few at a time.
//!
//! What stands side by side in a bag stands side by side in memory, so that a bag is sorted without waiting for a
//! cache miss per deadline, as a list of single ones would.

use super::{NEVER, Spot};
use crate::slab::NONE;
use crate::storage::{Buffer, Storage};

/// The bits of a spot that say where in a chunk it is.
pub(super) const OFFSET_BITS: u32 = 4;
const OFFSET: u32 = (1 << OFFSET_BITS) - 1;
/// How many records a chunk has: with its header they fill three cache lines.
const RECORDS: usize = 15;
/// There are spots for so many.
pub(super) const MAX_CHUNKS: u32 = 1 << (Spot::PART.trailing_zeros() - OFFSET_BITS);

/// A list of chunks; both are `NONE` if it is empty.
#[derive(Clone, Copy)]
pub(super) struct Bag {
    pub(super) head: u32,
    pub(super) tail: u32,
}

impl Bag {
    pub(super) const EMPTY: Self = Self { head: NONE, tail: NONE };
}

/// Where in all chunks a record is.
#[inline]
pub(super) const fn spot(id: u32, offset: u32) -> u32 {
    id << OFFSET_BITS | offset & OFFSET
}

/// A deadline, and whose it is; one that has been taken out has no deadline.
#[derive(Clone, Copy)]
pub(super) struct Record {
    low: u32,
    high: u32,
    pub(super) place: u32,
}

impl Record {
    const GONE: Self = Self::new(NEVER, NONE);

    #[expect(clippy::cast_possible_truncation, reason = "halves")]
    const fn new(deadline: u64, place: u32) -> Self {
        Self { low: deadline as u32, high: (deadline >> 32) as u32, place }
    }

    #[inline]
    pub(super) const fn deadline(&self) -> u64 {
        self.low as u64 | (self.high as u64) << 32
    }
}

#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Chunk {
    /// The neighbours in the bag, or `NONE`.
    pub(super) before: u32,
    pub(super) behind: u32,
    pub(super) bag: u16,
    /// How many records are in use, those included that are gone; the last of them is not.
    len: u8,
    live: u8,
    records: [Record; RECORDS],
}

impl Chunk {
    const fn new() -> Self {
        Self { before: NONE, behind: NONE, bag: 0, len: 0, live: 0, records: [Record::GONE; RECORDS] }
    }

    #[inline]
    pub(super) const fn has_room(&self) -> bool {
        (self.len as usize) < RECORDS
    }

    /// Answers the offset, or `None` if there is no room.
    #[inline]
    pub(super) fn push(&mut self, deadline: u64, place: u32) -> Option<u32> {
        let offset = self.len;
        *self.records.get_mut(offset as usize)? = Record::new(deadline, place);
        self.len += 1;
        self.live += 1;
        Some(u32::from(offset))
    }

    /// Takes a record out.
    #[inline]
    pub(super) fn erase(&mut self, spot: u32) {
        if let Some(record) = self.records.get_mut((spot & OFFSET) as usize) {
            *record = Record::GONE;
        }
        self.live -= 1;
    }

    /// The same, and makes room if it was at the end; `false` if it was the last one.
    #[inline]
    pub(super) fn take(&mut self, spot: u32) -> bool {
        self.erase(spot);
        if self.live == 0 {
            return false;
        }
        let offset = (spot & OFFSET) as usize;
        if offset + 1 == self.len as usize {
            while self.all_records().last().is_some_and(|record| record.deadline() == NEVER) {
                self.len -= 1;
            }
        }
        true
    }

    /// The first deadline, whose it is, and where. Of equal ones, the one that came first.
    #[inline]
    pub(super) fn first(&self) -> (u64, u32, u32) {
        let mut first = (NEVER, NONE, 0);
        for (offset, record) in (0..).zip(self.all_records()) {
            if record.deadline() < first.0 {
                first = (record.deadline(), record.place, offset);
            }
        }
        first
    }

    /// Those that are there.
    #[inline]
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.all_records().iter().filter(|record| record.deadline() != NEVER)
    }

    #[inline]
    pub(super) fn all_records(&self) -> &[Record] {
        self.records.get(..self.len as usize).unwrap_or(&self.records)
    }

    pub(super) fn record(&self, spot: u32) -> Option<&Record> {
        self.records.get((spot & OFFSET) as usize)
    }

    /// How many are there.
    #[inline]
    pub(super) const fn live(&self) -> usize {
        self.live as usize
    }
}

/// All chunks: those in bags, and those that are free.
pub(super) struct Chunks<S: Storage> {
    all: S::Bulk<Chunk>,
    /// The first of those that were in a bag and are free, or `NONE`; `behind` is the next.
    free: u32,
    /// This one and all behind it are free as well.
    fresh: u32,
}

impl<S: Storage> Chunks<S> {
    pub(super) const fn new() -> Self {
        Self { all: <S::Bulk<Chunk> as Buffer<Chunk>>::EMPTY, free: NONE, fresh: 0 }
    }

    #[inline]
    pub(super) fn at(&self, id: u32) -> Option<&Chunk> {
        self.all.as_slice().get(id as usize)
    }

    #[inline]
    pub(super) fn at_mut(&mut self, id: u32) -> Option<&mut Chunk> {
        self.all.as_mut_slice().get_mut(id as usize)
    }

    #[cfg(all(test, feature = "alloc"))]
    pub(super) fn len(&self) -> usize {
        self.all.as_slice().len()
    }

    /// From this one on.
    pub(super) fn list(&self, head: u32) -> impl Iterator<Item = &Chunk> {
        core::iter::successors(self.at(head), |chunk| self.at(chunk.behind))
    }

    /// Frees all in order of their numbers. To be called only when no bag has any.
    #[inline]
    pub(super) fn rewind(&mut self) {
        (self.free, self.fresh) = (NONE, 0);
    }

    /// Takes a free one, for the end of a bag whose last one so far is `tail`; `None` if there is no room.
    pub(super) fn link(&mut self, bag: u16, tail: u32) -> Option<u32> {
        let mut id = self.free;
        if let Some(free) = self.at(id) {
            self.free = free.behind;
        } else {
            id = self.fresh;
            let is_new = id as usize >= self.all.as_slice().len();
            if is_new && (id >= MAX_CHUNKS || self.all.push(Chunk::new()).is_err()) {
                return None;
            }
            self.fresh += 1;
        }
        let chunk = self.at_mut(id)?;
        (chunk.before, chunk.behind, chunk.bag, chunk.len, chunk.live) = (tail, NONE, bag, 0, 0);
        if let Some(last) = self.at_mut(tail) {
            last.behind = id;
        }
        Some(id)
    }

    /// Gives a whole list to another bag.
    pub(super) fn rename(&mut self, list: Bag, bag: u16) {
        let mut id = list.head;
        while let Some(chunk) = self.at_mut(id) {
            chunk.bag = bag;
            id = chunk.behind;
        }
    }

    /// Frees a whole list.
    pub(super) fn free(&mut self, list: Bag) {
        let free = self.free;
        if let Some(tail) = self.at_mut(list.tail) {
            tail.behind = free;
            self.free = list.head;
        }
    }

    /// Takes one out of its bag and frees it; answers what is left of the bag.
    #[inline]
    pub(super) fn unlink(&mut self, id: u32, mut bag: Bag) -> Bag {
        let free = self.free;
        let Some(chunk) = self.at_mut(id) else { return bag };
        let (before, behind) = (chunk.before, chunk.behind);
        chunk.behind = free;
        self.free = id;
        match self.at_mut(before) {
            Some(chunk) => chunk.behind = behind,
            None => bag.head = behind,
        }
        match self.at_mut(behind) {
            Some(chunk) => chunk.before = before,
            None => bag.tail = before,
        }
        bag
    }
}
