//! [`Wheel`]: deadlines from a base on, to the nanosecond, in O(1).
//!
//! # How it works
//!
//! It is a radix heap with six bits to a digit. A deadline stands in the *bag* of the highest digit in which it
//! differs from the base, and of what that digit is: eleven levels of 64 bags. So the first bag of the lowest level
//! in use has the first deadlines, and a word of bits per level finds it: there are no ticks, and nothing is done
//! for times at which nothing is due.
//!
//! A bag is a list of [chunks](super::chunks), in order of arrival. In a bag of one chunk the first deadline is
//! found by looking at each. A larger one, once its time has come, is sorted: its start, or its first deadline if it is
//! not very large, becomes the new base, and what is in it goes to the bags below. A deadline moves at most ten times
//! in its life, and as a rule two or three times. Nothing is moved before its time, so the base never runs ahead of the
//! clock, and new deadlines lie behind it.
//!
//! Equal deadlines are in one bag at any time, and whatever is moved is moved in order: first come, first out.
//!
//! # Invariants
//!
//! 1. No deadline lies before the base, and each is in the bag that it and the base demand; or in the bag that is
//!    being sorted, if that is at a higher level.
//! 2. `occupied` and `levels` have the bits of the bags and of the levels that are not empty.
//! 3. The spot of each place says where its deadline stands; there are `len` of them.

use super::chunks::{Chunk, Chunks, OFFSET_BITS, Record};
use super::{Spot, note};
use crate::slab::NONE;
use crate::storage::{Buffer, Storage};

const DIGIT: u32 = 6;
const LEVELS: usize = 11;
/// Numbered by level, and then by digit.
const BAGS: usize = LEVELS << DIGIT;
/// Bags below this number hold equal deadlines.
const EQUAL: u16 = 1 << DIGIT;
/// So many chunks of a bag are looked through for its first deadline. If there are more, its start has to do.
const FEW: usize = 8;

/// What was found when the first deadline was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scheduler) enum Sought {
    /// There is none.
    Nothing,
    /// This is it. `spot` is good until something changes.
    Exact { deadline: u64, place: u32, spot: Spot },
    /// It is not before this time, which has not come.
    NotBefore(u64),
    /// It is not before this time, and will be found if one looks again: the steps were used up.
    Unsorted(u64),
}

impl Sought {
    /// Whether what is sought may be before `deadline`.
    #[inline]
    pub(super) const fn is_before(self, deadline: u64) -> bool {
        match self {
            Self::Nothing => false,
            Self::Exact { deadline: bound, .. } | Self::NotBefore(bound) | Self::Unsorted(bound) => {
                bound < deadline
            }
        }
    }
}

/// A list of chunks; both are `NONE` if it is empty.
#[derive(Clone, Copy)]
pub(super) struct Bag {
    pub(super) head: u32,
    pub(super) tail: u32,
}

impl Bag {
    const EMPTY: Self = Self { head: NONE, tail: NONE };
}

struct Rim {
    bags: [Bag; BAGS],
    /// By level, a bit per bag.
    occupied: [u64; LEVELS],
    /// A bit per level.
    levels: u16,
    /// The bag that is being sorted into those below, or zero.
    sorting: u16,
    len: u32,
    base: u64,
}

impl Rim {
    const fn new() -> Self {
        Self { bags: [Bag::EMPTY; BAGS], occupied: [0; LEVELS], levels: 0, sorting: 0, len: 0, base: 0 }
    }

    /// Where a deadline belongs that is not before the base.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "masked to six bits")]
    const fn bag_for(&self, deadline: u64) -> u16 {
        let highest = ((deadline ^ self.base) | 1).ilog2();
        // A sixth of it.
        let level = (highest * 43) >> 8;
        ((level << DIGIT) | ((deadline >> (level * DIGIT)) as u32 & 63)) as u16
    }

    /// No deadline in the bag lies before this.
    const fn start_of(&self, bag: u16) -> u64 {
        let shift = (bag >> DIGIT) as u32 * DIGIT;
        let above = match self.base.checked_shr(shift + DIGIT) {
            // Two shifts: one by 64 bits would be none.
            Some(above) => (above << DIGIT) << shift,
            None => 0,
        };
        above | ((bag as u64 & 63) << shift)
    }

    /// The one with the first deadlines, unless one is being sorted.
    #[inline]
    fn first_bag(&self) -> Option<u16> {
        let level = self.levels.trailing_zeros();
        let digit = self.occupied.get(level as usize)?.trailing_zeros();
        #[expect(clippy::cast_possible_truncation, reason = "fewer than 704")]
        Some((level << DIGIT | digit) as u16)
    }

    #[inline]
    fn bag(&self, bag: u16) -> Bag {
        self.bags.get(bag as usize).copied().unwrap_or(Bag::EMPTY)
    }

