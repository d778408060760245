//! Task groups: how many are still at it, and a wait for the last one.
//!
//! [`TaskGroup`] counts members. A task is one for as long as it keeps its [`Guard`]; whoever
//! [closes](TaskGroup::close) the group waits until all have left, also those that members have let in meanwhile.
//! Nobody is cancelled by it, and nobody because somebody else failed.
//!
//! The group starts no tasks: core knows no executor. The adapters of those that have one wrap this type into a
//! group that spawns; `tidegate-embassy` hands out guards for tasks that embassy's own `Spawner` starts. [`Machine`]
//! is the state machine beneath the handle, for those who bring their own lock.
//!
//! # Source
//!
//! The seed is `bg_tasks` of the Python library `async-utils`; the count in one word is the idea of tokio-util's
//! `TaskTracker`, and that a closing group lets its members' tasks in is that of Trio's nurseries.

mod error;
mod guard;
mod join;
mod machine;
#[cfg(all(test, not(loom)))]
mod tests;
mod word;

pub use error::{CloseError, EnterError};
pub use guard::{Failure, Guard, Tracked};
pub use join::Join;
pub use machine::{Admission, Machine, Progress, Until};

use core::fmt;
use core::future::Future;
use core::task::Waker;
use core::time::Duration;

use word::Word;

use crate::Priority;
use crate::platform::{Blocking, Platform, Timed};
use crate::storage::Storage;
use crate::sync::{Lock, const_fn};
use crate::time::{Clock, timeout_at};
use crate::wake::WakeList;
use crate::wakes::{Settle, Wakes, settle};

/// A count of members, and those who wait for its end; shared by reference, by `Arc` or as a `static`.
///
/// Members take no room; those who wait for the end do, in `S`.
///
/// # Cost
///
/// On platforms with a fast path one atomic addition to enter and one to leave, no lock. Otherwise one short lock
/// each. No allocation.
///
/// ```
/// use tidegate_core::task_group::TaskGroup;
/// use tidegate_core::{Inline, Local};
/// # use core::{future::Future, pin::pin, task::{Context, Waker}};
/// # let mut cx = Context::from_waker(Waker::noop());
///
/// let group: TaskGroup<Local, Inline<4>> = TaskGroup::new();
/// let guard = group.track()?;
///
/// let mut closed = pin!(group.close());
/// assert!(closed.as_mut().poll(&mut cx).is_pending());
/// let another = group.track()?; // one task starts another
/// drop(guard);
/// assert!(closed.as_mut().poll(&mut cx).is_pending());
/// drop(another);
/// assert!(closed.as_mut().poll(&mut cx).is_ready());
/// assert!(group.track().is_err());
/// # Ok::<(), tidegate_core::task_group::EnterError>(())
/// ```
pub struct TaskGroup<P: Platform, S: Storage> {
    word: Word<P>,
    locked: Lock<P::RawMutex, Machine<Waker, S>>,
}

impl<P: Platform, S: Storage> TaskGroup<P, S> {
    const_fn! {
        /// An open group without members.
        #[must_use]
        pub fn new() -> Self {
            Self { word: Word::new(), locked: Lock::new(Machine::new()) }
        }
    }

    /// Enters the group, here and now. Never waits; fit for interrupt handlers.
    ///
    /// # Errors
    ///
    /// [`Closed`](EnterError::Closed) if the group has been closed and its last member has left,
    /// [`TooMany`](EnterError::TooMany).
    #[inline]
    pub fn track(&self) -> Result<Guard<&Self>, EnterError> {
        Self::track_owned(self)
    }

    /// Enters by way of any pointer to the group, which the guard keeps. Otherwise as [`track`](Self::track).
    ///
    /// # Errors
    ///
    /// Those of [`track`](Self::track).
    #[inline]
    pub fn track_owned<R>(this: R) -> Result<Guard<R>, EnterError>
    where
        R: TaskGroupRef<Platform = P, Storage = S>,
    {
        let group = this.task_group();
        if Word::<P>::ENABLED {
            group.word.enter()?;
        } else {
            group.locked.with(Machine::enter)?;
        }
        Ok(Guard::new(this))
    }

