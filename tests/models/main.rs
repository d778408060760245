//! State machines against naive references, step by step.
#![forbid(unsafe_code)]

mod cache;
mod handle;
mod handover;
mod keyed_line;
mod limiter;
mod lockout;
mod lru;
mod machine;
mod queue;
mod scheduler;
mod shutdown;
mod task_group;
mod wait_queue;
mod waterfall;
