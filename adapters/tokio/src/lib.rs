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
//! Under [`tokio::time::pause`] everything that knows time stands still with tokio's clock. A runtime needs its
//! time enabled (`enable_time` or `enable_all`) for whatever sleeps; nothing else of tokio's is asked for.
#![forbid(unsafe_code)]

mod platform;
pub mod priority;
mod timer;

use std::sync::Arc;

use tidegate_core::{Heap, semaphore};

pub use platform::Tokio;
pub use tidegate_core::semaphore::{AcquireError, Config, HeadOfLine, TooManyPermits, TryAcquireError};
pub use tidegate_core::{Clock, Elapsed, Instant, Priority, Timeout, Timer, timeout_at};
pub use timer::{Sleep, TokioTimer, timeout};

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

/// The clock for tests: stands still until it is told otherwise. See [`tidegate_core::ManualClock`].
pub type ManualClock = tidegate_core::ManualClock<Tokio, Heap>;
