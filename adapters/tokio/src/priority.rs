//! The priority scope: how urgent everything inside it is, for requests that name no priority themselves.
//!
//! It is the scope of [`tidegate_threads::priority`], in the async colour. A task takes its scope along to
//! whichever worker polls it. What it *spawns* begins outside of every scope; wrap the spawned future to hand
//! the priority on.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use tidegate_tokio::{Priority, priority};
//!
//! let seen = priority::scope(Priority(-5), async {
//!     let spawned = tokio::spawn(priority::scope(priority::current(), async { priority::current() }));
//!     spawned.await.expect("it does not panic")
//! });
//! assert_eq!(seen.await, Priority(-5));
//! assert_eq!(priority::current(), Priority::default());
//! # }
//! ```

pub use tidegate_threads::priority::{Scoped, current, scope as scope_blocking, scope_future as scope};
