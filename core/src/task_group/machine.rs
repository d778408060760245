//! [`Machine`]: a count of members, and those who wait for its end, as a pure state machine.
//!
//! ```text
//!             enter, leave                        leave: the last one
//!            ┌─────┐           ┌─────┐
//!            ▼     │   close   ▼     │ enter, leave: somebody is left
//!   new ───► open ─┴─────────► closing ─────────────────────────────────► finished
//!             │                                                            ▲
//!             └── close: nobody is left ───────────────────────────────────┘
//! ```
//!
//! A closing group still takes members in, for as long as it has one: what its tasks start belongs to it as well.
//! A finished one takes nobody, and stays so.
//!
//! Beside the end one may wait for a moment without members, of which there may be many.
//!
//! Invariants, checked in debug builds once a call has settled:
//! 1. *finished*: a group is finished if, and only if, it has been closed and has since had no member;
//! 2. *told*: nobody waits for anything in a finished group, and nobody for the last member where there is none.

use core::fmt;

use super::error::EnterError;
use crate::Priority;
use crate::storage::Storage;
use crate::wait_queue::{WaitQueue, WaiterKey};
use crate::wake::{Wake, WakeList};

/// The answer to [`Machine::join`].
#[derive(Debug, PartialEq, Eq)]
pub enum Admission<W> {
    /// What is waited for has come; the waker was not needed.
    Finished(W),
    /// The caller stands in line, and asks again by this key.
    Queued(WaiterKey),
}

/// The answer to [`Machine::poll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// What was waited for has come; the key is used up.
    Finished,
    /// The caller still waits, and will be woken by the waker that it showed.
    Waiting,
    /// The caller still waits, but another waker is registered: call [`Machine::register`].
    WakerDiffers,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The group's end: it is closed, and everybody has left.
    Finished,
    /// A moment without members, be the group closed or not.
    Idle,
}

struct Waiter<W> {
    waker: W,
    until: Until,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Closing,
    Finished,
}

/// A count of members, and those who wait for the last of them, as a pure state machine.
///
/// It never wakes and never allocates beyond its storage, which has room for so many waiters; members take none.
///
/// Drive it thus: call an operation, then [`settle`](Self::settle) into a fresh [`WakeList`], over and over while
/// it says that there is more, dropping each list outside of the lock that guards the machine.
/// [`TaskGroup`](super::TaskGroup) does so.
///
/// # Cost
///
/// O(1) for every operation, but for waking them all: a step per waiter, and for each that waits for a moment without
/// members one more per waiter before it.
///
/// ```
/// use tidegate_core::task_group::{Admission, Machine, Progress, Until};
/// use tidegate_core::{Inline, Priority, Wake, WakeList};
///
/// #[derive(Debug, PartialEq)]
/// struct Flag(u8);
/// impl Wake for Flag {
///     fn wake(self) { /* set an event flag, pend an interrupt … */ }
///     fn will_wake(&self, other: &Self) -> bool { self == other }
/// }
///
/// let mut machine: Machine<Flag, Inline<4>> = Machine::new();
/// machine.enter().unwrap();
/// machine.close();
/// let Ok(Admission::Queued(key)) = machine.join(Until::Finished, Priority(0), Flag(1)) else { panic!("there is a member") };
///
/// machine.enter().expect("one member starts another");
/// machine.leave();
/// assert_eq!(machine.poll(key, &Flag(1)), Progress::Waiting);
/// machine.leave();
/// let mut wakes = WakeList::new();
/// assert!(!machine.settle(&mut wakes), "that was all");
/// drop(wakes); // wakes Flag(1)
/// assert_eq!(machine.poll(key, &Flag(1)), Progress::Finished);
/// assert!(machine.enter().is_err());
/// ```
pub struct Machine<W, S: Storage> {
    members: usize,
    phase: Phase,
    /// Members that failed, and nobody has seen it.
    failures: usize,
    /// Those who wait, and for what.
    line: WaitQueue<Waiter<W>, S>,
    /// How many of them wait for a moment without members.
    idlers: usize,
}

impl<W, S: Storage> Machine<W, S> {
    /// An open group without members.
    #[must_use]
    pub const fn new() -> Self {
        Self { members: 0, phase: Phase::Open, failures: 0, line: WaitQueue::new(), idlers: 0 }
    }

    /// How many members there are.
    #[must_use]
    pub const fn members(&self) -> usize {
        self.members
    }

    /// How many wait.
    #[must_use]
    pub const fn waiters(&self) -> usize {
        self.line.len()
    }

