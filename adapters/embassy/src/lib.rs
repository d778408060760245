//! Tidegate on [embassy](https://embassy.dev): who may proceed, when, and in what order, on a microcontroller.
//!
//! Everything is a `static` of a size known at compile time: no allocator, no set-up, no type parameters but
//! the number of tasks that may wait. Time is that of the image's embassy time driver, at whatever rate it
//! ticks.
//!
//! ```
//! use core::time::Duration;
//! use tidegate_embassy::{AcquireError, Priority, Semaphore, timeout};
//!
//! /// One radio; up to four tasks may wait for it.
//! static RADIO: Semaphore<4> = Semaphore::new(1);
//!
//! // Each of these would be an `#[embassy_executor::task]`.
//! async fn telemetry() -> Result<(), AcquireError> {
//!     let _radio = RADIO.acquire().priority(Priority(10)).await?;
//!     // … sends; whoever waits goes on when `_radio` is dropped
//!     Ok(())
//! }
//!
//! async fn alarm() -> Result<(), AcquireError> {
//!     let _radio = RADIO.acquire().priority(Priority(-10)).await?; // before all telemetry that waits
//!     Ok(())
//! }
//!
//! /// Gives up after a while, and loses nothing but its place in line.
//! async fn beacon() -> bool {
//!     let turn = RADIO.acquire().priority(Priority(20));
//!     timeout(Duration::from_millis(50), turn).await.is_ok()
//! }
//!
//! /// From an interrupt handler: now or not at all.
//! fn on_button() -> bool {
//!     RADIO.try_acquire().is_ok()
//! }
//! # embassy_futures::block_on(async {
//! #     assert_eq!((telemetry().await, alarm().await), (Ok(()), Ok(())));
//! #     assert!(beacon().await && on_button());
//! # });
//! ```
//!
//! # Which one
//!
//! | | lock | shared by | a `static` |
//! |---|---|---|---|
//! | [`Semaphore`] | critical section | executors at several interrupt priorities, interrupt handlers | yes |
//! | [`local::Semaphore`] | none | the tasks of one executor | no: a local of `main`, or in a `StaticCell` |
//! | `thread_mode::Semaphore` | none | everything in thread mode of a single-core Cortex-M | yes |
//!
//! The last one is there on Cortex-M alone, and only if the binary turns on the feature `thread-mode`, because
//! only the binary knows that there is a single core.
//!
//! Where the target has compare-and-swap, [`Semaphore`] does without the critical section while nobody waits.
//! A Cortex-M0 has none and takes the critical section each time; the code is the same. This crate never turns
//! on features of `portable-atomic` or `critical-section` that speak for the whole image: the image does, or
//! its HAL.
//!
//! # Priorities
//!
//! They are passed with each request: [`Acquire::priority`]. The adapters for threads and tokio also have scopes,
//! within which every request inherits a priority. A scope is a word in memory that is set and restored around
//! every poll of a task; here an executor may be preempted in the middle of a poll by another one, which would
//! find the word of the first, and storage per executor is something embassy does not offer.
//!
//! # Blocking
//!
//! There is no `acquire_blocking` here: a core that blocks runs no executor, so the task that is to give the
//! permit back would never get to do so. In an interrupt handler use
//! [`try_acquire`](tidegate_core::semaphore::Semaphore::try_acquire); in a superloop without an executor use
//! `tidegate-core` alone.
//!
//! # Generators
//!
//! There is no `Generator` here, for it needs a thread to run a blocking iterator on. [`Yielding`] is an iterator in a
//! task, which lets the executor's other tasks run between its items; [`Handover`] hands items over on demand, from a
//! task of one executor to a task of another, or of the same.
//!
//! # Timers
//!
//! [`timeout`] and `acquire_timeout` put the task's own waker into the queue of the image's time driver. A
//! driver with an integrated queue accepts the wakers of embassy's tasks only; combinators that poll with wakers
//! of their own need one of the `generic-queue-*` features of embassy-time, as they do for embassy's own timers.
//!
//! # Features
//!
//! - `defmt`: `defmt::Format` for plain values: instants, priorities, errors.
//! - `futures`: `Stream` and `Sink` of the crate `futures`, for what is one.
//! - `thread-mode`: the module `thread_mode`, on Cortex-M; for the final binary to turn on, as said above.
//!
//! None is on by default.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod aliases;
pub mod local;
mod platform;
#[cfg(test)]
mod rates;
#[cfg(all(feature = "thread-mode", cortex_m))]
pub mod thread_mode;
mod ticks;
mod timer;

