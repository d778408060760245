//! [`Classes`]: the priorities in use, in order, each with the ends of its chain of waiters.
//!
//! A crit-bit tree over the 32 bits of a priority (after Morrison's PATRICIA, 1968): a descent takes at most
//! 32 steps whatever the number of priorities, nothing is ever rebalanced, and n leaves need n − 1 forks, so
//! that each class has room for the one fork that its own arrival made necessary.
//!
//! Invariants: every class is a leaf; all but one class lend room to a fork; the fork lent by a class is an
//! ancestor of that class's leaf; a fork's bit is lower than the bits of the forks above it.

use core::mem;

use crate::Priority;
use crate::slab::{NONE, Slab};
use crate::storage::Storage;

pub(super) struct Class {
    key: u32,
    /// The waiter that came first, and the one that came last.
    pub(super) head: u32,
    pub(super) tail: u32,
    /// How many grants went to more urgent classes since this one arose; kept only where somebody asks.
    pub(super) passed: u32,
    fork: Fork,
}

impl Class {
    pub(super) fn priority(&self) -> Priority {
        Priority((self.key ^ SIGN).cast_signed())
    }
}

#[derive(Clone, Copy)]
struct Fork {
    bit: u8,
    /// Where keys go that have the bit clear, and where they go that have it set.
    children: [Link; 2],
}

const NO_FORK: Fork = Fork { bit: 0, children: [Link::None; 2] };

#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    None,
    Leaf(u32),
    Fork(u32),
}

/// Where a link stands.
#[derive(Clone, Copy)]
enum Place {
    Root,
    Child(u32, usize),
}

/// With the sign bit flipped, unsigned order is the order of the priorities.
const SIGN: u32 = 1 << 31;

fn key_of(priority: Priority) -> u32 {
    priority.0.cast_unsigned() ^ SIGN
}

fn side(key: u32, bit: u8) -> usize {
    ((key >> bit) & 1) as usize
}

pub(super) struct Classes<S: Storage> {
    slab: Slab<Class, S>,
    root: Link,
    /// The most urgent class, or `NONE`.
    first: u32,
    /// The class asked for last, or `NONE`: most who come ask for the same.
    recent: u32,
}

impl<S: Storage> Classes<S> {
    pub(super) const fn new() -> Self {
        Self { slab: Slab::new(), root: Link::None, first: NONE, recent: NONE }
    }

    #[inline]
    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// Whether there is exactly one class.
    #[inline]
    pub(super) const fn is_one(&self) -> bool {
        matches!(self.root, Link::Leaf(_))
    }

    #[inline]
    pub(super) fn at(&self, class: u32) -> Option<&Class> {
        self.slab.at(class)
    }

    #[inline]
    pub(super) fn at_mut(&mut self, class: u32) -> Option<&mut Class> {
        self.slab.at_mut(class)
    }

    /// The class next in urgency after `class`.
    pub(super) fn after(&self, class: u32) -> Option<u32> {
        let key = self.slab.at(class)?.key;
        let mut link = self.root;
        let mut later = Link::None;
        while let Link::Fork(fork) = link {
            let Fork { bit, children } = self.fork(fork);
            if side(key, bit) == 0 {
                later = children[1];
            }
            link = children[side(key, bit)];
        }
        self.most_urgent_under(later)
    }

    /// The class of `priority`, made if there is none. `None` if the storage is full.
    pub(super) fn find_or_insert(&mut self, priority: Priority) -> Option<u32> {
        let key = key_of(priority);
        if let Some(class) = self.slab.at(self.recent)
            && class.key == key
        {
            return Some(self.recent);
        }
        let class = match self.nearest(key) {
            None => {
                let class = self.insert_leaf(key, NO_FORK)?;
                self.root = Link::Leaf(class);
                self.first = class;
                class
            }
            Some((nearest, found)) if found == key => nearest,
            Some((_, found)) => self.insert_fork(key, found)?,
        };
        self.recent = class;
        Some(class)
    }

    /// The leaf that a descent by `key` ends at, and its key.
    fn nearest(&self, key: u32) -> Option<(u32, u32)> {
        let mut link = self.root;
        while let Link::Fork(fork) = link {
            let Fork { bit, children } = self.fork(fork);
            link = children[side(key, bit)];
        }
        match link {
            Link::Leaf(class) => Some((class, self.slab.at(class)?.key)),
            _ => None,
        }
    }

    fn insert_leaf(&mut self, key: u32, fork: Fork) -> Option<u32> {
        let class = Class { key, head: NONE, tail: NONE, passed: 0, fork };
        self.slab.insert(class).ok().map(|key| key.index)
    }

