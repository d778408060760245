//! [`StableHeap`]: a heap whose ties come out in the order in which they came, and which a panicking
//! `Ord` cannot harm.
//!
//! Every operation compares first, without moving anything, and moves then, without comparing anything. A
//! comparison that panics therefore finds the heap as it was.
//!
//! The newest entry is *loose* at first: it stands at the end, and has been compared with the first one only. Its place
//! is looked for when the next one comes. If something is taken out before that, it is either the newest itself, which
//! has never been moved then, or the first one, whose removal makes the last entry look for its place in any case.
//!
//! Invariant: no entry comes before its parent, unless it is the loose one.

use core::fmt;
use core::hint::select_unpredictable;
use core::mem;

use super::discipline::Items;
use crate::storage::{Buffer, Storage};

struct Entry<T> {
    item: T,
    /// How many came before it, ever: one each nanosecond would come for 584 years. 0 for what was put back, which is
    /// before all that are equal to it, and the oldest of all.
    arrival: u64,
}

impl<T: Ord> Entry<T> {
    #[expect(clippy::needless_bitwise_bool, reason = "which child comes first is anybody's guess: no branches")]
    #[inline]
    fn is_before(&self, other: &Self) -> bool {
        let order = self.item.cmp(&other.item);
        order.is_lt() | (order.is_eq() & (self.arrival < other.arrival))
    }
}

/// Items of which the least comes out first, and of equal ones the one that came first.
pub struct StableHeap<T, S: Storage> {
    entries: S::Buffer<Entry<T>>,
    arrivals: u64,
    newest: Newest,
}

/// How the newest entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Newest {
    /// Where it belongs, or it is gone.
    Settled,
    /// At the end, for now.
    Loose,
    /// At the end, and it comes before all others.
    First,
}

/// How many children an entry has: with four, a heap of a thousand is five deep, and they lie side by side.
const CHILDREN: usize = 4;

const fn parent(place: usize) -> usize {
    (place - 1) / CHILDREN
}

/// Which of an entry's children comes first; at least one is given.
#[inline]
fn first_of<T: Ord>(children: &[Entry<T>]) -> usize {
    if let [a, b, c, d] = children {
        let (b_first, d_first) = (b.is_before(a), d.is_before(c));
        let (left, right) = (select_unpredictable(b_first, b, a), select_unpredictable(d_first, d, c));
        let (in_left, in_right) = (usize::from(b_first), 2 + usize::from(d_first));
        return select_unpredictable(right.is_before(left), in_right, in_left);
    }
    let mut first = 0;
    for (place, pair) in children.iter().enumerate() {
        if children.get(first).is_some_and(|best| pair.is_before(best)) {
            first = place;
        }
    }
    first
}

impl<T: Ord, S: Storage> StableHeap<T, S> {
    /// Brings the loose entry to its place.
    fn settle(&mut self) {
        let entries = self.entries.as_mut_slice();
        let Some((newest, rest)) = entries.split_last() else { return };
        let mut goal = if self.newest == Newest::First { 0 } else { rest.len() };
        // Nothing that is there came later, so only what is greater stands behind it.
        while goal > 0
            && let Some(above) = rest.get(parent(goal))
            && newest.item < above.item
        {
            goal = parent(goal);
        }
        raise(entries, goal);
        self.newest = Newest::Settled;
    }

    /// The place of the one that came first of all.
    fn oldest(&self) -> Option<usize> {
        let entries = self.entries.as_slice().iter().enumerate();
        entries.min_by_key(|(_, entry)| entry.arrival).map(|(place, _)| place)
    }

    /// The place at which an item that comes now belongs if the entry at `hole` goes: above it, below it, or there.
    fn place_instead(&self, hole: usize, newcomer: &T) -> usize {
        let entries = self.entries.as_slice();
        let mut place = hole;
        while place > 0
            && let Some(above) = entries.get(parent(place))
            && *newcomer < above.item
        {
            place = parent(place);
        }
        if place != hole {
            return place;
        }
        // Whatever is equal to it came before it.
        loop {
            let first = CHILDREN * place + 1;
            let children = entries.get(first..entries.len().min(first + CHILDREN)).unwrap_or_default();
            match children.get(first_of(children)) {
                Some(child) if child.item <= *newcomer => place = first + first_of(children),
                _ => return place,
            }
        }
    }

