//! A simulator for async code: one thread, virtual time, and an order of steps that is drawn from a seed.
//!
//! A run is a pure function of the program and the seed. What fails once fails again, as often as it takes to
//! understand it; a day of timeouts passes in a millisecond; and if nothing can ever go on, the run ends with
//! an error that names those who are stuck.
//!
//! ```
//! use core::time::Duration;
//! use std::rc::Rc;
//! use tidegate_sim::{Instant, Semaphore, Sim, SimError, now, sleep, spawn};
//!
//! let day = Sim::new(7).run(async {
//!     let desks = Rc::new(Semaphore::new(2));
//!     for _ in 0..6 {
//!         let desks = Rc::clone(&desks);
//!         spawn(async move {
//!             let _desk = desks.acquire().await;
//!             sleep(Duration::from_hours(8)).await;
//!         });
//!     }
//!     sleep(Duration::from_nanos(1)).await; // all are in line
//!     let last = desks.acquire_many(2).await;
//!     assert!(last.is_ok());
//!     now()
//! })?;
//! assert_eq!(day, Instant::EPOCH + Duration::from_hours(24));
//!
//! // What can never go on is an error, not a hang.
//! let stuck = Sim::new(7).run(async { Semaphore::new(0).acquire().await.is_ok() });
//! assert!(matches!(stuck, Err(SimError::Deadlock { tasks, .. }) if tasks == ["main"]));
//! # Ok::<(), SimError>(())
//! ```
//!
//! # Tests
//!
//! [`for_each_seed`] runs a scenario under many seeds, and says on failure how to replay the one.
//! [`explore`] runs it under *every* order there is, which small scenarios allow.
//! [`cancel_after`] and [`cancel_before`] drop a future at any of its polls.
//!
//! # What a step is
//!
//! One poll of one task. Between two of them the simulator draws who is next among all tasks that have been
//! woken. Time stands still as long as anybody is ready; otherwise it jumps to the next deadline, and all
//! who are due become ready at once.
//!
//! # Limits
//!
//! There are no threads in a run, so nothing blocks: `acquire_blocking` does not exist here. A task may be
//! woken from another thread, but a run does not wait for that: if nothing else can go on, it has ended
//! before. A wake from outside also makes the order depend on more than the seed, as do the clock of the
//! operating system, random numbers and the order of a `HashMap`, if the program looks at them.
//!
//! # Features
//!
//! - `futures`: `Stream` and `Sink` of the crate `futures`, for what is one. Off by default.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod batcher;
mod cancel;
mod error;
mod explore;
pub mod generator;
mod schedule;
mod seeds;
pub mod shutdown;
mod sim;
mod task;
pub mod task_group;
mod timer;
mod trace;
pub mod waterfall;
mod world;

pub use batcher::{Batcher, CallError};
pub use cancel::{Cancel, cancel_after, cancel_before};
pub use error::SimError;
pub use explore::{Explored, explore};
pub use generator::{Generator, GeneratorError, Stopped, Yielder};
pub use schedule::Schedule;
pub use seeds::for_each_seed;
pub use shutdown::{Reason, SecondSignal, Shutdown, raise, raise_at};
pub use sim::Sim;
pub use task::{JoinError, JoinHandle, YieldNow, spawn, spawn_named, yield_now};
pub use task_group::TaskGroup;
pub use tidegate_core::cache::{self, Expiring, Forever, LoadError, Wrapped};
pub use tidegate_core::gate::{self, Absent, GateError, TryEnterError};
pub use tidegate_core::lockout::{self, Full as LockoutFull, Key as LockoutKey, Locked, WaitError};
pub use tidegate_core::lru::{self, DefaultHashBuilder, Displaced};
pub use tidegate_core::queue::{
    self, GetError, InvalidCapacity, NothingUnfinished, PutError, ReserveError, TryGetError, TryPutError,
    TryReserveError,
};
pub use tidegate_core::rate_limiter::{
    self, InvalidQuota, KeyedAcquireError, KeyedError, NotUntil, Quota, WhenFull,
};
pub use tidegate_core::scheduler::{self, Expired, InsertError, MissedTickBehavior, NextError, TryNextError};
pub use tidegate_core::semaphore::{AcquireError, Config, HeadOfLine, TooManyPermits, TryAcquireError};
pub use tidegate_core::ttl_lru;
pub use tidegate_core::{Clock, Elapsed, Instant, Priority, Timeout, Timer, timeout_at};
pub use tidegate_core::{NoWall, WallClock, WallTime};
pub use timer::{SimTimer, Sleep, advance, now, sleep, timeout};
pub use trace::Step;
pub use waterfall::{KeyedWaterfall, Waterfall};

