//! Tidegate on tokio: who may proceed, when, and in what order, for servers.
//!
//! The aliases here have no type parameters. Each handle may be shared between several runtimes and plain
//! threads at once; a task awaits, a thread calls the `_blocking` method, and both stand in one line.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), tidegate_tokio::AcquireError> {
//! use tidegate_tokio::{Priority, Semaphore, priority};
//!
//! static DATABASE: Semaphore = Semaphore::new(8); // eight connections
//!
//! // Background work asks for its permits below everybody else.
//! let report = tokio::spawn(priority::scope(Priority(10), async {
//!     let _connection = DATABASE.acquire().await?;
//!     // … query …
//!     Ok::<_, tidegate_tokio::AcquireError>(())
//! }));
//! # report.await.expect("it does not panic")?;
//! # Ok(())
//! # }
//! ```
//!
//! Under `tokio::time::pause` everything that knows time stands still with tokio's clock. A runtime needs its
//! time enabled (`enable_time` or `enable_all`) for whatever sleeps; nothing else of tokio's is asked for.
//!
//! # Features
//!
//! - `futures`: `Stream` and `Sink` of the crate `futures`, for what is one.
//! - `quanta`: `QuantaClock`, which reads the processor's time stamp counter, for rates and lifetimes.
//! - `tracing`: tasks that are spawned run in the tracing span of whoever spawned them.
//!
//! None is on by default.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod background_loop;
pub mod batcher;
mod executor;
pub mod generator;
mod platform;
pub mod priority;
pub mod shutdown;
mod span;
mod task_group;
mod timer;
pub mod waterfall;

use core::convert::Infallible;
use std::hash::RandomState;
use std::sync::Arc;

use tidegate_core::{Heap, semaphore};

pub use background_loop::BackgroundLoop;
pub use batcher::{Batcher, CallError};
pub use executor::{Executor, Map, Reservation};
pub use generator::{BlockingPool, IterBlocking, Stopped, iter_blocking, iter_blocking_on};
pub use platform::Tokio;
pub use shutdown::{Reason, SecondSignal, Service, ServiceError, ServiceReport, Shutdown, signal};
pub use task_group::{JoinHandle, TaskGroup, TaskGuard, Tracker};
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
#[cfg(feature = "quanta")]
pub use tidegate_threads::QuantaClock;
pub use tidegate_threads::SystemClock;
pub use tidegate_threads::{GeneratorError, Job, Pool, SpawnBlocking, Yielder};
pub use tidegate_threads::{JoinError, OnExit, Panic, RunError, ShutdownError, SpawnError, Summary};
pub use timer::{Sleep, TokioTimer, timeout};
pub use waterfall::{KeyedWaterfall, Waterfall};

/// A weighted priority semaphore. See [`tidegate_core::semaphore::Semaphore`].
pub type Semaphore = semaphore::Semaphore<Tokio, Heap>;

/// A permit that borrows its semaphore. See [`tidegate_core::semaphore::Permit`].
pub type Permit<'a> = semaphore::Permit<&'a Semaphore>;

/// A permit that keeps its semaphore alive, to be stored and sent. See [`tidegate_core::semaphore::Permit`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tidegate_tokio::AcquireError> {
/// use std::sync::Arc;
/// use tidegate_tokio::{OwnedPermit, Semaphore};
///
/// let semaphore = Arc::new(Semaphore::new(1));
/// let permit: OwnedPermit = Semaphore::acquire_owned(Arc::clone(&semaphore), 1).await?;
/// tokio::spawn(async move { drop(permit) }).await.expect("it does not panic");
/// assert_eq!(semaphore.available_permits(), 1);
/// # Ok(())
/// # }
/// ```
pub type OwnedPermit = semaphore::Permit<Arc<Semaphore>>;

/// Nobody new comes in until all lockouts have ended. See [`tidegate_core::lockout`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use core::time::Duration;
/// use tidegate_tokio::Lockout;
///
/// static PEER: Lockout = Lockout::new();
///
/// PEER.lock_for(Duration::from_secs(30))?; // it has answered 429, "Retry-After: 30"
/// assert!(PEER.try_pass().is_err());
/// PEER.wait().await?; // 30 s, or longer if others have locked it meanwhile
/// # Ok(())
/// # }
/// ```
pub type Lockout<T = TokioTimer> = lockout::Lockout<Tokio, Heap, T>;

/// A [`Lockout`] whose waiters pass in order, newcomers behind them. See [`tidegate_core::lockout`].
pub type FifoLockout<T = TokioTimer> = lockout::FifoLockout<Tokio, Heap, T>;

/// A rate limiter: token bucket or sliding window, one or several quotas. See [`tidegate_core::rate_limiter`].
///
/// `T` is the clock; leave it out for tokio's own, which obeys `tokio::time::pause`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use core::time::Duration;
/// use tidegate_tokio::{Quota, RateLimiter};
///
/// let quotas = [Quota::per(50, Duration::from_secs(1))?, Quota::per(1_000, Duration::from_secs(60))?];
/// let limiter = RateLimiter::with_quotas(&quotas)?;
/// limiter.acquire(50).await?;
/// assert!(limiter.try_acquire(1).is_err());
/// limiter.acquire(1).await?; // 20 ms later
/// # Ok(())
/// # }
/// ```
pub type RateLimiter<T = TokioTimer> = rate_limiter::RateLimiter<Tokio, Heap, T>;

