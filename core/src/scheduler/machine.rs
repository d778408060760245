//! [`Machine`]: payloads by deadline, and those who wait for them, as a pure state machine.
//!
//! ```text
//!             insert                         due, and somebody asks
//!   (nowhere) ──────► pending ─────────────────────────────────────────► out
//!                      │ ▲ ▲                    │
//!               cancel │ │ └─ reset             │ recurs
//!                      ▼ └──────────────────────┘
//!                    gone
//!
//!             enter: something is due
//!          ┌────────────────────────────────────────────────────────────┐
//! consumer ┤          keeps time: until the first deadline              ▼
//!          └─enter─► waiting ──settle: to keep time─► called ──poll──► served
//!                     │  ▲                             │
//!                     │  └───── poll: nothing is due ──┘
//!                     └─cancel─► gone     close: all hear of it
//! ```
//!
//! A payload stays pending until it is handed to whoever polls; a consumer that is dropped in between has never had
//! it. So there is nothing to give back, and nothing to lose.
//!
//! Time is compared with deadlines and otherwise not kept: a clock that goes backwards makes payloads wait until it
//! has caught up, and none comes early.
//!
//! Invariants, checked in debug builds once a call has settled:
//! 1. *kept*: while anything has a deadline, the first consumer in line has been called, or keeps time until the
//!    first deadline (or until some earlier instant, when it will look again);
//! 2. *counted*: `len` payloads are there, and no more of them than that have a deadline;
//! 3. *told*: once closed nobody is in line, and nobody waits for the end who came before it was last empty.

use core::fmt;
use core::time::Duration;

use super::agenda::{Agenda, MAX_PLACES, NEVER, Sought, Spot};
use super::config::{Config, nanos};
use super::consumers::{Joiner, Keeper};
use super::error::InsertError;
use super::payload::{Deadline, Expired, Key, MissedTickBehavior, Now, Repeat};
use crate::slab::{NONE, Slab};
use crate::storage::{Buffer, Storage};
use crate::time::{Instant, WallTime};
use crate::wait_queue::WaitQueue;

/// So many steps of sorting are made under one lock, each of up to fifteen deadlines.
#[cfg(not(test))]
const STEPS: u32 = 64;
#[cfg(test)]
const STEPS: u32 = 2;

pub(super) enum Step<T> {
    Expired(Expired<T>),
    NotDue,
    Busy,
}

/// Payloads by deadline, and those who wait for them, as a pure state machine.
///
/// It never wakes, never sleeps and never allocates beyond its storage, which has room for so many payloads, as many
/// consumers in line, and as many who wait until it is empty.
///
/// Drive it thus: call an operation, then [`settle`](Self::settle) into a fresh [`WakeList`](crate::WakeList), over
/// and over while it says that there is more, dropping each list outside of the lock that guards the machine. Without
/// consumers in line, as in a superloop, [`pop`](Self::pop) and [`poll_timeout`](Self::poll_timeout) are all it takes.
/// [`Scheduler`](super::Scheduler) does the rest.
///
/// # Cost
///
/// On the heap O(1), amortized, however many payloads there are and whatever their deadlines: a few steps when one
/// is inserted, a few when it comes out, none in between. Inline O(log n). By the wall clock O(log n).
///
/// ```
/// use tidegate_core::scheduler::Machine;
/// use tidegate_core::{Inline, Instant};
/// # use core::task::Waker;
/// let at = Instant::from_nanos;
///
/// let mut machine: Machine<&str, Waker, Inline<8>> = Machine::new();
/// machine.insert_at(at(30), "tea").unwrap();
/// let egg = machine.insert_at(at(10), "egg").unwrap();
/// machine.insert_at(at(30), "toast").unwrap();
///
/// assert!(machine.pop(at(9)).is_none());
/// assert_eq!(machine.cancel(egg), Some("egg"));
/// assert_eq!(machine.poll_timeout(), Some(at(30)));
/// assert_eq!(machine.pop(at(99)).unwrap().into_inner(), "tea");
/// assert_eq!(machine.pop(at(99)).unwrap().into_inner(), "toast");
/// ```
pub struct Machine<T, W, S: Storage> {
    payloads: Slab<T, S>,
    repeats: Slab<Repeat<T>, S>,
    /// By place of the payload, its place among the repeats, or `NONE`; no longer than it takes. Beside the payloads,
    /// and not with them, for few recur as a rule, and a million others are the closer together.
    recurring: S::Buffer<u32>,
    pub(super) agenda: Agenda<S>,
    pub(super) len: usize,
    pub(super) line: WaitQueue<Option<W>, S>,
    pub(super) joiners: WaitQueue<Joiner<W>, S>,
    pub(super) keeper: Option<Keeper>,
    /// How often the last payload has gone.
    pub(super) emptied: u32,
    /// What time it was when that was last known.
    pub(super) told: Now,
    /// In nanoseconds, at least one.
    granularity: u64,
    wall_recheck: u64,
    pub(super) closed: bool,
    /// Something has happened that somebody has to hear of.
    pub(super) unsettled: bool,
}

