//! [`Machine`]: lockouts, and those who wait for their end, as a pure state machine.
//!
//! ```text
//!          lock                    the last end has come, or is lifted
//!   open ─────────► locked ───────────────────────────────────────────► open
//!                    │  ▲
//!                    └──┘ lock: until the last of all ends
//!
//!           enter: open, and nobody to stand behind
//!         ┌─────────────────────────────────────────────────────────────┐
//! newcomer┤                                                             ▼
//!         └─enter─► waiting ──settle: open, its turn──► called ──poll─► passed
//!                    │   ▲                               │  │
//!             cancel │   └── poll: locked once more ─────┘  │ cancel
//!                    ▼                                      ▼
//!                  gone ◄───────────────────────────────────┘
//! ```
//!
//! Nobody has passed who has not been polled while all was open: a lockout that begins before that holds back
//! those who have been called as well. They keep their places.
//!
//! Time is compared with ends and otherwise not kept, so a clock that goes backwards needs no clamp: a lockout
//! that has been seen to be over is gone, and one that has not is waited for.
//!
//! Invariants, checked in debug builds once a call has settled:
//! 1. *called*: while all is open, everybody in line has been called; where order matters, the first has;
//! 2. *kept*: while it is locked, the first in line has been called, or keeps time: until the last end, or until
//!    some earlier instant, when it will look again.

use core::fmt;
use core::marker::PhantomData;

use super::ends::{Ends, is_over};
use super::error::{Full, Locked};
use super::order::{Order, Together};
use crate::Priority;
use crate::slab::{self, NONE};
use crate::storage::Storage;
use crate::time::Instant;
use crate::wait_queue::{WaitQueue, WaiterKey};
use crate::wake::{Wake, WakeList};

/// Names one lockout, to be [lifted](Machine::lift) by.
///
/// It outlives its lockout harmlessly: it then names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(slab::Key);

impl Key {
    /// Of a lockout that was over before it began.
    const OVER: Self = Self(slab::Key { index: NONE, generation: 0 });
}

/// The answer to [`Machine::enter`].
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<W> {
    /// The caller has passed; the waker was not needed.
    Passed(W),
    /// The caller stands in line.
    Queued {
        /// By this key it asks again.
        key: WaiterKey,
        /// It is to ask again at this instant, unwoken; see [`Progress::Waiting`].
        alarm: Option<Instant>,
    },
}

/// The answer to [`Machine::poll`].
#[derive(Debug, PartialEq, Eq)]
pub enum Progress<W> {
    /// The caller has passed; the key is used up. The waker is to be dropped outside of the lock.
    Passed(Option<W>),
    /// The caller still waits, and will be woken by the waker that it showed.
    Waiting {
        /// The caller is the first in line, and keeps time for all: it is to ask again at this instant, unwoken.
        /// Whoever drives the machine by [`Machine::poll_timeout`] may ignore it.
        alarm: Option<Instant>,
    },
    /// The caller still waits, but another waker is registered: call [`Machine::register`].
    WakerDiffers,
}

/// The answer to [`Machine::register`].
#[derive(Debug, PartialEq, Eq)]
pub struct Registered<W> {
    /// The waker that was registered before, to be dropped outside of the lock.
    pub replaced: Option<W>,
    /// As in [`Progress::Waiting`].
    pub alarm: Option<Instant>,
}

/// Who keeps time, and until when.
#[derive(Clone, Copy)]
struct Keeper {
    key: WaiterKey,
    until: Instant,
}