pub use platform::Embassy;
pub use tidegate_core::batcher::{self, CallError};
pub use tidegate_core::cache::{self, Expiring, Forever, LoadError, Wrapped};
pub use tidegate_core::gate::{self, Absent, GateError, TryEnterError};
pub use tidegate_core::generator::{self, Yielding};
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
pub use tidegate_core::shutdown::{self, BeginError, Heard, Reason, SecondSignal};
pub use tidegate_core::task_group::{self, CloseError, EnterError};
pub use tidegate_core::ttl_lru;
pub use tidegate_core::waterfall;
pub use tidegate_core::{Clock, Elapsed, Inline, Instant, Priority, Timeout, Timer, timeout_at};
pub use tidegate_core::{NoWall, WallClock, WallTime};
pub use timer::{EmbassyTimer, Sleep, timeout};

use core::convert::Infallible;

use tidegate_core::semaphore;

/// A weighted priority semaphore in which up to `N` tasks may wait; one more is refused with
/// [`AcquireError::Full`].
///
/// ```
/// use tidegate_embassy::{Semaphore, TryAcquireError};
///
/// static CHANNELS: Semaphore<8> = Semaphore::new(3);
///
/// let two = CHANNELS.try_acquire_many(2)?;
/// let one = CHANNELS.try_acquire()?;
/// assert_eq!(CHANNELS.try_acquire().err(), Some(TryAcquireError::NoPermits));
/// drop(two);
/// assert_eq!(CHANNELS.available_permits(), 2);
/// # drop(one);
/// # Ok::<(), TryAcquireError>(())
/// ```
pub type Semaphore<const N: usize> = semaphore::Semaphore<Embassy, Inline<N>>;

/// A permit of a [`Semaphore`]. That of a `static` one is a `Permit<'static, N>`, and may be kept and sent.
pub type Permit<'a, const N: usize> = semaphore::Permit<&'a Semaphore<N>>;

/// A request for permits of a [`Semaphore`], to be awaited.
pub type Acquire<'a, const N: usize> = semaphore::Acquire<&'a Semaphore<N>>;

/// Nobody new comes in until all lockouts have ended; room for `N` lockouts and for `N` waiters. See
/// [`tidegate_core::lockout`].
///
/// ```
/// use core::time::Duration;
/// use tidegate_embassy::Lockout;
///
/// /// The radio has to rest after it has sent for too long.
/// static RADIO: Lockout<4> = Lockout::new();
///
/// RADIO.lock_for(Duration::from_millis(20))?;
/// assert!(RADIO.try_pass().is_err());
/// # Ok::<(), tidegate_embassy::LockoutFull>(())
/// ```
pub type Lockout<const N: usize, T = EmbassyTimer> = lockout::Lockout<Embassy, Inline<N>, T>;

/// A [`Lockout`] whose waiters pass in order, newcomers behind them.
pub type FifoLockout<const N: usize, T = EmbassyTimer> = lockout::FifoLockout<Embassy, Inline<N>, T>;

/// A rate limiter in which up to `N` tasks may wait, and a sliding window may be `N` wide. See
/// [`tidegate_core::rate_limiter`].
///
/// ```
/// use core::time::Duration;
/// use tidegate_embassy::{Quota, RateLimiter};
///
/// const QUOTA: Quota = match Quota::per(3, Duration::from_secs(7)) {
///     Ok(quota) => quota,
///     Err(_) => panic!("the quota makes no sense"),
/// };
/// /// As much as the radio may send.
/// static RADIO: RateLimiter<4> = RateLimiter::new(QUOTA);
///
/// assert!(RADIO.try_acquire(3).is_ok());
/// assert!(RADIO.try_acquire(1).is_err());
/// ```
pub type RateLimiter<const N: usize, T = EmbassyTimer> = rate_limiter::RateLimiter<Embassy, Inline<N>, T>;