    /// Closes the group, which this call does, and waits until all have left, which the future does.
    ///
    /// Those who are inside may let others in until the last has left; then the group is finished for good. Closing
    /// again does no harm, and is another way to wait.
    ///
    /// # Errors
    ///
    /// [`Full`](CloseError::Full), in inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; the group stays closed.
    pub fn close(&self) -> Join<&Self> {
        Self::close_owned(self)
    }

    /// Closes and waits by way of any pointer to the group, which the future keeps. Otherwise as
    /// [`close`](Self::close).
    ///
    /// # Errors
    ///
    /// Those of [`close`](Self::close).
    ///
    /// # Cancel safety
    ///
    /// As [`close`](Self::close).
    pub fn close_owned<R>(this: R) -> Join<R>
    where
        R: TaskGroupRef<Platform = P, Storage = S>,
    {
        let group = this.task_group();
        group.transact(&mut group.wakes(), |machine| {
            group.word.close();
            // The machine must not take an old count for the last one.
            group.recount(machine, true);
            machine.close();
        });
        Join::new(this, Until::Finished)
    }

    /// Waits until the group is finished, and leaves it to others to [close](Self::close) it.
    ///
    /// # Errors
    ///
    /// [`Full`](CloseError::Full), in inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub const fn join(&self) -> Join<&Self> {
        Join::new(self, Until::Finished)
    }

    /// Waits by way of any pointer to the group, which the future keeps. Otherwise as [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// Those of [`join`](Self::join).
    ///
    /// # Cancel safety
    ///
    /// As [`join`](Self::join).
    pub const fn join_owned<R>(this: R) -> Join<R>
    where
        R: TaskGroupRef<Platform = P, Storage = S>,
    {
        Join::new(this, Until::Finished)
    }

    /// Waits for a moment without members, be the group closed or not.
    ///
    /// If there is none by the time the waiter looks, it goes on waiting.
    ///
    /// # Errors
    ///
    /// [`Full`](CloseError::Full), in inline storage.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Cost
    ///
    /// As long as somebody waits, a member that leaves nobody behind takes the lock.
    pub const fn idle(&self) -> Join<&Self> {
        Join::new(self, Until::Idle)
    }

    /// Waits by way of any pointer to the group, which the future keeps. Otherwise as [`idle`](Self::idle).
    ///
    /// # Errors
    ///
    /// Those of [`idle`](Self::idle).
    ///
    /// # Cancel safety
    ///
    /// As [`idle`](Self::idle).
    pub const fn idle_owned<R>(this: R) -> Join<R>
    where
        R: TaskGroupRef<Platform = P, Storage = S>,
    {
        Join::new(this, Until::Idle)
    }

    /// Counts a member's failure as one that nobody has seen, until it is [observed](Failure::observe).
    pub fn fail_owned<R>(this: R) -> Failure<R>
    where
        R: TaskGroupRef<Platform = P, Storage = S>,
    {
        this.task_group().locked.with(Machine::fail);
        Failure::new(this)
    }

    /// How many failures have been [counted](Self::fail_owned) that nobody has seen so far.
    #[must_use]
    pub fn unobserved_failures(&self) -> usize {
        self.locked.with(|machine| machine.unobserved_failures())
    }

    /// How many members there are: a figure for display, outdated by the time it is seen.
    #[must_use]
    pub fn len(&self) -> usize {
        if Word::<P>::ENABLED { self.word.members() } else { self.locked.with(|machine| machine.members()) }
    }

    /// Whether there is no member: outdated by the time it is seen, unless the group is finished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the group has been closed; those inside may still let others in.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.word.is_finished() || self.locked.with(|machine| machine.is_closed())
    }

    /// Whether the group is closed and everybody has left: from now on nobody is taken in.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.word.is_finished() || !Word::<P>::ENABLED && self.locked.with(|machine| machine.is_finished())
    }

    #[inline]
    fn leave(&self) {
        if !Word::<P>::ENABLED {
            let unsettled = self.locked.with(|machine| {
                machine.leave();
                machine.is_unsettled()
            });
            if unsettled {
                settle(self);
            }
        } else if self.word.leave() {
            settle(self);
        }
    }

    fn observe(&self) {
        self.locked.with(Machine::observe);
    }

    const fn wakes(&self) -> Wakes<'_, Self> {
        Wakes::new(self)
    }

    /// Runs one operation on the machine and lets it settle.
    ///
    /// Dropping `wakes` afterwards wakes those that it says; until then nobody else has been touched.
    fn transact(&self, wakes: &mut Wakes<'_, Self>, operation: impl FnOnce(&mut Machine<Waker, S>)) {
        self.locked.with(|machine| {
            operation(machine);
            self.recount(machine, machine.is_closed());
            wakes.gather(|list| self.settle_locked(machine, list));
        });
    }

    /// Tells the machine what the word has counted.
    fn recount(&self, machine: &mut Machine<Waker, S>, is_closed: bool) {
        if Word::<P>::ENABLED {
            machine.recount(self.word.recount(is_closed));
        }
    }

    fn settle_locked(&self, machine: &mut Machine<Waker, S>, list: &mut WakeList<Waker>) -> bool {
        let more = machine.settle(list);
        if !machine.has_idlers() {
            self.word.unwatch();
        }
        more
    }

    /// Takes a place in line, unless what is waited for has come.
    fn enter_line(
        &self,
        wakes: &mut Wakes<'_, Self>,
        until: Until,
        priority: Priority,
        waker: Waker,
    ) -> Result<Admission<Waker>, Waker> {
        self.locked.with(|machine| {
            if until == Until::Idle {
                // Before the count is looked at: whoever leaves from now on tells.
                self.word.watch();
            }
            self.recount(machine, machine.is_closed());
            let admission = machine.join(until, priority, waker);
            wakes.gather(|list| self.settle_locked(machine, list));
            admission
        })
    }
}

