//! [`Machine`]: the phases of a run, and those who wait for its end to begin, as a pure state machine.
//!
//! ```text
//!         begin           poll_wait                  triggered, and nothing nested runs
//!   Idle ───────► StartUps ───────► Waiting ───────────────────────────────► Callbacks
//!    ▲              │                  │                                         │
//!    │              │ end: given up    │ end: given up         start_join, end   │
//!    │              ▼                  ▼                                         ▼
//!    └──────────  Ended ◄────────────────────────────────────────────────────  Joins
//!       rearm                          end                         ┌──────────────────────────┐
//!                                                                  │ start_join ► running     │
//!                                                                  │  end_join: it has come   │
//!                                                                  │  deadline, force: late   │
//!                                                                  └──────────────────────────┘
//! ```
//!
//! A trigger may come in any phase, also before the run begins. It is kept until [`Machine::rearm`].
//!
//! Invariants, checked in debug builds once a call has settled:
//! 1. *told*: once triggered, nobody is left in line;
//! 2. *called*: a runner that may go on has been woken;
//! 3. *in order*: a join runs in the phase of joins only, and nothing is forced without a trigger.

use core::mem;
use core::time::Duration;

use super::error::{BeginError, Heard, Late, OutOfOrder, Phase, Reason, SecondSignal};
use crate::Priority;
use crate::storage::{Buffer, Storage};
use crate::time::Instant;
use crate::wait_queue::{WaitQueue, WaiterKey};
use crate::wake::{Wake, WakeList};

/// The answer to a question that may have to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// It has come.
    Ready(T),
    /// Not yet. Whoever asked will be woken by the waker that it showed.
    Waiting {
        /// It is to ask again at this instant, unwoken. Whoever drives the machine by
        /// [`Machine::poll_timeout`] may ignore it.
        alarm: Option<Instant>,
    },
    /// Not yet, and another waker is registered: register this one, and ask again.
    WakerDiffers,
}

/// The answer to [`Machine::enter`].
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<W> {
    /// It has been triggered already; the waker was not needed.
    Triggered(W),
    /// The caller stands in line, and will be woken.
    Queued(WaiterKey),
}

/// A join that is waited for.
struct Join {
    name: &'static str,
    /// [`Instant::MAX`] for ever.
    until: Instant,
    /// The deadline has been seen to pass.
    over: bool,
}

/// The phases of a run, and those who wait for its trigger, as a pure state machine.
///
/// It never wakes, never sleeps and calls nothing back: whoever drives it does the start-ups, the callbacks and
/// the joins, and the machine says when, and for how long. [`Shutdown`](super::Shutdown) drives it thus.
///
/// ```
/// use core::time::Duration;
/// use tidegate_core::shutdown::{Heard, Late, Machine, Progress, Reason, SecondSignal};
/// use tidegate_core::{Inline, Instant, Wake};
///
/// #[derive(PartialEq)]
/// struct Flag(u8);
/// impl Wake for Flag {
///     fn wake(self) { /* set an event flag, pend an interrupt … */ }
///     fn will_wake(&self, other: &Self) -> bool { self == other }
/// }
/// let at = |millis| Instant::EPOCH + Duration::from_millis(millis);
///
/// let mut machine: Machine<Flag, Inline<4>> = Machine::new(SecondSignal::Ignore);
/// machine.begin()?;
/// // … start-ups; meanwhile, in an interrupt handler:
/// assert_eq!(machine.trigger(Reason::Requested), Heard::First);
/// assert_eq!(machine.poll_wait(&Flag(0))?, Progress::Ready(Reason::Requested));
/// // … callbacks; then the joins, one after the other:
/// machine.start_join(at(0), "motor", Some(Duration::from_millis(5)))?;
/// assert_eq!(machine.poll_timeout(), Some(at(5)));
/// machine.handle_timeout(at(5));
/// let Progress::Ready(Late { name: "motor", forced: false, .. }) = machine.poll_join(at(5), &Flag(0))? else {
///     panic!("its time is up");
/// };
/// machine.end();
/// assert_eq!(machine.late(), ["motor"]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct Machine<W, S: Storage> {
    phase: Phase,
    second: SecondSignal,
    reason: Option<Reason>,
    /// Whether a signal has come in this run, or before it.
    signalled: bool,
    forced: bool,
    /// How many nested scopes run.
    nested: usize,
    join: Option<Join>,
    /// Who did not come, as far as there is room.
    late: S::Buffer<&'static str>,
    /// How many did not come.
    missing: usize,
    /// Those who wait for the trigger. Once told they leave.
    line: WaitQueue<W, S>,
    /// Whoever goes through the phases, while it waits.
    runner: Option<W>,
    /// Something has happened that somebody has to hear of.
    unsettled: bool,
}

