//! Tidegate on plain threads: things that block, and the same things awaited.
//!
//! Whatever this crate exports may be waited for in both colours at once. A thread calls the `_blocking`
//! method; a future runs under [`block_on`], or on any executor there is. Both stand in one line.
//!
//! ```
//! use core::time::Duration;
//! use std::thread;
//! use tidegate_threads::{AcquireError, Priority, Semaphore, block_on, priority};
//!
//! static SEATS: Semaphore = Semaphore::new(2);
//!
//! thread::scope(|scope| {
//!     for _ in 0..8 {
//!         scope.spawn(|| {
//!             let _seat = SEATS.acquire_blocking().expect("nobody closes it");
//!             // At most two threads are here at a time.
//!         });
//!     }
//!     // A ninth one, ahead of those that wait, and in the other colour.
//!     scope.spawn(|| {
//!         priority::scope(Priority(-1), || {
//!             block_on(async {
//!                 let _seat = SEATS.acquire().await.expect("nobody closes it");
//!             });
//!         });
//!     });
//! });
//!
//! let both = SEATS.try_acquire_many(2).expect("all have left");
//! let late = SEATS.acquire_blocking_timeout(Duration::from_millis(1));
//! assert_eq!(late.unwrap_err(), AcquireError::TimedOut);
//! # drop(both);
//! ```
//!
//! # Threads that this crate starts
//!
//! None, as long as sleeps are polled under [`block_on`]: it looks after its own. The first sleep that another
//! executor polls starts one thread, `tidegate-timer`, which serves all such sleeps and is asleep in between.
//!
//! # How a thread waits
//!
//! It gives way to other threads a few times, looking in between whether it may go on, and then parks. Most
//! handoffs between running threads are over before the park, which costs some 50 times as much.
//!
//! # Features
//!
//! - `background-loop`: `BackgroundLoop`, an executor on a thread of its own.
//! - `futures`: `Stream` and `Sink` of the crate `futures`, for what is one.
//! - `quanta`: `QuantaClock`, which reads the processor's time stamp counter, for rates and lifetimes.
//!
//! None is on by default.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod background_loop;
mod backoff;
pub mod batcher;
mod block_on;
mod clock;
mod crew;
mod executor;
pub mod generator;
mod helper;
mod join_handle;
mod notice;
mod platform;
mod pool;
pub mod priority;
#[cfg(feature = "quanta")]
mod quanta;
mod seat;
mod serve;
pub mod shutdown;
mod sleepers;
mod start;
pub mod task;
mod task_group;
mod timer;
mod wall;
pub mod waterfall;

pub use batcher::{Batcher, CallError};
pub use block_on::{block_on, block_on_until};
pub use executor::{Executor, Map, Reservation};
pub use generator::{GeneratorError, IterBlocking, Stopped, Yielder, iter_blocking};
pub use join_handle::JoinHandle;
pub use platform::Threads;
pub use pool::{Job, Pool, SpawnBlocking};
#[cfg(feature = "quanta")]
pub use quanta::QuantaClock;
pub use shutdown::{Reason, SecondSignal, Service, ServiceError, ServiceReport, Shutdown, signal};
pub use task::{JoinError, OnExit, Panic, RunError, ShutdownError, SpawnError, Summary, TaskGuard};
pub use task_group::{Scope, TaskGroup, scope};
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
pub use tidegate_core::task_group::EnterError;
pub use tidegate_core::ttl_lru;
pub use tidegate_core::{Clock, Elapsed, Instant, Priority, Timeout, Timer, timeout_at};
pub use tidegate_core::{NoWall, WallClock, WallTime};
pub use timer::{Sleep, ThreadsTimer, sleep, timeout};
pub use wall::SystemClock;
pub use waterfall::{KeyedWaterfall, Waterfall};

use core::convert::Infallible;
use std::hash::RandomState;
use std::sync::Arc;

use tidegate_core::{Heap, semaphore};

/// A weighted priority semaphore for threads and for futures at once. See [`tidegate_core::semaphore`].
///
/// ```
/// use tidegate_threads::{Priority, Semaphore};
///
/// let semaphore = Semaphore::new(3);
/// let one = semaphore.acquire_blocking()?;
/// let two = semaphore.acquire_many(2).priority(Priority(-1)).blocking()?;
/// assert!(semaphore.try_acquire().is_err());
/// drop((one, two));
/// assert_eq!(semaphore.available_permits(), 3);
/// # Ok::<(), tidegate_threads::AcquireError>(())
/// ```
pub type Semaphore = semaphore::Semaphore<Threads, Heap>;

/// A permit that borrows its [`Semaphore`].
pub type Permit<'a> = semaphore::Permit<&'a Semaphore>;

/// A permit that shares its [`Semaphore`], and so borrows nothing.
///
/// ```
/// use std::sync::Arc;
/// use tidegate_threads::{OwnedPermit, Semaphore};
///
/// let semaphore = Arc::new(Semaphore::new(1));
/// let permit: OwnedPermit = Semaphore::try_acquire_owned(Arc::clone(&semaphore), 1)?;
/// std::thread::spawn(move || drop(permit)).join().expect("dropping does not panic");
/// assert_eq!(semaphore.available_permits(), 1);
/// # Ok::<(), tidegate_threads::TryAcquireError>(())
/// ```
pub type OwnedPermit = semaphore::Permit<Arc<Semaphore>>;

