//! [`Replies`]: who waits for an answer, and the answers that wait for somebody.

use core::task::Waker;

use crate::slab::{Key, Slab};
use crate::storage::Storage;

/// Names a caller's place.
pub(crate) type Ticket = Key;

/// What a caller hears; `None` if the request was dropped.
pub(crate) type Reply<O> = Option<O>;

pub(crate) enum Slot<O> {
    Waits(Waker),
    Answered(Reply<O>),
}

/// A place for each caller.
pub(crate) struct Replies<O, S: Storage> {
    slots: Slab<Slot<O>, S>,
}

/// The answer to [`Replies::take`].
pub(crate) enum Taken<O> {
    /// Here it is; the waker is to be dropped outside of the lock.
    Reply(Reply<O>),
    /// Not yet, and the waker that was shown is registered.
    Waiting,
    /// Not yet, but another waker is registered.
    WakerDiffers,
}

impl<O, S: Storage> Replies<O, S> {
    pub(crate) const fn new() -> Self {
        Self { slots: Slab::new() }
    }

    /// Takes a place; gives the waker back if there is none.
    pub(crate) fn enter(&mut self, waker: Waker) -> Result<Ticket, Waker> {
        self.slots.insert(Slot::Waits(waker)).map_err(|slot| match slot {
            Slot::Waits(waker) => waker,
            Slot::Answered(_) => unreachable!("it was made with a waker"),
        })
    }

    /// Puts an answer in the caller's place; answers whom to wake. If the caller is gone, gives the answer back.
    pub(crate) fn fill(&mut self, ticket: Ticket, reply: Reply<O>) -> Result<Option<Waker>, Reply<O>> {
        let Some(slot) = self.slots.index_of(ticket).and_then(|index| self.slots.at_mut(index)) else {
            return Err(reply);
        };
        match core::mem::replace(slot, Slot::Answered(reply)) {
            Slot::Waits(waker) => Ok(Some(waker)),
            Slot::Answered(former) => {
                // It has been answered before, and the first answer counts.
                match core::mem::replace(slot, Slot::Answered(former)) {
                    Slot::Answered(reply) => Err(reply),
                    Slot::Waits(_) => Ok(None),
                }
            }
        }
    }

    /// Takes an answer, and gives the place up, if there is one.
    pub(crate) fn take(&mut self, ticket: Ticket, waker: &Waker) -> Taken<O> {
        let Some(index) = self.slots.index_of(ticket) else { return Taken::Reply(None) };
        match self.slots.at(index) {
            Some(Slot::Waits(registered)) if registered.will_wake(waker) => Taken::Waiting,
            Some(Slot::Waits(_)) => Taken::WakerDiffers,
            _ => match self.slots.remove(index) {
                Some(Slot::Answered(reply)) => Taken::Reply(reply),
                _ => Taken::Reply(None),
            },
        }
    }

    /// Registers another waker; answers the one to be dropped outside of the lock, or gives this one back if there is
    /// an answer.
    pub(crate) fn register(&mut self, ticket: Ticket, waker: Waker) -> Result<Waker, Waker> {
        match self.slots.index_of(ticket).and_then(|index| self.slots.at_mut(index)) {
            Some(Slot::Waits(registered)) => Ok(core::mem::replace(registered, waker)),
            _ => Err(waker),
        }
    }

    /// Gives a place up; answers what was there, to be dropped outside of the lock.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<Slot<O>> {
        self.slots.index_of(ticket).and_then(|index| self.slots.remove(index))
    }
}
