//! State machines in lockstep with naive references.
//!
//! Each module has a reference, written without a care for cost; the steps that can be taken; `play`, which takes
//! them on both sides and compares; and `run`, which reads the steps from bytes. `tests/models` draws steps that
//! shrink, `tests/fuzz` lets a fuzzer find bytes, and a plain test here replays those that were worth keeping.
//!
//! To add one: a module here, a line in [`TARGETS`], three lines in `tests/fuzz/fuzz_targets`, an entry in its
//! `Cargo.toml`, and some seeds in `tests/fuzz/corpus`.
#![forbid(unsafe_code)]
#![expect(missing_docs, reason = "steps are named after the operations that they call")]
#![expect(clippy::missing_panics_doc, reason = "to panic is how they say that the two differ")]

mod bell;
mod bytes;
pub mod cache;
pub mod keyed;
pub mod keyed_line;
pub mod limiter;
pub mod lockout;
pub mod lru;
pub mod queue;
pub mod quota;
pub mod scheduler;
pub mod semaphore;
pub mod wait_queue;
pub mod waterfall;

/// What interprets bytes.
pub type Run = fn(&[u8]);

/// Every target by name: that of its file in `fuzz_targets` and of its folder in `corpus`.
pub const TARGETS: [(&str, Run); 13] = [
    ("cache", cache::run),
    ("keyed", keyed::run),
    ("keyed_line", keyed_line::run),
    ("limiter", limiter::run),
    ("lockout", lockout::run),
    ("lru", lru::run),
    ("queue", queue::run),
    ("quota", quota::run),
    ("scheduler", scheduler::run),
    ("semaphore", semaphore::run),
    ("ttl_lru", lru::run_with_lifetimes),
    ("wait_queue", wait_queue::run),
    ("waterfall", waterfall::run),
];
