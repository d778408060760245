//! [`WaitQueue`]: a line of waiters, by priority and then by arrival.
//!
//! Waiters of one priority form a chain, first in, first out; the chains stand in a crit-bit tree
//! ([`classes`]). So the cost of a step depends on the number of *priorities* in use, not of waiters: at most
//! 32 steps down the tree, and none where the priority is the one asked for last.

mod classes;
#[cfg(all(test, not(loom)))]
mod tests;

use core::fmt;

use crate::Priority;
use crate::slab::{Key, NONE, Slab};
use crate::storage::Storage;
use classes::Classes;

/// Names one waiter of one [`WaitQueue`].
///
/// A key outlives its waiter harmlessly: once the waiter is removed it finds nothing, also after the place has
/// been taken by another (until that place has been reused 2³² times).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WaiterKey(Key);

impl WaiterKey {
    /// The key in one word; no key has all bits set.
    #[cfg(target_has_atomic = "64")]
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.0.index) << 32 | u64::from(self.0.generation)
    }

    /// The place in the storage.
    #[cfg(target_has_atomic = "64")]
    pub(crate) const fn place(self) -> usize {
        self.0.index as usize
    }

    /// Whether the generations of the place begin here, for the first time or anew.
    #[cfg(target_has_atomic = "64")]
    pub(crate) const fn opens_a_round(self) -> bool {
        self.0.generation == 0
    }
}

/// A line of waiters, by priority and then by arrival, each with a `T` of its own.
///
/// A waiter that is [granted](Self::grant) is gone, which its key tells. One that has to be told something
/// else can [leave](Self::leave) the line and keep its place in the storage, and its `T`, until it is
/// [removed](Self::remove).
///
/// # Fairness
///
/// More urgent waiters go first, however long others have waited, unless a bound is set: with
/// [`set_max_bypass`](Self::set_max_bypass)`(Some(n))` no waiter sits through more than `n` grants to more
/// urgent ones.
///
/// # Cost
///
/// Every operation is O(1) in the number of waiters and at most 32 steps in the number of priorities in use.
/// With a bound set, [`front`](Self::front) and [`grant`](Self::grant) take one step per priority in use.
///
/// ```
/// use tidegate_core::{Inline, Priority, WaitQueue};
///
/// let mut line: WaitQueue<&str, Inline<4>> = WaitQueue::new();
/// line.push(Priority(0), "first").unwrap();
/// line.push(Priority(0), "second").unwrap();
/// let urgent = line.push(Priority(-5), "urgent").unwrap();
///
/// assert_eq!(line.front(), Some(urgent));
/// assert_eq!(line.remove(urgent), Some("urgent"));
/// let next = line.front().unwrap();
/// assert_eq!(line.get(next), Some(&"first"));
/// ```
pub struct WaitQueue<T, S: Storage> {
    nodes: Slab<Node<T>, S>,
    classes: Classes<S>,
    len: u32,
    max_bypass: Option<u32>,
}

struct Node<T> {
    item: T,
    /// The class, or `NONE` once the waiter has left the line.
    class: u32,
    /// The neighbour that came before; without meaning at the head of a chain.
    before: u32,
    /// The neighbour that came after, or `NONE`.
    behind: u32,
    /// What the class's `passed` was when the waiter came.
    passed_before: u32,
}

impl<T, S: Storage> WaitQueue<T, S> {
    /// An empty line.
    #[must_use]
    pub const fn new() -> Self {
        Self { nodes: Slab::new(), classes: Classes::new(), len: 0, max_bypass: None }
    }

    /// How many stand in line.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether nobody stands in line.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bounds how many grants to more urgent waiters one waiter sits through; `None` is no bound.
    ///
    /// The count starts when it is set; set it before anybody waits.
    pub const fn set_max_bypass(&mut self, bound: Option<u32>) {
        self.max_bypass = bound;
    }

    /// Adds a waiter behind those of the same and of more urgent priorities.
    ///
    /// # Errors
    ///
    /// Gives the item back if the storage is full.
    #[expect(clippy::inline_always, reason = "handed over in memory, the item would be waited for")]
    #[inline(always)]
    pub fn push(&mut self, priority: Priority, item: T) -> Result<WaiterKey, T> {
        let (class, passed_before) = match self.classes.find_recent(priority) {
            Some(class) if self.max_bypass.is_none() => (class, 0),
            _ => match self.find_class(priority) {
                Some(found) => found,
                None => return Err(item),
            },
        };
        let before = self.classes.ends(class).tail;
        let node = Node { item, class, before, behind: NONE, passed_before };
        let key = self.nodes.insert(node).map_err(|node| node.item)?;
        if let Some(last) = self.nodes.at_mut(before) {
            last.behind = key.index;
        }
        if let Some(ends) = self.classes.ends_mut(class) {
            ends.tail = key.index;
            if before == NONE {
                ends.head = key.index;
            }
        }
        self.len += 1;
        self.check();
        Ok(WaiterKey(key))
    }

