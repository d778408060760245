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
#![forbid(unsafe_code)]

mod cancel;
mod error;
mod explore;
mod schedule;
mod seeds;
mod sim;
mod task;
mod timer;
mod trace;
mod world;

pub use cancel::{Cancel, cancel_after, cancel_before};
pub use error::SimError;
pub use explore::{Explored, explore};
pub use schedule::Schedule;
pub use seeds::for_each_seed;
pub use sim::Sim;
pub use task::{JoinError, JoinHandle, YieldNow, spawn, spawn_named, yield_now};
pub use tidegate_core::semaphore::{AcquireError, Config, HeadOfLine, TooManyPermits, TryAcquireError};
pub use tidegate_core::{Clock, Elapsed, Instant, Priority, Timeout, Timer, timeout_at};
pub use timer::{SimTimer, Sleep, advance, now, sleep, timeout};
pub use trace::Step;

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

/// A clock that stands still until it is told otherwise, also while the simulator's own time goes on. See
/// [`tidegate_core::ManualClock`].
pub type ManualClock = tidegate_core::ManualClock<Sim, Heap>;

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