    /// Whether the group has been closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        !matches!(self.phase, Phase::Open)
    }

    /// Whether the group has been closed, and has since had no member.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    /// Whether [`settle`](Self::settle) has anything to do.
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        if self.is_finished() { !self.line.is_empty() } else { self.members == 0 && self.idlers > 0 }
    }

    /// Whether anybody waits for a moment without members.
    pub(super) const fn has_idlers(&self) -> bool {
        self.idlers > 0
    }

    /// Learns how many members there are from whoever counts them. Call [`settle`](Self::settle) afterwards.
    pub(super) fn recount(&mut self, members: usize) {
        if !self.is_finished() {
            self.members = members;
            self.finish_if_deserted();
        }
    }

    /// Takes a member in.
    ///
    /// # Errors
    ///
    /// [`Closed`](EnterError::Closed) if the group is finished, [`TooMany`](EnterError::TooMany) if there are
    /// `usize::MAX` members.
    pub const fn enter(&mut self) -> Result<(), EnterError> {
        if self.is_finished() {
            return Err(EnterError::Closed);
        }
        match self.members.checked_add(1) {
            Some(members) => {
                self.members = members;
                Ok(())
            }
            None => Err(EnterError::TooMany),
        }
    }

    /// A member leaves; does nothing if there is none. Call [`settle`](Self::settle) afterwards.
    pub fn leave(&mut self) {
        self.members = self.members.saturating_sub(1);
        self.finish_if_deserted();
    }

    /// Takes nobody in any more once the last member has left. Call [`settle`](Self::settle) afterwards.
    ///
    /// Closing again does nothing.
    pub fn close(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Closing;
            self.finish_if_deserted();
        }
    }

    fn finish_if_deserted(&mut self) {
        if self.phase == Phase::Closing && self.members == 0 {
            self.phase = Phase::Finished;
        }
    }

    /// Counts a failure that nobody has seen so far.
    pub const fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// Counts one failure less: somebody has seen it.
    pub const fn observe(&mut self) {
        self.failures = self.failures.saturating_sub(1);
    }

    /// How many failures nobody has seen.
    #[must_use]
    pub const fn unobserved_failures(&self) -> usize {
        self.failures
    }

    /// Takes a place in line, unless what is waited for has come.
    ///
    /// # Errors
    ///
    /// Gives the waker back if there is no room for another waiter.
    pub fn join(&mut self, until: Until, priority: Priority, waker: W) -> Result<Admission<W>, W> {
        if self.is_finished() || until == Until::Idle && self.members == 0 {
            return Ok(Admission::Finished(waker));
        }
        let key = self.line.push(priority, Waiter { waker, until }).map_err(|waiter| waiter.waker)?;
        self.idlers += usize::from(until == Until::Idle);
        Ok(Admission::Queued(key))
    }

    /// Asks whether what is waited for has come.
    #[must_use]
    pub fn poll(&self, key: WaiterKey, waker: &W) -> Progress
    where
        W: Wake,
    {
        match self.line.get(key) {
            _ if self.is_finished() => Progress::Finished,
            Some(waiter) if waiter.waker.will_wake(waker) => Progress::Waiting,
            Some(_) => Progress::WakerDiffers,
            None => Progress::Finished,
        }
    }

    /// Registers another waker for a waiter, and answers the one before, to be dropped outside of the lock.
    ///
    /// # Errors
    ///
    /// Gives the waker back if the waiter has been told already: [`poll`](Self::poll).
    pub fn register(&mut self, key: WaiterKey, waker: W) -> Result<W, W> {
        match self.line.get_mut(key) {
            Some(waiter) => Ok(core::mem::replace(&mut waiter.waker, waker)),
            None => Err(waker),
        }
    }

    /// Forgets a waiter; does nothing if it has been told.
    ///
    /// Answers its waker, to be dropped outside of the lock.
    pub fn cancel(&mut self, key: WaiterKey) -> Option<W> {
        let waiter = self.line.remove(key)?;
        self.idlers -= usize::from(waiter.until == Until::Idle);
        Some(waiter.waker)
    }

    /// Gathers whom to wake; `true` if there are more than fit.
    ///
    /// Those who wait for a moment without members are told only as long as it lasts.
    #[must_use = "`true` means that it must be called again with an empty list"]
    pub fn settle(&mut self, wakes: &mut WakeList<W>) -> bool
    where
        W: Wake,
    {
        while self.is_unsettled() {
            if wakes.is_full() {
                return true;
            }
            if let Some(waker) = self.due().and_then(|key| self.cancel(key))
                && wakes.push(waker).is_err()
            {
                unreachable!("the list has room");
            }
        }
        self.check();
        false
    }

    /// The first in line to be told.
    fn due(&self) -> Option<WaiterKey> {
        let is_due = |key: &WaiterKey| {
            self.is_finished() || self.line.get(*key).is_some_and(|waiter| waiter.until == Until::Idle)
        };
        core::iter::successors(self.line.front(), |&key| self.line.next(key)).find(is_due)
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks the invariants named at the top of this file.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        debug_assert_eq!(self.is_finished(), self.is_closed() && self.members == 0, "finished");
        debug_assert!(!self.is_finished() || self.line.is_empty(), "told");
        debug_assert!(self.members > 0 || self.idlers == 0, "told");
    }
}

impl<W, S: Storage> Default for Machine<W, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<W, S: Storage> fmt::Debug for Machine<W, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("members", &self.members)
            .field("phase", &self.phase)
            .field("unobserved_failures", &self.failures)
            .field("waiters", &self.line.len())
            .finish_non_exhaustive()
    }
}