/// Lockouts, and those who wait for their end, as a pure state machine.
///
/// [`InOrder`](super::InOrder) waiters pass one after the other, and newcomers stand behind them; [`Together`]
/// they pass as soon as the last lockout has ended. It never wakes, never sleeps and never allocates beyond its storage, which has
/// room for so many lockouts and for as many waiters.
///
/// Drive it thus: call an operation, then [`settle`](Self::settle) into a fresh [`WakeList`], over and over while
/// it says that there is more, dropping each list outside of the lock that guards the machine. Call
/// [`handle_timeout`](Self::handle_timeout) at the instant that [`poll_timeout`](Self::poll_timeout) names.
/// [`Lockout`](super::Lockout) does so.
///
/// # Cost
///
/// O(log n) in the number of lockouts, amortized; O(1) in the number of waiters, but for the one step per
/// waiter that it takes to call them all. See [`WaitQueue`] for priorities.
///
/// ```
/// use tidegate_core::lockout::{Entry, Machine, Progress};
/// use tidegate_core::{Inline, Instant, Priority, Wake, WakeList};
///
/// #[derive(Debug, PartialEq)]
/// struct Flag(u8);
/// impl Wake for Flag {
///     fn wake(self) { /* set an event flag, pend an interrupt … */ }
///     fn will_wake(&self, other: &Self) -> bool { self == other }
/// }
/// let at = Instant::from_nanos;
///
/// let mut machine: Machine<Flag, Inline<4>> = Machine::new();
/// let long = machine.lock_until(at(0), at(100)).unwrap();
/// let short = machine.lock_until(at(0), at(50)).unwrap();
/// let Ok(Entry::Queued { key, .. }) = machine.enter(at(1), Priority(0), Flag(1)) else { panic!("it is locked") };
///
/// assert!(machine.lift(at(2), long));
/// assert_eq!(machine.poll_timeout(), Some(at(50)));
/// machine.handle_timeout(at(50));
/// let mut wakes = WakeList::new();
/// assert!(!machine.settle(&mut wakes), "that was all");
/// drop(wakes); // wakes Flag(1)
/// assert_eq!(machine.poll(at(50), key, &Flag(1)), Progress::Passed(None));
/// ```
pub struct Machine<W, S: Storage, O: Order = Together> {
    ends: Ends<S>,
    /// Those who wait, each with its waker; `None` once it has been called.
    line: WaitQueue<Option<W>, S>,
    keeper: Option<Keeper>,
    /// Not in order: whom to call next. Those before have been called.
    next: Option<WaiterKey>,
    /// Something has happened that somebody in line has to hear of.
    unsettled: bool,
    order: PhantomData<fn() -> O>,
}