/// Nobody new comes in until all lockouts have ended. See [`tidegate_core::lockout`].
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::{Lockout, WaitError, block_on};
///
/// static PEER: Lockout = Lockout::new();
///
/// let pulled = PEER.lock_for(Duration::MAX)?;
/// assert_eq!(PEER.wait_blocking_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
/// PEER.lift(pulled);
/// PEER.lock_for(Duration::from_millis(1))?;
/// PEER.wait_blocking()?;
/// block_on(PEER.wait())?;
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub type Lockout<T = ThreadsTimer> = lockout::Lockout<Threads, Heap, T>;

/// A [`Lockout`] whose waiters pass in order, newcomers behind them. See [`tidegate_core::lockout`].
pub type FifoLockout<T = ThreadsTimer> = lockout::FifoLockout<Threads, Heap, T>;

/// A rate limiter for threads and for futures at once. See [`tidegate_core::rate_limiter`].
///
/// `T` is the clock; leave it out for the operating system's.
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::{Quota, RateLimiter};
///
/// let limiter = RateLimiter::new(Quota::per(2, Duration::from_millis(2))?);
/// limiter.acquire_blocking(2)?;
/// limiter.acquire_blocking(1)?; // a millisecond later
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub type RateLimiter<T = ThreadsTimer> = rate_limiter::RateLimiter<Threads, Heap, T>;

/// A semaphore, a rate limiter and a lockout, entered as one. See [`tidegate_core::gate`].
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::{Gate, GateError, Lockout, Semaphore};
///
/// let (permits, lockout) = (Semaphore::new(8), Lockout::new());
/// let gate = Gate::new().semaphore(&permits).lockout(&lockout);
///
/// lockout.lock_for(Duration::from_millis(1))?;
/// let pass = gate.enter_blocking()?;
/// lockout.lock_for(Duration::MAX)?;
/// let late = gate.enter_blocking_timeout(Duration::from_millis(1));
/// assert_eq!(late.unwrap_err(), GateError::TimedOut);
/// assert_eq!(permits.available_permits(), 7);
/// # drop(pass);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub type Gate<A = Absent, B = Absent, C = Absent> = gate::Gate<Threads, A, B, C>;

/// Having entered a [`Gate`] that borrows its [`Semaphore`].
pub type Pass<'a> = gate::Pass<&'a Semaphore>;

/// A first-in-first-out queue for threads and for futures at once. See [`tidegate_core::queue`].
///
/// ```
/// use std::thread;
/// use tidegate_threads::{Queue, block_on};
///
/// let queue = Queue::new(2);
/// let sum = thread::scope(|scope| {
///     scope.spawn(|| {
///         for item in 0..100 {
///             queue.put_blocking(item).expect("it is open");
///         }
///         block_on(queue.put(100)).expect("it is open");
///         queue.close();
///     });
///     queue.iter().sum::<u32>() // until it is closed and empty
/// });
/// assert_eq!(sum, 5050);
/// ```
pub type Queue<T> = queue::Queue<Threads, Heap, T>;

/// A [`Queue`] from which the newest item comes first.
pub type LifoQueue<T> = queue::LifoQueue<Threads, Heap, T>;

/// A [`Queue`] from which the least item comes first, and of equal ones the one that came first.
pub type PriorityQueue<T> = queue::PriorityQueue<Threads, Heap, T>;

/// Room in a [`Queue`] that borrows it. See [`tidegate_core::queue::Slot`].
pub type Slot<'a, T> = queue::Slot<&'a Queue<T>>;

/// Room in a [`Queue`] that shares it, and so borrows nothing.
pub type OwnedSlot<T> = queue::Slot<Arc<Queue<T>>>;

/// A map that evicts what has not been used for longest: see [`lru::Lru`].
pub type Lru<K, V, H = DefaultHashBuilder> = lru::Lru<K, V, Heap, H>;

/// The same with lifetimes: see [`ttl_lru::TtlLru`].
pub type TtlLru<K, V, H = DefaultHashBuilder> = ttl_lru::TtlLru<K, V, Heap, H>;

/// A cache that computes a value once, for threads and for futures at once. See [`tidegate_core::cache`].
///
/// `E` are the errors of computations, and `H` hashes the keys. Everybody gets a clone of the value: put large ones
/// into an [`Arc`].
///
/// ```
/// use std::thread;
/// use tidegate_threads::{Cache, block_on};
///
/// static SQUARES: Cache<u64, u64> = Cache::new(1_000);
///
/// thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| assert_eq!(SQUARES.get_or_load_blocking(&7, || 7 * 7), Ok(49)));
///     }
///     scope.spawn(|| assert_eq!(block_on(SQUARES.get_or_load(&7, async || 7 * 7)), Ok(49)));
/// });
/// assert_eq!(SQUARES.stats().misses, 1);
/// ```
pub type Cache<K, V, E = Infallible, H = DefaultHashBuilder> =
    cache::Cache<K, V, Threads, Heap, E, Forever, H, 32>;

