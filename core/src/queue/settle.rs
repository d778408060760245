//! Settling: whoever can go on is granted what it waits for, or told that there is no point in waiting.

use super::discipline::Discipline;
#[cfg(debug_assertions)]
use super::discipline::Items;
use super::machine::{Call, Machine, State};
use crate::storage::Storage;
use crate::wake::{Wake, WakeList};

impl<T, W, D: Discipline<T>, S: Storage, V: Storage> Machine<T, W, D, S, V> {
    /// Wakes the one whom an item or room for one concerns, without a list.
    pub(super) fn call(&mut self) -> Call<W> {
        let waker = self.settle_one();
        self.see_whether_calm();
        // Only while a long list is being worked off is there anybody else.
        let more = waker.is_some() && self.is_unsettled();
        if !more {
            self.check();
        }
        Call { waker, more }
    }

    /// Whether somebody is to be granted or refused something.
    fn is_unsettled(&self) -> bool {
        let open = self.state == State::Open;
        (!self.for_item.is_empty() && (!open || self.has_item()))
            || (!self.for_room.is_empty() && (!open || self.has_room()))
            || (!self.for_done.is_empty() && self.unfinished == 0)
    }

    /// Wakes as many as fit; `true` if there are more.
    #[must_use = "`true` means that it must be called again with an empty list"]
    pub fn settle(&mut self, wakes: &mut WakeList<W>) -> bool
    where
        W: Wake,
    {
        if !self.calm {
            loop {
                if wakes.is_full() {
                    return true;
                }
                let Some(waker) = self.settle_one() else { break };
                if wakes.push(waker).is_err() {
                    unreachable!("the list has room");
                }
            }
            self.see_whether_calm();
        }
        self.check();
        false
    }

    /// Grants or refuses one waiter, if one is to be.
    #[inline]
    fn settle_one(&mut self) -> Option<W> {
        if let Some(waker) = self.owed.take() {
            return Some(waker);
        }
        if self.has_item() && !self.for_item.is_empty() {
            self.claimed += 1;
            return self.for_item.grant();
        }
        if self.state == State::Open {
            if !self.for_room.is_empty() && self.has_room() {
                if self.offers > 0
                    && let Some(waker) = self.let_in()
                {
                    return Some(waker);
                }
                self.reserved += 1;
                return self.for_room.grant();
            }
        } else if let Some(waker) = self.for_room.refuse().or_else(|| self.for_item.refuse()) {
            return Some(waker);
        }
        if self.unfinished == 0 { self.for_done.grant() } else { None }
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks the invariants named at the top of `machine.rs`.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        let discarded = self.state == State::Discarded;
        debug_assert!(self.claimed as usize <= self.items.len() || (discarded && self.claimed == 0), "claimed");
        debug_assert!(!self.is_unsettled(), "settled, closed, joined");
        debug_assert!(self.owed.is_none(), "owed");
        let open = self.state == State::Open;
        let waiters = self.for_room.len() + self.for_item.len() + self.for_done.len();
        debug_assert_eq!(self.calm, open && waiters == 0, "calm");
    }
}
