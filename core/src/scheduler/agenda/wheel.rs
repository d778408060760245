//! [`Wheel`]: deadlines from a base on, to the nanosecond, in O(1).
//!
//! # How it works
//!
//! It is a radix heap with six bits to a digit. A deadline stands in the *bag* of the highest digit in which it
//! differs from the base, and of what that digit is: eleven levels of 64 bags. So the first bag of the lowest level
//! in use has the first deadlines, and a word of bits per level finds it: there are no ticks, and nothing is done
//! for times at which nothing is due.
//!
//! A bag is a list of [chunks](super::chunks), in order of arrival. Nothing is done with it before its time has come.
//! Then, if it has a few chunks, their deadlines are put in order where they stand: they are the [front](super::front).
//! If it has more, it is sorted into the bags below. In either case its first deadline, or its start if that is not known,
//! becomes the new base. A deadline moves at most ten times in its life, and as a rule once or twice. The base never
//! runs ahead of the clock, and new deadlines lie behind it; those that come before the front are in bags below.
//!
//! Equal deadlines are in one bag or in the front at any time, or the older ones in front; and whatever is moved is moved
//! in order: first come, first out.
//!
//! # Invariants
//!
//! 1. No deadline lies before the base, and each is in the bag that it and the base demand; or in the front; or in the
//!    bag that is being sorted, if that is at a higher level.
//! 2. `occupied` and `levels` have the bits of the bags and of the levels that are not empty.
//! 3. The spot of each place says where its deadline stands; there are `len` of them.

use super::chunks::{self, Bag, Chunk, Chunks, OFFSET_BITS, Record};
use super::front::{FEW, FRONT, First, Front};
use super::{Spot, note};
use crate::slab::NONE;
use crate::storage::{Buffer, Storage};

const DIGIT: u32 = 6;
const LEVELS: usize = 11;
/// Numbered by level, and then by digit.
const BAGS: usize = LEVELS << DIGIT;
/// Bags below this number hold equal deadlines.
const EQUAL: u16 = 1 << DIGIT;

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
    front: Front,
}

impl Rim {
    const fn new() -> Self {
        Self {
            bags: [Bag::EMPTY; BAGS],
            occupied: [0; LEVELS],
            levels: 0,
            sorting: 0,
            len: 0,
            base: 0,
            front: Front::new(),
        }
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
            rim.front.clear();
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
        let bag = chunk.bag;
        // The front frees its chunks itself.
        if bag == FRONT {
            chunk.erase(spot);
        } else if !chunk.take(spot) {
            let rest = self.chunks.unlink(id, rim.bag(bag));
            rim.set_bag(bag, rest);
        }
    }

    /// Looks for the first deadline; if it may have come by `now`, in at most `steps` steps of sorting.
    #[inline]
    pub(super) fn seek(&mut self, now: u64, steps: u32, spots: &mut [Spot]) -> Sought {
        let Some(rim) = self.rim.as_mut_slice().first_mut() else { return Sought::Nothing };
        if rim.len == 0 {
            return Sought::Nothing;
        }
        let front = rim.front.seek(&mut self.chunks);
        if let Some(front) = front
            && rim.sorting == 0
            && rim.first_bag().is_none_or(|bag| front.deadline <= rim.start_of(bag))
        {
            return exact(front);
        }
        self.sort(front, now, steps, spots)
    }

