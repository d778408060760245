//! A weighted priority semaphore: who may proceed while so many others do.
//!
//! [`Semaphore`] is the handle that is shared; [`Machine`] is the state machine beneath it, for those who bring
//! their own lock. The adapters name the handle without parameters: `tidegate_tokio::Semaphore`.
//!
//! # Order
//!
//! The most urgent waiter first ([`Priority`]: lower is sooner), then first come, first served. A permit that
//! comes back is handed to the first in line, so nobody who comes later overtakes it. [`Config`] has the
//! choices: whether a request for many permits may be passed by small ones ([`HeadOfLine`]), how often a
//! waiter may be bypassed by more urgent ones, and barging for throughput.
//!
//! # Source
//!
//! The seed is `priority_sem` of the Python library `async-utils`; the split of a fast path in one word from a
//! fair line behind a lock follows from its loom model in `tests/loom`.

mod acquire;
mod config;
mod error;
mod machine;
mod permit;
#[cfg(all(test, not(loom)))]
mod tests;
mod word;

pub use acquire::Acquire;
pub use config::{Config, HeadOfLine};
pub use error::{AcquireError, TooManyPermits, TryAcquireError};
pub use machine::{Admission, Machine, Progress};
pub use permit::Permit;

use core::fmt;
use core::future::Future;
use core::task::Waker;
use core::time::Duration;

use machine::check_weight;
use word::{Drawn, MAX_PERMITS, Take, Word};

use crate::Priority;
use crate::grants::Grants;
use crate::platform::{Blocking, Platform, Timed};
use crate::storage::Storage;
use crate::sync::{Lock, const_fn};
use crate::wait_queue::WaiterKey;
use crate::wake::WakeList;
use crate::wakes::{Settle, Wakes, settle};

/// A weighted priority semaphore, shared by reference, by `Arc` or as a `static`.
///
/// Waiters of both colours, async tasks and blocked threads, stand in one line. Waiting takes room in `S`;
/// when [`Inline`](crate::Inline) storage is full, waiting is refused and nothing hangs.
///
/// # Cost
///
/// Where the target has compare-and-swap and the platform shares between threads: with nobody waiting, one
/// successful compare-and-swap to acquire and one atomic read-modify-write to release, no lock. Otherwise one
/// short lock per step. No allocation per acquire once the storage has grown to the most that ever waited.
///
/// ```
/// use tidegate_core::semaphore::Semaphore;
/// use tidegate_core::{Inline, Local, Priority};
/// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let mut cx = Context::from_waker(Waker::noop());
///
/// let semaphore: Semaphore<Local, Inline<4>> = Semaphore::new(2);
/// let both = semaphore.try_acquire_many(2)?;
///
/// let mut background = pin!(semaphore.acquire().priority(Priority(10)));
/// let mut interactive = pin!(semaphore.acquire().priority(Priority(-10)));
/// assert!(background.as_mut().poll(&mut cx).is_pending());
/// assert!(interactive.as_mut().poll(&mut cx).is_pending());
///
/// let mut kept = both;
/// drop(kept.split(1)); // one permit comes back, and goes to the more urgent
/// assert!(interactive.as_mut().poll(&mut cx).is_ready());
/// assert!(background.as_mut().poll(&mut cx).is_ready()); // the one that `interactive` gave back
/// # Ok::<(), tidegate_core::semaphore::TryAcquireError>(())
/// ```
pub struct Semaphore<P: Platform, S: Storage> {
    word: Word<P>,
    grants: Grants<P, LISTED>,
    locked: Lock<P::CrowdedMutex, Locked<S>>,
}

/// How many of the latest grants are listed: a cache line's worth.
const LISTED: usize = 8;

struct Locked<S: Storage> {
    drawn: Drawn,
    machine: Machine<Waker, S>,
}

impl<S: Storage> Locked<S> {
    /// Hands the machine all permits that are in the word.
    #[inline]
    fn gather<P: Platform>(&mut self, word: &Word<P>) {
        let gathered = word.draw(&mut self.drawn);
        if gathered > 0 {
            self.machine.release(gathered);
        }
    }