    /// The place at which the last entry belongs once the first one is gone and those between have moved up.
    #[inline]
    fn place_for_last(entries: &[Entry<T>]) -> usize {
        let Some((last, rest)) = entries.split_last() else { return 0 };
        // Down to a leaf, always to the child that comes first, ...
        let mut place = 0;
        loop {
            let first = CHILDREN * place + 1;
            let children = match rest.get(first..first + CHILDREN) {
                Some(four) => four,
                None => rest.get(first..).unwrap_or_default(),
            };
            if children.is_empty() {
                break;
            }
            place = first + first_of(children);
        }
        // ... and up again for as long as the last entry comes before what is there: that is seldom far.
        while place > 0
            && let Some(entry) = rest.get(place)
            && last.is_before(entry)
        {
            place = parent(place);
        }
        place
    }
}

/// Moves the last entry up to the goal, and those between down.
fn raise<T>(entries: &mut [Entry<T>], goal: usize) {
    lift(entries, entries.len() - 1, goal);
}

/// Moves the entry at `place` up to the goal, and those between down.
fn lift<T>(entries: &mut [Entry<T>], mut place: usize, goal: usize) {
    while place > goal {
        entries.swap(place, parent(place));
        place = parent(place);
    }
}

/// Puts the entry in at `place`, what was there at its parent's place, and so on, up to `top`; what was there comes out.
#[inline]
fn rotate<T>(entries: &mut [Entry<T>], mut place: usize, top: usize, mut carried: Entry<T>) -> Entry<T> {
    while let Some(entry) = entries.get_mut(place) {
        mem::swap(entry, &mut carried);
        if place == top {
            break;
        }
        place = parent(place);
    }
    carried
}

impl<T: Ord, S: Storage> Items<T> for StableHeap<T, S> {
    const EMPTY: Self =
        Self { entries: <S::Buffer<Entry<T>> as Buffer<Entry<T>>>::EMPTY, arrivals: 0, newest: Newest::Settled };
    const CAPACITY: usize = {
        let fit = <S::Buffer<Entry<T>> as Buffer<Entry<T>>>::CAPACITY;
        let addressable = isize::MAX.cast_unsigned() / size_of::<Entry<T>>();
        if fit < addressable { fit } else { addressable }
    };

    #[inline]
    fn len(&self) -> usize {
        self.entries.as_slice().len()
    }

    #[inline]
    fn push(&mut self, item: &mut Option<T>) -> bool {
        if self.newest != Newest::Settled {
            self.settle();
        }
        // An item that cannot be compared is refused here, and not met by somebody else.
        let is_first = match (self.entries.as_slice().first(), item.as_ref()) {
            (Some(first), Some(newcomer)) => *newcomer < first.item,
            _ => true,
        };
        let Some(newcomer) = item.take() else { return false };
        match self.entries.push(Entry { item: newcomer, arrival: self.arrivals }) {
            Ok(()) => {
                self.arrivals = self.arrivals.wrapping_add(1);
                self.newest = if is_first { Newest::First } else { Newest::Loose };
                true
            }
            Err(newcomer) => {
                *item = Some(newcomer.item);
                false
            }
        }
    }

    fn displace(&mut self, item: &mut Option<T>) -> Option<T> {
        if self.newest != Newest::Settled {
            self.settle();
        }
        let hole = self.oldest()?;
        let goal = self.place_instead(hole, item.as_ref()?);
        let newcomer = Entry { item: item.take()?, arrival: self.arrivals };
        self.arrivals = self.arrivals.wrapping_add(1);
        let entries = self.entries.as_mut_slice();
        if goal >= hole {
            return Some(rotate(entries, goal, hole, newcomer).item);
        }
        let oldest = mem::replace(entries.get_mut(hole)?, newcomer);
        lift(entries, hole, goal);
        Some(oldest.item)
    }

