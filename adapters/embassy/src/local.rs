//! For the tasks of one executor: no lock, no critical section, and nothing here is `Sync`.

use core::convert::Infallible;

use mutex::raw_impls::local::LocalRawMutex;
use tidegate_core::cache::{self, Expiring, Forever};
use tidegate_core::lru::DefaultHashBuilder;
use tidegate_core::{
    Inline, NoWall, Platform, Timed, generator, lockout, queue, rate_limiter, scheduler, semaphore, shutdown,
    task_group, waterfall,
};

use crate::EmbassyTimer;

/// The platform for what stays within one executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbassyLocal;

impl Platform for EmbassyLocal {
    type RawMutex = LocalRawMutex;
    const FAST_PATH: bool = false;
    const ONE_THREAD: bool = true;
}

impl Timed for EmbassyLocal {
    type Timer = EmbassyTimer;
    const TIMER: EmbassyTimer = EmbassyTimer;
}

/// [`Semaphore`](crate::Semaphore) without the lock. Tasks share it by reference, or as a `&'static` out of a
/// `StaticCell`.
///
/// ```
/// use tidegate_embassy::local::Semaphore;
///
/// let bus = Semaphore::<4>::new(1);
/// let permit = bus.try_acquire()?;
/// assert!(bus.try_acquire().is_err());
/// # drop(permit);
/// # Ok::<(), tidegate_embassy::TryAcquireError>(())
/// ```
///
/// It stays where it is:
///
/// ```compile_fail
/// static BUS: tidegate_embassy::local::Semaphore<4> = tidegate_embassy::local::Semaphore::new(1);
/// ```
pub type Semaphore<const N: usize> = semaphore::Semaphore<EmbassyLocal, Inline<N>>;

/// A permit of a [`Semaphore`].
pub type Permit<'a, const N: usize> = semaphore::Permit<&'a Semaphore<N>>;

/// A request for permits of a [`Semaphore`], to be awaited.
pub type Acquire<'a, const N: usize> = semaphore::Acquire<&'a Semaphore<N>>;

/// [`Lockout`](crate::Lockout) without the lock.
pub type Lockout<const N: usize, T = EmbassyTimer> = lockout::Lockout<EmbassyLocal, Inline<N>, T>;

/// [`FifoLockout`](crate::FifoLockout) without the lock.
pub type FifoLockout<const N: usize, T = EmbassyTimer> = lockout::FifoLockout<EmbassyLocal, Inline<N>, T>;

/// [`RateLimiter`](crate::RateLimiter) without the lock.
pub type RateLimiter<const N: usize, T = EmbassyTimer> = rate_limiter::RateLimiter<EmbassyLocal, Inline<N>, T>;

/// [`Waterfall`](crate::Waterfall) without the lock.
pub type Waterfall<T, const N: usize, const WAITERS: usize> =
    waterfall::Waterfall<waterfall::Single<T, Inline<N>>, EmbassyLocal, Inline<WAITERS>>;

/// [`Cache`](crate::Cache) without the lock.
pub type Cache<K, V, const N: usize, const FLIGHTS: usize, E = Infallible, H = DefaultHashBuilder> =
    cache::Cache<K, V, EmbassyLocal, (Inline<N>, Inline<FLIGHTS>), E, Forever, H>;

/// [`TtlCache`](crate::TtlCache) without the lock.
pub type TtlCache<
    K,
    V,
    const N: usize,
    const FLIGHTS: usize,
    E = Infallible,
    T = EmbassyTimer,
    H = DefaultHashBuilder,
> = cache::Cache<K, V, EmbassyLocal, (Inline<N>, Inline<FLIGHTS>), E, Expiring<V, T>, H>;

/// [`TaskGroup`](crate::TaskGroup) without the lock.
pub type TaskGroup<const N: usize> = task_group::TaskGroup<EmbassyLocal, Inline<N>>;

/// Membership in a [`TaskGroup`].
pub type TaskGuard<'a, const N: usize> = task_group::Guard<&'a TaskGroup<N>>;
/// [`Queue`](crate::Queue) without the lock.
pub type Queue<T, const N: usize, const W: usize = 4> =
    queue::Queue<EmbassyLocal, Inline<N>, T, queue::Fifo, Inline<W>>;

/// [`LifoQueue`](crate::LifoQueue) without the lock.
pub type LifoQueue<T, const N: usize, const W: usize = 4> =
    queue::Queue<EmbassyLocal, Inline<N>, T, queue::Lifo, Inline<W>>;

/// [`PriorityQueue`](crate::PriorityQueue) without the lock.
pub type PriorityQueue<T, const N: usize, const W: usize = 4> =
    queue::Queue<EmbassyLocal, Inline<N>, T, queue::ByPriority, Inline<W>>;

/// [`Scheduler`](crate::Scheduler) without the lock.
pub type Scheduler<T, const N: usize, C = EmbassyTimer, W = NoWall> =
    scheduler::Scheduler<T, EmbassyLocal, Inline<N>, C, W>;

/// [`Shutdown`](crate::Shutdown) without the lock.
pub type Shutdown<const N: usize, T = EmbassyTimer> = shutdown::Shutdown<EmbassyLocal, Inline<N>, T>;

/// [`Handover`](crate::Handover) without the lock.
pub type Handover<T, const N: usize, E = core::convert::Infallible> =
    generator::Handover<EmbassyLocal, Inline<N>, T, E>;
