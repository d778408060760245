//! [`Lines`]: who waits for which key, each key's waiters by priority and then by arrival.
//!
//! The waiters of all lines of a shard share one storage. In a line, those of one priority form a chain, first in,
//! first out, and its chains one of theirs, the most urgent first.

use crate::slab::{Key, NONE, Slab};
use crate::storage::{Buffer, Storage};
use crate::{Instant, Priority};

struct Waiter<W> {
    /// `None` once it has been handed out to be woken.
    waker: Option<W>,
    tokens: u32,
    line: u32,
    class: u32,
    /// The neighbours of the same class, or `NONE`.
    before: u32,
    behind: u32,
}

/// The waiters of one line and one priority: one at least.
struct Class {
    priority: Priority,
    head: u32,
    tail: u32,
    /// The next less urgent one of the line, or `NONE`.
    next: u32,
}

/// One key's line.
struct Line {
    /// Its most urgent class, or `NONE`.
    first: u32,
    /// Who has been told, or woken to be told, when the line is due.
    told: Option<(Key, Instant)>,
}

/// Who waits. A line has the number of the bucket that it waits for, and begins and ends by itself.
pub(super) struct Lines<W, V: Storage> {
    waiters: Slab<Waiter<W>, V>,
    classes: Slab<Class, V>,
    by_number: V::Buffer<Line>,
    len: usize,
}

impl<W, V: Storage> Lines<W, V> {
    pub(super) const fn new() -> Self {
        let by_number = <V::Buffer<Line> as Buffer<Line>>::EMPTY;
        Self { waiters: Slab::new(), classes: Slab::new(), by_number, len: 0 }
    }

    /// How many wait, in all lines.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// All lines have lower numbers than this.
    pub(super) fn lines(&self) -> u32 {
        u32::try_from(self.by_number.as_slice().len()).unwrap_or(u32::MAX)
    }

    /// Whether there is room for another waiter, of whatever line and priority.
    pub(super) fn has_room(&self) -> bool {
        // No more classes than waiters.
        self.waiters.has_room()
    }

    /// The most urgent class of a line.
    fn class(&self, line: u32) -> Option<&Class> {
        self.classes.at(self.by_number.as_slice().get(line as usize)?.first)
    }

    /// Whose turn it is in a line.
    pub(super) fn front(&self, line: u32) -> Option<Key> {
        self.waiters.key_at(self.class(line)?.head)
    }

    /// Who has been told when the line is due, and when that is.
    pub(super) fn told(&self, line: u32) -> Option<(Key, Instant)> {
        self.by_number.as_slice().get(line as usize)?.told
    }

    /// Notes who has been told, or is about to be.
    pub(super) fn tell(&mut self, line: u32, told: Option<(Key, Instant)>) {
        if let Some(line) = self.by_number.as_mut_slice().get_mut(line as usize) {
            line.told = told;
        }
    }

    /// Whether a waiter of `priority` that came now would be at the front.
    pub(super) fn would_lead(&self, line: u32, priority: Priority) -> bool {
        self.class(line).is_none_or(|class| priority.is_before(class.priority))
    }

    /// The line in which somebody stands, and how many tokens it wants; `None` if it has left.
    pub(super) fn look(&self, place: Key) -> Option<(u32, u32)> {
        let waiter = self.waiters.at(self.waiters.index_of(place)?)?;
        Some((waiter.line, waiter.tokens))
    }

    /// The waker of somebody who still waits, if it has not been handed out.
    pub(super) fn waker(&mut self, place: Key) -> Option<&mut Option<W>> {
        let index = self.waiters.index_of(place)?;
        Some(&mut self.waiters.at_mut(index)?.waker)
    }