/// A cache of up to `N` values that computes each once, however many ask at the same time; up to `FLIGHTS` may be
/// computed at a time, and as many callers wait. See [`tidegate_core::cache`].
///
/// There is no `get_or_load_spawned`: an executor of embassy's has no room for tasks that it was not built with.
///
/// ```
/// use tidegate_embassy::Cache;
///
/// /// Readings by channel: a reading takes a while, and several tasks want it.
/// static READINGS: Cache<u8, u16, 8, 2> = Cache::new(8);
///
/// async fn reading(channel: u8) -> Option<u16> {
///     READINGS.get_or_load(&channel, async || 100 + u16::from(channel)).await.ok()
/// }
/// # embassy_futures::block_on(async {
/// #     assert_eq!(reading(3).await, Some(103));
/// # });
/// ```
pub type Cache<K, V, const N: usize, const FLIGHTS: usize, E = Infallible, H = DefaultHashBuilder> =
    cache::Cache<K, V, Embassy, (Inline<N>, Inline<FLIGHTS>), E, Forever, H>;

/// A [`Cache`] whose values live for a time, counted from when they were computed. See [`Expiring`].
pub type TtlCache<
    K,
    V,
    const N: usize,
    const FLIGHTS: usize,
    E = Infallible,
    T = EmbassyTimer,
    H = DefaultHashBuilder,
> = cache::Cache<K, V, Embassy, (Inline<N>, Inline<FLIGHTS>), E, Expiring<V, T>, H>;

/// A token bucket for every key, up to `N` keys, and a line for each that is waited for, with room for `WAITERS` in all.
/// See [`tidegate_core::rate_limiter::KeyedRateLimiter`].
///
/// Where nobody waits, `WAITERS` is 0, and costs nothing.
///
/// The hasher is for the image to choose: a random seed, where there is a source of randomness and somebody who
/// may make keys up; a fixed one otherwise.
pub type KeyedRateLimiter<K, H, const N: usize, const WAITERS: usize = 0, T = EmbassyTimer> =
    rate_limiter::KeyedRateLimiter<K, Embassy, (Inline<N>, Inline<WAITERS>), T, H>;

/// A semaphore, a rate limiter and a lockout, entered as one. See [`tidegate_core::gate`].
///
/// ```
/// use tidegate_embassy::{Absent, Gate, Lockout, Semaphore};
///
/// static CHANNELS: Semaphore<8> = Semaphore::new(3);
/// static RADIO: Lockout<4> = Lockout::new();
/// static SEND: Gate<&Semaphore<8>, Absent, &Lockout<4>> = Gate::with_parts(&CHANNELS, Absent, &RADIO);
///
/// let pass = SEND.try_enter()?;
/// # drop(pass);
/// # Ok::<(), tidegate_embassy::TryEnterError>(())
/// ```
pub type Gate<A = Absent, B = Absent, C = Absent> = gate::Gate<Embassy, A, B, C>;

/// Having entered a [`Gate`] that borrows its [`Semaphore`].
pub type Pass<'a, const N: usize> = gate::Pass<&'a Semaphore<N>>;

/// A first-in-first-out queue for up to `N` items, for which, and for room in which, up to `W` tasks may wait each. See
/// [`tidegate_core::queue`].
///
/// It has room for `N + W` items: with a capacity of 0 the tasks that wait to put leave theirs with their places, for an
/// interrupt handler's `try_get`, say.
///
/// ```
/// use tidegate_embassy::{Queue, TryPutError};
///
/// /// What the converter has measured; one task waits for it.
/// static SAMPLES: Queue<u16, 16, 1> = Queue::new(16);
///
/// /// Called by the hardware.
/// fn on_conversion(sample: u16) -> Result<(), TryPutError<u16>> {
///     SAMPLES.try_put(sample)
/// }
///
/// // An `#[embassy_executor::task]`.
/// async fn filter() -> u16 {
///     SAMPLES.get().await.unwrap_or(0)
/// }
/// # on_conversion(7).expect("there is room");
/// # assert_eq!(embassy_futures::block_on(filter()), 7);
/// ```
pub type Queue<T, const N: usize, const W: usize = 4> =
    queue::Queue<Embassy, Inline<N>, T, queue::Fifo, Inline<W>>;

/// A [`Queue`] from which the newest item comes first.
pub type LifoQueue<T, const N: usize, const W: usize = 4> =
    queue::Queue<Embassy, Inline<N>, T, queue::Lifo, Inline<W>>;

/// A [`Queue`] from which the least item comes first, and of equal ones the one that came first.
pub type PriorityQueue<T, const N: usize, const W: usize = 4> =
    queue::Queue<Embassy, Inline<N>, T, queue::ByPriority, Inline<W>>;

