//! [`Machine`]: the semaphore as a pure state machine, without lock, clock or executor.
//!
//! ```text
//!            acquire: nobody before it, permits enough
//!        ┌───────────────────────────────────────────────────────┐
//! request┤                                                       ▼
//!        └─acquire─► waiting ──settle: its turn, permits─► granted ──poll──► holds permits
//!                     │  ▲ │                                     │              │
//!              cancel │  │ └──close──► refused ──poll──► error   │ cancel       │ release
//!                     ▼  └─ barging: woken, lost the race        ▼              ▼
//!                   gone                                   permits back ◄───────┘
//! ```
//!
//! A waiter that is granted leaves the storage at once: a key that finds nobody *is* the grant.
//!
//! Invariants, checked in debug builds once a call has settled:
//! 1. *bounded*: no more permits are free than exist, and no more exist than [`Machine::MAX_PERMITS`];
//! 2. *paid*: no permit is free while a deficit stands;
//! 3. *settled*: the first in line cannot be served (fair), or has been woken to try (barging);
//! 4. *closed*: nobody stands in the line of a closed semaphore;
//! 5. *calm*: the flag says what it says.

use core::fmt;

use super::config::{Config, HeadOfLine};
use super::error::{AcquireError, TooManyPermits, TryAcquireError};
use super::word::MAX_PERMITS;
use crate::Priority;
use crate::storage::Storage;
use crate::wait_queue::{WaitQueue, WaiterKey};
use crate::wake::{Wake, WakeList};

struct Waiter<W> {
    /// `None` once it has been handed out to be woken.
    waker: Option<W>,
    permits: usize,
    /// How many grants it has let pass at the head of the line.
    passed: u32,
}

/// Somebody to be woken; without a waker it is about to poll anyway, or to register one.
struct Woken<W>(Option<W>);

/// The answer to [`Machine::acquire`].
#[derive(Debug, PartialEq, Eq)]
pub enum Admission<W> {
    /// The permits are the caller's; the waker was not needed.
    Granted(W),
    /// The caller stands in line under this key.
    Queued(WaiterKey),
}

/// The answer to [`Machine::poll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The permits are the caller's; the key is used up.
    Granted,
    /// The caller still waits, and will be woken by the waker that it showed.
    Waiting,
    /// The caller still waits, but another waker is registered: call [`Machine::register`].
    WakerDiffers,
}

/// A weighted priority semaphore as a pure state machine.
///
/// It never wakes, never sleeps and never allocates beyond its storage. Drive it thus: call an operation,
/// then [`settle`](Self::settle) into a fresh [`WakeList`], over and over while it says that there is more,
/// dropping each list outside of the lock that guards the machine. [`Semaphore`](super::Semaphore) does so.
///
/// # Cost
///
/// O(1) in the number of waiters, except for [`HeadOfLine::Bypass`]; see [`WaitQueue`] for priorities.
///
/// ```
/// use tidegate_core::semaphore::{Admission, Config, Machine, Progress};
/// use tidegate_core::{Inline, Priority, Wake, WakeList};
///
/// #[derive(Debug, PartialEq)]
/// struct Flag(u8);
/// impl Wake for Flag {
///     fn wake(self) { /* set an event flag, pend an interrupt … */ }
///     fn will_wake(&self, other: &Self) -> bool { self == other }
/// }
///
/// let mut machine: Machine<Flag, Inline<4>> = Machine::new(1, Config::new());
/// assert_eq!(machine.acquire(1, Priority(0), Flag(1)), Ok(Admission::Granted(Flag(1))));
/// let Ok(Admission::Queued(key)) = machine.acquire(1, Priority(0), Flag(2)) else { panic!("it is taken") };
///
/// machine.release(1);
/// let mut wakes = WakeList::new();
/// assert!(!machine.settle(&mut wakes), "that was all");
/// drop(wakes); // wakes Flag(2)
/// assert_eq!(machine.poll(key, &Flag(2)), Ok(Progress::Granted));
/// ```
#[expect(clippy::struct_excessive_bools, reason = "each says a thing of its own")]
pub struct Machine<W, S: Storage> {
    /// Free permits.
    permits: usize,
    /// Permits that are to vanish as soon as they come back.
    deficit: usize,
    /// Permits that exist, free or held, without those that are to vanish.
    total: usize,
    closed: bool,
    head_of_line: HeadOfLine,
    barging: bool,
    /// Barging: who has been woken to try.
    turn: Option<WaiterKey>,
    /// Something has happened that somebody in line may profit from.
    unsettled: bool,
    /// Nobody waits, nothing is owed, nothing is closed: the number of free permits is all there is to know.
    calm: bool,
    line: WaitQueue<Waiter<W>, S>,
}

