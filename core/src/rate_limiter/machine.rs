//! [`Machine`]: the rate limiter as a pure state machine, without lock, clock or executor.
//!
//! ```text
//!            acquire: nobody before it, tokens enough
//!        ┌─────────────────────────────────────────────────────────────┐
//! request┤                                                             ▼
//!        └─acquire─► waiting ──is first──► leading ──its time──► granted ──poll──► goes on
//!                     │  ▲                  │  ▲ │                     │
//!                     │  └─somebody more────┘  │ │ quota changed:      │ cancel
//!              cancel │    urgent came         │ │ woken, told anew    ▼
//!                     ▼                        └─┘              tokens refunded
//!                   gone, and the next leads
//! ```
//!
//! Only the one who *leads* is told a time, so one timer per limiter is armed. A waiter that is granted leaves
//! the storage at once: a key that finds nobody *is* the grant.
//!
//! Invariants, checked in debug builds once a call has settled:
//! 1. *settled*: the first in line cannot be served at the time last told;
//! 2. *led*: while anybody waits, the first in line has been told when its time comes, or has been woken to ask;
//! 3. *one timer*: nobody else has been told a time that is still to be waited for.

use core::fmt;
use core::time::Duration;

use super::bucket::TokenBucket;
use super::error::{AcquireError, NotUntil, TryAcquireError};
use super::limits::Limits;
use super::quota::{InvalidQuota, Quota};
#[cfg(debug_assertions)]
use super::window::is_due;
use crate::storage::Storage;
use crate::wait_queue::{WaitQueue, WaiterKey};
use crate::wake::{Wake, WakeList};
use crate::{Instant, Priority};

struct Waiter<W> {
    /// `None` once it has been handed out to be woken.
    waker: Option<W>,
    /// How many it waits for; zero once the quota has become so small that it can never be served.
    tokens: u32,
}

impl<W> Waiter<W> {
    const fn is_refused(&self) -> bool {
        self.tokens == 0
    }
}

impl<W: Wake> Waiter<W> {
    fn is_woken_by(&self, waker: &W) -> bool {
        self.waker.as_ref().is_some_and(|registered| registered.will_wake(waker))
    }
}

/// The answer to [`Machine::acquire`].
#[derive(Debug, PartialEq, Eq)]
pub enum Admission<W> {
    /// The tokens are the caller's; the waker was not needed.
    Granted(W),
    /// The caller stands in line under this key.
    Queued {
        /// Its place.
        key: WaiterKey,
        /// When the caller is to call [`Machine::handle_timeout`], if that is up to it: it leads.
        until: Option<Instant>,
    },
}

/// The answer to [`Machine::poll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The tokens are the caller's; the key is used up.
    Granted,
    /// The caller still waits, and will be woken by the waker that it showed.
    Waiting {
        /// When the caller is to call [`Machine::handle_timeout`], if that is up to it: it leads.
        until: Option<Instant>,
    },
    /// The caller still waits, but another waker is registered: call [`Machine::register`].
    WakerDiffers,
}