/// A semaphore, a rate limiter and a lockout, entered as one. See [`tidegate_core::gate`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use core::time::Duration;
/// use tidegate_tokio::{Absent, Gate, Lockout, Semaphore};
///
/// static CONNECTIONS: Semaphore = Semaphore::new(8);
/// static PEER: Lockout = Lockout::new();
/// static GATE: Gate<&Semaphore, Absent, &Lockout> = Gate::with_parts(&CONNECTIONS, Absent, &PEER);
///
/// PEER.lock_for(Duration::from_secs(30))?; // it has answered 429, "Retry-After: 30"
/// let pass = GATE.enter().await?; // 30 s later
/// // … one of at most eight requests at a time …
/// drop(pass);
/// # Ok(())
/// # }
/// ```
pub type Gate<A = Absent, B = Absent, C = Absent> = gate::Gate<Tokio, A, B, C>;

/// Having entered a [`Gate`] that borrows its [`Semaphore`].
pub type Pass<'a> = gate::Pass<&'a Semaphore>;

/// A first-in-first-out queue for tasks and threads at once. See [`tidegate_core::queue`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use std::thread;
/// use tidegate_tokio::Queue;
///
/// static LINES: Queue<String> = Queue::new(64);
///
/// // A thread that reads blocks while the tasks are behind, ...
/// let reader = thread::spawn(|| {
///     for line in ["one", "two", "three"] {
///         LINES.put_blocking(line.to_owned()).expect("it is open");
///     }
///     LINES.close();
/// });
/// // ... and a task that counts awaits while the reader is.
/// let mut words = 0;
/// while let Ok(line) = LINES.get().await {
///     words += line.split_whitespace().count();
/// }
/// assert_eq!(words, 3);
/// # reader.join().expect("it does not panic");
/// # Ok(())
/// # }
/// ```
pub type Queue<T> = queue::Queue<Tokio, Heap, T>;

/// A [`Queue`] from which the newest item comes first.
pub type LifoQueue<T> = queue::LifoQueue<Tokio, Heap, T>;

/// A [`Queue`] from which the least item comes first, and of equal ones the one that came first.
///
/// ```
/// use tidegate_tokio::PriorityQueue;
///
/// let todo = PriorityQueue::unbounded();
/// todo.try_put((2, "later"))?;
/// todo.try_put((1, "soon"))?;
/// todo.try_put((1, "soon, too"))?;
/// assert_eq!(todo.try_get(), Ok((1, "soon")));
/// # Ok::<(), tidegate_tokio::TryPutError<(u8, &str)>>(())
/// ```
pub type PriorityQueue<T> = queue::PriorityQueue<Tokio, Heap, T>;

/// Room in a [`Queue`] that borrows it. See [`tidegate_core::queue::Slot`].
pub type Slot<'a, T> = queue::Slot<&'a Queue<T>>;

/// Room in a [`Queue`] that keeps it alive, to be stored and sent.
pub type OwnedSlot<T> = queue::Slot<Arc<Queue<T>>>;

/// A map that evicts what has not been used for longest: see [`lru::Lru`].
pub type Lru<K, V, H = DefaultHashBuilder> = lru::Lru<K, V, Heap, H>;

/// The same with lifetimes: see [`ttl_lru::TtlLru`].
pub type TtlLru<K, V, H = DefaultHashBuilder> = ttl_lru::TtlLru<K, V, Heap, H>;

/// A cache that computes a value once, however many ask for it at the same time. See [`tidegate_core::cache`].
///
/// `E` are the errors of computations, and `H` hashes the keys. Everybody gets a clone of the value: put large ones
/// into an [`Arc`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use std::sync::Arc;
/// use tidegate_tokio::Cache;
///
/// static LENGTHS: Cache<String, usize> = Cache::new(10_000);
///
/// // Both wait for one computation, whichever begins it.
/// let length = |name: &'static str| LENGTHS.get_or_load(name, async || name.len());
/// let (one, two) = tokio::join!(length("alice"), length("alice"));
/// assert_eq!((one?, two?), (5, 5));
/// assert_eq!(LENGTHS.stats().misses, 1);
///
/// // A computation that goes on when its callers are gone, and may fail.
/// let parsed = Arc::new(Cache::<&str, u32, core::num::ParseIntError>::new(100));
/// let page = Cache::get_or_load_spawned(parsed, "7", async || "7".parse()).await?;
/// assert_eq!(page, 7);
/// # Ok(())
/// # }
/// ```
pub type Cache<K, V, E = Infallible, H = DefaultHashBuilder> = cache::Cache<K, V, Tokio, Heap, E, Forever, H, 32>;

