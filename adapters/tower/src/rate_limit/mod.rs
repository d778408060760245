//! Rates: [`RateLimit`] refuses what comes too early, [`KeyedRateLimit`] by a key of the request, and [`RateDelay`] lets it
//! wait.

mod delay;
mod future;
mod global;
mod keyed;
mod limiters;

pub use delay::{RateDelay, RateDelayFuture, RateDelayLayer};
pub use future::RateLimitFuture;
pub use global::{RateLimit, RateLimitLayer};
pub use keyed::{KeyedRateLimit, KeyedRateLimitLayer};
