//! [`Classes`]: the priorities in use, in order, each with the ends of its chain of waiters.
//!
//! A crit-bit tree over the 32 bits of a priority (after Morrison's PATRICIA, 1968): a descent takes at most
//! 32 steps whatever the number of priorities, nothing is ever rebalanced, and n leaves need n − 1 forks, so
//! that each class has room for the one fork that its own arrival made necessary.
//!
//! A class that is more urgent than all others when it arises stands *ahead* of the tree: whoever is most urgent
//! is often the next to go, and then comes and goes without a step in the tree. It is hung there when another
//! goes ahead of it.
//!
//! Invariants: every class is a leaf, but the first if it stands ahead; all leaves but one lend room to a fork;
//! the fork lent by a class is an ancestor of that class's leaf; a fork's bit is lower than the bits of the forks
//! above it; whatever has a fork above it knows which.

use core::cmp::Ordering;

use crate::Priority;
use crate::slab::{NONE, Slab};
use crate::storage::Storage;

pub(super) struct Class {
    key: u32,
    /// The ends of the chain, unless the class is the first: see [`Classes::leading`].
    ends: Ends,
    /// How many grants went to more urgent classes since this one arose; kept only where somebody asks.
    pub(super) passed: u32,
    /// The fork above the leaf, or `NONE`.
    above: u32,
    lent: Fork,
}

impl Class {
    pub(super) fn priority(&self) -> Priority {
        Priority((self.key ^ SIGN).cast_signed())
    }
}

/// The ends of a chain: the waiter that came first, and the one that came last; or `NONE`.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) head: u32,
    pub(super) tail: u32,
}

impl Ends {
    const NONE: Self = Self { head: NONE, tail: NONE };
}

#[derive(Clone, Copy)]
struct Fork {
    /// The bit that decides, or `UNUSED`.
    bit: u8,
    /// The fork above, or `NONE`.
    above: u32,
    /// Where keys go that have the bit clear, and where they go that have it set.
    children: [Link; 2],
}

/// Room lent to nobody.
const NO_FORK: Fork = Fork { bit: UNUSED, above: NONE, children: [Link::NONE; 2] };
const UNUSED: u8 = 32;

/// A leaf, by its class, or a fork, by the class that lends it room; in one word.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link(u32);

impl Link {
    const NONE: Self = Self(NONE);
    const FORK: u32 = 1 << 31;

    const fn leaf(class: u32) -> Self {
        Self(class)
    }

    const fn fork(lender: u32) -> Self {
        Self(lender | Self::FORK)
    }

    /// The lender, if this is a fork.
    #[inline]
    const fn as_fork(self) -> Option<u32> {
        if self.0 & Self::FORK != 0 && self.0 != NONE { Some(self.0 & !Self::FORK) } else { None }
    }

    /// The class, if this is a leaf.
    #[inline]
    const fn as_leaf(self) -> Option<u32> {
        if self.0 & Self::FORK == 0 { Some(self.0) } else { None }
    }
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
    /// The most urgent class of the tree, or `NONE`: the first itself, unless it stands ahead.
    leftmost: u32,
    /// The class asked for last, or `NONE`, and its key: most who come ask for the same.
    recent: u32,
    recent_key: u32,
    /// The ends of its chain, which change at every step: here they are beside everything else that does.
    leading: Ends,
}

impl<S: Storage> Classes<S> {
    pub(super) const fn new() -> Self {
        Self {
            slab: Slab::new(),
            root: Link::NONE,
            first: NONE,
            leftmost: NONE,
            recent: NONE,
            recent_key: 0,
            leading: Ends::NONE,
        }
    }

    #[inline]
    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    #[inline]
    pub(super) fn at(&self, class: u32) -> Option<&Class> {
        self.slab.at(class)
    }

    #[inline]
    pub(super) fn at_mut(&mut self, class: u32) -> Option<&mut Class> {
        self.slab.at_mut(class)
    }

    /// The ends of a class's chain.
    #[inline]
    pub(super) fn ends(&self, class: u32) -> Ends {
        if class == self.first {
            return self.leading;
        }
        self.slab.at(class).map_or(Ends::NONE, |class| class.ends)
    }

    /// The ends of a class's chain.
    #[inline]
    pub(super) fn ends_mut(&mut self, class: u32) -> Option<&mut Ends> {
        if class == self.first {
            return Some(&mut self.leading);
        }
        self.slab.at_mut(class).map(|class| &mut class.ends)
    }

    #[inline]
    fn first_is_ahead(&self) -> bool {
        self.first != self.leftmost
    }

    /// Makes a class that is more urgent than all others, and puts it ahead of the tree.
    fn lead(&mut self, key: u32) -> Option<u32> {
        let class = self.insert_class(key)?;
        if self.first_is_ahead() {
            self.hang_first();
        }
        if let Some(first) = self.slab.at_mut(self.first) {
            first.ends = self.leading;
        }
        self.leftmost = self.first;
        self.first = class;
        self.leading = Ends::NONE;
        Some(class)
    }