impl<T, W, S: Storage> Machine<T, W, S> {
    /// No payloads, nobody waiting.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_config(Config::new())
    }

    /// The same, with these choices.
    #[must_use]
    pub const fn with_config(config: Config) -> Self {
        Self {
            payloads: Slab::new(),
            repeats: Slab::new(),
            recurring: <S::Buffer<u32> as Buffer<u32>>::EMPTY,
            agenda: Agenda::new(),
            len: 0,
            line: WaitQueue::new(),
            joiners: WaitQueue::new(),
            keeper: None,
            emptied: 0,
            told: Now { instant: Instant::EPOCH, wall: None },
            granularity: nanos(config.granularity),
            wall_recheck: nanos(config.wall_recheck),
            closed: false,
            unsettled: false,
        }
    }

    /// How many payloads there are.
    #[must_use]
    #[inline]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no payloads.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many consumers stand in line.
    #[must_use]
    pub const fn waiters(&self) -> usize {
        self.line.len()
    }

    /// Whether it has been closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether [`settle`](Self::settle) has anything to do.
    #[must_use]
    #[inline]
    pub const fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Adds a payload. Call [`settle`](Self::settle) afterwards.
    ///
    /// A deadline that has passed is due at once. [`Instant::MAX`] never comes.
    ///
    /// # Errors
    ///
    /// Gives the payload back if there is no room, or if the machine is closed.
    #[inline]
    pub fn insert_at(&mut self, deadline: Instant, item: T) -> Result<Key, InsertError<T>> {
        self.insert(Deadline::At(deadline), item)
    }

    /// Adds a payload that goes by the wall clock. Otherwise as [`insert_at`](Self::insert_at).
    ///
    /// # Errors
    ///
    /// Those of [`insert_at`](Self::insert_at).
    pub fn insert_at_wall(&mut self, deadline: WallTime, item: T) -> Result<Key, InsertError<T>> {
        self.insert(Deadline::Wall(deadline), item)
    }

    /// Adds a payload that comes out at `first`, and then again every `period`, until it is cancelled. Otherwise as
    /// [`insert_at`](Self::insert_at).
    ///
    /// What comes out are clones of it.
    ///
    /// # Errors
    ///
    /// Those of [`insert_at`](Self::insert_at), and [`InsertError::ZeroPeriod`].
    pub fn insert_every(
        &mut self,
        first: Instant,
        period: Duration,
        behavior: MissedTickBehavior,
        item: T,
    ) -> Result<Key, InsertError<T>>
    where
        T: Clone,
    {
        if period.is_zero() {
            return Err(InsertError::ZeroPeriod(item));
        }
        let key = self.insert(Deadline::At(first), item)?;
        let repeat = Repeat { period: nanos(period), behavior, copy: T::clone };
        let place = key.0.index as usize;
        // Both have the room that the payloads have.
        while self.recurring.as_slice().len() <= place && self.recurring.push(NONE).is_ok() {}
        if let (Some(recurring), Ok(repeat)) =
            (self.recurring.as_mut_slice().get_mut(place), self.repeats.insert(repeat))
        {
            *recurring = repeat.index;
        }
        Ok(key)
    }

    #[inline]
    fn insert(&mut self, deadline: Deadline, item: T) -> Result<Key, InsertError<T>> {
        if self.closed {
            return Err(InsertError::Closed(item));
        }
        if self.len == 0 {
            self.payloads.rewind();
        }
        let key = match self.payloads.insert(item) {
            Ok(key) if key.index < MAX_PLACES && self.arm(key.index, deadline) => key,
            Ok(key) => return Err(self.refuse(key.index)),
            Err(item) => return Err(InsertError::Full(item)),
        };
        self.len += 1;
        self.hasten(deadline);
        Ok(Key(key))
    }

    #[cold]
    fn refuse(&mut self, place: u32) -> InsertError<T> {
        match self.payloads.remove(place) {
            Some(item) => InsertError::Full(item),
            None => unreachable!("it has just been inserted"),
        }
    }

    /// Gives a place without a deadline one; `false` if there is no room.
    #[inline]
    fn arm(&mut self, place: u32, deadline: Deadline) -> bool {
        match deadline {
            Deadline::At(deadline) => self.agenda.insert(place, deadline.as_nanos(), self.told.instant.as_nanos()),
            Deadline::Wall(deadline) => self.agenda.insert_wall(place, deadline.as_unix_nanos()),
        }
    }

    /// A deadline has been added: whoever keeps time may have to keep it for less long.
    #[inline]
    fn hasten(&mut self, deadline: Deadline) {
        if self.line.is_empty() {
            return;
        }
        let is_earlier = match (deadline, self.keeper) {
            (Deadline::At(deadline), Some(keeper)) => self.rounded(deadline) < keeper.until,
            // Nobody keeps time, or somebody who may not even look at that clock.
            (Deadline::At(_), None) | (Deadline::Wall(_), _) => true,
        };
        if is_earlier {
            self.keeper = None;
            self.unsettled = true;
        }
    }

    /// The instant at which an alarm for `deadline` goes off: the next multiple of the granularity.
    fn rounded(&self, deadline: Instant) -> Instant {
        if self.granularity == 1 {
            return deadline;
        }
        let rounded = deadline.as_nanos().checked_next_multiple_of(self.granularity);
        Instant::from_nanos(rounded.unwrap_or(u64::MAX))
    }

    /// Takes a payload out before its time; `None` if it has come out, or has been cancelled. Call
    /// [`settle`](Self::settle) afterwards.
    #[inline]
    pub fn cancel(&mut self, key: Key) -> Option<T> {
        let place = self.payloads.index_of(key.0)?;
        self.agenda.remove(place);
        self.remove(place)
    }

    /// Removes a payload that has no deadline any more.
    #[inline]
    fn remove(&mut self, place: u32) -> Option<T> {
        let item = self.payloads.remove(place)?;
        if let Some(repeat) = self.repeat_of(place) {
            self.repeats.vacate(repeat);
            if let Some(recurring) = self.recurring.as_mut_slice().get_mut(place as usize) {
                *recurring = NONE;
            }
        }
        self.count_out();
        Some(item)
    }

    /// There is one payload less.
    #[inline]
    fn count_out(&mut self) {
        self.len -= 1;
        if self.len == 0 {
            self.emptied = self.emptied.wrapping_add(1);
            self.unsettled |= !self.joiners.is_empty();
        }
    }

    /// The place of a payload's repeat, if it recurs.
    #[inline]
    fn repeat_of(&self, place: u32) -> Option<u32> {
        self.recurring.as_slice().get(place as usize).copied().filter(|&repeat| repeat != NONE)
    }

    /// Gives a payload another deadline; `false` if it has come out, or has been cancelled. Call
    /// [`settle`](Self::settle) afterwards.
    ///
    /// Among equal deadlines it is now the last. A recurring payload recurs from the new deadline on.
    pub fn reset_at(&mut self, key: Key, deadline: Instant) -> bool {
        self.reset(key, Deadline::At(deadline))
    }

    /// The same by the wall clock; for a recurring payload, once.
    pub fn reset_at_wall(&mut self, key: Key, deadline: WallTime) -> bool {
        self.reset(key, Deadline::Wall(deadline))
    }

    fn reset(&mut self, key: Key, deadline: Deadline) -> bool {
        let Some(place) = self.payloads.index_of(key.0) else { return false };
        self.agenda.remove(place);
        let armed = self.arm(place, deadline);
        debug_assert!(armed, "there was room for it before");
        self.hasten(deadline);
        true
    }

    /// When a payload is due; `None` if it has come out for good, or has been cancelled.
    #[must_use]
    pub fn deadline(&self, key: Key) -> Option<Deadline> {
        Some(self.deadline_at(self.payloads.index_of(key.0)?))
    }

    fn deadline_at(&self, place: u32) -> Deadline {
        match self.agenda.deadline(place) {
            (deadline, true) => Deadline::Wall(WallTime::from_unix_nanos(deadline)),
            (deadline, false) => Deadline::At(Instant::from_nanos(deadline)),
        }
    }

    /// The first deadline, by the clock and by the wall clock.
    ///
    /// # Cost
    ///
    /// O(1) as a rule. Where many payloads stand close together and nobody has asked for them so far, each is looked
    /// at.
    #[must_use]
    pub fn peek_deadline(&self) -> (Option<Instant>, Option<WallTime>) {
        let wall = self.agenda.first_wall().map(|(deadline, _)| WallTime::from_unix_nanos(deadline));
        (self.agenda.first().map(Instant::from_nanos), wall)
    }

    /// The instant at which something changes by itself: a payload is due, or it is time to look at the wall clock.
    /// It may be named too early where many payloads stand close together, never too late.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let by_clock = self.agenda.bound().map(Instant::from_nanos);
        let first = match (by_clock, self.poll_wall()) {
            (Some(one), Some(other)) => one.min(other),
            (one, other) => one.or(other)?,
        };
        Some(self.rounded(first)).filter(|&first| first != Instant::MAX)
    }

    /// When to look at the wall clock again.
    fn poll_wall(&self) -> Option<Instant> {
        let (deadline, _) = self.agenda.first_wall()?;
        let Some(wall) = self.told.wall else { return Some(self.told.instant) };
        let left = deadline.saturating_sub(wall.as_unix_nanos()).min(self.wall_recheck);
        Some(Instant::from_nanos(self.told.instant.as_nanos().saturating_add(left)))
    }

    /// Tells the time, for the sake of those in line. It may be told at any time; call [`settle`](Self::settle)
    /// afterwards.
    pub fn handle_timeout(&mut self, now: impl Into<Now>) {
        self.told = now.into();
        if self.poll_timeout().is_some_and(|timeout| timeout <= self.told.instant) && !self.line.is_empty() {
            self.keeper = None;
            self.unsettled = true;
        }
    }

    /// Takes out the payload that is due for longest, if any is. Call [`settle`](Self::settle) afterwards.
    ///
    /// `None` also if the machine has been closed.
    ///
    /// # Fairness
    ///
    /// By deadline, and among equal ones in the order of insertion. Of one that goes by the clock and one that goes
    /// by the wall clock, the one that has been due for longer.
    #[inline]
    pub fn pop(&mut self, now: impl Into<Now>) -> Option<Expired<T>> {
        self.told = now.into();
        loop {
            match self.step() {
                Step::Expired(expired) => return Some(expired),
                Step::NotDue => return None,
                Step::Busy => {}
            }
        }
    }

    #[inline]
    pub(super) fn step(&mut self) -> Step<T> {
        let now = self.told.instant.as_nanos();
        let sought = if self.closed { Sought::Nothing } else { self.agenda.seek(now, STEPS) };
        match sought {
            Sought::Unsorted(_) => Step::Busy,
            Sought::Exact { deadline, place, spot }
                if deadline <= now && self.due_by_wall().is_none_or(|(overdue, ..)| overdue <= now - deadline) =>
            {
                let due = Deadline::At(Instant::from_nanos(deadline));
                self.take(place, Some(spot), due, deadline)
            }
            _ => self.step_by_wall(now),
        }
    }

    /// Nothing is due by the clock, or something is due for longer by the wall clock.
    #[cold]
    fn step_by_wall(&mut self, now: u64) -> Step<T> {
        match self.due_by_wall() {
            Some((_, place, deadline)) if !self.closed => {
                self.take(place, None, Deadline::Wall(WallTime::from_unix_nanos(deadline)), now)
            }
            _ => Step::NotDue,
        }
    }

    /// What is due by the wall clock: for how long, whose deadline it is, and which.
    #[inline]
    fn due_by_wall(&self) -> Option<(u64, u32, u64)> {
        let (deadline, place) = self.agenda.first_wall()?;
        let overdue = self.told.wall?.as_unix_nanos().checked_sub(deadline)?;
        Some((overdue, place, deadline))
    }

    /// Takes out a payload that is due; one that recurs stays, and what is taken out is a clone. The next period of
    /// it begins at `tick`.
    #[expect(clippy::inline_always, reason = "what it answers would be copied several times otherwise")]
    #[inline(always)]
    fn take(&mut self, place: u32, spot: Option<Spot>, due: Deadline, tick: u64) -> Step<T> {
        if let Some(repeat) = self.repeat_of(place) {
            return self.take_recurring(place, repeat, due, tick);
        }
        match spot {
            Some(spot) => self.agenda.remove_at(spot),
            None => self.agenda.remove(place),
        }
        let Some((key, payload)) = self.payloads.remove_entry(place) else { return Step::NotDue };
        self.count_out();
        Step::Expired(Expired { payload, deadline: due, key: Key(key) })
    }

    #[cold]
    fn take_recurring(&mut self, place: u32, repeat: u32, due: Deadline, tick: u64) -> Step<T> {
        let Some(key) = self.payloads.key_at(place) else { return Step::NotDue };
        match self.recur(place, repeat, tick) {
            Some(payload) => Step::Expired(Expired { payload, deadline: due, key: Key(key) }),
            None => Step::NotDue,
        }
    }

    fn recur(&mut self, place: u32, repeat: u32, tick: u64) -> Option<T> {
        let repeat = self.repeats.at(repeat)?;
        // Foreign code: first of all, so that nothing has changed should it panic.
        let copy = (repeat.copy)(self.payloads.at(place)?);
        let now = self.told.instant.as_nanos();
        let next = repeat.after(tick, now);
        self.agenda.remove(place);
        let armed = self.agenda.insert(place, next, now);
        debug_assert!(armed, "there was room for it before");
        // What came out by the wall clock may recur before anything else does.
        self.hasten(Deadline::At(Instant::from_nanos(next)));
        Some(copy)
    }

    /// Takes out any payload, due or not, recurring or not, and also when closed: the first by the clock, then by the
    /// wall clock, then those that never come. `from` is where to look for these, zero at first. Call
    /// [`settle`](Self::settle) afterwards.
    pub fn take_any(&mut self, from: &mut u32) -> Option<Expired<T>> {
        if self.len == 0 {
            return None;
        }
        let place = loop {
            match self.agenda.seek(NEVER, STEPS) {
                Sought::Exact { place, .. } => break Some(place),
                Sought::Unsorted(_) => {}
                Sought::Nothing | Sought::NotBefore(_) => break self.agenda.first_wall().map(|(_, place)| place),
            }
        };
        let place = match place {
            Some(place) => place,
            None => loop {
                if self.payloads.at(*from).is_some() {
                    break *from;
                }
                *from = from.checked_add(1).filter(|&from| from < MAX_PLACES)?;
            },
        };
        let (key, deadline) = (Key(self.payloads.key_at(place)?), self.deadline_at(place));
        self.agenda.remove(place);
        Some(Expired { payload: self.remove(place)?, deadline, key })
    }

    /// Puts back what has come out and could not be handed over, whatever has happened meanwhile. It gets another key.
    pub(super) fn put_back(&mut self, expired: Expired<T>) -> Option<T> {
        let closed = core::mem::replace(&mut self.closed, false);
        let refused = self.insert(expired.deadline, expired.payload).err();
        self.closed = closed;
        refused.map(InsertError::into_inner)
    }

    /// Refuses payloads from now on, and tells all who wait. Call [`settle`](Self::settle) afterwards.
    ///
    /// What is there stays, to be [taken](Self::take_any) or [cancelled](Self::cancel).
    pub fn close(&mut self) {
        self.closed = true;
        self.unsettled |= !self.line.is_empty() || !self.joiners.is_empty();
    }

    #[inline]
    pub(super) fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks the invariants named at the top of this file.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        // To look at each payload at every step would make the tests of many quadratic.
        if self.len <= 64 {
            debug_assert!(self.agenda.check() <= self.len, "counted");
        }
        if let Some(first) = self.line.front() {
            let is_called = self.line.get(first).is_some_and(Option::is_none);
            let keeps = self.keeper.is_some_and(|keeper| {
                let in_time = self
                    .agenda
                    .bound()
                    .is_none_or(|bound| keeper.until <= self.rounded(Instant::from_nanos(bound)));
                keeper.key == first && in_time
            });
            debug_assert!(is_called || keeps || self.agenda.is_empty(), "kept");
        }
        debug_assert!(!self.closed || self.line.is_empty() && self.joiners.is_empty(), "told");
        debug_assert!(self.joiners.front().is_none_or(|key| !self.may_join(key)), "told");
    }
}

impl<T, W, S: Storage> Default for Machine<T, W, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, W, S: Storage> fmt::Debug for Machine<T, W, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("len", &self.len)
            .field("waiters", &self.line.len())
            .field("closed", &self.closed)
            .field("told", &self.told)
            .finish_non_exhaustive()
    }
}