/// A [`Cache`] whose values live for a time, counted from when they were computed. See [`Expiring`].
///
/// `T` is the clock; leave it out for the operating system's.
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::TtlCache;
///
/// let rates = TtlCache::<&str, u32>::with_ttl(100, Duration::from_secs(60));
/// assert_eq!(rates.get_or_load_blocking(&"EUR", || 110), Ok(110));
/// assert_eq!(rates.get(&"EUR"), Some(110));
/// ```
pub type TtlCache<K, V, E = Infallible, T = ThreadsTimer, H = DefaultHashBuilder> =
    cache::Cache<K, V, Threads, Heap, E, Expiring<V, T>, H, 32>;

/// A token bucket for every key, up to a bound on their number, and a line for each that is waited for, by threads and
/// by futures at once. See [`tidegate_core::rate_limiter::KeyedRateLimiter`].
///
/// Keys are hashed with a random seed, so nobody can choose keys that collide.
///
/// ```
/// use core::net::IpAddr;
/// use core::time::Duration;
/// use tidegate_threads::{KeyedRateLimiter, Quota};
///
/// let quota = Quota::per(2, Duration::from_millis(2))?;
/// let clients = KeyedRateLimiter::<IpAddr>::new(quota, 100_000)?;
/// let client = "192.0.2.1".parse()?;
/// assert!(clients.try_acquire(&client, 2).is_ok());
/// clients.acquire_blocking(&client, 1)?; // a millisecond later
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub type KeyedRateLimiter<K, T = ThreadsTimer, H = RandomState> =
    rate_limiter::KeyedRateLimiter<K, Threads, Heap, T, H, 32>;

/// Payloads that come out when their time has come, for threads and for futures at once. See
/// [`tidegate_core::scheduler`].
///
/// `C` and `W` are the clock and the wall clock; leave them out for the operating system's.
///
/// ```
/// use core::time::Duration;
/// use std::thread;
/// use std::time::SystemTime;
/// use tidegate_threads::{MissedTickBehavior, Scheduler, SystemClock};
///
/// static CHORES: Scheduler<&str> = Scheduler::new();
///
/// let worker = thread::spawn(|| {
///     let mut done = Vec::new();
///     for chore in &CHORES {
///         done.push(chore.into_inner());
///         if done.len() == 4 {
///             CHORES.close();
///         }
///     }
///     done
/// });
/// CHORES.insert_after(Duration::from_millis(2), "water the plants")?;
/// CHORES.insert_at_system_time(SystemClock::at(SystemTime::now()), "look at the clock")?;
/// CHORES.insert_every(Duration::from_millis(3), MissedTickBehavior::Burst, "sweep")?;
/// assert_eq!(worker.join().map(|done| done.len()).ok(), Some(4));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub type Scheduler<T, C = ThreadsTimer, W = SystemClock> = scheduler::Scheduler<T, Threads, Heap, C, W>;

/// The clock for tests: stands still until it is told otherwise. See [`tidegate_core::ManualClock`].
pub type ManualClock = tidegate_core::ManualClock<Threads, Heap>;

/// The wall clock for tests: shows what it is set to. See [`tidegate_core::ManualWallClock`].
pub type ManualWallClock = tidegate_core::ManualWallClock<Threads>;

/// A blocking iterator or closure on a thread of a pool, as a stream. See [`generator::Generator`].
///
/// ```
/// use tidegate_threads::Generator;
///
/// let mut numbers = Generator::new(1..3);
/// assert_eq!(numbers.next_blocking().transpose()?, Some(1));
/// assert_eq!(numbers.next_blocking().transpose()?, Some(2));
/// assert_eq!(numbers.next_blocking().transpose()?, None);
/// # Ok::<(), tidegate_threads::GeneratorError>(())
/// ```
pub type Generator<T, E = Infallible> = generator::Generator<T, E, Threads>;

/// Capacity and threads of a [`Generator`]. See [`generator::GeneratorOptions`].
pub type GeneratorOptions = generator::GeneratorOptions<Threads>;

/// An executor on a thread of its own, for futures in a program that is not async. The executor is that of the crate
/// `async-executor`; sleeps are those of this crate. See [`background_loop::BackgroundLoop`].
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::{BackgroundLoop, sleep};
///
/// let background = BackgroundLoop::new("telemetry")?;
/// let mut sum = background.schedule(async { 1 + 2 })?;
/// let answer = background.run_blocking(async {
///     sleep(Duration::from_millis(1)).await;
///     40 + 2
/// })?;
/// assert_eq!((answer, sum.join_blocking_timeout(Duration::from_secs(10))?), (42, 3));
///
/// let mut failing = background.schedule(async { panic!("on purpose") })?;
/// assert!(failing.join_blocking().is_err());
/// assert!(background.shutdown_blocking()?.is_clean()); // somebody has heard of the panic
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[cfg(feature = "background-loop")]
pub type BackgroundLoop = background_loop::BackgroundLoop<background_loop::ExecutorTasks>;
