//! [`Platform`] and its sub-traits: what a binding provides, in one zero-sized type.
//!
//! A handle has one type parameter for its surroundings. What the surroundings cannot give, the handle does
//! not offer: `acquire_blocking` exists where `P:` [`Blocking`], timeouts where `P:` [`Timed`].
//!
//! | platform | lock | fast path | found in |
//! |---|---|---|---|
//! | `Tokio`, `Threads`, `Sim` | spins, gives way, naps | yes | the adapters of that name |
//! | `Embassy` | critical section | where the target has compare-and-swap | `tidegate-embassy` |
//! | [`CriticalSection`] | critical section | where the target has compare-and-swap | here, feature `critical-section` |
//! | [`Local`] | none: one thread only | loads and stores | here |

use core::future::Future;
use core::num::NonZero;

use mutex::{ConstInit, ScopedRawMutex};

use crate::{Instant, Priority, Timer};

/// What every binding has: a lock.
pub trait Platform: Sized + 'static {
    /// The raw lock under a handle, unless that takes the [crowded](Self::CrowdedMutex) one. It guards short, bounded sections; nothing foreign runs inside.
    type RawMutex: ScopedRawMutex + ConstInit;

    /// The raw lock under a handle at which the same threads meet again and again, as they do at a semaphore: it may
    /// keep whoever finds it taken away for longer, so that its holder goes on with everything in its cache.
    type CrowdedMutex: ScopedRawMutex + ConstInit;

    /// Whether handles keep an atomic word beside the lock, for use when nobody waits.
    ///
    /// `true` costs nothing where the target lacks compare-and-swap: the lock path serves there anyway.
    const FAST_PATH: bool;

    /// Whether a handle never leaves its thread, which its lock must see to by not being `Sync`: then a word needs
    /// no atomic read-modify-write, and every target can have one.
    const ONE_THREAD: bool = false;

    /// The priority of the scope that the caller is in, for requests that name none.
    #[must_use]
    fn ambient_priority() -> Priority {
        Priority::default()
    }

    /// Lets a moment pass, for who has lost a race for an atomic word to another core: so that the winner goes on with
    /// the word in its cache, and both get further. Nothing, unless the platform has several cores.
    #[inline]
    fn pause() {}

    /// A number that the thread which calls has to itself, if the platform knows threads. It tells a call from
    /// inside of another from one that merely comes at the same time.
    #[must_use]
    fn current_thread() -> Option<NonZero<usize>> {
        None
    }
}

/// A platform that can sleep.
pub trait Timed: Platform {
    /// Its timer, zero-sized as a rule.
    type Timer: Timer;

    /// The timer itself.
    const TIMER: Self::Timer;
}

/// A platform whose threads may wait.
pub trait Blocking: Platform {
    /// Calls `attempt` a few times in quick succession, for as long as another core or another thread may be
    /// about to make it succeed; gives up long before a sleep would have been cheaper.
    fn spin<T>(attempt: impl FnMut() -> Option<T>) -> Option<T>;

    /// Runs `future` to its end on this thread, which sleeps while there is nothing to do.
    fn block_on<F: Future>(future: F) -> F::Output;

    /// The same, for at most until `deadline` on the platform's clock; `None` if the time was up first.
    ///
    /// The future is polled at least once, also when the deadline has passed.
    fn block_on_until<F: Future>(deadline: Instant, future: F) -> Option<F::Output>;

    /// The platform's clock, which deadlines refer to.
    fn now() -> Instant;
}

/// A platform that can run something beside its caller.
pub trait Spawn: Platform {
    /// Runs `future` to its end, in a task or on a thread of its own. If there is nowhere to run it, it is dropped.
    fn spawn<F: Future<Output = ()> + Send + 'static>(future: F);
}

/// A platform for one thread: no lock, no atomic read-modify-write, and handles that are not `Sync`.
///
/// Code of yours that runs under a lock (`Eq` of a key, `Ord` of an item, `Clone` of a cached value) must not panic here:
/// the lock would stay taken, and every later call on that handle would panic. So it is with `CriticalSection`, on
/// targets that unwind.
///
/// ```
/// use tidegate_core::{Inline, Local, semaphore::Semaphore};
///
/// let semaphore: Semaphore<Local, Inline<4>> = Semaphore::new(1);
/// let permit = semaphore.try_acquire().expect("one is free");
/// assert!(semaphore.try_acquire().is_err());
/// drop(permit);
/// assert_eq!(semaphore.available_permits(), 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

impl Platform for Local {
    type RawMutex = mutex::raw_impls::local::LocalRawMutex;
    type CrowdedMutex = Self::RawMutex;
    const FAST_PATH: bool = false;
    const ONE_THREAD: bool = true;
}

/// A platform for interrupt handlers and bare metal: the lock is a critical section.
///
/// The final binary provides the critical section, as the `critical-section` crate explains.
#[cfg(feature = "critical-section")]
#[derive(Clone, Copy, Debug, Default)]
pub struct CriticalSection;

#[cfg(feature = "critical-section")]
impl Platform for CriticalSection {
    type RawMutex = mutex::raw_impls::cs::CriticalSectionRawMutex;
    type CrowdedMutex = Self::RawMutex;
    const FAST_PATH: bool = true;
}
