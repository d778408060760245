//! Rates: [`RateLimit`] refuses what comes too early, [`KeyedRateLimit`] by a key of the request; [`RateDelay`] and
//! [`KeyedRateDelay`] let it wait.

mod delay;
mod future;
mod global;
mod keyed;
mod keyed_delay;
mod limiters;
mod turns;

pub use delay::{RateDelay, RateDelayFuture, RateDelayLayer};
pub use future::RateLimitFuture;
pub use global::{RateLimit, RateLimitLayer};
pub use keyed::{KeyedRateLimit, KeyedRateLimitLayer};
pub use keyed_delay::{KeyedRateDelay, KeyedRateDelayFuture, KeyedRateDelayLayer};