/// Room in a [`Queue`]. That in a `static` one is a `Slot<'static, …>`, and may be kept and sent.
pub type Slot<'a, T, const N: usize, const W: usize = 4> = queue::Slot<&'a Queue<T, N, W>>;

/// A map of up to `N` entries that evicts what has not been used for longest: see [`lru::Lru`].
///
/// ```
/// use tidegate_embassy::Lru;
///
/// let mut names: Lru<u16, &str, 8> = Lru::new(8);
/// names.insert(1, "left");
/// assert_eq!(names.get(&1), Some(&"left"));
/// ```
pub type Lru<K, V, const N: usize, H = DefaultHashBuilder> = lru::Lru<K, V, Inline<N>, H>;

/// The same with lifetimes: see [`ttl_lru::TtlLru`].
pub type TtlLru<K, V, const N: usize, H = DefaultHashBuilder> = ttl_lru::TtlLru<K, V, Inline<N>, H>;

/// Gathers items into batches, for a callback that the task which awaits its
/// [`run`](tidegate_core::waterfall::Waterfall::run) runs: see [`tidegate_core::waterfall`].
///
/// Up to `N` items may be there at once, those in flight included, in batches of up to as many; up to `WAITERS` tasks
/// may wait in each line: for room, for batches, for the end of a flush.
///
/// ```
/// use core::time::Duration;
/// use tidegate_embassy::Waterfall;
/// use tidegate_embassy::waterfall::Config;
///
/// const CONFIG: Config = match Config::new(8, Duration::from_millis(50)) {
///     Ok(config) => config,
///     Err(_) => panic!("that makes no sense"),
/// };
/// /// Samples for the radio: eight to a frame, none older than 50 ms.
/// static SAMPLES: Waterfall<u16, 16, 2> = Waterfall::new(CONFIG);
///
/// // An `#[embassy_executor::task]`.
/// async fn radio() {
///     SAMPLES
///         .run(async |frame| {
///             // … sends it …
/// #           let _ = frame.len();
///             Ok::<(), ()>(())
///         })
///         .await;
/// }
///
/// /// From an interrupt handler: now or not at all.
/// fn on_sample(sample: u16) -> bool {
///     SAMPLES.try_put(sample).is_ok()
/// }
/// # assert!(on_sample(7));
/// # SAMPLES.close();
/// # embassy_futures::block_on(radio());
/// ```
pub type Waterfall<T, const N: usize, const WAITERS: usize> =
    waterfall::Waterfall<waterfall::Single<T, Inline<N>>, Embassy, Inline<WAITERS>>;

/// A [`Waterfall`] with a batch for each key, of up to `N` items each, for up to `KEYS` keys at once.
///
/// What is put is a pair of key and item. The hasher is for the image to choose.
pub type KeyedWaterfall<K, V, H, const N: usize, const KEYS: usize, const WAITERS: usize> =
    waterfall::KeyedWaterfall<K, V, Embassy, Inline<N>, Inline<KEYS>, Inline<WAITERS>, H>;

/// A count of the tasks that are still at it, and a wait for the last one, by up to `N` tasks. See
/// [`tidegate_core::task_group`].
///
/// It hands out guards: a task is a member for as long as it keeps its own. The group itself starts nothing and
/// aborts nothing. A spawn token that is not spawned panics when it is dropped, so it must go from the task's
/// constructor straight to the `Spawner`; and embassy's tasks end by themselves, or never.
///
/// ```
/// use tidegate_embassy::{EnterError, TaskGroup, TaskGuard};
///
/// static UPLOADS: TaskGroup<2> = TaskGroup::new();
///
/// /// This would be an `#[embassy_executor::task]`.
/// async fn upload(page: u8, _member: TaskGuard<'static, 2>) {
///     // … leaves the group when it ends
/// #   let _ = page;
/// }
///
/// # embassy_futures::block_on(async {
/// let member = UPLOADS.track()?;
/// // spawner.spawn(upload(1, member)?);
/// # upload(1, member).await;
/// UPLOADS.close().await.expect("at most two wait");
/// assert_eq!(UPLOADS.track().err(), Some(EnterError::Closed));
/// # Ok::<(), EnterError>(())
/// # }).unwrap();
/// ```
pub type TaskGroup<const N: usize> = task_group::TaskGroup<Embassy, Inline<N>>;

/// Membership in a [`TaskGroup`]. That of a `static` one is a `TaskGuard<'static, N>`, to be passed to a task.
pub type TaskGuard<'a, const N: usize> = task_group::Guard<&'a TaskGroup<N>>;

