//! Who may proceed, when, and in what order: the core of Tidegate.
//!
//! This crate has no clock, no executor, no global state, no unsafe code and, without the feature `alloc`, no
//! allocation. It is for those who bring their own surroundings: a superloop, an interrupt handler, a test. On
//! tokio, plain threads or embassy, take the adapter of that name, which has aliases without type parameters.
//!
//! # Where things are
//!
//! | module or type | what it is |
//! |---|---|
//! | [`semaphore`] | a weighted priority semaphore |
//! | [`rate_limiter`] | rate limits, exact, with a line for those who wait |
//! | [`gate`] | semaphore, rate limiter and lockout, entered as one |
//! | [`lockout`] | nobody new comes in until all lockouts have ended |
//! | [`generator`] | a producer that runs only on demand, and its items one by one |
//! | [`shutdown`] | what is started in order is stopped in order, with a report of who did not come |
//! | [`cache`] | a cache that computes a value once, however many ask |
//! | [`oneshot`] | one value handed over |
//! | [`task_group`] | how many are still at it, and a wait for the last one |
//! | [`scheduler`] | payloads that come out when their time has come |
//! | [`lru`], [`ttl_lru`] | bounded maps that evict what was not used for longest; one with lifetimes |
//! | [`waterfall`] | batches, by volume or by interval, with backpressure |
//! | [`queue`] | queues with a sync and an async side: first in first out, last in first out, by priority |
//! | [`batcher`] | requests that are answered together, each to its caller |
//! | [`WaitQueue`] | a line of waiters, by [`Priority`] and then by arrival |
//! | [`Instant`], [`Clock`], [`Timer`], [`ManualClock`] | time, as far as core knows it |
//! | [`WallTime`], [`WallClock`] | the time of day, which people set |
//! | [`Wake`], [`WakeList`] | something to wake, and wakes to deliver later |
//! | [`Storage`]: [`Inline`], `Heap` | where a primitive keeps what grows with use |
//! | [`Platform`], [`Timed`], [`Blocking`], [`Spawn`] | what a binding provides |
//!
//! (`Heap` needs the feature `alloc`.)
//!
//! # Two layers, and how to drive the lower one
//!
//! Every primitive is a *machine* and a *handle*. The machine is a plain value: its operations take `&mut self`
//! and, where it matters, the time; it wakes nobody. The handle is the machine behind the lock of a
//! [`Platform`], with futures and guards.
//!
//! Whoever drives a machine keeps three rules:
//!
//! 1. After an operation, call `settle` with an empty [`WakeList`] for as long as it answers `true`.
//! 2. Drop each list, and whatever else the machine handed out, *after* the lock is released: wakers and values
//!    are foreign code.
//! 3. Pass wakers that exist already: clone them before the lock is taken.
//!
//! # Cancel safety
//!
//! Dropping a future of this crate, at any point, loses no permit and no wake-up and strands no other waiter.
//! The section `# Cancel safety` of each says more, in these grades:
//!
//! - **keeps nothing**: it gives its place in line up, and what was on its way to it goes to the next;
//! - **keeps its place**: the work goes on, and asking again takes up where one left.
//!
//! # Features
//!
//! - `alloc`: `Heap` storage.
//! - `critical-section`: `CriticalSection`, a [`Platform`] for interrupts and bare metal.
//! - `defmt`: `defmt::Format` for plain values: instants, priorities, errors.
//! - `futures`: `Stream` and `Sink` of the crate `futures`, for what is one.
//!
//! None is on by default, and none changes what the others do.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(loom)]
extern crate std;

pub mod batcher;
pub mod cache;
mod deque;
pub mod gate;
pub mod generator;
mod grants;
mod index;
pub mod lockout;
pub mod lru;
pub mod oneshot;
mod platform;
mod pointer;
mod priority;
pub mod queue;
pub mod rate_limiter;
mod rooms;
pub mod scheduler;
pub mod semaphore;
pub mod shutdown;
mod slab;
mod stock;
mod storage;
mod sync;
pub mod task_group;
#[cfg(all(test, not(loom)))]
mod testing;
mod time;
pub mod ttl_lru;
mod wait_queue;
mod wake;
mod wakes;
pub mod waterfall;

pub use deque::Deque;
pub use index::HashIndex;
#[cfg(feature = "critical-section")]
pub use platform::CriticalSection;
pub use platform::{Blocking, Local, Platform, Spawn, Timed};
pub use priority::Priority;
pub use rooms::Rooms;
pub use stock::{Shelf, Stock};
#[cfg(feature = "alloc")]
pub use storage::Heap;
pub use storage::{Buffer, Inline, Storage};
pub use time::{Clock, Elapsed, Instant, ManualClock, ManualSleep, Timeout, Timer, timeout_at};
pub use time::{ManualWallClock, MaybeWall, NoWall, WallClock, WallTime};
pub use wait_queue::{WaitQueue, WaiterKey};
pub use wake::{Wake, WakeList};
