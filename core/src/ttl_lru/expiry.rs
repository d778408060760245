//! [`Expiry`]: deadlines, in lists by how much time was left.
//!
//! # How it works
//!
//! A place stands in the list of its *class*: the number of bits of the time it had left when it came, so class
//! `k` is for spans from 2ᵏ up to 2ᵏ⁺¹ ns. New ones go to the end. As long as each comes with a later deadline
//! than the one before it, which is so wherever all have one lifetime, the list is in order, and its head is the
//! first to go.
//!
//! A list where one came out of order is *mixed*, until it is empty. All that stand behind its head came after
//! it, with at least 2ᵏ ns left, while the head had less than twice that: none of them goes more than 2ᵏ ns
//! before the head does. At that point the head is moved to the class of what it has left, a lower one, and so
//! on. An entry moves at most 64 times in its life, and the lists never hide one whose time is up.
//!
//! Those that come with nothing left have a list of their own. Time does not go back, so it is in order.
//!
//! # Invariants
//!
//! 1. A place is in the one list of its class, or in none if it never expires.
//! 2. `occupied` has the bits of the classes below `PAST` whose lists are not empty, `mixed` only bits that
//!    `occupied` has.
//! 3. No deadline lies before `soonest`.

use core::mem;

use crate::Instant;
use crate::slab::NONE;
use crate::storage::{Buffer, Storage};

/// The class of those that had no time left when they came; below it, there is one per bit of a span.
const PAST: u8 = 64;
/// The class of those that never expire: no list.
const NEVER: u8 = 65;
const LISTS: usize = 65;

struct Node {
    deadline: Instant,
    before: u32,
    behind: u32,
    class: u8,
}

#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

/// Deadlines of places without gaps, in lists by how much time was left.
pub(crate) struct Expiry<S: Storage> {
    nodes: S::Buffer<Node>,
    lists: [List; LISTS],
    occupied: u64,
    mixed: u64,
    soonest: Instant,
}

impl<S: Storage> Expiry<S> {
    pub(crate) const fn new() -> Self {
        Self {
            nodes: <S::Buffer<Node> as Buffer<Node>>::EMPTY,
            lists: [List { head: NONE, tail: NONE }; LISTS],
            occupied: 0,
            mixed: 0,
            soonest: Instant::MAX,
        }
    }

    /// No deadline lies before this.
    #[inline]
    pub(crate) const fn soonest(&self) -> Option<Instant> {
        if self.is_empty() { None } else { Some(self.soonest) }
    }

    #[inline]
    const fn is_empty(&self) -> bool {
        self.occupied == 0 && self.lists[PAST as usize].head == NONE
    }

    pub(crate) fn reserve(&mut self, entries: usize) {
        self.nodes.reserve(entries);
    }

    /// The next place gets a deadline. Time does not go back between calls, here and below.
    pub(crate) fn push(&mut self, deadline: Instant, now: Instant) {
        let place = self.nodes.as_slice().len();
        // There is room: there are as many places here as entries in the table.
        let _ = self.nodes.push(Node { deadline, before: NONE, behind: NONE, class: NEVER });
        #[expect(clippy::cast_possible_truncation, reason = "places are numbered in 31 bits")]
        self.link(place as u32, deadline, now);
    }

    /// A place gets another deadline.
    pub(crate) fn set(&mut self, place: u32, deadline: Instant, now: Instant) {
        self.unlink(place);
        self.link(place, deadline, now);
    }