    /// The class of a waiter to come, and what its `passed` is; `None` if there is no room for the waiter.
    #[inline(never)]
    fn find_class(&mut self, priority: Priority) -> Option<(u32, u32)> {
        // There are never more classes than waiters, so where there is room for a waiter there is for its class.
        if !self.nodes.has_room() {
            return None;
        }
        let class = self.classes.find_or_insert(priority)?;
        let passed = match self.max_bypass {
            Some(_) => self.classes.at(class).map_or(0, |class| class.passed),
            None => 0,
        };
        Some((class, passed))
    }

    /// Whose turn it is: the most urgent, then the one that came first; or, where a bound is set, the least
    /// urgent of those who have sat through as many grants as they may.
    #[inline]
    #[must_use]
    pub fn front(&self) -> Option<WaiterKey> {
        let class = match self.overdue_class() {
            Some(class) => class,
            None => self.classes.first()?,
        };
        self.key_at(self.classes.ends(class).head)
    }

    /// Whether the one at the front is there because it has been bypassed as often as it may be.
    #[must_use]
    pub fn front_is_overdue(&self) -> bool {
        self.overdue_class().is_some()
    }

    /// Whether a waiter of `priority` that came now would be at the front.
    #[must_use]
    pub fn would_lead(&self, priority: Priority) -> bool {
        // Somebody of the same priority waits.
        if self.classes.find_recent(priority).is_some() {
            return false;
        }
        match self.classes.first().and_then(|class| self.classes.at(class)) {
            None => true,
            Some(first) => priority.is_before(first.priority()) && !self.front_is_overdue(),
        }
    }

    /// The waiter in line after `key`, by priority and then by arrival.
    #[must_use]
    pub fn next(&self, key: WaiterKey) -> Option<WaiterKey> {
        let node = self.nodes.at(self.nodes.index_of(key.0)?)?;
        if node.behind != NONE {
            return self.key_at(node.behind);
        }
        let class = self.classes.after(node.class)?;
        self.key_at(self.classes.ends(class).head)
    }

    /// The waiter's item, in line or not.
    #[inline]
    #[must_use]
    pub fn get(&self, key: WaiterKey) -> Option<&T> {
        Some(&self.nodes.at(self.nodes.index_of(key.0)?)?.item)
    }

    /// The waiter's item, in line or not.
    #[inline]
    #[must_use]
    pub fn get_mut(&mut self, key: WaiterKey) -> Option<&mut T> {
        let index = self.nodes.index_of(key.0)?;
        Some(&mut self.nodes.at_mut(index)?.item)
    }

    /// Grants the waiter at the [front](Self::front) what it waits for, if `take` says so by answering
    /// something; then the waiter is removed, with what `take` has left of its item, and those it went ahead of
    /// count it.
    #[inline]
    pub fn grant_front<U>(&mut self, take: impl FnOnce(WaiterKey, &mut T) -> Option<U>) -> Option<U> {
        if self.max_bypass.is_some() {
            let front = self.front()?;
            let taken = take(front, self.get_mut(front)?)?;
            self.grant(front);
            return Some(taken);
        }
        let first = self.classes.first()?;
        let ends = self.classes.ends_mut(first)?;
        let head = ends.head;
        let (taken, behind) = self
            .nodes
            .vacate_if(head, |key, node| take(WaiterKey(key), &mut node.item).map(|taken| (taken, node.behind)))?;
        self.len -= 1;
        // The new head is not told that it is: nothing else in this step would touch it.
        ends.head = behind;
        if behind == NONE {
            self.classes.remove(first);
        }
        self.check();
        Some(taken)
    }

    /// Removes a waiter because its turn has come; those it went ahead of count it.
    pub fn grant(&mut self, key: WaiterKey) -> Option<T> {
        if self.max_bypass.is_some() {
            let class = self.nodes.at(self.nodes.index_of(key.0)?)?.class;
            self.count_bypass_after(class);
        }
        self.remove(key)
    }

    /// Counts a grant to somebody of `priority` who never stood in line.
    pub fn count_bypass(&mut self, priority: Priority) {
        if self.max_bypass.is_none() {
            return;
        }
        let mut class = self.classes.first();
        while let Some(index) = class {
            class = self.classes.after(index);
            if let Some(class) = self.classes.at_mut(index)
                && priority.is_before(class.priority())
            {
                class.passed = class.passed.wrapping_add(1);
            }
        }
    }