impl<W, S: Storage> Machine<W, S> {
    /// Nothing triggered, nothing begun.
    #[must_use]
    pub const fn new(second: SecondSignal) -> Self {
        Self {
            phase: Phase::Idle,
            second,
            reason: None,
            signalled: false,
            forced: false,
            nested: 0,
            join: None,
            late: <S::Buffer<&'static str> as Buffer<&'static str>>::EMPTY,
            missing: 0,
            line: WaitQueue::new(),
            runner: None,
            unsettled: false,
        }
    }

    /// Where the run is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Why the end has begun; `None` before it has.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// Whether a second signal has cut the run short.
    #[must_use]
    pub const fn is_forced(&self) -> bool {
        self.forced
    }

    /// How many wait for the trigger.
    #[must_use]
    pub const fn waiters(&self) -> usize {
        self.line.len()
    }

    /// Whether [`settle`](Self::settle) has anything to do.
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Begins the end; the first reason is the one that counts. Call [`settle`](Self::settle) afterwards.
    ///
    /// The second [`Reason::Signal`] of a run is dealt with as [`SecondSignal`] says.
    pub fn trigger(&mut self, reason: Reason) -> Heard {
        let signal = matches!(reason, Reason::Signal(_));
        let again = signal && self.signalled;
        self.signalled |= signal;
        if again && self.second == SecondSignal::ForceExit && self.phase.is_running() {
            self.forced = true;
            self.unsettled = true;
            return Heard::ForceExit;
        }
        self.follow(reason)
    }

    /// Begins the end because the scope around this one ends: never a second signal, whatever the reason. Call
    /// [`settle`](Self::settle) afterwards.
    pub fn follow(&mut self, reason: Reason) -> Heard {
        if self.reason.is_some() {
            return Heard::Again;
        }
        self.reason = Some(reason);
        self.unsettled = true;
        Heard::First
    }

    // Waiters.

    /// Asks for the trigger, or takes a place in line. Call [`settle`](Self::settle) afterwards.
    ///
    /// # Errors
    ///
    /// Gives the waker back if there is no room for another waiter.
    pub fn enter(&mut self, waker: W) -> Result<Entry<W>, W> {
        if self.reason.is_some() {
            return Ok(Entry::Triggered(waker));
        }
        self.line.push(Priority::default(), waker).map(Entry::Queued)
    }

    /// Asks again. [`Progress::Ready`] uses the key up.
    pub fn poll(&self, key: WaiterKey, waker: &W) -> Progress<Reason>
    where
        W: Wake,
    {
        match self.line.get(key) {
            Some(registered) if registered.will_wake(waker) => Progress::Waiting { alarm: None },
            Some(_) => Progress::WakerDiffers,
            // Who was told and comes late, after another run has been made ready, is told still.
            None => Progress::Ready(self.reason.unwrap_or(Reason::Requested)),
        }
    }

    /// Registers another waker for a waiter, and answers the one that was registered before, to be dropped outside
    /// of the lock.
    ///
    /// # Errors
    ///
    /// Gives the waker back if the waiter has been told.
    pub fn register(&mut self, key: WaiterKey, waker: W) -> Result<W, W> {
        match self.line.get_mut(key) {
            Some(registered) => Ok(mem::replace(registered, waker)),
            None => Err(waker),
        }
    }