    /// Gathers whom to wake; `true` if there are more.
    #[inline]
    fn settle<P: Platform>(&mut self, grants: &Grants<P, LISTED>, list: &mut WakeList<Waker>) -> bool {
        self.machine.is_unsettled() && self.machine.settle_and_list(list, |key| grants.list(key))
    }

    /// Leaves the permits to the word if nobody waits for them.
    #[inline]
    fn publish<P: Platform>(&mut self, word: &Word<P>) {
        if Word::<P>::ENABLED && self.machine.is_calm() {
            word.open(self.machine.drain(), &mut self.drawn);
        }
    }
}

impl<P: Platform, S: Storage> Semaphore<P, S> {
    /// The most permits that one semaphore can have: an eighth of the address space.
    pub const MAX_PERMITS: usize = MAX_PERMITS;

    const_fn! {
        /// A semaphore with `permits` permits, or [`MAX_PERMITS`](Self::MAX_PERMITS) if that is fewer. Zero is
        /// fine: nobody proceeds until permits are [added](Self::add_permits).
        #[must_use]
        pub fn new(permits: usize) -> Self {
            Self::with_config(permits, Config::new())
        }
    }

    const_fn! {
        /// The same, with another treatment of the line.
        #[must_use]
        pub fn with_config(permits: usize, config: Config) -> Self {
            let permits = if permits > MAX_PERMITS { MAX_PERMITS } else { permits };
            let machine = if Word::<P>::ENABLED {
                Machine::drained(permits, config)
            } else {
                Machine::new(permits, config)
            };
            Self { word: Word::new(permits), grants: Grants::new(), locked: Lock::new(Locked { drawn: Drawn::NONE, machine }) }
        }
    }

    /// Takes one permit here and now.
    ///
    /// It is refused while others wait whose turn is not later, also if permits are free that gather for them.
    /// Never waits; fit for interrupt handlers.
    ///
    /// # Errors
    ///
    /// [`NoPermits`](TryAcquireError::NoPermits) or [`Closed`](TryAcquireError::Closed).
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<&Self>, TryAcquireError> {
        Self::try_acquire_owned(self, 1)
    }

    /// Takes `permits` permits here and now, all of them or none. Otherwise as [`try_acquire`](Self::try_acquire).
    ///
    /// # Errors
    ///
    /// All of [`TryAcquireError`].
    #[inline]
    pub fn try_acquire_many(&self, permits: usize) -> Result<Permit<&Self>, TryAcquireError> {
        Self::try_acquire_owned(self, permits)
    }

    /// Takes permits here and now, by way of any pointer to the semaphore, which the permit keeps.
    ///
    /// # Errors
    ///
    /// All of [`TryAcquireError`].
    #[inline]
    pub fn try_acquire_owned<R>(this: R, permits: usize) -> Result<Permit<R>, TryAcquireError>
    where
        R: SemaphoreRef<Platform = P, Storage = S>,
    {
        let semaphore = this.semaphore();
        match semaphore.take(permits) {
            Take::Taken => {}
            Take::Short => return Err(TryAcquireError::NoPermits),
            Take::Shut => semaphore.try_acquire_locked(permits)?,
        }
        Ok(Permit::new(this, permits))
    }

    /// Waits for one permit.
    ///
    /// # Errors
    ///
    /// [`Closed`](AcquireError::Closed), or [`Full`](AcquireError::Full) in inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and passes on a permit that was on its way; nothing is
    /// lost.
    #[inline]
    pub fn acquire(&self) -> Acquire<&Self> {
        Acquire::new(self, 1)
    }

    /// Waits for `permits` permits, all at once. Otherwise as [`acquire`](Self::acquire).
    ///
    /// More than there are now is fine, and waits until permits are added.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire), [`ZeroPermits`](AcquireError::ZeroPermits) and
    /// [`TooManyPermits`](AcquireError::TooManyPermits).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    #[inline]
    pub fn acquire_many(&self, permits: usize) -> Acquire<&Self> {
        Acquire::new(self, permits)
    }