impl<W, S: Storage, O: Order> Machine<W, S, O> {
    /// Nothing locked, nobody waiting.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            ends: Ends::new(),
            line: WaitQueue::new(),
            keeper: None,
            next: None,
            unsettled: false,
            order: PhantomData,
        }
    }

    /// How many wait, those included that have been called and have not been polled since.
    #[must_use]
    pub const fn waiters(&self) -> usize {
        self.line.len()
    }

    /// Whether a newcomer may pass, whatever the time and its priority.
    pub(super) const fn is_idle(&self) -> bool {
        self.ends.is_empty() && self.line.is_empty()
    }

    /// Whether [`settle`](Self::settle) has anything to do.
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// When the last lockout ends, if there is one at `now`.
    #[must_use]
    pub fn locked_until(&self, now: Instant) -> Option<Instant> {
        self.ends.latest().filter(|&end| !is_over(end, now))
    }

    /// The instant at which something changes by itself: the last lockout ends.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.ends.latest().filter(|&end| end != Instant::MAX)
    }

    /// Tells the time. It may be told at any time; call [`settle`](Self::settle) afterwards.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(last) = self.ends.latest()
            && is_over(last, now)
        {
            self.ends.clear();
            self.open();
        }
    }

    /// Starts a lockout: nobody passes before `end`, nor before any other lockout ends. Call
    /// [`settle`](Self::settle) afterwards.
    ///
    /// One that ends no later than `now` locks nothing, and takes no room.
    ///
    /// # Errors
    ///
    /// [`Full`], and nothing changes, if there is no room for another lockout.
    pub fn lock_until(&mut self, now: Instant, end: Instant) -> Result<Key, Full> {
        self.handle_timeout(now);
        if is_over(end, now) {
            return Ok(Key::OVER);
        }
        let key = self.ends.insert(end, now).ok_or(Full)?;
        self.unsettled |= !self.line.is_empty();
        Ok(Key(key))
    }

    /// Ends a lockout before its time; `false` if it is over already. Call [`settle`](Self::settle) afterwards.
    pub fn lift(&mut self, now: Instant, key: Key) -> bool {
        self.handle_timeout(now);
        let Some(end) = self.ends.remove(key.0) else { return false };
        if self.ends.is_empty() {
            self.open();
        }
        self.handle_timeout(now);
        self.unsettled |= !self.line.is_empty();
        !is_over(end, now)
    }

    /// Everything has ended: those who wait are to be called.
    fn open(&mut self) {
        self.keeper = None;
        self.next = self.line.front();
        self.unsettled = !self.line.is_empty();
    }

    /// Passes here and now, if a newcomer may. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// [`Locked`] if there is a lockout or, in order, somebody in line whose turn is not later.
    pub fn try_pass(&mut self, now: Instant, priority: Priority) -> Result<(), Locked> {
        self.handle_timeout(now);
        match self.ends.latest() {
            Some(until) => Err(Locked { until }),
            None if O::IN_ORDER && !self.line.would_lead(priority) => Err(Locked { until: now }),
            None => Ok(()),
        }
    }

    /// Passes, or takes a place in line. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// Gives the waker back if there is no room for another waiter.
    pub fn enter(&mut self, now: Instant, priority: Priority, waker: W) -> Result<Entry<W>, W> {
        if self.try_pass(now, priority).is_ok() {
            return Ok(Entry::Passed(waker));
        }
        match self.line.push(priority, Some(waker)) {
            Ok(key) => Ok(Entry::Queued { key, alarm: self.keep_time(key) }),
            Err(Some(waker)) => Err(waker),
            Err(None) => unreachable!("the waiter was made with a waker"),
        }
    }

    /// Asks whether a waiter may pass. Call [`settle`](Self::settle) afterwards.
    ///
    /// [`Progress::Passed`] uses the key up: it must not be asked for again.
    pub fn poll(&mut self, now: Instant, key: WaiterKey, waker: &W) -> Progress<W>
    where
        W: Wake,
    {
        self.handle_timeout(now);
        if self.may_pass(key) {
            return Progress::Passed(self.remove(key));
        }
        match self.line.get(key) {
            Some(Some(registered)) if registered.will_wake(waker) => {
                Progress::Waiting { alarm: self.keep_time(key) }
            }
            Some(_) => Progress::WakerDiffers,
            None => Progress::Passed(None),
        }
    }

    /// Registers another waker for a waiter. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// Gives the waker back if the waiter may pass by now: [`poll`](Self::poll) it.
    pub fn register(&mut self, key: WaiterKey, waker: W) -> Result<Registered<W>, W> {
        if self.may_pass(key) {
            return Err(waker);
        }
        let Some(registered) = self.line.get_mut(key) else { return Err(waker) };
        let replaced = registered.replace(waker);
        Ok(Registered { replaced, alarm: self.keep_time(key) })
    }

    /// Forgets a waiter; does nothing if it has passed. Call [`settle`](Self::settle) afterwards.
    ///
    /// Answers its waker, to be dropped outside of the lock.
    pub fn cancel(&mut self, key: WaiterKey) -> Option<W> {
        self.remove(key)
    }

    fn may_pass(&self, key: WaiterKey) -> bool {
        self.ends.is_empty() && (!O::IN_ORDER || self.line.front() == Some(key))
    }

    /// Takes a waiter out of the line; the one behind it may have to hear of that.
    fn remove(&mut self, key: WaiterKey) -> Option<W> {
        if self.next == Some(key) {
            self.next = self.line.next(key);
        }
        let waker = self.line.remove(key)?;
        self.unsettled |= !self.line.is_empty();
        waker
    }

    /// Makes the waiter keep time, if it is the first in line and there is any to keep.
    fn keep_time(&mut self, key: WaiterKey) -> Option<Instant> {
        let until = self.ends.latest()?;
        if self.line.front() != Some(key) {
            return None;
        }
        self.keeper = Some(Keeper { key, until });
        Some(until)
    }

    /// Gathers whom to wake; `true` if there are more than fit.
    #[must_use = "`true` means that it must be called again with an empty list"]
    pub fn settle(&mut self, wakes: &mut WakeList<W>) -> bool
    where
        W: Wake,
    {
        while let Some(key) = self.due() {
            if wakes.is_full() {
                return true;
            }
            if let Some(waker) = self.line.get_mut(key).and_then(Option::take)
                && wakes.push(waker).is_err()
            {
                unreachable!("the list has room");
            }
            if O::IN_ORDER || !self.ends.is_empty() {
                break;
            }
            self.next = self.line.next(key);
        }
        self.unsettled = false;
        self.check();
        false
    }

    /// Who is to be called next.
    fn due(&self) -> Option<WaiterKey> {
        let Some(last) = self.ends.latest() else {
            return if O::IN_ORDER { self.line.front() } else { self.next };
        };
        let kept = |first| self.keeper.is_some_and(|keeper| keeper.key == first && keeper.until <= last);
        self.line.front().filter(|&first| !kept(first))
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks the invariants named at the top of this file.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        let Some(first) = self.line.front() else { return };
        let called = |key| self.line.get(key).is_some_and(Option::is_none);
        match self.ends.latest() {
            None if O::IN_ORDER => debug_assert!(called(first), "called"),
            None => {
                let mut waiter = Some(first).filter(|_| self.line.len() <= 64);
                while let Some(key) = waiter {
                    debug_assert!(called(key), "called");
                    waiter = self.line.next(key);
                }
            }
            Some(last) => {
                let keeps = self.keeper.is_some_and(|keeper| keeper.key == first && keeper.until <= last);
                debug_assert!(called(first) || keeps, "kept");
            }
        }
    }
}

impl<W, S: Storage, O: Order> Default for Machine<W, S, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<W, S: Storage, O: Order> fmt::Debug for Machine<W, S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("last_end", &self.ends.latest())
            .field("waiters", &self.line.len())
            .finish_non_exhaustive()
    }
}