/// One or several quotas with a line of waiters, as a pure state machine.
///
/// It never wakes, never sleeps and never allocates beyond its storage. Drive it thus: call an operation,
/// then [`settle`](Self::settle) into a fresh [`WakeList`], over and over while it says that there is more,
/// dropping each list outside of the lock that guards the machine; and call
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout).
/// [`RateLimiter`](super::RateLimiter) does so.
///
/// Several quotas are checked all or nothing: a request that is refused takes nothing from any of them.
///
/// # Cost
///
/// O(1) in the number of waiters; see [`WaitQueue`] for priorities, and the quotas for what they take.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::rate_limiter::{Admission, Machine, Progress, Quota};
/// use tidegate_core::{Inline, Instant, Priority, Wake, WakeList};
///
/// #[derive(Debug, PartialEq)]
/// struct Flag(u8);
/// impl Wake for Flag {
///     fn wake(self) { /* set an event flag, pend an interrupt … */ }
///     fn will_wake(&self, other: &Self) -> bool { self == other }
/// }
///
/// let quota = Quota::per(1, Duration::from_secs(2))?;
/// let mut machine: Machine<Flag, Inline<4>> = Machine::new(quota);
/// let start = Instant::EPOCH;
/// assert_eq!(machine.try_acquire(start, 1, Priority(0)), Ok(()));
/// let Ok(Admission::Queued { key, .. }) = machine.acquire(start, 1, Priority(0), Flag(1)) else { panic!("empty") };
///
/// let due = machine.poll_timeout().expect("somebody waits");
/// assert_eq!(due, start + Duration::from_secs(2));
/// machine.handle_timeout(due);
/// let mut wakes = WakeList::new();
/// assert!(!machine.settle(&mut wakes), "that was all");
/// drop(wakes); // wakes Flag(1)
/// assert_eq!(machine.poll(due, key, &Flag(1)), Ok(Progress::Granted));
/// # Ok::<(), tidegate_core::rate_limiter::InvalidQuota>(())
/// ```
pub struct Machine<W, S: Storage> {
    limits: Limits<S>,
    line: WaitQueue<Waiter<W>, S>,
    /// Timers go off at multiples of it, in nanoseconds.
    granularity: u64,
    /// The time last told.
    now: Instant,
    /// Who has been told, or woken to be told, when the first in line is due.
    lead: Option<(WaiterKey, Instant)>,
    /// Who led before somebody more urgent came, and is to let its timer go.
    deposed: Option<WaiterKey>,
    /// Something has happened that somebody in line may profit from.
    unsettled: bool,
}

impl<W, S: Storage> Machine<W, S> {
    /// A limiter with one quota. A sliding window that `S` has no room for is cut to what fits.
    #[must_use]
    pub const fn new(quota: Quota) -> Self {
        Self::with_limits(Limits::one(quota))
    }

    /// A limiter with several quotas.
    ///
    /// # Errors
    ///
    /// [`WrongNumber`](InvalidQuota::WrongNumber), [`NoRoom`](InvalidQuota::NoRoom).
    pub const fn with_quotas(quotas: &[Quota]) -> Result<Self, InvalidQuota> {
        match Limits::<S>::check(quotas) {
            Ok(quotas) => Ok(Self::with_limits(Limits::several(quotas))),
            Err(error) => Err(error),
        }
    }

    const fn with_limits(limits: Limits<S>) -> Self {
        Self {
            limits,
            line: WaitQueue::new(),
            granularity: 1,
            now: Instant::EPOCH,
            lead: None,
            deposed: None,
            unsettled: false,
        }
    }

