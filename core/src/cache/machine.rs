//! [`Machine`]: values that are ready, computations in flight, and those who wait for them, as a pure state machine.
//!
//! For one key:
//!
//! ```text
//!            enter: the first drives            complete
//!  vacant ─────────────────────────► in flight ──────────────► ready ──► vacant again: evicted, expired,
//!    ▲                               │  ▲   ▲ │                           invalidated, replaced
//!    │ abandon, nobody waits         │  │   │ └─ enter: others join
//!    └───────────────────────────────┤  └───┘
//!                            abandon │  whoever polls or enters first drives; the first in line is woken
//!                                    ▼
//!                                 no driver
//! ```
//!
//! For one who waits:
//!
//! ```text
//!  enter ──► waiting ──complete──► to be woken ──settle──► woken ──poll──► has the outcome
//!              │  ▲ │                    │                   │
//!              │  │ └─ poll: no driver ──┼───────────────────┼──► drives
//!    cancel    ▼  └─ register            ▼ cancel            ▼ cancel
//!             gone ◄───────────────────────────────────────────
//! ```
//!
//! A flight is *filed* while newcomers may join it. Completion, `invalidate` and `insert` unfile it; those who have
//! joined by then get its outcome all the same, from the flight and not from the map: eviction harms nobody.
//!
//! Invariants, checked in debug builds:
//! 1. *one at a time*: a filed flight has no outcome, and no key is filed twice (unless it contradicts itself);
//! 2. *somebody cares*: every flight has a driver or somebody who has joined;
//! 3. *nobody is stranded*: where a flight has no driver and no outcome, the first in line has been woken;
//! 4. *all hear of it*: where there is an outcome, whoever has not been woken is in the chain of those to be;
//! 5. *counted*: `joined` is the number of places that name the flight.

use core::fmt;
use core::hash::Hash;
use core::mem;

use super::answers::{Caller, Entered, FlightKey, JoinKey, Leftover, Limits, Progress, Stats};
use super::flights::{Chain, Flight, Flights};
use super::store::{Entry, Store};
use crate::Instant;
use crate::lru::Displaced;
use crate::slab::{NONE, Slab};
use crate::storage::Storage;
use crate::wake::{Wake, WakeList};

/// One who waits.
pub(super) struct Waiter<W> {
    pub(super) flight: u32,
    /// `None` once it has been woken.
    pub(super) waker: Option<W>,
    pub(super) before: u32,
    pub(super) behind: u32,
}

/// Values that are ready, computations in flight, and those who wait for them, as a pure state machine.
///
/// `O` is the outcome of a computation, `M` the map of those that are kept, `S` has room for flights and for those
/// who wait, so many of each. Drive it as the other machines: an operation, then [`settle`](Self::settle) into a
/// fresh [`WakeList`], over and over while it says that there is more; drop lists and [`Leftover`]s outside of the
/// lock.
///
/// The hash of a key is for the caller to compute, always the same for one key. Under the lock run `Eq` of keys and
/// `Clone` of outcomes; a panic in either leaves the machine valid.
// In this order: what a hit writes (the map's notes, the count) lies at the end, where a lock that follows is on the
// same cache line. Otherwise two threads pass more lines to and fro at each hit.
#[repr(C)]
pub struct Machine<K, O, W, M, S: Storage> {
    pub(super) flights: Flights<K, O, S>,
    pub(super) waiters: Slab<Waiter<W>, S>,
    /// Those whose computation is complete, to be woken.
    waking: Chain,
    misses: u64,
    joined: u64,
    evicted: u64,
    /// Moves what follows to where it should be.
    #[cfg(target_pointer_width = "64")]
    _apart: [u64; 7],
    map: M,
    hits: u64,
}