    /// Waits for permits by way of any pointer to the semaphore, which the permit keeps. Otherwise as
    /// [`acquire_many`](Self::acquire_many).
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use std::sync::Arc;
    /// use tidegate_core::semaphore::{Permit, Semaphore};
    /// use tidegate_core::{Inline, Local};
    ///
    /// # #[allow(clippy::arc_with_non_send_sync)]
    /// let semaphore = Arc::new(Semaphore::<Local, Inline<4>>::new(1));
    /// let owned = Semaphore::acquire_owned(Arc::clone(&semaphore), 1); // borrows nothing
    /// # drop(owned);
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`acquire_many`](Self::acquire_many).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    #[inline]
    pub fn acquire_owned<R>(this: R, permits: usize) -> Acquire<R>
    where
        R: SemaphoreRef<Platform = P, Storage = S>,
    {
        Acquire::new(this, permits)
    }

    /// Creates permits, and hands them to those who wait.
    ///
    /// # Errors
    ///
    /// [`TooManyPermits`] if there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS), those held included;
    /// then nothing changes.
    pub fn add_permits(&self, permits: usize) -> Result<(), TooManyPermits> {
        self.transact(&mut self.wakes(), |machine| machine.add_permits(permits))
    }

    /// Takes permits out of existence: free ones now, held ones when they come back.
    ///
    /// Answers how many: as many as were asked for, or all there are. Until a deficit is paid off nobody is
    /// admitted.
    pub fn reduce_permits(&self, permits: usize) -> usize {
        self.transact(&mut self.wakes(), |machine| machine.reduce_permits(permits))
    }

    /// Turns down everybody who waits, once each, and everybody who comes from now on.
    ///
    /// Permits that are held stay good. Closing again does nothing.
    pub fn close(&self) {
        self.transact(&mut self.wakes(), Machine::close);
    }

    /// Whether the semaphore has been closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.word.is_shut() && self.locked.with(|locked| locked.machine.is_closed())
    }

    /// How many permits are free: a figure for display, outdated by the time it is seen.
    ///
    /// Permits that gather for the first in line count as free.
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.locked.with(|locked| locked.machine.available_permits() + self.word.permits(&locked.drawn))
    }

    /// How many wait in line: a figure for display, outdated by the time it is seen.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.locked.with(|locked| locked.machine.waiters())
    }

    #[inline]
    fn take(&self, permits: usize) -> Take {
        // What makes no sense is for the machine to refuse.
        if check_weight(permits).is_ok() { self.word.take(permits) } else { Take::Shut }
    }

    /// Takes permits if that is done quickly; otherwise they may be there all the same.
    #[inline]
    fn take_at_once(&self, permits: usize) -> bool {
        if Word::<P>::ENABLED {
            return self.take(permits) == Take::Taken;
        }
        self.locked.with(|locked| locked.machine.take_at_once(permits))
    }

    /// Takes permits that the word does not have.
    #[inline]
    fn try_acquire_locked(&self, permits: usize) -> Result<(), TryAcquireError> {
        let priority = P::ambient_priority();
        if Word::<P>::ENABLED {
            return self.try_acquire_shut(permits, priority);
        }
        let (outcome, unsettled) = self.locked.with(|locked| {
            let outcome = locked.machine.try_acquire(permits, priority);
            (outcome, locked.machine.is_unsettled())
        });
        if unsettled && outcome.is_ok() {
            let held = Permit::new(self, permits);
            settle(self);
            held.disarm();
        }
        outcome
    }

    /// The same where there is a word.
    #[cold]
    #[inline(never)]
    fn try_acquire_shut(&self, permits: usize, priority: Priority) -> Result<(), TryAcquireError> {
        let mut wakes = self.wakes();
        self.transact(&mut wakes, |machine| machine.try_acquire(permits, priority))?;
        self.deliver(&mut wakes, permits);
        Ok(())
    }

    #[inline]
    fn release(&self, permits: usize, wanted: bool) {
        if Word::<P>::ENABLED {
            // While somebody waits, going by way of the word would be a detour.
            if wanted && self.word.is_shut() {
                self.release_shut(permits);
            } else if !self.word.give(permits) {
                settle(self);
            }
            return;
        }
        let unsettled = self.locked.with(|locked| {
            locked.machine.release(permits);
            locked.machine.is_unsettled()
        });
        if unsettled {
            settle(self);
        }
    }

    #[cold]
    #[inline(never)]
    fn release_shut(&self, permits: usize) {
        self.transact(&mut self.wakes(), |machine| machine.release(permits));
    }

    fn forget(&self, permits: usize) {
        self.locked.with(|locked| locked.machine.forget(permits));
    }

    #[cold]
    #[inline(never)]
    fn cancel(&self, key: WaiterKey, permits: usize) {
        let mut wakes = self.wakes();
        let waker = self.transact(&mut wakes, |machine| machine.cancel(key, permits));
        wakes.deliver();
        drop(waker);
    }

    const fn wakes(&self) -> Wakes<'_, Self> {
        Wakes::new(self)
    }

    /// Runs one operation on the machine, which has all the permits meanwhile, and lets it settle.
    ///
    /// Dropping `wakes` afterwards wakes those that it says; until then nobody else has been touched.
    #[inline]
    fn transact<T>(&self, wakes: &mut Wakes<'_, Self>, operation: impl FnOnce(&mut Machine<Waker, S>) -> T) -> T {
        self.locked.with(|locked| {
            locked.gather(&self.word);
            // Before the operation, so that it finds those served who come first; after it, for what it brings.
            wakes.gather(|list| locked.settle(&self.grants, list));
            let output = operation(&mut locked.machine);
            wakes.gather(|list| locked.settle(&self.grants, list));
            locked.publish(&self.word);
            output
        })
    }

    /// Wakes everybody, with `permits` in hand that must not be lost if a wake panics.
    #[inline]
    fn deliver(&self, wakes: &mut Wakes<'_, Self>, permits: usize) {
        if !wakes.is_empty() {
            let held = Permit::new(self, permits);
            wakes.deliver();
            held.disarm();
        }
    }
}