impl<W, S: Storage> Machine<W, S> {
    /// The most permits that one semaphore can have: an eighth of the address space.
    pub const MAX_PERMITS: usize = MAX_PERMITS;

    /// A semaphore with `permits` permits, or [`MAX_PERMITS`](Self::MAX_PERMITS) if that is fewer.
    #[must_use]
    pub const fn new(permits: usize, config: Config) -> Self {
        let total = if permits > MAX_PERMITS { MAX_PERMITS } else { permits };
        let mut machine = Self::drained(total, config);
        machine.permits = total;
        machine
    }

    /// The same, with all of its permits elsewhere.
    pub(super) const fn drained(total: usize, config: Config) -> Self {
        let mut line = WaitQueue::new();
        // There is no fairness to bound where whoever comes may barge in.
        line.set_max_bypass(if config.barging { None } else { config.max_bypass });
        Self {
            permits: 0,
            deficit: 0,
            total,
            closed: false,
            head_of_line: config.head_of_line,
            barging: config.barging,
            turn: None,
            unsettled: false,
            calm: true,
            line,
        }
    }

    /// How many permits are free. Those that gather for the first in line are among them.
    #[must_use]
    pub const fn available_permits(&self) -> usize {
        self.permits
    }

    /// How many wait in line.
    #[must_use]
    pub const fn waiters(&self) -> usize {
        self.line.len()
    }

    /// Whether the semaphore has been closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether all that there is to know is the number of free permits.
    #[inline]
    pub(super) const fn is_calm(&self) -> bool {
        self.calm
    }

    fn see_whether_calm(&mut self) {
        self.calm = self.line.is_empty() && self.deficit == 0 && !self.closed;
    }

    /// Whether [`settle`](Self::settle) has anything to do.
    #[must_use]
    #[inline]
    pub const fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Takes the free permits out, to be kept elsewhere.
    pub(super) fn drain(&mut self) -> usize {
        core::mem::take(&mut self.permits)
    }

    /// Takes permits here and now, if a request to wait for them would not have to wait.
    ///
    /// Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// All of [`TryAcquireError`].
    #[inline]
    pub fn try_acquire(&mut self, permits: usize, priority: Priority) -> Result<(), TryAcquireError> {
        if self.take_at_once(permits) {
            return Ok(());
        }
        check_weight(permits)?;
        if self.closed {
            return Err(TryAcquireError::Closed);
        }
        if permits > self.permits || !(self.line.is_empty() || self.may_pass(priority)) {
            return Err(TryAcquireError::NoPermits);
        }
        self.permits -= permits;
        Ok(())
    }

    /// Takes permits if nothing is in the way; otherwise they may be there all the same.
    #[inline]
    pub(super) fn take_at_once(&mut self, permits: usize) -> bool {
        let there = self.calm && permits <= self.permits && check_weight(permits).is_ok();
        if there {
            self.permits -= permits;
        }
        there
    }

    /// Whether a newcomer whom the free permits suffice for goes ahead of all who wait; counts it if so.
    #[cold]
    fn may_pass(&mut self, priority: Priority) -> bool {
        if self.barging {
            return true;
        }
        // Those who wait for permits that are free already go first.
        if self.unsettled {
            return false;
        }
        if !self.line.would_lead(priority) {
            match self.passable_head() {
                Some(head) => head.passed += 1,
                None => return false,
            }
        }
        self.line.count_bypass(priority);
        // Somebody may have become overdue by it, and want less than the first in line.
        self.unsettled = true;
        true
    }

    /// The first in line, if it lets somebody pass who can be served while it cannot.
    fn passable_head(&mut self) -> Option<&mut Waiter<W>> {
        let HeadOfLine::Bypass { at_most } = self.head_of_line else { return None };
        // Everybody counts the more urgent that pass, so an overdue head must not be passed at all.
        if self.line.front_is_overdue() {
            return None;
        }
        let permits = self.permits;
        let head = self.line.front()?;
        self.line.get_mut(head).filter(|head| head.permits > permits && head.passed < at_most)
    }

    /// Takes permits, or takes a place in line for them.
    ///
    /// # Errors
    ///
    /// [`Closed`](AcquireError::Closed), [`Full`](AcquireError::Full),
    /// [`ZeroPermits`](AcquireError::ZeroPermits) or [`TooManyPermits`](AcquireError::TooManyPermits), each
    /// with the waker.
    pub fn acquire(
        &mut self,
        permits: usize,
        priority: Priority,
        waker: W,
    ) -> Result<Admission<W>, (AcquireError, W)> {
        match self.try_acquire(permits, priority) {
            Ok(()) => return Ok(Admission::Granted(waker)),
            Err(TryAcquireError::NoPermits) => {}
            Err(TryAcquireError::Closed) => return Err((AcquireError::Closed, waker)),
            Err(TryAcquireError::ZeroPermits) => return Err((AcquireError::ZeroPermits, waker)),
            Err(TryAcquireError::TooManyPermits) => return Err((AcquireError::TooManyPermits, waker)),
        }
        let waiter = Waiter { waker: Some(waker), permits, passed: 0 };
        match self.line.push(priority, waiter) {
            Ok(key) => {
                self.calm = false;
                // A new first in line may let those behind it pass, or be let pass itself.
                self.unsettled |= self.permits > 0;
                Ok(Admission::Queued(key))
            }
            Err(Waiter { waker: Some(waker), .. }) => Err((AcquireError::Full, waker)),
            Err(Waiter { waker: None, .. }) => unreachable!("the waiter was made with a waker"),
        }
    }