    /// Adds a waiter behind those of the same and of more urgent priorities of its line; the storage
    /// [has room](Self::has_room).
    pub(super) fn push(&mut self, line: u32, priority: Priority, tokens: u32, waker: W) -> Key {
        while self.by_number.as_slice().len() <= line as usize {
            if self.by_number.push(Line { first: NONE, told: None }).is_err() {
                unreachable!("there are no more lines than there is room for");
            }
        }
        let class = self.class_of(line, priority);
        let before = self.classes.at(class).map_or(NONE, |class| class.tail);
        let waiter = Waiter { waker: Some(waker), tokens, line, class, before, behind: NONE };
        let Ok(key) = self.waiters.insert(waiter) else { unreachable!("there is room") };
        match self.waiters.at_mut(before) {
            Some(last) => last.behind = key.index,
            None => self.set_head(class, key.index),
        }
        self.set_tail(class, key.index);
        self.len += 1;
        self.check();
        key
    }

    /// The class of a line for a priority, which is made if there is none.
    fn class_of(&mut self, line: u32, priority: Priority) -> u32 {
        let (mut before, mut next) = (NONE, self.by_number.as_slice()[line as usize].first);
        while let Some(class) = self.classes.at(next) {
            if class.priority == priority {
                return next;
            }
            if priority.is_before(class.priority) {
                break;
            }
            (before, next) = (next, class.next);
        }
        let class = Class { priority, head: NONE, tail: NONE, next };
        let Ok(Key { index, .. }) = self.classes.insert(class) else { unreachable!("there is room") };
        *self.pointer(line, before) = index;
        index
    }

    /// What points to the class behind `before`, or to the first of the line.
    fn pointer(&mut self, line: u32, before: u32) -> &mut u32 {
        match self.classes.at_mut(before) {
            Some(class) => &mut class.next,
            None => &mut self.by_number.as_mut_slice()[line as usize].first,
        }
    }

    /// Takes a waiter out; answers its line, and its waker if that has not been handed out.
    pub(super) fn remove(&mut self, place: Key) -> Option<(u32, Option<W>)> {
        let index = self.waiters.index_of(place)?;
        let Waiter { waker, line, class, before, behind, .. } = self.waiters.remove(index)?;
        match self.waiters.at_mut(before) {
            Some(waiter) => waiter.behind = behind,
            None => self.set_head(class, behind),
        }
        match self.waiters.at_mut(behind) {
            Some(waiter) => waiter.before = before,
            None => self.set_tail(class, before),
        }
        if before == NONE && behind == NONE {
            self.end_class(line, class);
        }
        self.len -= 1;
        self.check();
        Some((line, waker))
    }

    fn end_class(&mut self, line: u32, ended: u32) {
        let (mut before, mut at) = (NONE, self.by_number.as_slice()[line as usize].first);
        while at != ended {
            let Some(class) = self.classes.at(at) else { return };
            (before, at) = (at, class.next);
        }
        if let Some(class) = self.classes.remove(ended) {
            *self.pointer(line, before) = class.next;
        }
    }

    fn set_head(&mut self, class: u32, head: u32) {
        if let Some(class) = self.classes.at_mut(class) {
            class.head = head;
        }
    }

    fn set_tail(&mut self, class: u32, tail: u32) {
        if let Some(class) = self.classes.at_mut(class) {
            class.tail = tail;
        }
    }

    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks that classes are in order, that the chains hold together, and that they hold `len` waiters.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        // Every waiter is counted, which is too much to do at each step of long lines.
        if self.len > 64 {
            return;
        }
        let mut seen = 0;
        for (line, Line { first, .. }) in self.by_number.as_slice().iter().enumerate() {
            let (mut at, mut last) = (*first, None);
            while let Some(class) = self.classes.at(at) {
                debug_assert!(last.is_none_or(|last: Priority| last.is_before(class.priority)), "in order");
                let (mut before, mut index) = (NONE, class.head);
                while let Some(waiter) = self.waiters.at(index) {
                    let placed = (waiter.line as usize, waiter.class, waiter.before) == (line, at, before);
                    debug_assert!(placed, "a chain holds together");
                    seen += 1;
                    (before, index) = (index, waiter.behind);
                }
                debug_assert!(before != NONE && class.tail == before, "a class has somebody, and knows the last");
                (last, at) = (Some(class.priority), class.next);
            }
        }
        debug_assert_eq!(seen, self.len, "everybody stands in a line");
    }
}
