//! Those who wait, in a [`Machine`]: consumers in line, and those who wait until it is empty.

use super::machine::{Machine, Step};
use super::payload::{Expired, Now};
use crate::Priority;
use crate::storage::Storage;
use crate::time::Instant;
use crate::wait_queue::WaiterKey;
use crate::wake::{Wake, WakeList};

/// The answer to [`Machine::enter`] and [`Machine::poll`].
#[derive(Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// A payload. If the caller stands in line, it is to [leave](Machine::leave).
    Expired(Expired<T>),
    /// The caller stands in line and will be woken by the waker that it showed.
    Waiting {
        /// By this key it asks again.
        key: WaiterKey,
        /// The caller is the first in line, and keeps time for all: it is to ask again at this instant, unwoken.
        /// Whoever drives the machine by [`Machine::poll_timeout`] may ignore it.
        alarm: Option<Instant>,
    },
    /// The caller stands in line, but another waker is registered: call [`Machine::register`].
    WakerDiffers,
    /// Much has become due at once and is being put in order: ask again, after others have had the lock.
    Busy,
    /// There is no room in line.
    Full,
    /// The machine has been closed; the key, if there was one, is used up.
    Closed,
}

/// The answer to [`Machine::register`].
#[derive(Debug, PartialEq, Eq)]
pub struct Registered<W> {
    /// The waker that was registered before, to be dropped outside of the lock.
    pub replaced: Option<W>,
    /// As in [`Progress::Waiting`]. If something has become due meanwhile, it has passed already.
    pub alarm: Option<Instant>,
}

/// The answer to [`Machine::join`].
#[derive(Debug, PartialEq, Eq)]
pub enum Joining {
    /// There is no payload.
    Empty,
    /// The caller waits, and will be woken by the waker that it showed.
    Waiting(WaiterKey),
    /// There is no room for another one that waits.
    Full,
    /// The machine has been closed with payloads in it.
    Closed,
}

/// Who keeps time, and until when.
#[derive(Clone, Copy)]
pub(super) struct Keeper {
    pub(super) key: WaiterKey,
    pub(super) until: Instant,
}

/// One who waits until there are no payloads.
pub(super) struct Joiner<W> {
    pub(super) waker: Option<W>,
    /// How often there had been none when it came.
    pub(super) since: u32,
}

impl<T, W, S: Storage> Machine<T, W, S> {
    /// Asks for a payload, or for a place in line. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// Gives the waker back, with the answer, if it has not been kept: unless the answer is
    /// [`Waiting`](Progress::Waiting).
    pub fn enter(
        &mut self,
        now: impl Into<Now>,
        priority: Priority,
        waker: W,
    ) -> Result<Progress<T>, (Progress<T>, W)> {
        if self.closed {
            return Err((Progress::Closed, waker));
        }
        self.told = now.into();
        match self.step() {
            Step::Expired(expired) => return Err((Progress::Expired(expired), waker)),
            Step::Busy => return Err((Progress::Busy, waker)),
            Step::NotDue => {}
        }
        match self.line.push(priority, Some(waker)) {
            Ok(key) => Ok(Progress::Waiting { key, alarm: self.keep_time(key) }),
            Err(Some(waker)) => Err((Progress::Full, waker)),
            Err(None) => unreachable!("it was made with a waker"),
        }
    }

    /// Asks again. Call [`settle`](Self::settle) afterwards.
    pub fn poll(&mut self, now: impl Into<Now>, key: WaiterKey, waker: &W) -> Progress<T>
    where
        W: Wake,
    {
        if self.line.get(key).is_none() {
            return Progress::Closed;
        }
        self.told = now.into();
        match self.step() {
            Step::Expired(expired) => return Progress::Expired(expired),
            Step::Busy => return Progress::Busy,
            Step::NotDue => {}
        }
        match self.line.get(key) {
            Some(Some(registered)) if registered.will_wake(waker) => {
                Progress::Waiting { key, alarm: self.keep_time(key) }
            }
            _ => Progress::WakerDiffers,
        }
    }

    /// Registers another waker for a consumer. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// Gives the waker back if the machine has been closed.
    pub fn register(&mut self, key: WaiterKey, waker: W) -> Result<Registered<W>, W> {
        let Some(registered) = self.line.get_mut(key) else { return Err(waker) };
        let replaced = registered.replace(waker);
        Ok(Registered { replaced, alarm: self.keep_time(key) })
    }