    /// Asks how a waiter stands. In a barging semaphore this is also how one that was woken takes its permits.
    ///
    /// [`Progress::Granted`] and errors use the key up: it must not be asked for again, nor cancelled. Call
    /// [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Closed`] if the semaphore has been closed.
    #[inline]
    pub fn poll(&mut self, key: WaiterKey, waker: &W) -> Result<Progress, AcquireError>
    where
        W: Wake,
    {
        let Some(waiter) = self.line.get(key) else { return Ok(Progress::Granted) };
        let same = waiter.waker.as_ref().is_some_and(|registered| registered.will_wake(waker));
        if self.closed && waiter.waker.is_none() {
            self.line.remove(key);
            return Err(AcquireError::Closed);
        }
        if self.turn == Some(key) && waiter.permits <= self.permits {
            self.turn = None;
            self.unsettled = true;
            self.permits -= waiter.permits;
            self.line.grant(key);
            self.see_whether_calm();
            return Ok(Progress::Granted);
        }
        Ok(if same { Progress::Waiting } else { Progress::WakerDiffers })
    }

    /// Registers another waker for a waiter, and answers the one it replaces, to be dropped outside of the lock.
    ///
    /// Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// Gives the waker back if the key does not wait any more: [`poll`](Self::poll) it.
    pub fn register(&mut self, key: WaiterKey, waker: W) -> Result<Option<W>, W> {
        match self.line.get_mut(key) {
            // One that is refused and still has its waker is about to be woken.
            Some(waiter) if !self.closed || waiter.waker.is_some() => {
                // Somebody whose turn it is, and who had to wait on, is to be woken anew.
                if self.turn == Some(key) {
                    self.turn = None;
                    self.unsettled = true;
                }
                Ok(waiter.waker.replace(waker))
            }
            _ => Err(waker),
        }
    }

    /// Forgets a waiter that asked for `permits`. If it had been granted them, they go to the next.
    ///
    /// Answers its waker, to be dropped outside of the lock. Call [`settle`](Self::settle) afterwards.
    pub fn cancel(&mut self, key: WaiterKey, permits: usize) -> Option<W> {
        if self.turn == Some(key) {
            self.turn = None;
        }
        let Some(waiter) = self.line.remove(key) else {
            self.release(permits);
            return None;
        };
        // The one behind it may want less.
        self.unsettled = true;
        self.see_whether_calm();
        waiter.waker
    }

    /// Gives back permits that were acquired. Call [`settle`](Self::settle) afterwards.
    ///
    /// More than exist cannot come back: what is above that number is ignored.
    #[inline]
    pub fn release(&mut self, permits: usize) {
        match self.permits.checked_add(permits) {
            Some(sum) if self.calm && sum <= self.total => self.permits = sum,
            _ => self.release_to_others(permits),
        }
    }

    /// Gives permits back that somebody may wait for, or that the deficit demands.
    #[inline(never)]
    fn release_to_others(&mut self, permits: usize) {
        let paid = permits.min(self.deficit);
        self.deficit -= paid;
        self.permits = self.permits.saturating_add(permits - paid).min(self.total);
        self.unsettled |= !self.line.is_empty();
        self.see_whether_calm();
    }

    /// Creates permits. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// [`TooManyPermits`] if there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS); nothing changes.
    pub fn add_permits(&mut self, permits: usize) -> Result<(), TooManyPermits> {
        if permits > MAX_PERMITS - self.total {
            return Err(TooManyPermits);
        }
        self.total += permits;
        self.release(permits);
        Ok(())
    }

    /// Takes permits out of existence: free ones now, others when they come back.
    ///
    /// Answers how many: as many as were asked for, or all there are.
    pub fn reduce_permits(&mut self, permits: usize) -> usize {
        let gone = permits.min(self.total);
        self.total -= gone;
        let free = gone.min(self.permits);
        self.permits -= free;
        self.deficit += gone - free;
        self.see_whether_calm();
        gone
    }