    /// Hangs the first, which stands ahead of the tree, where it belongs there.
    #[cold]
    #[inline(never)]
    fn hang_first(&mut self) {
        let first = self.first;
        let keys = self.slab.at(first).zip(self.slab.at(self.leftmost)).map(|(first, next)| (first.key, next.key));
        match keys.and_then(|(key, next)| Some((key, (key ^ next).checked_ilog2()?))) {
            #[expect(clippy::cast_possible_truncation, reason = "it is at most 31")]
            Some((key, bit)) => self.hang_beside(first, key, self.leftmost, bit as u8),
            None => self.root = Link::leaf(first),
        }
    }

    /// Removes the first, which is empty, from ahead of the tree or out of it.
    fn remove_first(&mut self) {
        let first = self.first;
        let next = if self.first_is_ahead() { self.leftmost } else { self.unhang(first).unwrap_or(NONE) };
        (self.first, self.leftmost) = (next, next);
        self.leading = self.slab.at(next).map_or(Ends::NONE, |class| class.ends);
    }

    /// The class next in urgency after `class`.
    pub(super) fn after(&self, class: u32) -> Option<u32> {
        if class == self.first && self.first_is_ahead() {
            return (self.leftmost != NONE).then_some(self.leftmost);
        }
        let Class { key, above, .. } = *self.slab.at(class)?;
        let mut fork = above;
        // Up to the first fork that has a less urgent side than this one.
        while fork != NONE {
            let Fork { bit, above, children } = self.fork(fork);
            if side(key, bit) == 0 {
                return self.most_urgent_under(children[1]);
            }
            fork = above;
        }
        None
    }

    /// The class of `priority`, if it is the one asked for last.
    #[inline]
    pub(super) fn find_recent(&self, priority: Priority) -> Option<u32> {
        (self.recent_key == key_of(priority) && self.recent != NONE).then_some(self.recent)
    }

    /// The class of `priority`, made if there is none. `None` if the storage is full.
    #[inline]
    pub(super) fn find_or_insert(&mut self, priority: Priority) -> Option<u32> {
        if let Some(class) = self.find_recent(priority) {
            return Some(class);
        }
        let key = key_of(priority);
        self.recent = self.find_or_insert_key(key)?;
        self.recent_key = key;
        Some(self.recent)
    }

    fn find_or_insert_key(&mut self, key: u32) -> Option<u32> {
        match self.slab.at(self.first).map(|first| key.cmp(&first.key)) {
            None | Some(Ordering::Less) => return self.lead(key),
            Some(Ordering::Equal) => return Some(self.first),
            Some(Ordering::Greater) => {}
        }
        let Some(nearest) = self.nearest(key) else {
            let class = self.insert_class(key)?;
            self.root = Link::leaf(class);
            self.leftmost = class;
            return Some(class);
        };
        let difference = key ^ self.slab.at(nearest)?.key;
        let Some(bit) = difference.checked_ilog2() else { return Some(nearest) };
        let class = self.insert_class(key)?;
        #[expect(clippy::cast_possible_truncation, reason = "it is at most 31")]
        self.hang_beside(class, key, nearest, bit as u8);
        if self.slab.at(self.leftmost).is_none_or(|leftmost| key < leftmost.key) {
            self.leftmost = class;
        }
        Some(class)
    }

    /// The class of the tree whose key has the most bits in common with `key`, from the top.
    fn nearest(&self, key: u32) -> Option<u32> {
        let mut link = self.root;
        while let Some(lender) = link.as_fork() {
            let Fork { bit, children, .. } = &self.slab.at(lender)?.lent;
            link = children[side(key, *bit)];
        }
        link.as_leaf()
    }

    fn insert_class(&mut self, key: u32) -> Option<u32> {
        let class = Class { key, ends: Ends::NONE, passed: 0, above: NONE, lent: NO_FORK };
        let class = self.slab.insert(class).ok()?.index;
        // One bit of a link says what it is.
        if class >= Link::FORK - 1 {
            self.slab.vacate(class);
            return None;
        }
        Some(class)
    }

    /// Hangs a class as a leaf beside the subtree around `nearest` whose keys agree with its own above `bit`.
    fn hang_beside(&mut self, class: u32, key: u32, nearest: u32, bit: u8) {
        let mut subtree = Link::leaf(nearest);
        let mut above = self.slab.at(nearest).map_or(NONE, |class| class.above);
        while let Some(Class { lent, .. }) = self.slab.at(above)
            && lent.bit < bit
        {
            subtree = Link::fork(above);
            above = lent.above;
        }
        let mut children = [subtree; 2];
        children[side(key, bit)] = Link::leaf(class);
        if let Some(room) = self.slab.at_mut(class) {
            room.lent = Fork { bit, above, children };
            room.above = class;
        }
        self.hang(key, above, Link::fork(class));
        self.set_above(subtree, class);
    }