    /// Takes a waiter out of the line for another reason than its turn; nobody counts it.
    ///
    /// Answers its item, which stays where it is; `None` if the waiter is not in line.
    pub fn leave(&mut self, key: WaiterKey) -> Option<&mut T> {
        let index = self.nodes.index_of(key.0)?;
        let node = self.nodes.at_mut(index)?;
        let (class, mut before, behind) = (node.class, node.before, node.behind);
        if class == NONE {
            return None;
        }
        node.class = NONE;
        self.len -= 1;
        if self.classes.ends(class).head == index {
            before = NONE;
        }
        if before == NONE && behind == NONE {
            self.classes.remove(class);
        } else {
            self.close_gap(class, before, behind);
        }
        self.check();
        Some(&mut self.nodes.at_mut(index)?.item)
    }

    /// Links the neighbours of one who left to each other, or to the end of the chain.
    fn close_gap(&mut self, class: u32, before: u32, behind: u32) {
        match self.nodes.at_mut(before) {
            Some(node) => node.behind = behind,
            None => {
                if let Some(ends) = self.classes.ends_mut(class) {
                    ends.head = behind;
                }
            }
        }
        match self.nodes.at_mut(behind) {
            Some(node) => node.before = before,
            None => {
                if let Some(ends) = self.classes.ends_mut(class) {
                    ends.tail = before;
                }
            }
        }
    }

    /// Removes a waiter, in line or not, and hands out its item.
    pub fn remove(&mut self, key: WaiterKey) -> Option<T> {
        self.leave(key);
        let index = self.nodes.index_of(key.0)?;
        self.nodes.remove(index).map(|node| node.item)
    }

    fn key_at(&self, index: u32) -> Option<WaiterKey> {
        self.nodes.key_at(index).map(WaiterKey)
    }

    /// The least urgent class whose head has sat through as many grants as it may.
    ///
    /// Granting that one first is what keeps the bound exact: only classes less urgent than it count the
    /// grant, and none of those is at the bound.
    #[inline]
    fn overdue_class(&self) -> Option<u32> {
        self.max_bypass.and_then(|bound| self.overdue_by(bound))
    }

    /// Out of line, for those who set no bound.
    #[cold]
    #[inline(never)]
    fn overdue_by(&self, bound: u32) -> Option<u32> {
        let mut overdue = None;
        let mut class = self.classes.first();
        while let Some(index) = class {
            if self.bypassed(index)? >= bound {
                overdue = Some(index);
            }
            class = self.classes.after(index);
        }
        overdue
    }

    /// How many grants to more urgent classes the head of a class has sat through.
    fn bypassed(&self, class: u32) -> Option<u32> {
        let head = self.classes.ends(class).head;
        Some(self.classes.at(class)?.passed.wrapping_sub(self.nodes.at(head)?.passed_before))
    }

    fn count_bypass_after(&mut self, class: u32) {
        let mut next = self.classes.after(class);
        while let Some(index) = next {
            if let Some(class) = self.classes.at_mut(index) {
                class.passed = class.passed.wrapping_add(1);
            }
            next = self.classes.after(index);
        }
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks that the tree is in order, that the chains hold together, and that they hold `len` waiters.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        // Every waiter is counted, which is too much to do at each step of a long line.
        if self.len > 64 {
            return;
        }
        let classes = self.classes.check();
        let mut seen = (0, 0);
        let mut class = self.classes.first();
        while let Some(index) = class {
            let ends = self.classes.ends(index);
            let mut before = NONE;
            let mut node_index = ends.head;
            while let Some(node) = self.nodes.at(node_index) {
                let linked = node.before == before || node_index == ends.head;
                debug_assert!(node.class == index && linked, "a chain holds together");
                seen.1 += 1;
                before = node_index;
                node_index = node.behind;
            }
            debug_assert_eq!(ends.tail, before, "a chain has its end");
            seen.0 += 1;
            class = self.classes.after(index);
        }
        debug_assert_eq!(seen, (classes, self.len), "every class and every waiter is in order");
        if let Some(bound) = self.max_bypass {
            let mut class = self.classes.first();
            while let Some(index) = class {
                debug_assert!(self.bypassed(index).is_some_and(|count| count <= bound), "the bound holds");
                class = self.classes.after(index);
            }
        }
    }
}

impl<T, S: Storage> Default for WaitQueue<T, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, S: Storage> fmt::Debug for WaitQueue<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue")
            .field("len", &self.len)
            .field("max_bypass", &self.max_bypass)
            .finish_non_exhaustive()
    }
}
