//! Offers: what those who wait to put leave with their place in line, where nothing is ever inside.

use super::answers::Progress;
use super::discipline::{Discipline, Items};
use super::line::Granted;
use super::machine::{Machine, State};
use crate::storage::Storage;
use crate::wait_queue::WaiterKey;
use crate::wake::Wake;

impl<T, W, D: Discipline<T>, S: Storage, V: Storage> Machine<T, W, D, S, V> {
    /// Leaves the item with a place in line for room, for whoever comes for one. Does nothing unless the queue is without
    /// capacity; there an item could not go in by itself.
    ///
    /// Whoever has offered an item asks by [`poll_offer`](Self::poll_offer) and leaves by
    /// [`withdraw`](Self::withdraw).
    pub fn offer(&mut self, key: WaiterKey, item: &mut Option<T>) {
        if self.capacity == 0 && item.is_some() && self.offers < u32::MAX {
            self.for_room.make_offer(key, item);
            self.offers += u32::from(item.is_none());
        }
    }

    /// Asks what has become of an offer. Call [`settle`](Self::settle) afterwards.
    ///
    /// [`Granted`](Progress::Granted) if the item has been taken; [`Closed`](Progress::Closed) if it will not be, and
    /// it is back in `item` then.
    pub fn poll_offer(&mut self, key: WaiterKey, waker: &W, item: &mut Option<T>) -> Progress
    where
        W: Wake,
    {
        if self.for_room.is_refused(key) {
            self.take_back(key, item);
        }
        self.for_room.ask(key, waker).into()
    }

    /// Forgets somebody who has offered an item, which is back in `item` then, unless it has been taken.
    ///
    /// Answers the waker, to be dropped outside of the lock. Call [`settle`](Self::settle) afterwards.
    pub fn withdraw(&mut self, key: WaiterKey, item: &mut Option<T>) -> Option<W> {
        self.take_back(key, item);
        self.for_room.cancel(key).unwrap_or_else(|Granted| None)
    }

    fn take_back(&mut self, key: WaiterKey, item: &mut Option<T>) {
        if let Some(offered) = self.for_room.take_back(key) {
            *item = Some(offered);
            self.offers -= 1;
        }
    }

    /// Whether anybody offers an item.
    #[inline]
    pub(super) const fn has_offers(&self) -> bool {
        self.offers > 0
    }

    /// How many items could be had here and now at most.
    pub(super) fn ready(&self) -> usize {
        self.len() + self.offers as usize
    }

    /// Takes what would come out next if the first offer were inside, and nobody has a claim to it; answers whom to wake,
    /// too.
    #[cold]
    #[inline(never)]
    pub(super) fn take_offered(&mut self) -> Option<(T, Option<W>)> {
        if !self.for_item.is_empty() || self.has_item() {
            return None;
        }
        let (offered, waker) = self.accept()?;
        self.unfinished += 1;
        // What is inside is claimed, but a claim is to any item, and these came first.
        let Some(first) = self.items.pop() else { return Some((offered, waker)) };
        let mut offered = Some(offered);
        self.items.push(&mut offered);
        match offered {
            None => Some((first, waker)),
            Some(_) => unreachable!("one has just gone"),
        }
    }

    /// Takes what the first in line offers, if it does; answers its waker, too.
    fn accept(&mut self) -> Option<(T, Option<W>)> {
        if self.state != State::Open {
            return None;
        }
        let accepted = self.for_room.accept()?;
        self.offers -= 1;
        Some(accepted)
    }

    /// Lets in what the first in line offers, and answers its waker. There must be room.
    #[cold]
    pub(super) fn let_in(&mut self) -> Option<W> {
        let (item, waker) = self.accept()?;
        let mut item = Some(item);
        if !self.push(&mut item) {
            unreachable!("there is room");
        }
        waker
    }

    /// Lets the first offer in, for somebody who comes for an item and need not wait then.
    #[cold]
    #[inline(never)]
    pub(super) fn meet(&mut self) -> bool {
        let room = (self.claimed as usize).saturating_add(1).min(Self::MAX_CAPACITY);
        if self.capacity > 0 || self.items.len() + self.reserved as usize >= room || self.owed.is_some() {
            return false;
        }
        self.owed = self.let_in();
        self.owed.is_some()
    }
}