    /// Takes permits out of existence that are held and will not come back.
    pub fn forget(&mut self, permits: usize) {
        let gone = permits.min(self.total);
        self.total -= gone;
        // More have been taken out of existence than there are: these were among them already.
        self.deficit = self.deficit.saturating_sub(permits - gone);
        self.permits = self.permits.min(self.total);
        self.see_whether_calm();
    }

    /// Turns down everybody, now and in future. Call [`settle`](Self::settle) afterwards.
    ///
    /// Permits that are held, or granted and not yet fetched, stay good.
    pub fn close(&mut self) {
        self.closed = true;
        self.calm = false;
        self.turn = None;
        self.unsettled = true;
    }

    /// Grants what can be granted and gathers whom to wake; `true` if there is more to do than fits.
    #[must_use = "`true` means that it must be called again with an empty list"]
    pub fn settle(&mut self, wakes: &mut WakeList<W>) -> bool
    where
        W: Wake,
    {
        self.settle_and_list(wakes, |_| ())
    }

    /// The same, and tells who has been granted permits.
    #[inline]
    pub(super) fn settle_and_list(&mut self, wakes: &mut WakeList<W>, mut list: impl FnMut(WaiterKey)) -> bool
    where
        W: Wake,
    {
        while self.permits > 0 || self.closed {
            if wakes.is_full() {
                return true;
            }
            if !self.settle_one(wakes, &mut list) {
                break;
            }
        }
        self.unsettled = false;
        self.see_whether_calm();
        self.check();
        false
    }

    /// Grants, refuses or calls up one waiter, if one is to be, and adds its waker to a list with room.
    #[inline]
    fn settle_one(&mut self, wakes: &mut WakeList<W>, list: &mut impl FnMut(WaiterKey)) -> bool
    where
        W: Wake,
    {
        let woken = if self.closed {
            self.refuse_front()
        } else if self.barging {
            self.call_front()
        } else {
            self.grant_next(list)
        };
        let Some(Woken(waker)) = woken else { return false };
        if let Some(waker) = waker
            && wakes.push(waker).is_err()
        {
            unreachable!("the list has room");
        }
        true
    }

    fn refuse_front(&mut self) -> Option<Woken<W>> {
        let front = self.line.front()?;
        self.line.leave(front).map(|waiter| Woken(waiter.waker.take()))
    }

    /// Barging: wakes the first in line to try, unless somebody is trying.
    fn call_front(&mut self) -> Option<Woken<W>> {
        if self.turn.is_some() {
            return None;
        }
        let permits = self.permits;
        let front = self.line.front()?;
        let waiter = self.line.get_mut(front).filter(|waiter| waiter.permits <= permits)?;
        self.turn = Some(front);
        Some(Woken(waiter.waker.take()))
    }

    #[inline]
    fn grant_next(&mut self, list: &mut impl FnMut(WaiterKey)) -> Option<Woken<W>> {
        let free = self.permits;
        let granted = self.line.grant_front(|key, waiter| {
            (waiter.permits <= free).then(|| (key, waiter.permits, waiter.waker.take()))
        });
        let Some((key, permits, waker)) = granted else {
            let granted = self.grant_behind()?;
            self.permits -= granted.permits;
            return Some(Woken(granted.waker));
        };
        self.permits -= permits;
        list(key);
        Some(Woken(waker))
    }

    /// Grants past a first in line that cannot be served, if it lets somebody pass.
    fn grant_behind(&mut self) -> Option<Waiter<W>> {
        self.passable_head()?;
        let front = self.line.front()?;
        let mut behind = self.line.next(front);
        while let Some(key) = behind {
            if self.line.get(key)?.permits <= self.permits {
                self.line.get_mut(front)?.passed += 1;
                return self.line.grant(key);
            }
            behind = self.line.next(key);
        }
        None
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks the invariants named at the top of this file.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        debug_assert!(self.permits <= self.total && self.total <= MAX_PERMITS, "bounded");
        debug_assert!(self.deficit == 0 || self.permits == 0, "paid");
        let calm = self.line.is_empty() && self.deficit == 0 && !self.closed;
        debug_assert_eq!(self.calm, calm, "calm");
        if let Some(front) = self.line.front() {
            debug_assert!(!self.closed, "closed");
            let needed = self.line.get(front).map_or(0, |front| front.permits);
            debug_assert!(needed > self.permits || (self.barging && self.turn.is_some()), "settled");
        }
    }
}

/// Whether a request for so many permits makes sense at all.
pub(super) const fn check_weight(permits: usize) -> Result<(), TryAcquireError> {
    match permits {
        0 => Err(TryAcquireError::ZeroPermits),
        1..=MAX_PERMITS => Ok(()),
        _ => Err(TryAcquireError::TooManyPermits),
    }
}

impl<W, S: Storage> fmt::Debug for Machine<W, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("permits", &self.permits)
            .field("deficit", &self.deficit)
            .field("waiters", &self.line.len())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
