//! Who may proceed, when, and in what order.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(loom)]
extern crate std;

mod platform;
mod priority;
pub mod semaphore;
mod slab;
mod storage;
mod sync;
mod time;
mod wait_queue;
mod wake;

#[cfg(feature = "critical-section")]
pub use platform::CriticalSection;
pub use platform::{Blocking, Local, Platform, Timed};
pub use priority::Priority;
#[cfg(feature = "alloc")]
pub use storage::Heap;
pub use storage::{Buffer, Inline, Storage};
pub use time::{Clock, Elapsed, Instant, ManualClock, ManualSleep, Timeout, Timer, timeout_at};
pub use wait_queue::{WaitQueue, WaiterKey};
pub use wake::{Wake, WakeList};
