//! The layers around mock services, under tokio's paused clock, and in a real server.
#![forbid(unsafe_code)]

mod batch;
mod bounds;
mod cache;
mod cancel;
mod concurrency;
mod keyed;
mod keyed_delay;
mod lockout;
mod loopback;
#[cfg(all(feature = "metrics", feature = "tracing"))]
mod observed;
mod priority;
mod rate;
mod refusal;
mod server;
mod shed;
mod sockets;
mod support;
