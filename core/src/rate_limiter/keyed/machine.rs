//! [`Machine`]: one shard as a pure state machine, without lock, clock or executor: buckets by key, and a line for
//! each key that is waited for.
//!
//! ```text
//!  take: key known,
//!  tokens enough ───────┬─────────────────────────────────────────────────────────────┐
//!                       │                                                             ▼
//!  acquire: too early ──┴─► waiting ──is first──► leading ──its time, or somebody─► granted ──poll──► goes on
//!         (bucket pinned)    │  ▲      of its key   │  ▲ │    comes after it          │
//!                            │  └──somebody more────┘  │ │ tokens refunded:           │ cancel
//!                     cancel │     urgent came         │ │ woken, told anew           ▼
//!                            ▼                         └─┘                        tokens refunded
//!                          gone, and the next of the key leads
//! ```
//!
//! Each key has a line, which is served from its own bucket alone. Only the one who *leads* a line is told a time, so
//! one timer per key is armed, and no key depends on what becomes of those who wait for another. A waiter that is granted
//! leaves the storage at once: a place that finds nobody *is* the grant. A line ends with its last waiter, and its bucket
//! goes back into the table.
//!
//! The agenda has the lines by when they are due; one that has changed is due at once, to be looked at. So whoever comes
//! serves everybody in the shard who is due.
//!
//! Invariants, checked in debug builds once a call has settled:
//! 1. *settled*: no line is due at the time last told;
//! 2. *led*: the first of each line has been told when it is due, or has been woken to ask;
//! 3. *one timer*: nobody else of the line has been told a time that is still to be waited for;
//! 4. *pinned*: the agenda has just those lines in which somebody stands, and each has a pinned bucket.

use super::super::bucket::{STEP_BACK, TokenBucket};
use super::super::error::TryAcquireError;
use super::super::window::is_due;
use super::agenda::Agenda;
use super::error::KeyedAcquireError;
use super::lines::Lines;
use super::table::Table;
use crate::rooms::Rooms;
use crate::slab::Key;
use crate::wake::{Wake, WakeList};
use crate::{Instant, Priority};

/// A key, as the handle has hashed it, and what it gets if it is new.
pub(super) struct Asked<'a, K> {
    pub(super) hash: u64,
    pub(super) key: &'a K,
    /// A full one.
    pub(super) bucket: &'a TokenBucket,
}

impl<K> Clone for Asked<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Asked<'_, K> {}

/// What came of an attempt to take tokens of a key.
pub(super) enum Taken {
    /// What the key's bucket says.
    Answered(Result<(), TryAcquireError>),
    /// Somebody waits for the key, in this line.
    InLine(u32),
    /// The key has no bucket: see [`Table::enter`].
    Unknown,
}

/// The answer to [`Machine::acquire`].
pub(super) enum Admission<W> {
    /// The tokens are the caller's; the waker was not needed.
    Granted(W),
    /// The caller stands in line.
    Queued(Key),
    /// The key has no bucket: see [`Table::enter`].
    Unknown(W),
}

/// The answer to [`Machine::poll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The tokens are the caller's; the place is used up.
    Granted,
    /// The caller still waits, and will be woken by the waker that it showed.
    Waiting,
    /// The caller still waits, but another waker is registered: call [`Machine::register`].
    WakerDiffers,
}

/// One shard. Call [`settle`](Self::settle) after what says so, over and over while it says that there is more.
pub(super) struct Machine<K, W, S: Rooms> {
    table: Table<K, S::Kept, S::Waiting>,
    lines: Lines<W, S::Waiting>,
    agenda: Agenda<S::Waiting>,
    /// The time last told.
    now: Instant,
    /// Before this time some line's bucket cannot be believed: its clock has stepped back.
    believed_from: Instant,
    /// Who asks just now, and need not be woken to be told that it leads.
    asking: Option<Key>,
    /// Something has happened that somebody in line may profit from.
    unsettled: bool,
}