    /// Forgets a waiter; answers its waker, to be dropped outside of the lock.
    pub fn cancel(&mut self, key: WaiterKey) -> Option<W> {
        self.line.remove(key)
    }

    // Nested scopes.

    /// Counts a scope that runs within this one, whose end has to come before this one's callbacks; `false`, and
    /// nothing is counted, if these have begun.
    pub fn nest(&mut self) -> bool {
        let may = matches!(self.phase, Phase::Idle | Phase::StartUps | Phase::Waiting);
        if may {
            self.nested = self.nested.saturating_add(1);
        }
        may
    }

    /// Such a scope has ended. Call [`settle`](Self::settle) afterwards.
    pub fn unnest(&mut self) {
        self.nested = self.nested.saturating_sub(1);
        self.unsettled = true;
    }

    // The run.

    /// Begins a run: the start-ups may start.
    ///
    /// # Errors
    ///
    /// One at a time, and only one: see [`BeginError`].
    pub fn begin(&mut self) -> Result<(), BeginError> {
        match self.phase {
            Phase::Idle => {
                self.phase = Phase::StartUps;
                Ok(())
            }
            Phase::Ended => Err(BeginError::Ended),
            _ => Err(BeginError::AlreadyRunning),
        }
    }

    /// Makes it ready for another run, as if it were new, except that nested scopes still count; `false`, and
    /// nothing changes, unless the last run has ended.
    pub fn rearm(&mut self) -> bool {
        if self.phase != Phase::Ended || self.unsettled {
            return false;
        }
        self.phase = Phase::Idle;
        self.reason = None;
        self.signalled = false;
        self.forced = false;
        self.late.clear();
        self.missing = 0;
        true
    }

    /// The start-ups are over: asks whether the callbacks may start. `waker` is the runner's.
    ///
    /// # Errors
    ///
    /// [`OutOfOrder`] in another phase.
    pub fn poll_wait(&mut self, waker: &W) -> Result<Progress<Reason>, OutOfOrder>
    where
        W: Wake,
    {
        if !matches!(self.phase, Phase::StartUps | Phase::Waiting) {
            return Err(OutOfOrder { phase: self.phase });
        }
        self.phase = Phase::Waiting;
        let Some(reason) = self.may_go() else { return Ok(self.runner_waits(waker)) };
        self.phase = Phase::Callbacks;
        Ok(Progress::Ready(reason))
    }

    fn may_go(&self) -> Option<Reason> {
        self.reason.filter(|_| self.nested == 0 || self.forced)
    }

    fn runner_waits<T>(&self, waker: &W) -> Progress<T>
    where
        W: Wake,
    {
        if self.runner.as_ref().is_some_and(|runner| runner.will_wake(waker)) {
            Progress::Waiting { alarm: self.poll_timeout() }
        } else {
            Progress::WakerDiffers
        }
    }

    /// Registers the runner's waker; answers the one before, to be dropped outside of the lock. Ask again
    /// afterwards, before the lock is released; [`Progress::WakerDiffers`] is no more than "not yet" then.
    pub fn register_runner(&mut self, waker: W) -> Option<W> {
        self.runner.replace(waker)
    }

    /// The callbacks are over, and so is the join before: starts to wait for the next, for at most `within`.
    ///
    /// A span of zero waits for what has come already; one that reaches beyond [`Instant::MAX`] has no end.
    ///
    /// # Errors
    ///
    /// [`OutOfOrder`] in another phase.
    pub fn start_join(
        &mut self,
        now: Instant,
        name: &'static str,
        within: Option<Duration>,
    ) -> Result<(), OutOfOrder> {
        if !matches!(self.phase, Phase::Callbacks | Phase::Joins) || self.join.is_some() {
            return Err(OutOfOrder { phase: self.phase });
        }
        self.phase = Phase::Joins;
        let until = within.map_or(Instant::MAX, |within| now.saturating_add(within));
        self.join = Some(Join { name, until, over: false });
        Ok(())
    }