    /// Lets timers go off at multiples of `span` only, so that several waiters are served by one. Zero is
    /// taken for one nanosecond. Nobody is served early, and at most `span` late.
    pub fn set_granularity(&mut self, span: Duration) {
        self.granularity = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).max(1);
    }

    /// How many tokens can be had at once, at most.
    #[must_use]
    pub fn max_tokens(&self) -> u32 {
        self.limits.max_tokens()
    }

    /// How many tokens could be had, if nobody waited.
    #[must_use]
    pub fn available(&self, now: Instant) -> u32 {
        self.limits.available(now)
    }

    /// When so many tokens can be had, if nobody waits; `None` for more than ever can.
    pub(super) fn ready_at(&self, tokens: u32, now: Instant) -> Option<Instant> {
        self.limits.ready_at(tokens, now)
    }

    /// How many wait in line.
    #[must_use]
    pub const fn waiters(&self) -> usize {
        self.line.len()
    }

    /// The one bucket, if that is all there is and nobody waits.
    pub(super) const fn idle_bucket(&self) -> Option<&TokenBucket> {
        if self.line.is_empty() { self.limits.sole_bucket() } else { None }
    }

    pub(super) const fn sole_bucket(&self) -> Option<&TokenBucket> {
        self.limits.sole_bucket()
    }

    pub(super) const fn sole_bucket_mut(&mut self) -> Option<&mut TokenBucket> {
        self.limits.sole_bucket_mut()
    }

    /// The time last told.
    pub(super) const fn now(&self) -> Instant {
        self.now
    }

    /// Whether [`settle`](Self::settle) has anything to do.
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called: when the first in line is due. `None`
    /// if nobody waits, or for something that never comes.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = self.due(self.line.front()?);
        (due < Instant::MAX).then_some(due)
    }

    /// Tells the time. A call too many is harmless. Call [`settle`](Self::settle) afterwards.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.unsettled |= !self.line.is_empty();
    }

    /// Takes tokens here and now, if a request to wait for them would not have to wait.
    ///
    /// # Errors
    ///
    /// All of [`TryAcquireError`].
    pub fn try_acquire(&mut self, now: Instant, tokens: u32, priority: Priority) -> Result<(), TryAcquireError> {
        if tokens == 0 {
            return Err(TryAcquireError::ZeroTokens);
        }
        self.now = now;
        if let Some(front) = self.line.front() {
            if !self.line.would_lead(priority) {
                let ready = self.limits.ready_at(tokens, now).ok_or(TryAcquireError::ExceedsBurst)?;
                return Err(TryAcquireError::not_until(ready.max(self.ready(front))));
            }
            self.unsettled = true;
        }
        self.limits.try_acquire(tokens, now)
    }

    /// Takes tokens, or takes a place in line for them. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// [`Full`](AcquireError::Full), [`ZeroTokens`](AcquireError::ZeroTokens) or
    /// [`ExceedsBurst`](AcquireError::ExceedsBurst), each with the waker.
    pub fn acquire(
        &mut self,
        now: Instant,
        tokens: u32,
        priority: Priority,
        waker: W,
    ) -> Result<Admission<W>, (AcquireError, W)> {
        match self.try_acquire(now, tokens, priority) {
            Ok(()) => return Ok(Admission::Granted(waker)),
            Err(TryAcquireError::NotUntil(_)) => {}
            Err(TryAcquireError::ZeroTokens) => return Err((AcquireError::ZeroTokens, waker)),
            Err(TryAcquireError::ExceedsBurst) => return Err((AcquireError::ExceedsBurst, waker)),
        }
        match self.line.push(priority, Waiter { waker: Some(waker), tokens }) {
            Ok(key) => Ok(Admission::Queued { key, until: self.lead(key) }),
            Err(Waiter { waker: Some(waker), .. }) => Err((AcquireError::Full, waker)),
            Err(Waiter { waker: None, .. }) => unreachable!("the waiter was made with a waker"),
        }
    }

    /// How a waiter stands at the time last told, if nothing has to change for it: `None` asks for
    /// [`poll`](Self::poll).
    pub(super) fn standing(&self, key: WaiterKey, waker: &W) -> Option<Progress>
    where
        W: Wake,
    {
        match self.line.get(key) {
            None => Some(Progress::Granted),
            Some(waiter) if waiter.is_refused() || waiter.is_woken_by(waker) => None,
            Some(_) => Some(Progress::WakerDiffers),
        }
    }

    /// Takes a place behind others, for which no time is needed; `None` if the request would not stand behind
    /// anybody, or makes no sense, and the waker stays where it is.
    pub(super) fn stand_behind(
        &mut self,
        tokens: u32,
        priority: Priority,
        waker: &mut Option<W>,
    ) -> Option<WaiterKey> {
        if self.line.would_lead(priority) || tokens == 0 || tokens > self.limits.max_tokens() {
            return None;
        }
        match self.line.push(priority, Waiter { waker: waker.take(), tokens }) {
            Ok(key) => Some(key),
            Err(waiter) => {
                *waker = waiter.waker;
                None
            }
        }
    }

    /// Asks how a waiter stands; if it is first and its time has come, it is served.
    ///
    /// [`Progress::Granted`] and errors use the key up: it must not be asked for again, nor cancelled. Call
    /// [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// [`AcquireError::ExceedsBurst`] if the quota has become too small for it.
    pub fn poll(&mut self, now: Instant, key: WaiterKey, waker: &W) -> Result<Progress, AcquireError>
    where
        W: Wake,
    {
        self.poll_and_release(now, key, waker, &mut None)
    }

    /// The same; the waker of a waiter that is served is put into `released`, to be dropped outside of the lock.
    pub(super) fn poll_and_release(
        &mut self,
        now: Instant,
        key: WaiterKey,
        waker: &W,
        released: &mut Option<W>,
    ) -> Result<Progress, AcquireError>
    where
        W: Wake,
    {
        self.now = now;
        let served = self.line.grant_front(|front, waiter| {
            let served = front == key && self.limits.try_acquire(waiter.tokens, now).is_ok();
            served.then(|| waiter.waker.take())
        });
        if let Some(waker) = served {
            *released = waker;
            self.unsettled = true;
            return Ok(Progress::Granted);
        }
        let Some(waiter) = self.line.get(key) else { return Ok(Progress::Granted) };
        if waiter.is_refused() {
            self.line.remove(key);
            return Err(AcquireError::ExceedsBurst);
        }
        Ok(if waiter.is_woken_by(waker) {
            Progress::Waiting { until: self.lead(key) }
        } else {
            Progress::WakerDiffers
        })
    }

    /// Registers another waker for a waiter; answers the one it replaces, to be dropped outside of the lock,
    /// and, as [`Progress::Waiting`] does, when the caller is to call [`handle_timeout`](Self::handle_timeout).
    ///
    /// Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// Gives the waker back if the key does not wait any more: [`poll`](Self::poll) it.
    pub fn register(&mut self, key: WaiterKey, waker: W) -> Result<(Option<W>, Option<Instant>), W> {
        match self.line.get_mut(key) {
            Some(waiter) if !waiter.is_refused() => {
                let replaced = waiter.waker.replace(waker);
                Ok((replaced, self.lead(key)))
            }
            _ => Err(waker),
        }
    }

    /// Forgets a waiter that asked for `tokens`. If it had been granted them, they are refunded, at the time last told: tell it
    /// first.
    ///
    /// Answers its waker, to be dropped outside of the lock. Call [`settle`](Self::settle) afterwards.
    pub fn cancel(&mut self, key: WaiterKey, tokens: u32) -> Option<W> {
        let Some(waiter) = self.line.remove(key) else {
            self.refund(tokens);
            return None;
        };
        self.unsettled = true;
        waiter.waker
    }

    /// Puts tokens back that were taken and not used, at the time last told; more than fit are lost. Call [`settle`](Self::settle)
    /// afterwards.
    ///
    /// A sliding window forgets those taken last: refund before they have left the window by themselves.
    pub fn refund(&mut self, tokens: u32) {
        self.limits.refund(tokens);
        self.unsettled |= !self.line.is_empty();
    }

    /// Changes the quotas, for those who wait too. Call [`settle`](Self::settle) afterwards.
    ///
    /// What has been taken counts on. Who waits for more than can be had from now on is turned down when its
    /// turn comes.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](InvalidQuota::Mismatch) unless there are as many quotas as before, of the same kinds;
    /// [`NoRoom`](InvalidQuota::NoRoom). Nothing changes then.
    pub fn set_quotas(&mut self, now: Instant, quotas: &[Quota]) -> Result<(), InvalidQuota> {
        self.now = now;
        self.limits.set_quotas(quotas, now)?;
        self.unsettled |= !self.line.is_empty();
        Ok(())
    }

    /// Serves who is due and gathers whom to wake; `true` if there is more to do than fits.
    #[must_use = "`true` means that it must be called again with an empty list"]
    pub fn settle(&mut self, wakes: &mut WakeList<W>) -> bool
    where
        W: Wake,
    {
        self.settle_and_list(wakes, |_| ())
    }

    /// The same, and tells who has been served.
    pub(super) fn settle_and_list(&mut self, wakes: &mut WakeList<W>, mut list: impl FnMut(WaiterKey)) -> bool
    where
        W: Wake,
    {
        if self.deposed.is_some() && wakes.is_full() {
            return true;
        }
        if let Some(deposed) = self.deposed.take() {
            self.wake(deposed, wakes);
        }
        loop {
            if wakes.is_full() && !self.line.is_empty() {
                return true;
            }
            let mut refusal = None;
            let served =
                self.line.grant_front(|key, waiter| match self.limits.try_acquire(waiter.tokens, self.now) {
                    Ok(()) => {
                        list(key);
                        Some(waiter.waker.take())
                    }
                    Err(error) => {
                        refusal = Some((key, error));
                        None
                    }
                });
            if let Some(waker) = served {
                if let Some(waker) = waker
                    && wakes.push(waker).is_err()
                {
                    unreachable!("the list has room");
                }
                continue;
            }
            match refusal {
                Some((front, TryAcquireError::NotUntil(NotUntil { earliest }))) => {
                    let due = self.next_alarm(earliest);
                    if self.lead != Some((front, due)) {
                        self.lead = Some((front, due));
                        self.wake(front, wakes);
                    }
                    break;
                }
                Some((front, _)) => {
                    self.wake(front, wakes);
                    if let Some(waiter) = self.line.leave(front) {
                        waiter.tokens = 0;
                    }
                }
                None => break,
            }
        }
        if self.line.is_empty() {
            (self.lead, self.deposed) = (None, None);
        }
        self.unsettled = false;
        self.check();
        false
    }

    /// Adds a waiter's waker to a list with room; one without is about to ask anyway.
    fn wake(&mut self, key: WaiterKey, wakes: &mut WakeList<W>)
    where
        W: Wake,
    {
        if let Some(waker) = self.line.get_mut(key).and_then(|waiter| waiter.waker.take())
            && wakes.push(waker).is_err()
        {
            unreachable!("the list has room");
        }
    }

    /// Notes that this waiter knows when it is due, and tells it, if it is the first in line.
    fn lead(&mut self, key: WaiterKey) -> Option<Instant> {
        if self.line.front() != Some(key) {
            return None;
        }
        let due = self.due(key);
        if let Some((leader, _)) = self.lead.replace((key, due))
            && leader != key
        {
            self.deposed = Some(leader);
            self.unsettled = true;
        }
        Some(due)
    }

    /// When a waiter can be served, if nobody goes before it.
    fn ready(&self, key: WaiterKey) -> Instant {
        let tokens = self.line.get(key).map_or(0, |waiter| waiter.tokens);
        // One that can never be served is turned down when it is looked at, so at once.
        self.limits.ready_at(tokens, self.now).unwrap_or(Instant::EPOCH)
    }

    /// The same, at the next multiple of the granularity.
    fn due(&self, key: WaiterKey) -> Instant {
        self.next_alarm(self.ready(key))
    }

    fn next_alarm(&self, ready: Instant) -> Instant {
        if self.granularity == 1 {
            return ready;
        }
        Instant::from_nanos(ready.as_nanos().checked_next_multiple_of(self.granularity).unwrap_or(u64::MAX))
    }

    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks the invariants named at the top of this file.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        if let Some(front) = self.line.front() {
            debug_assert!(!is_due(self.ready(front), self.now), "settled");
            debug_assert!(self.lead.is_some_and(|(leader, due)| leader == front && due == self.due(front)), "led");
        } else {
            debug_assert!(self.lead.is_none(), "one timer");
        }
    }
}

impl<W, S: Storage> fmt::Debug for Machine<W, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("available", &self.available(self.now))
            .field("waiters", &self.line.len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
