//! What must not compile, where types are the safeguard.
//!
//! Each case comes twice: as it should be written, which compiles, and with the one thing changed that must
//! not. So a case cannot fail to compile for another reason than its own without its twin failing too. (The codes
//! are looked at by nightly compilers only.)

/// What has no lock is not shared between threads.
///
/// ```
/// use tidegate_core::{Heap, semaphore::Semaphore};
///
/// static SHARED: Semaphore<tidegate_threads::Threads, Heap> = Semaphore::new(1);
/// # drop(SHARED.try_acquire());
/// ```
///
/// ```compile_fail,E0277
/// use tidegate_core::{Heap, semaphore::Semaphore};
///
/// static SHARED: Semaphore<tidegate_core::Local, Heap> = Semaphore::new(1);
/// # drop(SHARED.try_acquire());
/// ```
///
/// ```
/// let semaphore = tidegate_threads::Semaphore::new(1);
/// std::thread::scope(|scope| {
///     scope.spawn(|| drop(semaphore.try_acquire()));
/// });
/// ```
///
/// ```compile_fail,E0277
/// let semaphore = tidegate_embassy::local::Semaphore::<4>::new(1);
/// std::thread::scope(|scope| {
///     scope.spawn(|| drop(semaphore.try_acquire()));
/// });
/// ```
#[derive(Debug)]
pub struct LocalStaysOnItsThread;

/// Nothing blocks where there is no thread to be blocked.
///
/// ```
/// let _permit = tidegate_threads::Semaphore::new(1).acquire_blocking().map(|permit| permit.count());
/// ```
///
/// ```compile_fail,E0599
/// let _permit = tidegate_sim::Semaphore::new(1).acquire_blocking().map(|permit| permit.count());
/// ```
///
/// ```compile_fail,E0599
/// let _permit = tidegate_embassy::Semaphore::<4>::new(1).acquire_blocking().map(|permit| permit.count());
/// ```
///
/// ```compile_fail,E0599
/// use tidegate_core::{Heap, Local, semaphore::Semaphore};
///
/// let _permit = Semaphore::<Local, Heap>::new(1).acquire_blocking().map(|permit| permit.count());
/// ```
#[derive(Debug)]
pub struct BlockingIsForThreads;

/// Nothing times out where there is no timer.
///
/// ```
/// use tidegate_core::{Heap, semaphore::Semaphore};
///
/// let semaphore = Semaphore::<tidegate_threads::Threads, Heap>::new(1);
/// drop(semaphore.acquire_timeout(core::time::Duration::ZERO));
/// ```
///
/// ```compile_fail,E0599
/// use tidegate_core::{Heap, semaphore::Semaphore};
///
/// let semaphore = Semaphore::<tidegate_core::Local, Heap>::new(1);
/// drop(semaphore.acquire_timeout(core::time::Duration::ZERO));
/// ```
#[derive(Debug)]
pub struct TimeoutsNeedATimer;

/// A permit does not outlive the semaphore that it borrows; one that shares its semaphore may.
///
/// ```
/// use std::sync::Arc;
/// use tidegate_tokio::Semaphore;
///
/// let permit = {
///     let semaphore = Arc::new(Semaphore::new(1));
///     Semaphore::try_acquire_owned(semaphore, 1)
/// };
/// drop(permit);
/// ```
///
/// ```compile_fail,E0597
/// use std::sync::Arc;
/// use tidegate_tokio::Semaphore;
///
/// let permit = {
///     let semaphore = Arc::new(Semaphore::new(1));
///     semaphore.try_acquire()
/// };
/// drop(permit);
/// ```
///
/// The same goes for a request.
///
/// ```compile_fail,E0597
/// use std::sync::Arc;
/// use tidegate_tokio::Semaphore;
///
/// let request = {
///     let semaphore = Arc::new(Semaphore::new(1));
///     semaphore.acquire()
/// };
/// drop(request);
/// ```
#[derive(Debug)]
pub struct PermitsDoNotOutliveTheirSemaphore;