    /// Takes a consumer out of the line; does nothing if it is not there. Call [`settle`](Self::settle) afterwards.
    ///
    /// Answers its waker, to be dropped outside of the lock.
    pub fn leave(&mut self, key: WaiterKey) -> Option<W> {
        let waker = self.line.remove(key)?;
        // Nobody keeps time on behalf of one who has gone: the next payload is to find that out.
        if self.keeper.is_some_and(|keeper| keeper.key == key) {
            self.keeper = None;
        }
        self.unsettled |= !self.line.is_empty();
        waker
    }

    /// Makes the consumer keep time, if it is the first in line and there is any to keep.
    fn keep_time(&mut self, key: WaiterKey) -> Option<Instant> {
        if self.line.front() != Some(key) {
            return None;
        }
        let alarm = self.poll_timeout();
        self.keeper = alarm.map(|until| Keeper { key, until });
        alarm
    }

    /// Asks whether there are no payloads, or to be told. Without a key, a place among those who wait is taken.
    ///
    /// # Errors
    ///
    /// Gives the waker back, with the answer, unless that is [`Waiting`](Joining::Waiting).
    pub fn join(&mut self, waker: W) -> Result<Joining, (Joining, W)> {
        if self.len == 0 {
            return Err((Joining::Empty, waker));
        }
        if self.closed {
            return Err((Joining::Closed, waker));
        }
        match self.joiners.push(Priority::default(), Joiner { waker: Some(waker), since: self.emptied }) {
            Ok(key) => Ok(Joining::Waiting(key)),
            Err(Joiner { waker: Some(waker), .. }) => Err((Joining::Full, waker)),
            Err(_) => unreachable!("it was made with a waker"),
        }
    }

    /// Asks again: whoever still waits gets `waker` registered, and the one before back.
    ///
    /// # Errors
    ///
    /// Gives the waker back, with the answer, once the wait is over; the key is used up.
    pub fn poll_join(&mut self, key: WaiterKey, waker: W) -> Result<Option<W>, (Joining, W)> {
        let (emptied, closed) = (self.emptied, self.closed);
        match self.joiners.get_mut(key) {
            Some(joiner) if joiner.since == emptied && !closed => Ok(joiner.waker.replace(waker)),
            _ => Err((if closed && self.len != 0 { Joining::Closed } else { Joining::Empty }, waker)),
        }
    }

    /// Forgets one who waits; answers its waker, to be dropped outside of the lock.
    pub fn leave_join(&mut self, key: WaiterKey) -> Option<W> {
        self.joiners.remove(key)?.waker
    }

    /// Gathers whom to wake; `true` if there are more than fit.
    #[must_use = "`true` means that it must be called again with an empty list"]
    pub fn settle(&mut self, wakes: &mut WakeList<W>) -> bool
    where
        W: Wake,
    {
        while let Some(key) = self.called() {
            if wakes.is_full() {
                return true;
            }
            let waker = if self.closed { self.line.remove(key) } else { self.line.get_mut(key).map(Option::take) };
            push(wakes, waker.flatten());
            if !self.closed {
                break;
            }
        }
        while let Some(key) = self.joiners.front().filter(|&key| self.may_join(key)) {
            if wakes.is_full() {
                return true;
            }
            push(wakes, self.joiners.remove(key).and_then(|joiner| joiner.waker));
        }
        self.unsettled = false;
        self.check();
        false
    }

    /// Which consumer is to be called next.
    fn called(&self) -> Option<WaiterKey> {
        let front = self.line.front()?;
        let is_kept = self.keeper.is_some_and(|keeper| keeper.key == front);
        (self.closed || !is_kept && !self.agenda.is_empty()).then_some(front)
    }

    /// Whether there have been no payloads since this one came.
    pub(super) fn may_join(&self, key: WaiterKey) -> bool {
        self.closed || self.joiners.get(key).is_some_and(|joiner| joiner.since != self.emptied)
    }
}

fn push<W: Wake>(wakes: &mut WakeList<W>, waker: Option<W>) {
    if let Some(waker) = waker
        && wakes.push(waker).is_err()
    {
        unreachable!("the list has room");
    }
}
