//! [`aliases!`]: the crate's aliases, for another lock.

/// The aliases of the crate for a platform of the same shape; each is described as that of the crate `$without`.
macro_rules! aliases {
    ($Platform:ident, $without:literal) => {
        use core::convert::Infallible;

        use tidegate_core::cache::{self, Expiring, Forever};
        use tidegate_core::gate::{self, Absent};
        use tidegate_core::lru::DefaultHashBuilder;
        use tidegate_core::{Inline, NoWall};
        use tidegate_core::{
            batcher, generator, lockout, queue, rate_limiter, scheduler, semaphore, shutdown, task_group,
            waterfall,
        };

        #[doc = concat!("[`Semaphore`](crate::Semaphore) without ", $without, ".")]
        pub type Semaphore<const N: usize> = semaphore::Semaphore<$Platform, Inline<N>>;

        /// A permit of a [`Semaphore`].
        pub type Permit<'a, const N: usize> = semaphore::Permit<&'a Semaphore<N>>;

        /// A request for permits of a [`Semaphore`], to be awaited.
        pub type Acquire<'a, const N: usize> = semaphore::Acquire<&'a Semaphore<N>>;

        #[doc = concat!("[`Lockout`](crate::Lockout) without ", $without, ".")]
        pub type Lockout<const N: usize, T = EmbassyTimer> = lockout::Lockout<$Platform, Inline<N>, T>;

        #[doc = concat!("[`FifoLockout`](crate::FifoLockout) without ", $without, ".")]
        pub type FifoLockout<const N: usize, T = EmbassyTimer> = lockout::FifoLockout<$Platform, Inline<N>, T>;

        #[doc = concat!("[`RateLimiter`](crate::RateLimiter) without ", $without, ".")]
        pub type RateLimiter<const N: usize, T = EmbassyTimer> =
            rate_limiter::RateLimiter<$Platform, Inline<N>, T>;

        #[doc = concat!("[`KeyedRateLimiter`](crate::KeyedRateLimiter) without ", $without, ".")]
        pub type KeyedRateLimiter<K, H, const N: usize, const WAITERS: usize = 0, T = EmbassyTimer> =
            rate_limiter::KeyedRateLimiter<K, $Platform, (Inline<N>, Inline<WAITERS>), T, H>;

        #[doc = concat!("[`Gate`](crate::Gate) without ", $without, ".")]
        pub type Gate<A = Absent, B = Absent, C = Absent> = gate::Gate<$Platform, A, B, C>;

        /// Having entered a [`Gate`] that borrows its [`Semaphore`].
        pub type Pass<'a, const N: usize> = gate::Pass<&'a Semaphore<N>>;

        #[doc = concat!("[`Cache`](crate::Cache) without ", $without, ".")]
        pub type Cache<K, V, const N: usize, const FLIGHTS: usize, E = Infallible, H = DefaultHashBuilder> =
            cache::Cache<K, V, $Platform, (Inline<N>, Inline<FLIGHTS>), E, Forever, H>;

        #[doc = concat!("[`TtlCache`](crate::TtlCache) without ", $without, ".")]
        pub type TtlCache<
            K,
            V,
            const N: usize,
            const FLIGHTS: usize,
            E = Infallible,
            T = EmbassyTimer,
            H = DefaultHashBuilder,
        > = cache::Cache<K, V, $Platform, (Inline<N>, Inline<FLIGHTS>), E, Expiring<V, T>, H>;

        #[doc = concat!("[`Queue`](crate::Queue) without ", $without, ".")]
        pub type Queue<T, const N: usize, const W: usize = 4> =
            queue::Queue<$Platform, Inline<N>, T, queue::Fifo, Inline<W>>;

        #[doc = concat!("[`LifoQueue`](crate::LifoQueue) without ", $without, ".")]
        pub type LifoQueue<T, const N: usize, const W: usize = 4> =
            queue::Queue<$Platform, Inline<N>, T, queue::Lifo, Inline<W>>;

        #[doc = concat!("[`PriorityQueue`](crate::PriorityQueue) without ", $without, ".")]
        pub type PriorityQueue<T, const N: usize, const W: usize = 4> =
            queue::Queue<$Platform, Inline<N>, T, queue::ByPriority, Inline<W>>;

        /// Room in a [`Queue`].
        pub type Slot<'a, T, const N: usize, const W: usize = 4> = queue::Slot<&'a Queue<T, N, W>>;

        #[doc = concat!("[`Waterfall`](crate::Waterfall) without ", $without, ".")]
        pub type Waterfall<T, const N: usize, const WAITERS: usize> =
            waterfall::Waterfall<waterfall::Single<T, Inline<N>>, $Platform, Inline<WAITERS>>;

        #[doc = concat!("[`KeyedWaterfall`](crate::KeyedWaterfall) without ", $without, ".")]
        pub type KeyedWaterfall<K, V, H, const N: usize, const KEYS: usize, const WAITERS: usize> =
            waterfall::KeyedWaterfall<K, V, $Platform, Inline<N>, Inline<KEYS>, Inline<WAITERS>, H>;

        #[doc = concat!("[`Batcher`](crate::Batcher) without ", $without, ".")]
        pub type Batcher<I, O, const N: usize, const WAITERS: usize> =
            batcher::Batcher<I, O, $Platform, Inline<N>, Inline<WAITERS>>;

        #[doc = concat!("[`TaskGroup`](crate::TaskGroup) without ", $without, ".")]
        pub type TaskGroup<const N: usize> = task_group::TaskGroup<$Platform, Inline<N>>;

        /// Membership in a [`TaskGroup`].
        pub type TaskGuard<'a, const N: usize> = task_group::Guard<&'a TaskGroup<N>>;

        #[doc = concat!("[`Scheduler`](crate::Scheduler) without ", $without, ".")]
        pub type Scheduler<T, const N: usize, C = EmbassyTimer, W = NoWall> =
            scheduler::Scheduler<T, $Platform, Inline<N>, C, W>;

        #[doc = concat!("[`Shutdown`](crate::Shutdown) without ", $without, ".")]
        pub type Shutdown<const N: usize, T = EmbassyTimer> = shutdown::Shutdown<$Platform, Inline<N>, T>;

        #[doc = concat!("[`Handover`](crate::Handover) without ", $without, ".")]
        pub type Handover<T, const N: usize, E = Infallible> = generator::Handover<$Platform, Inline<N>, T, E>;
    };
}

pub(crate) use aliases;
