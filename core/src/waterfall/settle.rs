//! What follows from a change: who is accepted, and who is to be woken; and what must hold then.

use super::gather::{Due, Gather, NotAdded};
use super::machine::{Machine, State};
use crate::storage::Storage;
use crate::time::Instant;
use crate::wake::{Wake, WakeList};

/// Somebody for whom something has changed; without a waker it is about to ask anyway.
struct Told<W>(Option<W>);

impl<W, G: Gather, Q: Storage> Machine<W, G, Q> {
    /// Accepts whoever there is room for, and gathers whom to wake; `true` if there are more than fit.
    #[must_use = "`true` means that it must be called again with an empty list"]
    pub fn settle(&mut self, now: Instant, wakes: &mut WakeList<W>) -> bool
    where
        W: Wake,
    {
        loop {
            if wakes.is_full() {
                return true;
            }
            let Some(Told(waker)) = self.next_wake(now) else { break };
            if let Some(waker) = waker
                && wakes.push(waker).is_err()
            {
                unreachable!("the list has room");
            }
        }
        self.unsettled = false;
        self.inviting = self.state == State::Open && self.putters.is_empty();
        self.check();
        false
    }

    /// The next of those for whom something has changed, and its waker if there is one.
    fn next_wake(&mut self, now: Instant) -> Option<Told<W>> {
        let putter = if self.state == State::Open { self.admit(now) } else { self.refuse() };
        putter.or_else(|| self.release()).or_else(|| self.call())
    }

    /// Accepts the first item in line, if there is room for it.
    fn admit(&mut self, now: Instant) -> Option<Told<W>> {
        if self.putters.is_empty() {
            return None;
        }
        let (gather, config) = (&mut self.gather, &self.config);
        let has_room = self.unfinished < config.room();
        let admitted = if has_room {
            self.putters.grant_front(|_, putter| {
                let item = putter.item.take_if(|item| gather.has_room(config, item))?;
                match gather.add(config, Some(now), item) {
                    Ok(_news) => Some(Told(putter.waker.take())),
                    Err(NotAdded::Full(item) | NotAdded::NeedsTime(item)) => {
                        putter.item = Some(item);
                        None
                    }
                }
            })
        } else {
            None
        };
        if admitted.is_some() {
            self.unfinished += 1;
        } else if has_room || self.in_flight == 0 {
            // It is a place for its key that the first in line waits for, or nothing will end that makes room.
            self.gather.press();
        }
        admitted
    }

    /// Turns the first in line away. It keeps its item until it asks for it.
    fn refuse(&mut self) -> Option<Told<W>> {
        let first = self.putters.front()?;
        self.putters.leave(first).map(|putter| Told(putter.waker.take()))
    }

    /// Tells the first of those who wait for the end, if it has come: they end in the order in which they began.
    fn release(&mut self) -> Option<Told<W>> {
        let first = self.flushers.front()?;
        let finished = self.flushers.get(first)?.left == 0;
        if finished {
            return self.flushers.remove(first).map(|flusher| Told(flusher.waker));
        }
        if self.state == State::Stopped {
            return self.flushers.leave(first).map(|flusher| Told(flusher.waker.take()));
        }
        None
    }

    /// Calls the first of those who want batches, if there is one, or none any more, or another time to keep.
    fn call(&mut self) -> Option<Told<W>> {
        let first = self.takers.front()?;
        self.takers.get(first)?.as_ref()?;
        let until = match self.due() {
            Due::Now => None,
            _ if self.has_ended() => None,
            Due::At(end) => Some(Some(end)),
            Due::Never => Some(None),
        };
        let keeps = self.keeper.filter(|keeper| keeper.key == first).and_then(|keeper| keeper.until);
        if until == Some(keeps) {
            return None;
        }
        self.takers.get_mut(first)?.take().map(|waker| Told(Some(waker)))
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks the invariants named at the top of this file.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        self.gather.invariants(&self.config);
        debug_assert_eq!(self.inviting, self.state == State::Open && self.putters.is_empty(), "inviting");
        debug_assert!(self.unfinished <= self.config.room(), "bounded");
        debug_assert!(self.gather.len() <= self.unfinished, "bounded");
        if let Some(first) = self.putters.front() {
            let item = self.putters.get(first).and_then(|putter| putter.item.as_ref());
            let room = self.unfinished < self.config.room()
                && item.is_some_and(|item| self.gather.has_room(&self.config, item));
            debug_assert!(self.state == State::Open && !room, "admitted");
        }
        if let Some(first) = self.takers.front() {
            let called = self.takers.get(first).is_some_and(Option::is_none);
            let keeper = self.keeper.filter(|keeper| keeper.key == first);
            let told = match self.due() {
                _ if self.has_ended() => false,
                Due::Now => false,
                Due::At(end) => keeper.is_some_and(|keeper| keeper.until == Some(end)),
                Due::Never => keeper.is_none_or(|keeper| keeper.until.is_none()),
            };
            debug_assert!(called || told, "called");
        }
        let flusher = self.flushers.front().and_then(|first| self.flushers.get(first));
        debug_assert!(flusher.is_none_or(|flusher| flusher.left > 0), "told");
    }
}