    /// Asks whether the join that is waited for has to be given up; it is reported as late then. `waker` is the
    /// runner's. Look for the join itself first: what has come is not late.
    ///
    /// # Errors
    ///
    /// [`OutOfOrder`] if no join is waited for.
    pub fn poll_join(&mut self, now: Instant, waker: &W) -> Result<Progress<Late>, OutOfOrder>
    where
        W: Wake,
    {
        self.handle_timeout(now);
        match &self.join {
            None => Err(OutOfOrder { phase: self.phase }),
            Some(join) if join.over || self.forced => {
                let late = Late { name: join.name, forced: !join.over };
                self.miss();
                Ok(Progress::Ready(late))
            }
            Some(_) => Ok(self.runner_waits(waker)),
        }
    }

    /// The join that is waited for has come.
    pub fn end_join(&mut self) {
        self.join = None;
    }

    /// The join that is waited for is given up.
    pub fn miss(&mut self) {
        if let Some(join) = self.join.take() {
            self.missing = self.missing.saturating_add(1);
            // Without room it is counted, and not named.
            let _ = self.late.push(join.name);
        }
    }

    /// The run is over, or given up; answers the runner's waker, to be dropped outside of the lock.
    pub fn end(&mut self) -> Option<W> {
        self.miss();
        if self.phase.is_running() {
            self.phase = Phase::Ended;
        }
        self.runner.take()
    }

    /// Which joins did not come, in order, as far as there is room for their names.
    #[must_use]
    pub fn late(&self) -> &[&'static str] {
        self.late.as_slice()
    }

    /// How many joins did not come.
    #[must_use]
    pub const fn missing(&self) -> usize {
        self.missing
    }

    /// The instant at which something changes by itself: a join's deadline.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.join.as_ref().map(|join| join.until).filter(|&until| until != Instant::MAX)
    }

    /// Tells the time. It may be told at any time; call [`settle`](Self::settle) afterwards.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(join) = &mut self.join
            && join.until != Instant::MAX
            && join.until <= now
            && !join.over
        {
            join.over = true;
            self.unsettled = true;
        }
    }

    /// Gathers whom to wake; `true` if there are more than fit.
    #[must_use = "`true` means that it must be called again with an empty list"]
    pub fn settle(&mut self, wakes: &mut WakeList<W>) -> bool
    where
        W: Wake,
    {
        if wakes.is_full() {
            return true;
        }
        if self.runner_is_due()
            && let Some(runner) = self.runner.take()
            && wakes.push(runner).is_err()
        {
            unreachable!("the list has room");
        }
        while self.reason.is_some()
            && let Some(first) = self.line.front()
        {
            if wakes.is_full() {
                return true;
            }
            if let Some(waker) = self.line.remove(first)
                && wakes.push(waker).is_err()
            {
                unreachable!("the list has room");
            }
        }
        self.unsettled = false;
        self.check();
        false
    }

    fn runner_is_due(&self) -> bool {
        match &self.join {
            Some(join) => join.over || self.forced,
            None => self.may_go().is_some(),
        }
    }

    #[inline]
    fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    /// Checks the invariants named at the top of this file.
    #[cfg(debug_assertions)]
    fn invariants(&self) {
        debug_assert!(self.reason.is_none() || self.line.is_empty(), "told");
        debug_assert!(self.runner.is_none() || !self.runner_is_due(), "called");
        debug_assert!(self.join.is_none() || self.phase == Phase::Joins, "in order");
        debug_assert!(!self.forced || self.reason.is_some(), "in order");
    }
}

impl<W, S: Storage> core::fmt::Debug for Machine<W, S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Machine")
            .field("phase", &self.phase)
            .field("reason", &self.reason)
            .field("waiters", &self.line.len())
            .finish_non_exhaustive()
    }
}