impl<K: Hash + Eq, O, W: Wake, M: Store<K, O>, S: Storage> Machine<K, O, W, M, S> {
    /// Nothing is ready and nothing in flight.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            flights: Flights::new(),
            waiters: Slab::new(),
            waking: Chain::EMPTY,
            misses: 0,
            joined: 0,
            evicted: 0,
            #[cfg(target_pointer_width = "64")]
            _apart: [0; 7],
            map: M::EMPTY,
            hits: 0,
        }
    }

    /// The value, for one who computes otherwise: a fresh one, or a stale one that somebody is computing anew.
    #[inline]
    pub fn lookup(&mut self, hash: u32, mut is_sought: impl FnMut(&K) -> bool, now: M::Now) -> Option<&O> {
        let (value, fresh) = self.map.get(hash, &mut is_sought, now)?;
        if fresh || self.flights.find(hash, is_sought).is_some() {
            self.hits += 1;
            return Some(value);
        }
        None
    }

    /// The value, fresh or stale, for one who does not compute.
    #[inline]
    pub fn get(&mut self, hash: u32, is_sought: impl FnMut(&K) -> bool, now: M::Now) -> Option<&O> {
        let (value, _fresh) = self.map.get(hash, is_sought, now)?;
        self.hits += 1;
        Some(value)
    }

    /// Asks for a value: it is there, or is computed by another, or by the caller, who must then
    /// [`complete`](Self::complete) or [`abandon`](Self::abandon) the flight.
    pub fn enter(
        &mut self,
        hash: u32,
        key: K,
        waker: W,
        caller: Caller,
        limits: Limits,
        now: M::Now,
    ) -> Entered<K, O, W>
    where
        O: Clone,
    {
        if let Some(value) = self.lookup(hash, |candidate| *candidate == key, now) {
            return Entered::Ready(value.clone(), key, waker);
        }
        let found = self.flights.find(hash, |candidate| *candidate == key);
        if let Some(place) = found
            && let Some(flight) = self.flights.at(place)
        {
            if flight.inside == Some(caller) {
                return Entered::Recursive(key, waker);
            }
            if flight.driven {
                return match self.join(place, waker) {
                    Ok(joined) => {
                        self.joined += 1;
                        self.check();
                        Entered::Joined(joined, key)
                    }
                    Err(waker) => Entered::Full(key, waker),
                };
            }
            if let Some(flight) = self.drive(place, caller) {
                return Entered::Drive(flight, Some(key), waker);
            }
        }
        if self.flights.len() >= limits.flights {
            return Entered::Full(key, waker);
        }
        match self.flights.begin(hash, key, caller) {
            Ok(flight) => {
                self.misses += 1;
                self.check();
                Entered::Drive(FlightKey(flight), None, waker)
            }
            Err(key) => Entered::Full(key, waker),
        }
    }

    /// Joins a flight that the caller has begun, and that somebody else is to drive for it.
    ///
    /// # Errors
    ///
    /// Gives the waker back if there is no room, or no such flight.
    pub fn wait_for(&mut self, flight: FlightKey, waker: W) -> Result<JoinKey, W> {
        match self.flights.index_of(flight.0) {
            Some(place) => self.join(place, waker),
            None => Err(waker),
        }
    }

    fn join(&mut self, place: u32, waker: W) -> Result<JoinKey, W> {
        let Some(flight) = self.flights.at_mut(place) else { return Err(waker) };
        let waiter = Waiter { flight: place, waker: Some(waker), before: flight.line.tail, behind: NONE };
        let key = match self.waiters.insert(waiter) {
            Ok(key) => key,
            Err(Waiter { waker: Some(waker), .. }) => return Err(waker),
            Err(Waiter { waker: None, .. }) => unreachable!("it was put in just above"),
        };
        let last = mem::replace(&mut flight.line.tail, key.index);
        flight.joined += 1;
        match self.waiters.at_mut(last) {
            Some(last) => last.behind = key.index,
            None => flight.line.head = key.index,
        }
        Ok(JoinKey(key))
    }

    /// Makes the caller the driver of a flight that has none.
    fn drive(&mut self, place: u32, caller: Caller) -> Option<FlightKey> {
        let key = self.flights.key_at(place)?;
        let flight = self.flights.at_mut(place)?;
        flight.driven = true;
        flight.inside = Some(caller);
        self.misses += 1;
        self.check();
        Some(FlightKey(key))
    }

    /// The place of a flight that somebody drives.
    #[inline]
    fn driven(&self, flight: FlightKey) -> Option<u32> {
        let place = self.flights.index_of(flight.0)?;
        self.flights.at(place)?.driven.then_some(place)
    }

    /// The driver is about to go on with the computation.
    #[inline]
    pub fn resume(&mut self, flight: FlightKey, caller: Caller) {
        self.set_inside(flight, Some(caller));
    }

    /// The driver has left the computation, which is not complete, for others to go on.
    #[inline]
    pub fn rest(&mut self, flight: FlightKey) {
        self.set_inside(flight, None);
    }

    fn set_inside(&mut self, flight: FlightKey, caller: Option<Caller>) {
        if let Some(place) = self.flights.index_of(flight.0)
            && let Some(flight) = self.flights.at_mut(place)
        {
            flight.inside = caller;
        }
    }

    /// The computation has come to an end. All who have joined get `outcome`; `kept`, a copy of it with its lifetime,
    /// goes into the map if the flight is still filed.
    pub fn complete(
        &mut self,
        flight: FlightKey,
        outcome: &O,
        kept: Option<(O, M::Span)>,
        limits: Limits,
        now: M::Now,
    ) -> Leftover<K, O, W>
    where
        O: Clone,
    {
        let mut leftover = Leftover::NONE;
        let place = self.driven(flight);
        let Some((place, flight)) = place.and_then(|place| Some((place, self.flights.at(place)?))) else {
            leftover.refused = kept.map(|(value, _)| value);
            return leftover;
        };
        // A clone may panic, so nothing changes before.
        let shared = (flight.joined > 0).then(|| outcome.clone());
        self.keep_if_filed(place, kept, limits, now, &mut leftover);
        self.flights.unfile(place);
        if shared.is_none() {
            leftover.key = self.flights.remove(place).and_then(|flight| flight.key);
        } else if let Some(flight) = self.flights.at_mut(place) {
            flight.driven = false;
            flight.inside = None;
            flight.outcome = shared;
            let line = mem::replace(&mut flight.line, Chain::EMPTY);
            self.wake_all(line);
        }
        self.check();
        leftover
    }

    /// Puts the value of a flight that is still filed into the map.
    #[inline]
    fn keep_if_filed(
        &mut self,
        place: u32,
        kept: Option<(O, M::Span)>,
        limits: Limits,
        now: M::Now,
        leftover: &mut Leftover<K, O, W>,
    ) {
        let Some((value, span)) = kept else { return };
        match self.flights.at_mut(place) {
            Some(Flight { key: key @ Some(_), hash, filed: true, .. }) => {
                // Should `Eq` panic in the map, nobody finds the flight any more, and its driver abandons it.
                if let Some(key) = key.take() {
                    let entry = Entry { hash: *hash, key, value, span };
                    leftover.displaced = self.keep(entry, limits.capacity, now);
                }
            }
            _ => leftover.refused = Some(value),
        }
    }

    fn keep(&mut self, entry: Entry<K, O, M::Span>, capacity: usize, now: M::Now) -> Option<Displaced<K, O>> {
        let displaced = self.map.insert(entry, capacity, now);
        if capacity > 0 && matches!(displaced, Some(Displaced::Evicted(..))) {
            self.evicted += 1;
        }
        displaced
    }

    /// Appends a line, all of whose members have their wakers still or have been called, to those to be woken.
    fn wake_all(&mut self, line: Chain) {
        if line.is_empty() {
            return;
        }
        match self.waiters.at_mut(self.waking.tail) {
            Some(last) => last.behind = line.head,
            None => self.waking.head = line.head,
        }
        if let Some(first) = self.waiters.at_mut(line.head) {
            first.before = self.waking.tail;
        }
        self.waking.tail = line.tail;
    }

    /// The driver gives the computation up. The first in line is to be woken, by the waker that is in the list.
    pub fn abandon(&mut self, flight: FlightKey, wakes: &mut WakeList<W>) -> Leftover<K, O, W> {
        let Some(place) = self.driven(flight) else { return Leftover::NONE };
        if let Some(flight) = self.flights.at_mut(place) {
            flight.driven = false;
            flight.inside = None;
        }
        let leftover = self.go_on(place, wakes);
        self.check();
        leftover
    }

    /// Sees to it that a flight without driver and without outcome gets one: the first in line, if there is any.
    fn go_on(&mut self, place: u32, wakes: &mut WakeList<W>) -> Leftover<K, O, W> {
        let mut leftover = Leftover::NONE;
        let Some(flight) = self.flights.at(place) else { return leftover };
        if flight.joined == 0 && !flight.driven {
            if let Some(Flight { key, outcome, .. }) = self.flights.remove(place) {
                (leftover.key, leftover.outcome) = (key, outcome);
            }
        } else if !flight.driven
            && flight.outcome.is_none()
            && let Some(waker) = self.waiters.at_mut(flight.line.head).and_then(|first| first.waker.take())
        {
            // At most one per call, into a list that has room.
            leftover.waker = wakes.push(waker).err();
        }
        leftover
    }

    /// Asks how the computation is going that the caller has joined. `drives` says whether it can take over.
    pub fn poll(
        &mut self,
        joined: JoinKey,
        waker: &W,
        caller: Caller,
        drives: bool,
        wakes: &mut WakeList<W>,
    ) -> Progress<K, O, W>
    where
        O: Clone,
    {
        let lost = || Progress::Abandoned(Leftover::NONE);
        let Some(at) = self.waiters.index_of(joined.0) else { return lost() };
        let Some(waiter) = self.waiters.at(at) else { return lost() };
        let place = waiter.flight;
        let registered = waiter.waker.as_ref().map(|registered| registered.will_wake(waker));
        let Some(flight) = self.flights.at_mut(place) else { return lost() };
        if let Some(outcome) = &flight.outcome {
            let last = flight.joined == 1;
            // A clone may panic, so nothing changes before.
            let clone = if last { None } else { Some(outcome.clone()) };
            let mut leftover = self.leave(at, wakes);
            return match clone.or_else(|| leftover.outcome.take()) {
                Some(outcome) => Progress::Done(outcome, leftover),
                None => unreachable!("the last to leave takes the outcome along"),
            };
        }
        if flight.driven {
            return if registered == Some(true) { Progress::Waiting } else { Progress::WakerDiffers };
        }
        if !drives {
            return Progress::Abandoned(self.leave(at, wakes));
        }
        let Some(driven) = self.drive(place, caller) else { return lost() };
        Progress::Drive(driven, self.leave(at, wakes))
    }

    /// Registers another waker for one who waits, and hands out the one before.
    ///
    /// # Errors
    ///
    /// Gives the waker back if there is news: [`poll`](Self::poll) again.
    pub fn register(&mut self, joined: JoinKey, waker: W) -> Result<Option<W>, W> {
        let at = self.waiters.index_of(joined.0);
        match at.and_then(|at| self.waiters.at_mut(at)) {
            Some(waiter) if self.flights.at(waiter.flight).is_some_and(|flight| flight.driven) => {
                Ok(waiter.waker.replace(waker))
            }
            _ => Err(waker),
        }
    }

    /// One who waits gives its place up. If it was to take over, the next in line is woken.
    pub fn cancel(&mut self, joined: JoinKey, wakes: &mut WakeList<W>) -> Leftover<K, O, W> {
        match self.waiters.index_of(joined.0) {
            Some(at) => self.leave(at, wakes),
            None => Leftover::NONE,
        }
    }

    fn leave(&mut self, at: u32, wakes: &mut WakeList<W>) -> Leftover<K, O, W> {
        let Some(waiter) = self.waiters.remove(at) else { return Leftover::NONE };
        let Waiter { flight: place, waker, before, behind } = waiter;
        let Some(flight) = self.flights.at_mut(place) else { return Leftover::NONE };
        flight.joined -= 1;
        // After the end, whoever has been woken is in no chain any more.
        let chain = match (&flight.outcome, &waker) {
            (None, _) => Some(&mut flight.line),
            (Some(_), _) if before != NONE || behind != NONE || self.waking.head == at => Some(&mut self.waking),
            (Some(_), _) => None,
        };
        if let Some(chain) = chain {
            match self.waiters.at_mut(before) {
                Some(before) => before.behind = behind,
                None => chain.head = behind,
            }
            match self.waiters.at_mut(behind) {
                Some(behind) => behind.before = before,
                None => chain.tail = before,
            }
        }
        let mut leftover = self.go_on(place, wakes);
        if leftover.waker.is_none() {
            leftover.waker = waker;
        } else if let Some(waker) = waker {
            // Never so: the list had room.
            drop(wakes.push(waker));
        }
        self.check();
        leftover
    }

    /// Whether somebody is to be woken.
    #[inline]
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        !self.waking.is_empty()
    }

    /// Moves those who are to be woken into the list; `true` if there are more than fit.
    pub fn settle(&mut self, wakes: &mut WakeList<W>) -> bool {
        while !self.waking.is_empty() {
            if wakes.is_full() {
                return true;
            }
            let at = self.waking.head;
            let Some(waiter) = self.waiters.at_mut(at) else { break };
            let next = mem::replace(&mut waiter.behind, NONE);
            waiter.before = NONE;
            if let Some(waker) = waiter.waker.take() {
                // There is room: asked above.
                let _ = wakes.push(waker);
            }
            self.waking.head = next;
            match self.waiters.at_mut(next) {
                Some(next) => next.before = NONE,
                None => self.waking.tail = NONE,
            }
        }
        self.check();
        false
    }

    /// Takes a value out. A computation of it that is in flight goes on for those who have joined; whoever comes from
    /// now on computes anew.
    pub fn invalidate(&mut self, hash: u32, mut is_sought: impl FnMut(&K) -> bool) -> Option<(K, O)> {
        if let Some(place) = self.flights.find(hash, &mut is_sought) {
            self.flights.unfile(place);
        }
        let removed = self.map.remove(hash, is_sought);
        self.check();
        removed
    }

    /// The same for all at once; hands out the map with all that was in it.
    pub fn invalidate_all(&mut self) -> M {
        self.flights.unfile_all();
        let map = mem::replace(&mut self.map, M::EMPTY);
        self.check();
        map
    }

    /// Puts a value in from outside, as if it had just been computed; one that is in flight is not kept.
    pub fn insert(&mut self, entry: Entry<K, O, M::Span>, limits: Limits, now: M::Now) -> Option<Displaced<K, O>> {
        if let Some(place) = self.flights.find(entry.hash, |key| *key == entry.key) {
            self.flights.unfile(place);
        }
        let displaced = self.keep(entry, limits.capacity, now);
        self.check();
        displaced
    }

    /// Takes a value out whose time is up. After `None` there may yet be one if
    /// [`poll_timeout`](Self::poll_timeout) is not later than `now`.
    pub fn pop_expired(&mut self, now: M::Now) -> Option<(K, O)> {
        self.map.pop_expired(now)
    }

    /// When it is worth while to call [`pop_expired`](Self::pop_expired): no value expires before that.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.map.poll_timeout()
    }

    /// What has been counted.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        Stats { hits: self.hits, misses: self.misses, joined: self.joined, evicted: self.evicted }
    }

    /// Counts a call that computes without a flight.
    pub const fn count_unshared(&mut self) {
        self.misses += 1;
    }

    /// How many values there are, also those whose time is up and that have not been taken out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.count()
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.count() == 0
    }

    /// How many computations are in flight, or complete and still to be read.
    #[must_use]
    pub const fn flights(&self) -> usize {
        self.flights.len()
    }
}

impl<K: Hash + Eq, O, W: Wake, M: Store<K, O>, S: Storage> Default for Machine<K, O, W, M, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Hash + Eq, O, W: Wake, M: Store<K, O>, S: Storage> fmt::Debug for Machine<K, O, W, M, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("len", &self.len())
            .field("flights", &self.flights())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "alloc", target_pointer_width = "64", not(loom)))]
mod tests {
    use core::mem::{offset_of, size_of};
    use core::task::Waker;

    use super::super::Recent;
    use super::*;
    use crate::Heap;

    /// Of the map of a cache on the heap, whatever its keys and values.
    #[test]
    fn what_a_hit_writes_is_on_the_line_of_a_lock_that_follows() {
        type Usual = Machine<u64, u64, Waker, Recent<u64, u64, Heap>, Heap>;
        let notes = offset_of!(Usual, map.notes);
        assert_eq!(notes / 64, size_of::<Usual>() / 64, "{notes} and {}", size_of::<Usual>());
    }
}