    fn put_back(&mut self, item: T) -> Result<(), T> {
        if self.newest != Newest::Settled {
            self.settle();
        }
        // Before all that are equal to it, as it was.
        let mut goal = self.len();
        while goal > 0
            && let Some(above) = self.entries.as_slice().get(parent(goal))
            && item <= above.item
        {
            goal = parent(goal);
        }
        self.entries.push(Entry { item, arrival: 0 }).map_err(|entry| entry.item)?;
        raise(self.entries.as_mut_slice(), goal);
        Ok(())
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        let last = self.entries.as_slice().len().checked_sub(1)?;
        if self.newest == Newest::First {
            self.newest = Newest::Settled;
            return self.entries.swap_remove(last).map(|newest| newest.item);
        }
        let goal = Self::place_for_last(self.entries.as_slice());
        self.newest = Newest::Settled;
        let last = self.entries.swap_remove(last)?;
        Some(rotate(self.entries.as_mut_slice(), goal, 0, last).item)
    }
}

impl<T, S: Storage> fmt::Debug for StableHeap<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StableHeap").field("len", &self.entries.as_slice().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;
    use core::cmp::Ordering;
    use core::panic::AssertUnwindSafe;
    use std::panic;
    use std::rc::Rc;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::Inline;

    type Small<T> = StableHeap<T, Inline<64>>;

    fn push<T: Ord>(heap: &mut Small<T>, item: T) -> bool {
        heap.push(&mut Some(item))
    }

    /// Compares by the first part alone.
    #[derive(Debug)]
    struct Tied(u8, usize);

    impl PartialEq for Tied {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Tied {}
    impl PartialOrd for Tied {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Tied {
        fn cmp(&self, other: &Self) -> Ordering {
            self.0.cmp(&other.0)
        }
    }

    proptest! {
        #[test]
        fn a_stable_sort(steps in prop::collection::vec((prop::option::weighted(0.6, 0_u8..6), 0..4), 0..200)) {
            let mut heap = Small::EMPTY;
            let mut sorted: Vec<(u8, usize)> = Vec::new();
            for (arrival, (step, force)) in steps.into_iter().enumerate() {
                if let (Some(key), 0) = (step, force) {
                    let oldest = (0..sorted.len()).min_by_key(|&at| sorted[at].1).map(|at| sorted.remove(at));
                    let mut item = Some(Tied(key, arrival));
                    prop_assert_eq!(heap.displace(&mut item).map(|item| (item.0, item.1)), oldest);
                    prop_assert_eq!(item.is_some(), oldest.is_none(), "it goes in for one that goes out");
                    if oldest.is_some() {
                        sorted.push((key, arrival));
                        sorted.sort_unstable();
                    }
                } else if let Some(key) = step {
                    let fits = sorted.len() < 64;
                    prop_assert_eq!(push(&mut heap, Tied(key, arrival)), fits);
                    if fits {
                        sorted.push((key, arrival));
                        sorted.sort_unstable();
                    }
                } else {
                    let first = (!sorted.is_empty()).then(|| sorted.remove(0));
                    prop_assert_eq!(heap.pop().map(|item| (item.0, item.1)), first);
                }
                prop_assert_eq!(heap.len(), sorted.len());
            }
        }
    }

    #[test]
    fn what_is_put_back_comes_first_among_its_equals() {
        let mut heap = Small::EMPTY;
        for (arrival, key) in [1, 0, 1, 0, 2].into_iter().enumerate() {
            assert!(push(&mut heap, Tied(key, arrival)));
        }
        let first = heap.pop().unwrap();
        assert!(heap.put_back(first).is_ok());
        let order: Vec<_> = core::iter::from_fn(|| heap.pop()).map(|item| item.1).collect();
        assert_eq!(order, [1, 3, 0, 2, 4]);
    }

    #[test]
    fn what_was_put_back_is_the_oldest() {
        let mut heap = Small::EMPTY;
        for (arrival, key) in [3, 1, 2].into_iter().enumerate() {
            assert!(push(&mut heap, Tied(key, arrival)));
        }
        let first = heap.pop().unwrap();
        assert!(heap.put_back(first).is_ok());
        assert_eq!(heap.displace(&mut Some(Tied(9, 3))).map(|item| item.0), Some(1));
    }

    /// Panics once, after so many comparisons.
    struct Fragile(u8, Rc<Cell<Option<u32>>>);

    impl PartialEq for Fragile {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }
    impl Eq for Fragile {}
    impl PartialOrd for Fragile {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Fragile {
        fn cmp(&self, other: &Self) -> Ordering {
            match self.1.get() {
                Some(0) => {
                    self.1.set(None);
                    panic!("on purpose");
                }
                left => self.1.set(left.map(|left| left - 1)),
            }
            self.0.cmp(&other.0)
        }
    }

    #[test]
    fn what_is_put_back_comes_before_the_newest() {
        let mut heap = Small::EMPTY;
        assert!(push(&mut heap, Tied(2, 0)));
        let first = heap.pop().unwrap();
        assert!(push(&mut heap, Tied(4, 1)));
        assert!(push(&mut heap, Tied(3, 2)));
        assert!(heap.put_back(first).is_ok());
        let order: Vec<_> = core::iter::from_fn(|| heap.pop()).map(|item| item.0).collect();
        assert_eq!(order, [2, 3, 4]);
    }

    /// Cannot be compared if it is nothing.
    struct Whole(Option<u8>);

    impl PartialEq for Whole {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }
    impl Eq for Whole {}
    impl PartialOrd for Whole {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Whole {
        fn cmp(&self, other: &Self) -> Ordering {
            self.0.unwrap().cmp(&other.0.unwrap())
        }
    }

    #[test]
    fn what_cannot_be_compared_is_refused_when_it_comes() {
        let mut heap = Small::EMPTY;
        assert!(push(&mut heap, Whole(Some(2))));
        assert!(push(&mut heap, Whole(Some(1))));
        let mut refused = Some(Whole(None));
        assert!(panic::catch_unwind(AssertUnwindSafe(|| heap.push(&mut refused))).is_err());
        assert!(refused.is_some(), "it is still the caller's");
        assert!(push(&mut heap, Whole(Some(3))), "and nobody else has to do with it");
        assert_eq!([1, 2, 3].map(|_| heap.pop().and_then(|item| item.0)), [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn a_comparison_that_panics_changes_nothing() {
        for fuse in 0..12 {
            let left = Rc::new(Cell::new(None));
            let mut heap = Small::EMPTY;
            let keys = [5, 3, 8, 1, 9, 2, 7, 3, 6, 4];
            for key in keys {
                assert!(push(&mut heap, Fragile(key, Rc::clone(&left))));
            }
            left.set(Some(fuse));
            let mut rejected = Some(Fragile(0, Rc::clone(&left)));
            let pushed = panic::catch_unwind(AssertUnwindSafe(|| heap.push(&mut rejected)));
            let mut expected = Vec::from(keys);
            match pushed {
                Ok(pushed) => {
                    assert!(pushed);
                    expected.push(0);
                }
                Err(_) => assert_eq!(rejected.map(|item| item.0), Some(0), "it is still the caller's"),
            }
            left.set(Some(fuse));
            let mut forced = Some(Fragile(5, Rc::clone(&left)));
            match panic::catch_unwind(AssertUnwindSafe(|| heap.displace(&mut forced))) {
                Ok(oldest) => {
                    assert_eq!(oldest.map(|item| item.0), Some(expected.remove(0)), "which came first");
                    expected.push(5);
                }
                Err(_) => assert_eq!(forced.map(|item| item.0), Some(5), "it is still the caller's"),
            }
            left.set(Some(fuse));
            if let Ok(popped) = panic::catch_unwind(AssertUnwindSafe(|| heap.pop())) {
                let popped = popped.map(|item| item.0);
                assert_eq!(popped, expected.iter().min().copied());
                expected.retain(|&key| Some(key) != popped);
            }
            left.set(None);
            expected.sort_unstable();
            let drained: Vec<_> = core::iter::from_fn(|| heap.pop()).map(|item| item.0).collect();
            assert_eq!(drained, expected);
        }
    }
}