    /// A place goes, and the last one moves into it.
    pub(crate) fn swap_remove(&mut self, place: u32) {
        self.unlink(place);
        self.nodes.swap_remove(place as usize);
        if let Some(&Node { before, behind, class, .. }) = self.at(place)
            && class != NEVER
        {
            self.join(class, before, place);
            self.join(class, place, behind);
        }
        self.check();
    }

    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.lists = [List { head: NONE, tail: NONE }; LISTS];
        (self.occupied, self.mixed, self.soonest) = (0, 0, Instant::MAX);
    }

    /// A place whose time is up, if one is found in so many steps. `None` and a [`soonest`](Self::soonest) that
    /// is past mean that there may be one yet.
    pub(crate) fn expired(&mut self, now: Instant, steps: usize) -> Option<u32> {
        for _ in 0..steps {
            if self.is_empty() || now < self.soonest {
                return None;
            }
            let (due, head) = self.next_due()?;
            self.soonest = due;
            let deadline = self.at(head)?.deadline;
            if deadline <= now {
                return Some(head);
            }
            if now < due {
                return None;
            }
            self.set(head, deadline, now);
        }
        None
    }

    /// When which head is to be looked at next.
    fn next_due(&self) -> Option<(Instant, u32)> {
        let past = self.lists[PAST as usize].head;
        let mut next = self.at(past).map(|node| (node.deadline, past));
        let mut classes = self.occupied;
        while classes != 0 {
            let class = classes.trailing_zeros();
            classes &= classes - 1;
            let head = self.lists.get(class as usize)?.head;
            let mut due = self.at(head)?.deadline.as_nanos();
            if self.mixed & (1 << class) != 0 {
                due = due.saturating_sub((1 << class) - 1);
            }
            let due = Instant::from_nanos(due);
            if next.is_none_or(|(soonest, _)| due < soonest) {
                next = Some((due, head));
            }
        }
        next
    }

    fn link(&mut self, place: u32, deadline: Instant, now: Instant) {
        if deadline == Instant::MAX {
            return;
        }
        let left = deadline.as_nanos().saturating_sub(now.as_nanos());
        #[expect(clippy::cast_possible_truncation, reason = "less than 64")]
        let class = left.checked_ilog2().map_or(PAST, |log| log as u8);
        let Some(tail) = self.lists.get(class as usize).map(|list| list.tail) else { return };
        let is_out_of_order = self.at(tail).is_some_and(|last| deadline < last.deadline);
        if let Some(node) = self.at_mut(place) {
            node.deadline = deadline;
            node.class = class;
        }
        self.join(class, tail, place);
        self.join(class, place, NONE);
        if class != PAST {
            self.occupied |= 1 << class;
            self.mixed |= u64::from(is_out_of_order) << class;
        }
        self.soonest = self.soonest.min(deadline);
        self.check();
    }

    fn unlink(&mut self, place: u32) {
        let Some(node) = self.at_mut(place) else { return };
        let class = mem::replace(&mut node.class, NEVER);
        let (before, behind) = (node.before, node.behind);
        if class == NEVER {
            return;
        }
        self.join(class, before, behind);
        if before == NONE && behind == NONE && class != PAST {
            self.occupied &= !(1 << class);
            self.mixed &= self.occupied;
        }
    }

    /// Makes two places neighbours; either may be `NONE`, which makes the other an end.
    fn join(&mut self, class: u8, before: u32, behind: u32) {
        match self.at_mut(before) {
            Some(node) => node.behind = behind,
            None => {
                if let Some(list) = self.lists.get_mut(class as usize) {
                    list.head = behind;
                }
            }
        }
        match self.at_mut(behind) {
            Some(node) => node.before = before,
            None => {
                if let Some(list) = self.lists.get_mut(class as usize) {
                    list.tail = before;
                }
            }
        }
    }

    #[inline]
    fn at(&self, place: u32) -> Option<&Node> {
        self.nodes.as_slice().get(place as usize)
    }

    #[inline]
    fn at_mut(&mut self, place: u32) -> Option<&mut Node> {
        self.nodes.as_mut_slice().get_mut(place as usize)
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    #[cfg(debug_assertions)]
    fn invariants(&self) {
        let nodes = self.nodes.as_slice();
        // To walk at every step would make the tests of large ones quadratic.
        if nodes.len() > 64 {
            return;
        }
        let mut listed = 0;
        for (class, list) in (0_u8..).zip(&self.lists) {
            let (mut at, mut last) = (list.head, NONE);
            if class != PAST {
                assert_eq!(at != NONE, self.occupied & (1 << class) != 0, "invariant 2");
            }
            while let Some(node) = self.at(at) {
                assert_eq!((node.class, node.before), (class, last), "invariant 1");
                assert!(self.soonest <= node.deadline, "invariant 3");
                listed += 1;
                assert!(listed <= nodes.len(), "invariant 1: a cycle");
                last = at;
                at = node.behind;
            }
            assert_eq!(list.tail, last, "invariant 1");
        }
        let expected = nodes.iter().filter(|node| node.class != NEVER).count();
        assert_eq!(listed, expected, "invariant 1");
        assert_eq!(self.mixed & !self.occupied, 0, "invariant 2");
    }
}