impl<K: Eq, W, S: Rooms> Machine<K, W, S> {
    pub(super) const fn new() -> Self {
        Self {
            table: Table::new(),
            lines: Lines::new(),
            agenda: Agenda::new(),
            now: Instant::EPOCH,
            believed_from: Instant::EPOCH,
            asking: None,
            unsettled: false,
        }
    }

    pub(super) const fn table(&self) -> &Table<K, S::Kept, S::Waiting> {
        &self.table
    }

    pub(super) const fn table_mut(&mut self) -> &mut Table<K, S::Kept, S::Waiting> {
        &mut self.table
    }

    /// How many wait.
    pub(super) const fn waiters(&self) -> usize {
        self.lines.len()
    }

    /// The time last told.
    pub(super) const fn now(&self) -> Instant {
        self.now
    }

    pub(super) const fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None` if nobody waits, or for something that
    /// never comes. To be asked once it is settled.
    #[cfg(test)]
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.agenda.first().map(|(due, _)| due).filter(|due| *due < Instant::MAX)
    }

    /// Tells the time. A call too many is harmless. Settle afterwards.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if self.lines.len() > 0 {
            self.unsettled = true;
            if now < self.believed_from {
                self.begin_anew();
            }
        }
    }

    /// Takes tokens of a key for which nobody waits; `None` if somebody does, or it has no bucket. Nothing is to be
    /// settled afterwards.
    #[inline]
    pub(super) fn take(
        &mut self,
        asked: Asked<'_, K>,
        tokens: u32,
        now: Instant,
    ) -> Option<Result<(), TryAcquireError>> {
        self.table.take(asked.hash, asked.key, asked.bucket, tokens, now)
    }

    /// The same, and says which of the two it is.
    pub(super) fn take_or_tell(&mut self, asked: Asked<'_, K>, tokens: u32, now: Instant) -> Taken {
        match self.take(asked, tokens, now) {
            Some(answer) => Taken::Answered(answer),
            None => self.table.pin_of(asked.hash, asked.key).map_or(Taken::Unknown, Taken::InLine),
        }
    }

    /// Takes tokens of a key, also if somebody waits for it who is less urgent; `None` if it has no bucket. At the time
    /// last told; settle before and afterwards.
    pub(super) fn try_acquire(
        &mut self,
        asked: Asked<'_, K>,
        tokens: u32,
        priority: Priority,
    ) -> Option<Result<(), TryAcquireError>> {
        match self.take_or_tell(asked, tokens, self.now) {
            Taken::Answered(answer) => Some(answer),
            Taken::InLine(line) => Some(self.take_past(line, tokens, priority)),
            Taken::Unknown => None,
        }
    }

    /// The same, where there is a line.
    fn take_past(&mut self, line: u32, tokens: u32, priority: Priority) -> Result<(), TryAcquireError> {
        if tokens == 0 {
            return Err(TryAcquireError::ZeroTokens);
        }
        let would_lead = self.lines.would_lead(line, priority);
        let first = self.ready(line);
        let Some(bucket) = self.table.pinned(line) else { return Err(TryAcquireError::not_until(first)) };
        if !would_lead {
            let ready = bucket.ready_at(tokens, self.now).ok_or(TryAcquireError::ExceedsBurst)?;
            return Err(TryAcquireError::not_until(ready.max(first)));
        }
        let answer = bucket.try_acquire(tokens, self.now);
        self.plan(line);
        answer
    }

    /// Takes tokens of a key, or takes a place in line for them. At the time last told; settle before and afterwards.
    pub(super) fn acquire(
        &mut self,
        asked: Asked<'_, K>,
        tokens: u32,
        priority: Priority,
        waker: W,
    ) -> Result<Admission<W>, (KeyedAcquireError, W)> {
        let (answer, line) = match self.take_or_tell(asked, tokens, self.now) {
            Taken::Unknown => return Ok(Admission::Unknown(waker)),
            Taken::Answered(answer) => (answer, None),
            Taken::InLine(line) => (self.take_past(line, tokens, priority), Some(line)),
        };
        match answer {
            Ok(()) => return Ok(Admission::Granted(waker)),
            Err(TryAcquireError::NotUntil(_)) => {}
            Err(TryAcquireError::ZeroTokens) => return Err((KeyedAcquireError::ZeroTokens, waker)),
            Err(TryAcquireError::ExceedsBurst) => return Err((KeyedAcquireError::ExceedsBurst, waker)),
        }
        if !self.lines.has_room() {
            return Err((KeyedAcquireError::LineFull, waker));
        }
        let pin = |table: &mut Table<K, S::Kept, S::Waiting>| table.pin(asked.hash, asked.key, asked.bucket);
        let Some(line) = line.or_else(|| pin(&mut self.table)) else {
            return Err((KeyedAcquireError::LineFull, waker));
        };
        let place = self.lines.push(line, priority, tokens, waker);
        self.plan(line);
        self.asking = Some(place);
        Ok(Admission::Queued(place))
    }

    /// Asks how a waiter stands; if it is the first of its key and its time has come, it is served.
    ///
    /// [`Standing::Granted`] uses the place up: it must not be asked for again, nor cancelled. The waker that it had
    /// is put into `released`, to be dropped outside of the lock. Settle afterwards.
    pub(super) fn poll(&mut self, now: Instant, place: Key, waker: &W, released: &mut Option<W>) -> Standing
    where
        W: Wake,
    {
        self.handle_timeout(now);
        let Some((line, tokens)) = self.lines.look(place) else { return Standing::Granted };
        if self.lines.front(line) == Some(place)
            && self.table.pinned(line).is_some_and(|bucket| bucket.try_acquire(tokens, now).is_ok())
        {
            *released = self.lines.remove(place).and_then(|(_, waker)| waker);
            self.plan(line);
            return Standing::Granted;
        }
        self.asking = Some(place);
        let registered = self.lines.waker(place).and_then(|waker| waker.as_ref());
        if registered.is_some_and(|registered| registered.will_wake(waker)) {
            Standing::Waiting
        } else {
            Standing::WakerDiffers
        }
    }

    /// Registers another waker for a waiter; answers the one it replaces, to be dropped outside of the lock. Settle
    /// afterwards.
    ///
    /// # Errors
    ///
    /// Gives the waker back if nobody waits in that place any more: it has been granted.
    pub(super) fn register(&mut self, place: Key, waker: W) -> Result<Option<W>, W> {
        let Some(registered) = self.lines.waker(place) else { return Err(waker) };
        self.asking = Some(place);
        Ok(registered.replace(waker))
    }

    /// When the one who has just asked is to call [`handle_timeout`](Self::handle_timeout), if that is up to it: it
    /// leads. To be called once it is settled.
    pub(super) fn answer(&mut self) -> Option<Instant> {
        let asking = self.asking.take()?;
        let (line, _) = self.lines.look(asking)?;
        self.lines.told(line).filter(|(leader, _)| *leader == asking).map(|(_, due)| due)
    }

    /// Forgets a waiter that asked for `tokens`. If it had been granted them, they are refunded.
    ///
    /// Answers its waker, to be dropped outside of the lock. At the time last told; settle before and
    /// afterwards.
    pub(super) fn cancel(&mut self, place: Key, asked: Asked<'_, K>, tokens: u32) -> Option<W> {
        let Some((line, waker)) = self.lines.remove(place) else {
            self.refund(asked, tokens);
            return None;
        };
        self.plan(line);
        waker
    }

    /// Puts tokens of a key back that were taken and not used; more than fit are lost. At the time last told; settle
    /// before and afterwards.
    pub(super) fn refund(&mut self, asked: Asked<'_, K>, tokens: u32) {
        if let Some(line) = self.table.refund(asked.hash, asked.key, asked.bucket, tokens) {
            self.plan(line);
        }
    }

    /// Serves who is due and gathers whom to wake; `true` if there is more to do than fits.
    pub(super) fn settle(&mut self, wakes: &mut WakeList<W>) -> bool
    where
        W: Wake,
    {
        while let Some((_, line)) = self.agenda.first().filter(|(due, _)| is_due(*due, self.now)) {
            if wakes.is_full() {
                return true;
            }
            self.look_at(line, wakes);
        }
        self.unsettled = false;
        self.check();
        false
    }

    /// Serves the first of a line that is due, or tells it when that will be; or ends the line. Wakes one at most.
    fn look_at(&mut self, line: u32, wakes: &mut WakeList<W>)
    where
        W: Wake,
    {
        let now = self.now;
        let Some(front) = self.lines.front(line) else {
            self.lines.tell(line, None);
            self.agenda.remove(line);
            self.table.unpin(line);
            return;
        };
        let tokens = self.lines.look(front).map_or(0, |(_, tokens)| tokens);
        if self.table.pinned(line).is_some_and(|bucket| bucket.try_acquire(tokens, now).is_ok()) {
            if let Some((_, Some(waker))) = self.lines.remove(front)
                && wakes.push(waker).is_err()
            {
                unreachable!("the list has room");
            }
            self.plan(line);
            return;
        }
        let lead = (front, self.ready(line));
        let told = self.lines.told(line);
        if let Some((leader, _)) = told
            && leader != front
        {
            // Who led before is to let its timer go; the first is told next.
            self.lines.tell(line, None);
            self.wake(leader, wakes);
            return;
        }
        self.agenda.set(line, lead.1);
        self.believe(line);
        if told != Some(lead) {
            self.lines.tell(line, Some(lead));
            self.wake(front, wakes);
        }
    }

    /// Adds a waiter's waker to a list with room. One without is about to ask anyway, and so is one who asks.
    fn wake(&mut self, place: Key, wakes: &mut WakeList<W>)
    where
        W: Wake,
    {
        if self.asking != Some(place)
            && let Some(waker) = self.lines.waker(place).and_then(Option::take)
            && wakes.push(waker).is_err()
        {
            unreachable!("the list has room");
        }
    }

    /// Notes that a line has changed and is to be looked at.
    fn plan(&mut self, line: u32) {
        self.unsettled = true;
        self.agenda.set(line, Instant::EPOCH);
    }

    /// Notes from when on the bucket of a line can be believed.
    fn believe(&mut self, line: u32) {
        if let Some(bucket) = self.table.pinned(line) {
            let ahead = bucket.capacity().nanos.saturating_add(STEP_BACK);
            let from = Instant::from_nanos(bucket.full_at().nanos.saturating_sub(ahead));
            self.believed_from = self.believed_from.max(from);
        }
    }

    /// When the first of a line can be served.
    fn ready(&self, line: u32) -> Instant {
        let tokens =
            self.lines.front(line).and_then(|front| self.lines.look(front)).map_or(0, |(_, tokens)| tokens);
        let ready = self.table.pin_bucket(line).and_then(|bucket| bucket.ready_at(tokens, self.now));
        // One that can never be served would have been turned down.
        ready.unwrap_or(Instant::MAX)
    }

    /// The clock has stepped back so far that some of the buckets cannot be its work.
    #[cold]
    fn begin_anew(&mut self) {
        self.believed_from = Instant::EPOCH;
        for line in 0..self.lines.lines() {
            if let Some(bucket) = self.table.pinned(line) {
                bucket.resync(self.now);
                self.plan(line);
            }
        }
    }

    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks the invariants named at the top of this file.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        debug_assert!(self.agenda.first().is_none_or(|(due, _)| !is_due(due, self.now)), "settled");
        // Every line is looked at, which is too much to do at each step of many.
        if self.lines.lines() > 64 {
            return;
        }
        let mut standing = 0;
        for line in 0..self.lines.lines() {
            let lead = self.lines.front(line).map(|front| (front, self.agenda.due(line)));
            debug_assert_eq!(self.lines.told(line), lead, "led, with one timer");
            debug_assert_eq!(self.table.pin_bucket(line).is_some(), lead.is_some(), "pinned");
            standing += usize::from(lead.is_some());
        }
        debug_assert_eq!(self.agenda.check(), standing, "each line is on the agenda");
    }
}