/// Payloads that come out when their time has come: room for `N` of them, for `N` tasks that wait for one, and for `N`
/// that wait until there are none. See [`tidegate_core::scheduler`].
///
/// A wall clock is for the image to bring, as `W`: a real-time clock, say.
///
/// ```
/// use core::time::Duration;
/// use tidegate_embassy::{MissedTickBehavior, Scheduler};
///
/// #[derive(Clone)]
/// enum Chore {
///     Blink,
///     SendBeacon,
/// }
///
/// static CHORES: Scheduler<Chore, 8> = Scheduler::new();
///
/// CHORES.insert_every(Duration::from_millis(500), MissedTickBehavior::Skip, Chore::Blink).ok();
/// let beacon = CHORES.insert_after(Duration::from_secs(60), Chore::SendBeacon);
///
/// // An `#[embassy_executor::task]`; nothing runs, and no timer ticks, while nothing is due.
/// async fn chores() {
///     while let Ok(chore) = CHORES.next().await {
///         match chore.into_inner() {
///             Chore::Blink => { /* … */ }
///             Chore::SendBeacon => { /* … */ }
///         }
///     }
/// }
/// # CHORES.close();
/// # embassy_futures::block_on(chores());
/// # assert!(beacon.is_ok());
/// ```
pub type Scheduler<T, const N: usize, C = EmbassyTimer, W = NoWall> =
    scheduler::Scheduler<T, Embassy, Inline<N>, C, W>;

/// Requests of type `I` that are answered together, each with an `O`, by the task that awaits its
/// [`run`](tidegate_core::batcher::Batcher::run): up to `N` at once. See [`tidegate_core::batcher`].
pub type Batcher<I, O, const N: usize, const WAITERS: usize> =
    batcher::Batcher<I, O, Embassy, Inline<N>, Inline<WAITERS>>;

/// The end of a program, or of a part of it: triggered by a pin, an interrupt handler or a task; run through in
/// order. Up to `N` tasks may wait for it besides the run itself. See [`tidegate_core::shutdown`].
///
/// ```
/// use core::time::Duration;
/// use tidegate_embassy::{Lockout, Reason, SecondSignal, Shutdown, shutdown};
///
/// static SHUTDOWN: Shutdown<4> = Shutdown::with_second_signal(SecondSignal::Ignore);
/// # static MOTOR: Lockout<1> = Lockout::new();
///
/// // An `#[embassy_executor::task]`, or `main`.
/// async fn supervise() -> Result<(), shutdown::BeginError> {
///     let start_ups = SHUTDOWN.begin()?;
///     // … start the radio, then the motor …
///     let pressed = async { /* button.wait_for_low().await; */ Reason::Signal(13) };
///     let callbacks = start_ups.triggered_or(pressed).await; // or SHUTDOWN.trigger() in an interrupt handler
///     // … tell the motor to stop, then the radio …
///     let mut joins = callbacks.joins();
///     let _ = joins.join("motor", Duration::from_millis(500), MOTOR.wait()).await;
///     let report = joins.finish();
///     assert!(report.is_clean(), "who did not come: {:?}", report.late());
///     Ok(())
/// }
/// # embassy_futures::block_on(supervise())?;
/// # Ok::<(), shutdown::BeginError>(())
/// ```
///
/// A second signal ends no process, for there is none: it cuts the run short, and the report says so.
pub type Shutdown<const N: usize, T = EmbassyTimer> = shutdown::Shutdown<Embassy, Inline<N>, T>;

/// Where one task hands items over to another, on demand; room for `N`. See [`tidegate_core::generator`].
///
/// ```
/// use tidegate_embassy::{Handover, generator::Stopped};
///
/// static SAMPLES: Handover<u16, 4> = Handover::new();
///
/// let (mut producer, mut consumer) = Handover::halves(&SAMPLES).expect("nobody else has them");
/// // One task, which samples only what is asked for:
/// let sample = async move {
///     while producer.demanded().await {
///         producer.yield_(42).await?;
///     }
///     Ok::<(), Stopped<Option<u16>>>(())
/// };
/// // … and another.
/// # embassy_futures::block_on(embassy_futures::select::select(sample, async {
/// assert_eq!(consumer.next().await, Some(Ok(42)));
/// # }));
/// ```
pub type Handover<T, const N: usize, E = Infallible> = generator::Handover<Embassy, Inline<N>, T, E>;