use core::convert::Infallible;
use core::hash::BuildHasherDefault;
use std::hash::DefaultHasher;
use std::sync::Arc;

use tidegate_core::{Heap, semaphore};

/// A weighted priority semaphore for simulated tasks. See [`tidegate_core::semaphore`].
///
/// It takes the same paths through the same code as on threads, atomic fast path included.
pub type Semaphore = semaphore::Semaphore<Sim, Heap>;

/// A permit that borrows its [`Semaphore`].
pub type Permit<'a> = semaphore::Permit<&'a Semaphore>;

/// A permit that shares its [`Semaphore`], and so borrows nothing.
pub type OwnedPermit = semaphore::Permit<Arc<Semaphore>>;

/// Nobody new comes in until all lockouts have ended, by the simulator's time. See [`tidegate_core::lockout`].
///
/// ```
/// use core::time::Duration;
/// use tidegate_sim::{Instant, Lockout, Sim, now};
///
/// let passed = Sim::new(7).run(async {
///     let lockout = Lockout::new();
///     lockout.lock_for(Duration::from_hours(3)).expect("there is room on the heap");
///     lockout.lock_for(Duration::from_hours(8)).expect("there is room on the heap");
///     lockout.wait().await.expect("there is room on the heap");
///     now()
/// });
/// assert_eq!(passed, Ok(Instant::EPOCH + Duration::from_hours(8)));
/// ```
pub type Lockout<T = SimTimer> = lockout::Lockout<Sim, Heap, T>;

/// A [`Lockout`] whose waiters pass in order, newcomers behind them. See [`tidegate_core::lockout`].
pub type FifoLockout<T = SimTimer> = lockout::FifoLockout<Sim, Heap, T>;

/// A rate limiter for simulated tasks, in virtual time. See [`tidegate_core::rate_limiter`].
///
/// ```
/// use core::time::Duration;
/// use tidegate_sim::{Instant, Quota, RateLimiter, Sim, now};
///
/// let quota = Quota::per(1, Duration::from_hours(1))?;
/// let done = Sim::new(7).run(async move {
///     let limiter = RateLimiter::new(quota);
///     for _ in 0..25 {
///         limiter.acquire(1).await.expect("it makes sense");
///     }
///     now()
/// })?;
/// assert_eq!(done, Instant::EPOCH + Duration::from_hours(24));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub type RateLimiter<T = SimTimer> = rate_limiter::RateLimiter<Sim, Heap, T>;

/// A semaphore, a rate limiter and a lockout, entered as one. See [`tidegate_core::gate`].
pub type Gate<A = Absent, B = Absent, C = Absent> = gate::Gate<Sim, A, B, C>;

/// Having entered a [`Gate`] that borrows its [`Semaphore`].
pub type Pass<'a> = gate::Pass<&'a Semaphore>;

/// A first-in-first-out queue for simulated tasks. See [`tidegate_core::queue`].
///
/// ```
/// use tidegate_sim::{Queue, Sim, spawn};
///
/// let sum = Sim::new(7).run(async {
///     static QUEUE: Queue<u32> = Queue::new(1);
///     spawn(async {
///         for item in 1..=10 {
///             QUEUE.put(item).await.expect("it is open");
///         }
///         QUEUE.close();
///     });
///     let mut sum = 0;
///     while let Ok(item) = QUEUE.get().await {
///         sum += item;
///     }
///     sum
/// });
/// assert_eq!(sum, Ok(55));
/// ```
pub type Queue<T> = queue::Queue<Sim, Heap, T>;

/// A [`Queue`] from which the newest item comes first.
pub type LifoQueue<T> = queue::LifoQueue<Sim, Heap, T>;

/// A [`Queue`] from which the least item comes first, and of equal ones the one that came first.
pub type PriorityQueue<T> = queue::PriorityQueue<Sim, Heap, T>;

/// Room in a [`Queue`] that borrows it. See [`tidegate_core::queue::Slot`].
pub type Slot<'a, T> = queue::Slot<&'a Queue<T>>;

/// Room in a [`Queue`] that shares it, and so borrows nothing.
pub type OwnedSlot<T> = queue::Slot<Arc<Queue<T>>>;

/// A map that evicts what has not been used for longest: see [`lru::Lru`].
pub type Lru<K, V, H = DefaultHashBuilder> = lru::Lru<K, V, Heap, H>;

/// The same with lifetimes: see [`ttl_lru::TtlLru`].
pub type TtlLru<K, V, H = DefaultHashBuilder> = ttl_lru::TtlLru<K, V, Heap, H>;

