//! What holds for the handles, beyond what one platform or another makes of them.
#![forbid(unsafe_code)]

mod cache;
mod clock;
mod dice;
mod extremes;
mod gate;
mod keyed;
mod limiter;
mod lockout;
mod orders;
mod panics;
mod patience;
mod priority;
mod promises;
mod queue;
mod scheduler;
mod types;
mod wakers;
mod waterfall;
mod waterfall_seeds;