    #[inline]
    fn set_bag(&mut self, bag: u16, chunks: Bag) {
        let Some(slot) = self.bags.get_mut(bag as usize) else { return };
        let was_empty = slot.head == NONE;
        *slot = chunks;
        let is_empty = chunks.head == NONE;
        if was_empty == is_empty {
            return;
        }
        let level = bag >> DIGIT;
        let Some(occupied) = self.occupied.get_mut(level as usize) else { return };
        *occupied ^= 1 << (bag & 63);
        if is_empty && *occupied == 0 {
            self.levels &= !(1 << level);
        } else {
            self.levels |= 1 << level;
        }
    }
}

pub(super) struct Wheel<S: Storage> {
    /// One, made with the first deadline; none where storage is inline.
    rim: S::Bulk<Rim>,
    chunks: Chunks<S>,
}

impl<S: Storage> Wheel<S> {
    pub(super) const fn new() -> Self {
        Self { rim: <S::Bulk<Rim> as Buffer<Rim>>::EMPTY, chunks: Chunks::new() }
    }

    #[inline]
    fn rim(&self) -> Option<&Rim> {
        self.rim.as_slice().first()
    }

    /// `false` if it does not belong here: it is before the base, or there is no room.
    #[inline]
    pub(super) fn insert(&mut self, place: u32, deadline: u64, told: u64, spots: &mut [Spot]) -> bool {
        if <S::Bulk<Rim> as Buffer<Rim>>::CAPACITY == 0 {
            return false;
        }
        if self.rim.as_slice().is_empty() && self.rim.push(Rim::new()).is_err() {
            return false;
        }
        let Some(rim) = self.rim.as_mut_slice().first_mut() else { return false };
        if rim.len == 0 {
            (rim.base, rim.sorting) = (told.min(deadline), 0);
            self.chunks.rewind();
        } else if deadline < rim.base {
            return false;
        }
        let bag = rim.bag_for(deadline);
        // What is in the bag that is being sorted came before.
        let bag = if bag < rim.sorting & !63 { rim.sorting } else { bag };
        let filed = file(rim, &mut self.chunks, bag, place, deadline, spots);
        rim.len += u32::from(filed);
        filed
    }

    #[inline]
    pub(super) fn remove(&mut self, spot: u32) {
        let Some(rim) = self.rim.as_mut_slice().first_mut() else { return };
        let id = spot >> OFFSET_BITS;
        let Some(chunk) = self.chunks.at_mut(id) else { return };
        rim.len -= 1;
        if chunk.take(spot) {
            return;
        }
        let bag = chunk.bag;
        let rest = self.chunks.unlink(id, rim.bag(bag));
        rim.set_bag(bag, rest);
    }

    /// Looks for the first deadline; if it may have come by `now`, in at most `steps` steps of sorting.
    #[inline]
    pub(super) fn seek(&mut self, now: u64, steps: u32, spots: &mut [Spot]) -> Sought {
        let Some(rim) = self.rim.as_mut_slice().first_mut() else { return Sought::Nothing };
        if rim.len == 0 {
            return Sought::Nothing;
        }
        if rim.sorting == 0
            && let Some(bag) = rim.first_bag()
            && let Bag { head, tail } = rim.bag(bag)
            && (bag < EQUAL || head == tail)
            && let Some(chunk) = self.chunks.at(head)
        {
            let (deadline, place, offset) = chunk.first();
            return Sought::Exact { deadline, place, spot: spot_at(head, offset) };
        }
        self.sort(now, steps, spots)
    }

    /// Sorts the first bag into those below, and so on, until the first deadline is found.
    fn sort(&mut self, now: u64, steps: u32, spots: &mut [Spot]) -> Sought {
        let Some(rim) = self.rim.as_mut_slice().first_mut() else { return Sought::Nothing };
        for _ in 0..steps {
            if rim.sorting == 0 || rim.bag(rim.sorting).head == NONE {
                rim.sorting = 0;
                let Some(bag) = rim.first_bag() else { return Sought::Nothing };
                let Bag { head, tail } = rim.bag(bag);
                if let Some(chunk) = self.chunks.at(head)
                    && (bag < EQUAL || head == tail)
                {
                    let (deadline, place, offset) = chunk.first();
                    return Sought::Exact { deadline, place, spot: spot_at(head, offset) };
                }
                let start = start(rim, &self.chunks, bag);
                if start > now {
                    return Sought::NotBefore(start);
                }
                (rim.base, rim.sorting) = (start, bag);
            }
            let whole = rim.bag(rim.sorting);
            let Some(chunk) = self.chunks.at(whole.head).cloned() else { return Sought::Nothing };
            let rest = self.chunks.unlink(whole.head, whole);
            rim.set_bag(rim.sorting, rest);
            for record in chunk.records() {
                let deadline = record.deadline();
                let bag = rim.bag_for(deadline);
                let filed = file(rim, &mut self.chunks, bag, record.place, deadline, spots);
                debug_assert!(filed, "a chunk has just come free, and each record takes at most one");
            }
        }
        Sought::Unsorted(rim.base)
    }