impl<P: Timed, S: Storage> Semaphore<P, S> {
    /// Waits for one permit, for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`acquire_blocking_timeout`](Self::acquire_blocking_timeout). Any other request has
    /// [`Acquire::timeout`].
    ///
    /// # Errors
    ///
    /// [`TimedOut`](AcquireError::TimedOut), and those of [`acquire`](Self::acquire). A permit that is free is
    /// never refused for the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    pub fn acquire_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Permit<&Self>, AcquireError>> + use<'_, P, S> {
        self.acquire().timeout(timeout)
    }
}

impl<P: Blocking, S: Storage> Semaphore<P, S> {
    /// Waits for one permit and blocks this thread meanwhile: for threads, never for async tasks. Any other request has
    /// [`Acquire::blocking`].
    ///
    /// It first looks for a free permit for about as long as a thread takes to answer, and takes its place in
    /// line only then.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire).
    pub fn acquire_blocking(&self) -> Result<Permit<&Self>, AcquireError> {
        match self.spin() {
            Some(permit) => Ok(permit),
            None => P::block_on(self.acquire()),
        }
    }

    /// The same, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](AcquireError::TimedOut), and those of [`acquire`](Self::acquire). A permit that is free is
    /// never refused for the time's sake.
    pub fn acquire_blocking_timeout(&self, timeout: Duration) -> Result<Permit<&Self>, AcquireError> {
        let deadline = P::now() + timeout;
        match self.spin() {
            Some(permit) => Ok(permit),
            None => P::block_on_until(deadline, self.acquire()).unwrap_or(Err(AcquireError::TimedOut)),
        }
    }

    /// Looks for a free permit a few times, unless others wait already.
    fn spin(&self) -> Option<Permit<&Self>> {
        let outcome = P::spin(|| match self.word.take(1) {
            Take::Taken => Some(true),
            Take::Short => None,
            Take::Shut => Some(false),
        });
        (outcome == Some(true)).then(|| Permit::new(self, 1))
    }
}

impl<P: Platform, S: Storage> fmt::Debug for Semaphore<P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("waiters", &self.waiters())
            .finish_non_exhaustive()
    }
}

impl<P: Platform, S: Storage> Settle for Semaphore<P, S> {
    fn settle(&self, list: &mut WakeList<Waker>) -> bool {
        self.locked.with(|locked| {
            locked.gather(&self.word);
            let more = locked.settle(&self.grants, list);
            locked.publish(&self.word);
            more
        })
    }
}

crate::pointer::pointer! {
    pub trait SemaphoreRef for Semaphore<P: Platform, S: Storage>, by semaphore {
        /// The semaphore's platform.
        type Platform: Platform = P;
        /// The semaphore's storage.
        type Storage: Storage = S;
    }
}