    /// Sorts the first bag into those below, and so on, until the first deadline is found: in a bag or in front.
    fn sort(&mut self, front: Option<First>, now: u64, steps: u32, spots: &mut [Spot]) -> Sought {
        let Some(rim) = self.rim.as_mut_slice().first_mut() else { return Sought::Nothing };
        for _ in 0..steps {
            if rim.sorting == 0 || rim.bag(rim.sorting).head == NONE {
                rim.sorting = 0;
                let Some(bag) = rim.first_bag() else { return front.map_or(Sought::Nothing, exact) };
                let sorted = sorted(rim, &self.chunks, bag);
                let start = sorted.map_or_else(|| start(rim, &self.chunks, bag), |first| first.deadline);
                // Of equal ones, those in front came before.
                if let Some(first) = front.filter(|front| front.deadline <= start).or(sorted) {
                    return exact(first);
                }
                if start > now {
                    return Sought::NotBefore(start);
                }
                rim.base = start;
                let list = rim.bag(bag);
                if front.is_none() && rim.front.fill(list, start, &mut self.chunks) {
                    rim.set_bag(bag, Bag::EMPTY);
                    return rim.front.first(&self.chunks).map_or(Sought::Nothing, exact);
                }
                rim.sorting = bag;
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
        let front = rim.front.first(&self.chunks).map(|first| first.deadline);
        let bound_of = |bag| if rim.sorting == 0 { start(rim, &self.chunks, bag) } else { rim.base };
        super::earlier(front, rim.first_bag().map(bound_of))
    }

    /// The first deadline.
    pub(super) fn first(&self) -> Option<u64> {
        let rim = self.rim()?;
        let front = rim.front.first(&self.chunks).map(|first| first.deadline);
        let first_in = |bag| self.chunks.list(rim.bag(bag).head).map(|chunk| chunk.first().0).min();
        let first = rim.first_bag().and_then(first_in);
        let unsorted = if rim.sorting == 0 { None } else { first_in(rim.sorting) };
        super::earlier(front, super::earlier(first, unsorted))
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
            let head = rim.bags[number].head;
            let occupied = rim.occupied[number >> DIGIT];
            debug_assert_eq!(occupied & 1 << (bag & 63) != 0, head != NONE, "invariant 2");
            debug_assert_eq!(rim.levels & 1 << (bag >> DIGIT) != 0, occupied != 0, "invariant 2");
            seen += self.check_list(rim, rim.bags[number], bag, spots);
        }
        let (live, front) = rim.front.check(&self.chunks);
        debug_assert_eq!(live, self.check_list(rim, front, FRONT, spots), "invariant 3");
        seen += live;
        debug_assert_eq!(seen, rim.len as usize, "invariant 3");
        seen
    }

    #[cfg(debug_assertions)]
    fn check_list(&self, rim: &Rim, list: Bag, bag: u16, spots: &[Spot]) -> usize {
        let (mut id, mut before, mut seen) = (list.head, NONE, 0);
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
                debug_assert!(bag == FRONT || unsorted || demanded == bag, "invariant 1");
                debug_assert_eq!(spots[record.place as usize].within(), chunks::spot(id, offset), "invariant 3");
            }
            debug_assert!(live == chunk.live() && (live > 0 || bag == FRONT), "a chunk counts what it has");
            seen += live;
            (before, id) = (id, chunk.behind);
        }
        debug_assert_eq!(before, list.tail, "a list has its end");
        seen
    }
}

#[inline]
const fn exact(First { deadline, place, spot }: First) -> Sought {
    Sought::Exact { deadline, place, spot: Spot(Spot::WHEEL | spot) }
}

/// The first one of a bag that needs no sorting: all in it are equal, or there is one only.
#[inline]
fn sorted<S: Storage>(rim: &Rim, chunks: &Chunks<S>, bag: u16) -> Option<First> {
    let Bag { head, tail } = rim.bag(bag);
    let chunk = chunks.at(head).filter(|chunk| bag < EQUAL || head == tail && chunk.live() == 1)?;
    let (deadline, place, offset) = chunk.first();
    Some(First { deadline, place, spot: chunks::spot(head, offset) })
}

/// No deadline in the bag lies before this; it is the first, unless there are many.
fn start<S: Storage>(rim: &Rim, chunks: &Chunks<S>, bag: u16) -> u64 {
    let mut list = chunks.list(rim.bag(bag).head);
    let mut first_of = |few| list.by_ref().take(few).map(|chunk| chunk.first().0).min();
    // Of equal ones, any is the first.
    if bag < EQUAL { first_of(1) } else { first_of(FEW).filter(|_| list.next().is_none()) }
        .unwrap_or_else(|| rim.start_of(bag))
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
    note(spots, place, Spot(Spot::WHEEL | chunks::spot(id, offset)));
    true
}
