//! [`Ends`]: when each lockout ends, and which ends last.
//!
//! A binary heap of places in a slab, the latest end on top; each entry knows where in the heap it stands, so
//! that any of them can be taken out. What is over while a longer lockout lasts stays for a while: it is swept
//! out when its room is needed, or once it may be half of all there is.

use crate::slab::{Key, Slab};
use crate::storage::{Buffer, Storage};
use crate::time::Instant;

/// Fewer than so many are not worth sweeping for.
const FEW: usize = 8;

pub(super) struct Ends<S: Storage> {
    entries: Slab<Entry, S>,
    /// The first `len` elements are the heap: places of entries, none of which ends after the one above it.
    heap: S::Buffer<u32>,
    len: usize,
    /// Nothing ends before.
    earliest: Instant,
    /// At so many it is time to sweep.
    many: usize,
}

struct Entry {
    end: Instant,
    /// Where in the heap it stands.
    rank: usize,
}

/// Whether a lockout until `end` is over at `now`; the last instant there is never comes.
pub(super) fn is_over(end: Instant, now: Instant) -> bool {
    end <= now && end != Instant::MAX
}

impl<S: Storage> Ends<S> {
    pub(super) const fn new() -> Self {
        let heap = <S::Buffer<u32> as Buffer<u32>>::EMPTY;
        Self { entries: Slab::new(), heap, len: 0, earliest: Instant::MAX, many: FEW }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The last end.
    pub(super) fn latest(&self) -> Option<Instant> {
        if self.len == 0 { None } else { self.end_at(0) }
    }

    /// Adds an end; `None` if the storage is full of lockouts that are not over at `now`.
    pub(super) fn insert(&mut self, end: Instant, now: Instant) -> Option<Key> {
        if self.len >= self.many {
            self.sweep(now);
        }
        let key = match self.entries.insert(Entry { end, rank: self.len }) {
            Ok(key) => key,
            Err(entry) => {
                self.sweep(now);
                self.entries.insert(Entry { rank: self.len, ..entry }).ok()?
            }
        };
        let rank = self.len;
        if let Some(place) = self.heap.as_mut_slice().get_mut(rank) {
            *place = key.index;
        } else if self.heap.push(key.index).is_err() {
            // Both are of the same size, so the entries were full first.
            self.entries.remove(key.index);
            return None;
        }
        self.len += 1;
        self.earliest = self.earliest.min(end);
        self.rise(rank);
        self.check();
        Some(key)
    }

    /// Takes an end out, if it is there.
    pub(super) fn remove(&mut self, key: Key) -> Option<Instant> {
        let index = self.entries.index_of(key)?;
        let Entry { end, rank } = self.entries.remove(index)?;
        self.len -= 1;
        let last = self.len;
        self.heap.as_mut_slice().swap(rank, last);
        if rank < last {
            self.settle_at(rank);
            self.rise(rank);
            self.sink(rank);
        }
        self.check();
        Some(end)
    }

    /// Takes all out.
    pub(super) fn clear(&mut self) {
        for &place in &self.heap.as_slice()[..self.len] {
            self.entries.vacate(place);
        }
        self.len = 0;
        self.earliest = Instant::MAX;
        self.many = FEW;
    }

    /// Takes out what is over at `now`.
    fn sweep(&mut self, now: Instant) {
        if is_over(self.earliest, now) {
            let mut kept = 0;
            self.earliest = Instant::MAX;
            for rank in 0..self.len {
                let place = self.heap.as_slice()[rank];
                match self.entries.at(place).map(|entry| entry.end) {
                    Some(end) if !is_over(end, now) => {
                        self.earliest = self.earliest.min(end);
                        self.heap.as_mut_slice()[kept] = place;
                        kept += 1;
                    }
                    _ => self.entries.vacate(place),
                }
            }
            self.len = kept;
            for rank in 0..kept {
                self.settle_at(rank);
            }
            for rank in (0..kept / 2).rev() {
                self.sink(rank);
            }
            self.check();
        }
        self.many = self.len.saturating_mul(2).max(FEW);
    }

    fn end_at(&self, rank: usize) -> Option<Instant> {
        self.entries.at(*self.heap.as_slice().get(rank)?).map(|entry| entry.end)
    }

    /// Tells the entry at `rank` where it stands.
    fn settle_at(&mut self, rank: usize) {
        if let Some(entry) = self.heap.as_slice().get(rank).and_then(|&place| self.entries.at_mut(place)) {
            entry.rank = rank;
        }
    }

    fn exchange(&mut self, one: usize, other: usize) {
        self.heap.as_mut_slice().swap(one, other);
        self.settle_at(one);
        self.settle_at(other);
    }

    /// Moves an end up that may be later than those above it.
    fn rise(&mut self, mut rank: usize) {
        while rank > 0 {
            let above = (rank - 1) / 2;
            if self.end_at(rank) <= self.end_at(above) {
                return;
            }
            self.exchange(rank, above);
            rank = above;
        }
    }

    /// Moves an end down that may be earlier than those below it.
    fn sink(&mut self, mut rank: usize) {
        loop {
            let below = 2 * rank + 1;
            let Some(later) = (below..self.len.min(below + 2)).max_by_key(|&rank| self.end_at(rank)) else {
                return;
            };
            if self.end_at(later) <= self.end_at(rank) {
                return;
            }
            self.exchange(rank, later);
            rank = later;
        }
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks that nothing ends after what is above it, nor before the earliest, and that all know their ranks.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        if self.len > 64 {
            return;
        }
        for rank in 0..self.len {
            let entry = self.entries.at(self.heap.as_slice()[rank]);
            debug_assert!(entry.is_some_and(|entry| entry.rank == rank), "all know their ranks");
            debug_assert!(self.end_at(rank) >= Some(self.earliest), "nothing ends before the earliest");
            debug_assert!(rank == 0 || self.end_at(rank) <= self.end_at((rank - 1) / 2), "the last is on top");
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeMap;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::Inline;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn what_is_over_makes_room_and_what_is_not_does_not() {
        let mut ends = Ends::<Inline<2>>::new();
        let long = ends.insert(at(100), at(0)).unwrap();
        let short = ends.insert(at(5), at(0)).unwrap();
        assert!(ends.insert(at(50), at(4)).is_none());
        let third = ends.insert(at(50), at(5)).unwrap();
        assert_eq!((ends.remove(short), ends.latest()), (None, Some(at(100))));
        assert_eq!((ends.remove(long), ends.latest()), (Some(at(100)), Some(at(50))));
        assert_eq!((ends.remove(third), ends.latest()), (Some(at(50)), None));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn one_that_never_ends_does_not_let_the_rest_pile_up() {
        let mut ends = Ends::<crate::Heap>::new();
        ends.insert(Instant::MAX, at(0)).unwrap();
        for now in 0..10_000 {
            ends.insert(at(now + 3), at(now)).unwrap();
            assert!(ends.len <= 2 * FEW, "{} at {now}", ends.len);
        }
    }

    proptest! {
        #[test]
        fn the_latest_is_the_latest(steps in prop::collection::vec((0..3_u8, 0..40_u64, any::<prop::sample::Index>()), 0..120)) {
            let mut ends = Ends::<Inline<24>>::new();
            let mut naive: BTreeMap<u32, (Key, Instant)> = BTreeMap::new();
            for (step, end, which) in steps {
                if step < 2 {
                    if let Some(key) = ends.insert(at(1_000 + end), at(0)) {
                        prop_assert!(naive.insert(key.index, (key, at(1_000 + end))).is_none());
                    } else {
                        prop_assert_eq!(naive.len(), 24);
                    }
                } else if !naive.is_empty() {
                    let places: Vec<u32> = naive.keys().copied().collect();
                    let (key, end) = naive.remove(which.get(&places)).unwrap();
                    prop_assert_eq!(ends.remove(key), Some(end));
                    prop_assert_eq!(ends.remove(key), None);
                }
                prop_assert_eq!(ends.latest(), naive.values().map(|&(_, end)| end).max());
            }
            ends.clear();
            prop_assert_eq!(ends.latest(), None);
        }

        #[test]
        fn what_is_over_leaves_and_the_rest_stays_in_order(steps in prop::collection::vec((0..60_u64, 0..3_u64), 0..200)) {
            let (mut ends, mut naive, mut now) = (Ends::<Inline<24>>::new(), Vec::new(), 0);
            for (span, passes) in steps {
                now += passes;
                naive.retain(|&(_, end)| end > at(now));
                let end = at(now + span + 1);
                if let Some(key) = ends.insert(end, at(now)) {
                    naive.push((key, end));
                } else {
                    prop_assert_eq!(naive.len(), 24);
                }
                let latest = ends.latest().filter(|&latest| latest > at(now));
                prop_assert_eq!(latest, naive.iter().map(|&(_, end)| end).max());
            }
            for (key, end) in naive {
                prop_assert_eq!(ends.remove(key), Some(end));
            }
        }
    }
}