/// A cache that computes a value once, however many ask for it at the same time. See [`tidegate_core::cache`].
///
/// It is in one piece, and so evicts the same values in every run, whatever their hashes.
///
/// ```
/// use core::time::Duration;
/// use std::rc::Rc;
/// use tidegate_sim::{Cache, Sim, sleep, spawn};
///
/// let computed = Sim::new(7).run(async {
///     let cache = Rc::new(Cache::<u32, ()>::new(10));
///     let callers = [1, 1, 1].map(|key| {
///         let cache = Rc::clone(&cache);
///         spawn(async move { cache.get_or_load(&key, async || sleep(Duration::from_secs(1)).await).await })
///     });
///     for caller in callers {
///         assert!(caller.await.is_ok());
///     }
///     cache.stats().misses
/// });
/// assert_eq!(computed, Ok(1));
/// ```
pub type Cache<K, V, E = Infallible, H = DefaultHashBuilder> = cache::Cache<K, V, Sim, Heap, E, Forever, H>;

/// A [`Cache`] whose values live for a time, by the simulator's clock. See [`Expiring`].
pub type TtlCache<K, V, E = Infallible, T = SimTimer, H = DefaultHashBuilder> =
    cache::Cache<K, V, Sim, Heap, E, Expiring<V, T>, H>;

/// A token bucket for every key, up to a bound on their number, and a line for each that is waited for. See
/// [`tidegate_core::rate_limiter::KeyedRateLimiter`].
///
/// Keys are hashed the same way in every run, so that runs replay.
///
/// ```
/// use core::time::Duration;
/// use tidegate_sim::{KeyedRateLimiter, Quota, Sim, now};
///
/// let waited = Sim::new(7).run(async {
///     let quota = Quota::per(1, Duration::from_secs(10)).expect("it makes sense");
///     let clients = KeyedRateLimiter::<&str>::new(quota, 100).expect("it makes sense");
///     for client in ["alice", "bob", "alice"] {
///         clients.acquire(&client, 1).await.expect("it makes sense");
///     }
///     now().as_nanos()
/// });
/// assert_eq!(waited, Ok(10_000_000_000));
/// ```
pub type KeyedRateLimiter<K, T = SimTimer> =
    rate_limiter::KeyedRateLimiter<K, Sim, Heap, T, BuildHasherDefault<DefaultHasher>, 4>;

/// Payloads that come out when their time has come, which is virtual here. See [`tidegate_core::scheduler`].
///
/// There is no wall clock in a run but the one that a test sets: a [`ManualWallClock`] as `W`.
///
/// ```
/// use core::time::Duration;
/// use std::rc::Rc;
/// use tidegate_sim::{Instant, Scheduler, Sim, now, spawn};
///
/// let done = Sim::new(7).run(async {
///     let reminders = Rc::new(Scheduler::<u32>::new());
///     for days in [3, 1, 2] {
///         reminders.insert_after(Duration::from_hours(24 * days), 0).expect("there is room on the heap");
///     }
///     for _ in 0..2 {
///         let reminders = Rc::clone(&reminders);
///         drop(spawn(async move { while reminders.next().await.is_ok() {} }));
///     }
///     reminders.join().await.expect("nobody closes it");
///     reminders.close();
///     now()
/// });
/// assert_eq!(done, Ok(Instant::EPOCH + Duration::from_hours(72)));
/// ```
pub type Scheduler<T, C = SimTimer, W = NoWall> = scheduler::Scheduler<T, Sim, Heap, C, W>;

/// A clock that stands still until it is told otherwise, also while the simulator's own time goes on. See
/// [`tidegate_core::ManualClock`].
pub type ManualClock = tidegate_core::ManualClock<Sim, Heap>;

/// The wall clock for tests: shows what it is set to. See [`tidegate_core::ManualWallClock`].
pub type ManualWallClock = tidegate_core::ManualWallClock<Sim>;

pub mod priority {
    //! The priority scope: how urgent everything inside it is, for requests that name no priority themselves.
    //!
    //! It is the scope of `tidegate-threads`, which wraps a future here. Scopes nest; a task that is spawned
    //! begins outside of every scope.
    //!
    //! ```
    //! use tidegate_sim::{Priority, Sim, priority, yield_now};
    //!
    //! let seen = Sim::new(1).run(priority::scope(Priority(-2), async {
    //!     yield_now().await;
    //!     priority::current()
    //! }));
    //! assert_eq!(seen, Ok(Priority(-2)));
    //! ```

    pub use tidegate_threads::priority::{Scoped, current, scope_future as scope};
}
