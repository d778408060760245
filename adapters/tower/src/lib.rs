//! Tidegate as Tower layers: who may proceed, when, and in what order, in any axum, hyper or tonic server.
//!
//! | layer | what it does | answers |
//! |---|---|---|
//! | [`PriorityLimitLayer`] | so many requests at once, the most urgent first, by a closure of the request | 503 |
//! | [`ConcurrencyLimitLayer`] | so many requests at once, as back-pressure | |
//! | [`RateLimitLayer`] | so many in so much time, by one quota or several | 429 |
//! | [`KeyedRateLimitLayer`] | the same for each key of a request, in bounded memory | 429 |
//! | [`LoadShedLayer`] | turns down what the service is not ready for, at once or after a while | 503 |
//! | [`LockoutLayer`] | leaves a service alone for as long as its answers say: 429, 503, `Retry-After` | 503 |
//! | [`CacheLayer`] | answers a safe request once for all who ask meanwhile, and keeps the answer for a time | |
//! | [`BatchLayer`] | turns a `Service<Vec<T>>` into a `Service<T>` | |
//!
//! ```
//! use core::time::Duration;
//! use axum::body::Body;
//! use axum::{Router, routing::get};
//! use http::Request;
//! use tidegate_tokio::{Priority, Quota};
//! use tidegate_tower::{PriorityLimitLayer, RateLimitLayer};
//! use tower::ServiceBuilder;
//!
//! let priority = |request: &Request<Body>| {
//!     let header = request.headers().get("x-priority").and_then(|value| value.to_str().ok());
//!     Priority(header.and_then(|value| value.parse().ok()).unwrap_or(0))
//! };
//! let app: Router = Router::new().route("/", get(async || "hello")).layer(
//!     ServiceBuilder::new()
//!         .layer(RateLimitLayer::new(Quota::per(1_000, Duration::from_secs(1))?).with_headers())
//!         .layer(PriorityLimitLayer::new(8, priority).max_waiting(500).max_wait(Duration::from_secs(5))),
//! );
//! # let _ = app;
//! # Ok::<(), tidegate_tokio::InvalidQuota>(())
//! ```
//!
//! # Clones share
//!
//! A layer owns its limit, and so do all services that it makes and all clones of them. axum makes one service for
//! each route: they share the limit of the layer. For a limit of its own each route needs a layer of its own.
//!
//! # Where it waits
//!
//! A layer whose limit does not depend on the request waits in `poll_ready`, or refuses without waiting. One that needs
//! the request first ([`PriorityLimitLayer`]), or is asked to wait ([`RateLimitLayer::delay`],
//! [`KeyedRateLimitLayer::delay`], [`LockoutLayer::delay`]), waits in the future of `call`: it takes its turn first, and
//! polls the service within ready only then. Nothing is retried, and nothing waits without a bound if you set one.
//!
//! # Refusals
//!
//! Each layer turns a [`Refusal`] into an answer with status and headers, and so has the same response and error types as
//! the service within; `refuse_with` changes that: [`Raise`] for an error, [`AnswerGrpc`] for gRPC, or a closure. The
//! refusal is among the extensions of the answer, so that a layer outside can tell it from the service's own.
//!
//! # Time
//!
//! It is tokio's, and stands still under `tokio::time::pause`. The rates that refuse take
//! [any clock](RateLimitLayer::with_timer).
//!
//! # Features
//!
//! - `tracing`: an event `refused` (debug level, target `tidegate`) for each refusal, and a span `wait` for each call that waits.
//!   Another event, `locked out`, when an answer starts a lockout.
//! - `metrics`: the counters `tidegate_admitted_total{layer}`, `tidegate_refused_total{layer, reason}` and
//!   `tidegate_lockouts_total`.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accessors;
mod announce;
mod batch;
mod cache;
mod concurrency_limit;
pub mod headers;
mod hold;
mod load_shed;
mod lockout;
mod observe;
mod oneshot;
mod priority_limit;
mod queued;
mod rate_limit;
mod refusal;
mod refuse;
mod running;
mod shedding;

pub use announce::{Announce, Silent, WithHeaders};
pub use batch::{Batch, BatchError, BatchFuture, BatchLayer};
pub use cache::{Cache, CacheBody, CacheFuture, CacheKey, CacheLayer, CacheStats, DefaultKey, ToCacheKey};
pub use concurrency_limit::{ConcurrencyLimit, ConcurrencyLimitFuture, ConcurrencyLimitLayer};
pub use hold::{HeldBody, Hold, UntilBody, UntilResponse};
pub use load_shed::{LoadShed, LoadShedFuture, LoadShedLayer};
pub use lockout::{
    FromHeaders, Learn, LearnedLockout, LockoutDelay, LockoutDelayFuture, LockoutDelayLayer, LockoutFuture,
    LockoutLayer, retry_after,
};
pub use priority_limit::{PriorityLimit, PriorityLimitFuture, PriorityLimitLayer};
pub use rate_limit::{
    KeyedRateDelay, KeyedRateDelayFuture, KeyedRateDelayLayer, KeyedRateLimit, KeyedRateLimitLayer, RateDelay,
    RateDelayFuture, RateDelayLayer, RateLimit, RateLimitFuture, RateLimitLayer,
};
pub use refusal::{Reason, Refusal};
pub use refuse::{Answer, AnswerGrpc, Raise, Refuse};