    /// No deadline lies before this one; it is the first, unless many stand close together.
    pub(super) fn bound(&self) -> Option<u64> {
        let rim = self.rim()?;
        let bag = rim.first_bag()?;
        if rim.sorting != 0 {
            return Some(rim.base);
        }
        Some(start(rim, &self.chunks, bag))
    }

    /// The first deadline.
    pub(super) fn first(&self) -> Option<u64> {
        let rim = self.rim()?;
        let first_in = |bag| self.chunks.list(rim.bag(bag).head).map(|chunk| chunk.first().0).min();
        let first = first_in(rim.first_bag()?);
        let unsorted = if rim.sorting == 0 { None } else { first_in(rim.sorting) };
        super::earlier(first, unsorted)
    }

    pub(super) fn deadline(&self, spot: u32) -> Option<u64> {
        self.chunks.at(spot >> OFFSET_BITS)?.record(spot).map(Record::deadline)
    }

    #[cfg(all(test, feature = "alloc"))]
    pub(super) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    #[cfg(debug_assertions)]
    pub(super) fn check(&self, spots: &[Spot]) -> usize {
        let Some(rim) = self.rim() else { return 0 };
        let mut seen = 0;
        for number in 0..BAGS {
            #[expect(clippy::cast_possible_truncation, reason = "fewer than 704")]
            let bag = number as u16;
            let Bag { head, tail } = rim.bag(bag);
            let occupied = rim.occupied[number >> DIGIT];
            debug_assert_eq!(occupied & 1 << (bag & 63) != 0, head != NONE, "invariant 2");
            debug_assert_eq!(rim.levels & 1 << (bag >> DIGIT) != 0, occupied != 0, "invariant 2");
            let (mut id, mut before) = (head, NONE);
            while let Some(chunk) = self.chunks.at(id) {
                debug_assert_eq!((chunk.before, chunk.bag), (before, bag), "a list holds together");
                let mut live = 0;
                for (offset, record) in (0..).zip(chunk.all_records()) {
                    if record.deadline() == super::NEVER {
                        continue;
                    }
                    live += 1;
                    let demanded = rim.bag_for(record.deadline());
                    let unsorted = bag == rim.sorting && demanded < bag & !63;
                    debug_assert!(record.deadline() >= rim.base, "invariant 1");
                    debug_assert!(unsorted || demanded == bag, "invariant 1");
                    debug_assert_eq!(spots[record.place as usize], spot_at(id, offset), "invariant 3");
                }
                debug_assert!(live > 0 && live == chunk.live(), "a chunk counts what it has");
                seen += live;
                (before, id) = (id, chunk.behind);
            }
            debug_assert_eq!(before, tail, "a list has its end");
        }
        debug_assert_eq!(seen, rim.len as usize, "invariant 3");
        seen
    }
}

#[inline]
const fn spot_at(id: u32, offset: u32) -> Spot {
    Spot(Spot::WHEEL | id << OFFSET_BITS | offset)
}

/// No deadline in the bag lies before this; it is the first, unless there are many.
fn start<S: Storage>(rim: &Rim, chunks: &Chunks<S>, bag: u16) -> u64 {
    let mut list = chunks.list(rim.bag(bag).head);
    let first = list.by_ref().take(FEW).map(|chunk| chunk.first().0).min();
    match first {
        // In a bag of equal ones, the first is any.
        Some(first) if bag < EQUAL || list.next().is_none() => first,
        _ => rim.start_of(bag),
    }
}

/// Puts a deadline at the end of a bag; `false` if there is no room.
#[inline]
fn file<S: Storage>(
    rim: &mut Rim,
    chunks: &mut Chunks<S>,
    bag: u16,
    place: u32,
    deadline: u64,
    spots: &mut [Spot],
) -> bool {
    let list = rim.bag(bag);
    let mut id = list.tail;
    if !chunks.at(id).is_some_and(Chunk::has_room) {
        match chunks.link(bag, id) {
            Some(fresh) => id = fresh,
            None => return false,
        }
        rim.set_bag(bag, Bag { head: if list.head == NONE { id } else { list.head }, tail: id });
    }
    let Some(offset) = chunks.at_mut(id).and_then(|chunk| chunk.push(deadline, place)) else { return false };
    note(spots, place, spot_at(id, offset));
    true
}