    /// Inserts a leaf for `key` beside the subtree that shares its bits above the one where `nearest` differs.
    fn insert_fork(&mut self, key: u32, nearest: u32) -> Option<u32> {
        // The keys differ, so there is such a bit.
        #[expect(clippy::cast_possible_truncation, reason = "it is at most 31")]
        let bit = (key ^ nearest).checked_ilog2()? as u8;
        let mut place = Place::Root;
        while let Link::Fork(fork) = self.link(place)
            && self.fork(fork).bit > bit
        {
            place = Place::Child(fork, side(key, self.fork(fork).bit));
        }
        let class = self.insert_leaf(key, Fork { bit, children: [self.link(place); 2] })?;
        self.set_link(Place::Child(class, side(key, bit)), Link::Leaf(class));
        self.set_link(place, Link::Fork(class));
        if self.slab.at(self.first).is_none_or(|first| key < first.key) {
            self.first = class;
        }
        Some(class)
    }

    /// Removes an empty class.
    pub(super) fn remove(&mut self, class: u32) {
        let Some(key) = self.slab.at(class).map(|class| class.key) else { return };
        // Where the links to the fork above the leaf and to the fork lent by this class stand.
        let mut parent = None;
        let mut lent = None;
        let mut place = Place::Root;
        while let Link::Fork(fork) = self.link(place) {
            if fork == class {
                lent = Some(place);
            }
            parent = Some((place, fork));
            place = Place::Child(fork, side(key, self.fork(fork).bit));
        }
        match parent {
            None => self.root = Link::None,
            Some((above, parent)) => {
                let Fork { bit, children } = self.fork(parent);
                self.set_link(above, children[1 - side(key, bit)]);
                // The room of the fork just removed takes in the one that this class lent room to.
                if let Some(lent) = lent
                    && parent != class
                {
                    let moved = self.fork(class);
                    if let Some(room) = self.slab.at_mut(parent) {
                        room.fork = moved;
                    }
                    self.set_link(lent, Link::Fork(parent));
                }
            }
        }
        self.slab.remove(class);
        if self.recent == class {
            self.recent = NONE;
        }
        if self.first == class {
            self.first = self.most_urgent_under(self.root).unwrap_or(NONE);
        }
    }

    fn most_urgent_under(&self, mut link: Link) -> Option<u32> {
        while let Link::Fork(fork) = link {
            link = self.fork(fork).children[0];
        }
        match link {
            Link::Leaf(class) => Some(class),
            _ => None,
        }
    }

    fn fork(&self, lender: u32) -> Fork {
        self.slab.at(lender).map_or(NO_FORK, |class| class.fork)
    }

    fn link(&self, place: Place) -> Link {
        match place {
            Place::Root => self.root,
            Place::Child(fork, side) => self.fork(fork).children[side],
        }
    }

    fn set_link(&mut self, place: Place, link: Link) {
        let slot = match place {
            Place::Root => &mut self.root,
            Place::Child(fork, side) => match self.slab.at_mut(fork) {
                Some(class) => &mut class.fork.children[side],
                None => return,
            },
        };
        let _ = mem::replace(slot, link);
    }

    /// Checks the invariants named at the top of this file; answers how many classes there are.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn check(&self) -> u32 {
        fn walk<S: Storage>(classes: &Classes<S>, link: Link, below: u8, lenders: &mut u32) -> (u32, u32, u32) {
            match link {
                Link::None => (0, 0, 0),
                Link::Leaf(class) => {
                    let class = classes.slab.at(class);
                    debug_assert!(class.is_some_and(|class| class.head != NONE), "every class is a leaf in use");
                    let key = class.map_or(0, |class| class.key);
                    (1, key, key)
                }
                Link::Fork(lender) => {
                    let Fork { bit, children } = classes.fork(lender);
                    debug_assert!(bit < below, "bits fall on the way down");
                    *lenders += 1;
                    let (low_count, low_min, low_max) = walk(classes, children[0], bit, lenders);
                    let (high_count, high_min, high_max) = walk(classes, children[1], bit, lenders);
                    debug_assert!(low_count > 0 && high_count > 0, "a fork has two sides");
                    debug_assert!(low_max < high_min, "the sides are in order");
                    (low_count + high_count, low_min, high_max)
                }
            }
        }
        let mut lenders = 0;
        let (count, most_urgent, _) = walk(self, self.root, 32, &mut lenders);
        debug_assert_eq!(lenders, count.saturating_sub(1), "all classes but one lend room to a fork");
        debug_assert_eq!(count > 0, self.first != NONE, "the first is known");
        if let Some(first) = self.slab.at(self.first) {
            debug_assert_eq!(first.key, most_urgent, "the first is the most urgent");
        }
        count
    }
}