/// A [`Cache`] whose values live for a time, counted from when they were computed. See [`Expiring`].
///
/// `T` is the clock; leave it out for tokio's own, which obeys `tokio::time::pause`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use core::time::Duration;
/// use tidegate_tokio::TtlCache;
///
/// let rates = TtlCache::<&str, f64>::with_ttl(100, Duration::from_secs(60));
/// assert_eq!(rates.get_or_load(&"EUR", async || 1.1).await?, 1.1);
/// tokio::time::advance(Duration::from_secs(60)).await;
/// assert_eq!(rates.get_or_load(&"EUR", async || 1.2).await?, 1.2);
/// # Ok(())
/// # }
/// ```
pub type TtlCache<K, V, E = Infallible, T = TokioTimer, H = DefaultHashBuilder> =
    cache::Cache<K, V, Tokio, Heap, E, Expiring<V, T>, H, 32>;

/// A token bucket for every key, up to a bound on their number, and a line for each that is waited for. See
/// [`tidegate_core::rate_limiter::KeyedRateLimiter`].
///
/// Keys are hashed with a random seed, so nobody can choose keys that collide.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use core::net::IpAddr;
/// use core::time::Duration;
/// use std::sync::Arc;
/// use tidegate_tokio::{KeyedRateLimiter, Quota};
///
/// let quota = Quota::per(2, Duration::from_secs(60))?;
/// let clients = Arc::new(KeyedRateLimiter::<IpAddr>::new(quota, 100_000)?);
/// let client = "192.0.2.1".parse()?;
/// assert!(clients.try_acquire(&client, 2).is_ok());
/// assert!(clients.try_acquire(&client, 1).is_err());
/// clients.acquire(&client, 1).await?; // half a minute later
///
/// let waiting = tokio::spawn(KeyedRateLimiter::acquire_owned(Arc::clone(&clients), client, 1));
/// clients.acquire(&"192.0.2.2".parse()?, 1).await?; // at once
/// waiting.await??;
/// # Ok(())
/// # }
/// ```
pub type KeyedRateLimiter<K, T = TokioTimer, H = RandomState> =
    rate_limiter::KeyedRateLimiter<K, Tokio, Heap, T, H, 32>;

/// Payloads that come out when their time has come. See [`tidegate_core::scheduler`].
///
/// `C` and `W` are the clock and the wall clock; leave them out for tokio's, which obeys `tokio::time::pause`, and the
/// operating system's. Tokio's timer is exact to a millisecond; a payload is never early.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn core::error::Error>> {
/// use core::time::Duration;
/// use tidegate_tokio::{MissedTickBehavior, Scheduler};
///
/// static TIMEOUTS: Scheduler<&str> = Scheduler::new();
///
/// let first = TIMEOUTS.insert_after(Duration::from_secs(30), "192.0.2.1")?;
/// TIMEOUTS.insert_after(Duration::from_secs(40), "192.0.2.2")?;
/// TIMEOUTS.insert_every(Duration::from_secs(35), MissedTickBehavior::Skip, "report")?;
/// TIMEOUTS.reset_after(first, Duration::from_secs(50)); // it has been heard of
///
/// assert_eq!(TIMEOUTS.next().await?.into_inner(), "report");
/// assert_eq!(TIMEOUTS.next().await?.into_inner(), "192.0.2.2");
/// assert_eq!(TIMEOUTS.cancel(first), Some("192.0.2.1"));
/// # Ok(())
/// # }
/// ```
pub type Scheduler<T, C = TokioTimer, W = SystemClock> = scheduler::Scheduler<T, Tokio, Heap, C, W>;

/// The clock for tests: stands still until it is told otherwise. See [`tidegate_core::ManualClock`].
pub type ManualClock = tidegate_core::ManualClock<Tokio, Heap>;

/// The wall clock for tests: shows what it is set to. See [`tidegate_core::ManualWallClock`].
pub type ManualWallClock = tidegate_core::ManualWallClock<Tokio>;

/// A blocking iterator or closure on tokio's blocking pool, as a stream. See [`tidegate_threads::generator::Generator`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tidegate_tokio::GeneratorError> {
/// use tidegate_tokio::Generator;
///
/// let mut words = Generator::from_fn(|out| {
///     for word in ["read", "from", "disk"] {
///         if out.yield_(word).is_err() {
///             return; // nobody wants more
///         }
///     }
/// });
/// assert_eq!(words.next().await.transpose()?, Some("read"));
/// words.close().await
/// # }
/// ```
pub type Generator<T, E = Infallible> = tidegate_threads::generator::Generator<T, E, Tokio>;

/// Capacity and threads of a [`Generator`]. See
/// [`tidegate_threads::generator::GeneratorOptions`].
///
/// ```
/// use core::num::NonZeroUsize;
/// use tidegate_tokio::{GeneratorOptions, Pool};
///
/// // Not on tokio's pool, which the whole program shares, but on four threads of their own.
/// let pool = Pool::new(NonZeroUsize::new(4).expect("not zero"));
/// let options = GeneratorOptions::new().pool(pool).capacity(64)?;
/// let mut lines = options.items(["one", "two"]);
/// assert_eq!(lines.next_blocking().transpose()?, Some("one"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub type GeneratorOptions = tidegate_threads::generator::GeneratorOptions<Tokio>;
