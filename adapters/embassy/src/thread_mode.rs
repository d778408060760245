//! For thread mode of a single-core Cortex-M: no critical section, and still a `static`.
//!
//! # Panics
//!
//! Every use from an interrupt handler panics, dropping a permit or a request included; that is what this lock
//! trades the critical section for. Use it where no interrupt handler runs an executor or holds a permit.

use core::convert::Infallible;

use mutex::raw_impls::single_core_thread_mode::ThreadModeRawMutex;
use tidegate_core::cache::{self, Expiring, Forever};
use tidegate_core::lru::DefaultHashBuilder;
use tidegate_core::{
    Inline, NoWall, Platform, Timed, generator, lockout, queue, rate_limiter, scheduler, semaphore, shutdown,
    task_group, waterfall,
};

use crate::EmbassyTimer;

/// The platform for what stays in thread mode.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadMode;

impl Platform for ThreadMode {
    type RawMutex = ThreadModeRawMutex;
    const FAST_PATH: bool = false;
}

impl Timed for ThreadMode {
    type Timer = EmbassyTimer;
    const TIMER: EmbassyTimer = EmbassyTimer;
}

/// [`Semaphore`](crate::Semaphore) without the critical section.
pub type Semaphore<const N: usize> = semaphore::Semaphore<ThreadMode, Inline<N>>;

/// A permit of a [`Semaphore`].
pub type Permit<'a, const N: usize> = semaphore::Permit<&'a Semaphore<N>>;

/// A request for permits of a [`Semaphore`], to be awaited.
pub type Acquire<'a, const N: usize> = semaphore::Acquire<&'a Semaphore<N>>;

/// [`Lockout`](crate::Lockout) without the critical section.
pub type Lockout<const N: usize, T = EmbassyTimer> = lockout::Lockout<ThreadMode, Inline<N>, T>;

/// [`FifoLockout`](crate::FifoLockout) without the critical section.
pub type FifoLockout<const N: usize, T = EmbassyTimer> = lockout::FifoLockout<ThreadMode, Inline<N>, T>;

/// [`RateLimiter`](crate::RateLimiter) without the critical section.
pub type RateLimiter<const N: usize, T = EmbassyTimer> = rate_limiter::RateLimiter<ThreadMode, Inline<N>, T>;

/// [`Waterfall`](crate::Waterfall), for thread mode.
pub type Waterfall<T, const N: usize, const WAITERS: usize> =
    waterfall::Waterfall<waterfall::Single<T, Inline<N>>, ThreadMode, Inline<WAITERS>>;

/// [`Cache`](crate::Cache) without the lock.
pub type Cache<K, V, const N: usize, const FLIGHTS: usize, E = Infallible, H = DefaultHashBuilder> =
    cache::Cache<K, V, ThreadMode, (Inline<N>, Inline<FLIGHTS>), E, Forever, H>;

/// [`TtlCache`](crate::TtlCache) without the lock.
pub type TtlCache<
    K,
    V,
    const N: usize,
    const FLIGHTS: usize,
    E = Infallible,
    T = EmbassyTimer,
    H = DefaultHashBuilder,
> = cache::Cache<K, V, ThreadMode, (Inline<N>, Inline<FLIGHTS>), E, Expiring<V, T>, H>;

/// [`TaskGroup`](crate::TaskGroup) without the critical section.
pub type TaskGroup<const N: usize> = task_group::TaskGroup<ThreadMode, Inline<N>>;

/// Membership in a [`TaskGroup`].
pub type TaskGuard<'a, const N: usize> = task_group::Guard<&'a TaskGroup<N>>;
/// [`Queue`](crate::Queue) without the critical section.
pub type Queue<T, const N: usize, const W: usize = 4> =
    queue::Queue<ThreadMode, Inline<N>, T, queue::Fifo, Inline<W>>;

/// [`LifoQueue`](crate::LifoQueue) without the critical section.
pub type LifoQueue<T, const N: usize, const W: usize = 4> =
    queue::Queue<ThreadMode, Inline<N>, T, queue::Lifo, Inline<W>>;

/// [`PriorityQueue`](crate::PriorityQueue) without the critical section.
pub type PriorityQueue<T, const N: usize, const W: usize = 4> =
    queue::Queue<ThreadMode, Inline<N>, T, queue::ByPriority, Inline<W>>;

/// [`Scheduler`](crate::Scheduler) without the critical section.
pub type Scheduler<T, const N: usize, C = EmbassyTimer, W = NoWall> =
    scheduler::Scheduler<T, ThreadMode, Inline<N>, C, W>;

/// [`Shutdown`](crate::Shutdown) without the critical section.
pub type Shutdown<const N: usize, T = EmbassyTimer> = shutdown::Shutdown<ThreadMode, Inline<N>, T>;

/// [`Handover`](crate::Handover) without the critical section.
pub type Handover<T, const N: usize, E = core::convert::Infallible> =
    generator::Handover<ThreadMode, Inline<N>, T, E>;