    /// Removes an empty class.
    pub(super) fn remove(&mut self, class: u32) {
        if class == self.first {
            self.remove_first();
        } else {
            let next = self.unhang(class);
            if class == self.leftmost {
                self.leftmost = next.unwrap_or(NONE);
            }
        }
        if self.recent == class {
            self.recent = NONE;
        }
        self.slab.vacate(class);
    }

    /// Takes a leaf out of the tree. Answers the most urgent class beside it: if it was the most urgent of all, that
    /// is the next.
    fn unhang(&mut self, class: u32) -> Option<u32> {
        let &Class { key, above: parent, lent, .. } = self.slab.at(class)?;
        if parent == NONE {
            self.root = Link::NONE;
            return None;
        }
        let Fork { bit, above, children } = self.fork(parent);
        let sibling = children[1 - side(key, bit)];
        self.hang(key, above, sibling);
        self.set_above(sibling, above);
        // The room of the fork just removed takes in the one that this class lends room to.
        if parent != class && lent.bit != UNUSED {
            // Read anew: the sibling may just have been hung below it.
            let moved = self.fork(class);
            if let Some(room) = self.slab.at_mut(parent) {
                room.lent = moved;
            }
            self.hang(key, moved.above, Link::fork(parent));
            self.set_above(moved.children[0], parent);
            self.set_above(moved.children[1], parent);
        } else if let Some(room) = self.slab.at_mut(parent) {
            room.lent = NO_FORK;
        }
        self.most_urgent_under(sibling)
    }

    fn most_urgent_under(&self, mut link: Link) -> Option<u32> {
        while let Some(lender) = link.as_fork() {
            link = self.slab.at(lender)?.lent.children[0];
        }
        link.as_leaf()
    }

    #[inline]
    fn fork(&self, lender: u32) -> Fork {
        self.slab.at(lender).map_or(NO_FORK, |class| class.lent)
    }

    /// Hangs `link` where the path of `key` goes on below the fork `above`, or at the root.
    fn hang(&mut self, key: u32, above: u32, link: Link) {
        match self.slab.at_mut(above) {
            Some(class) => class.lent.children[side(key, class.lent.bit)] = link,
            None => self.root = link,
        }
    }

    /// Tells a leaf or a fork which fork is above it.
    fn set_above(&mut self, link: Link, above: u32) {
        if let Some(class) = link.as_leaf().and_then(|class| self.slab.at_mut(class)) {
            class.above = above;
        } else if let Some(room) = link.as_fork().and_then(|lender| self.slab.at_mut(lender)) {
            room.lent.above = above;
        }
    }

    /// Checks the invariants named at the top of this file; answers how many classes there are.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn check(&self) -> u32 {
        let mut forks = 0;
        let (leaves, most_urgent, _) = self.check_under(self.root, NONE, UNUSED, &mut forks);
        debug_assert_eq!(forks, leaves.saturating_sub(1), "all leaves but one lend room to a fork");
        debug_assert_eq!(leaves > 0, self.leftmost != NONE, "the most urgent of the tree is known");
        if let Some(leftmost) = self.slab.at(self.leftmost) {
            debug_assert_eq!(leftmost.key, most_urgent, "it is the most urgent of the tree");
        }
        let Some(first) = self.slab.at(self.first).filter(|_| self.first_is_ahead()) else { return leaves };
        debug_assert!(leaves == 0 || first.key < most_urgent, "the first is more urgent than the tree");
        debug_assert!(self.leading.head != NONE, "the first is in use");
        leaves + 1
    }

    /// Answers the number of leaves, and their least and their greatest key.
    #[cfg(any(test, debug_assertions))]
    fn check_under(&self, link: Link, above: u32, below: u8, forks: &mut u32) -> (u32, u32, u32) {
        if let Some(class) = link.as_leaf() {
            debug_assert!(self.ends(class).head != NONE, "every class is a leaf in use");
            let class = self.slab.at(class);
            debug_assert!(class.is_some_and(|class| class.above == above), "a leaf knows the fork above it");
            let key = class.map_or(0, |class| class.key);
            return (1, key, key);
        }
        let Some(lender) = link.as_fork() else { return (0, 0, 0) };
        let fork = self.fork(lender);
        debug_assert!(fork.bit < below, "bits fall on the way down");
        debug_assert_eq!(fork.above, above, "a fork knows the fork above it");
        *forks += 1;
        let (low_count, low_min, low_max) = self.check_under(fork.children[0], lender, fork.bit, forks);
        let (high_count, high_min, high_max) = self.check_under(fork.children[1], lender, fork.bit, forks);
        debug_assert!(low_count > 0 && high_count > 0, "a fork has two sides");
        debug_assert!(low_max < high_min, "the sides are in order");
        (low_count + high_count, low_min, high_max)
    }
}