/// A permit is one permit: it cannot be doubled, and not be used after it has been given away.
///
/// ```
/// let semaphore = tidegate_tokio::Semaphore::new(2);
/// let mut permit = semaphore.try_acquire_many(2)?;
/// let half = permit.split(1);
/// # drop(half);
/// # Ok::<(), tidegate_tokio::TryAcquireError>(())
/// ```
///
/// ```compile_fail,E0599
/// let semaphore = tidegate_tokio::Semaphore::new(2);
/// let mut permit = semaphore.try_acquire_many(2)?;
/// let half = permit.clone();
/// # drop(half);
/// # Ok::<(), tidegate_tokio::TryAcquireError>(())
/// ```
///
/// ```compile_fail,E0382
/// let semaphore = tidegate_tokio::Semaphore::new(2);
/// let mut permit = semaphore.try_acquire_many(2)?;
/// permit.forget();
/// let half = permit.split(1);
/// # drop(half);
/// # Ok::<(), tidegate_tokio::TryAcquireError>(())
/// ```
#[derive(Debug)]
pub struct APermitIsOnePermit;

/// Permits of different adapters are different things, and are not merged.
///
/// ```
/// let (one, other) = (tidegate_tokio::Semaphore::new(1), tidegate_tokio::Semaphore::new(1));
/// let mut permit = one.try_acquire()?;
/// drop(permit.merge(other.try_acquire()?));
/// # Ok::<(), tidegate_tokio::TryAcquireError>(())
/// ```
///
/// ```compile_fail,E0308
/// let (one, other) = (tidegate_tokio::Semaphore::new(1), tidegate_threads::Semaphore::new(1));
/// let mut permit = one.try_acquire()?;
/// drop(permit.merge(other.try_acquire()?));
/// # Ok::<(), tidegate_tokio::TryAcquireError>(())
/// ```
#[derive(Debug)]
pub struct AdaptersAreNotMixed;

/// A clock for tests is a timer by reference, for its sleeps go on only while it is there.
///
/// ```
/// fn takes_a_timer<T: tidegate_core::Timer>(_: T) {}
///
/// takes_a_timer(&tidegate_threads::ManualClock::new());
/// ```
///
/// ```compile_fail,E0277
/// fn takes_a_timer<T: tidegate_core::Timer>(_: T) {}
///
/// takes_a_timer(tidegate_threads::ManualClock::new());
/// ```
#[derive(Debug)]
pub struct AManualClockIsATimerByReference;

/// Whoever matches an error is ready for more reasons to come.
///
/// ```
/// use tidegate_core::semaphore::TryAcquireError;
///
/// let _why = |error| match error {
///     TryAcquireError::Closed => "closed",
///     TryAcquireError::NoPermits => "no permits",
///     TryAcquireError::ZeroPermits => "zero",
///     TryAcquireError::TooManyPermits => "too many",
///     _ => "news",
/// };
/// ```
///
/// ```compile_fail,E0004
/// use tidegate_core::semaphore::TryAcquireError;
///
/// let _why = |error| match error {
///     TryAcquireError::Closed => "closed",
///     TryAcquireError::NoPermits => "no permits",
///     TryAcquireError::ZeroPermits => "zero",
///     TryAcquireError::TooManyPermits => "too many",
/// };
/// ```
#[derive(Debug)]
pub struct ErrorsMayGrow;

/// A request that is not awaited, and a permit that is not kept, are remarked on.
///
/// ```
/// #![deny(unused_must_use)]
/// let semaphore = tidegate_tokio::Semaphore::new(1);
/// let _request = semaphore.acquire();
/// let _permit = semaphore.try_acquire();
/// ```
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// let semaphore = tidegate_tokio::Semaphore::new(1);
/// semaphore.acquire();
/// let _permit = semaphore.try_acquire();
/// ```
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// let semaphore = tidegate_tokio::Semaphore::new(1);
/// let _request = semaphore.acquire();
/// semaphore.try_acquire().unwrap();
/// ```
#[derive(Debug)]
pub struct NothingIsThrownAwayByAccident;