impl<P: Platform, S: Storage> Settle for TaskGroup<P, S> {
    fn settle(&self, list: &mut WakeList<Waker>) -> bool {
        self.locked.with(|machine| {
            self.recount(machine, machine.is_closed());
            self.settle_locked(machine, list)
        })
    }
}

impl<P: Timed, S: Storage> TaskGroup<P, S> {
    /// Closes the group and waits for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`close_blocking_timeout`](Self::close_blocking_timeout).
    ///
    /// Nobody is cancelled when the time is up.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](CloseError::TimedOut), and those of [`close`](Self::close). A group that is finished is never
    /// refused for the time's sake.
    ///
    /// # Cancel safety
    ///
    /// As [`close`](Self::close).
    pub fn close_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), CloseError>> + use<'_, P, S> {
        let deadline = P::TIMER.now() + timeout;
        let closed = self.close();
        async move {
            match timeout_at(&P::TIMER, deadline, closed).await {
                Ok(finished) => finished,
                Err(_elapsed) => Err(CloseError::TimedOut),
            }
        }
    }
}

impl<P: Blocking, S: Storage> TaskGroup<P, S> {
    /// Closes the group and blocks this thread until all have left: for threads, never for async tasks.
    /// Otherwise as [`close`](Self::close).
    ///
    /// # Errors
    ///
    /// Those of [`close`](Self::close).
    pub fn close_blocking(&self) -> Result<(), CloseError> {
        P::block_on(self.close())
    }

    /// The same, for at most `timeout`. Nobody is cancelled when the time is up.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](CloseError::TimedOut), and those of [`close`](Self::close). A group that is finished is never
    /// refused for the time's sake.
    pub fn close_blocking_timeout(&self, timeout: Duration) -> Result<(), CloseError> {
        let deadline = P::now() + timeout;
        P::block_on_until(deadline, self.close()).unwrap_or(Err(CloseError::TimedOut))
    }
}

impl<P: Platform, S: Storage> Default for TaskGroup<P, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform, S: Storage> fmt::Debug for TaskGroup<P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("len", &self.len())
            .field("is_closed", &self.is_closed())
            .field("unobserved_failures", &self.unobserved_failures())
            .finish_non_exhaustive()
    }
}

crate::pointer::pointer! {
    pub trait TaskGroupRef for TaskGroup<P: Platform, S: Storage>, by task_group {
        /// The group's platform.
        type Platform: Platform = P;
        /// The group's storage.
        type Storage: Storage = S;
    }
}
