//! The header fields that say when to come again.
//!
//! # `RateLimit`
//!
//! `RateLimit-Limit` (how many requests can be made at once, at most), `RateLimit-Remaining` (how many can be made
//! now) and `RateLimit-Reset` (in how many seconds, rounded up, as many as the limit can be made), after the IETF's
//! `draft-ietf-httpapi-ratelimit-headers`, in the form of three fields that is in use (drafts 03 to 07).

use core::time::Duration;

use http::header::{HeaderMap, HeaderName};
use tidegate_tokio::Instant;
use tidegate_tokio::rate_limiter::Level;

/// `RateLimit-Limit`.
pub const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
/// `RateLimit-Remaining`.
pub const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// `RateLimit-Reset`.
pub const RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Whole seconds, rounded up: whoever comes after them does not come early.
pub(crate) const fn seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add((span.subsec_nanos() > 0) as u64)
}

/// What the three fields say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateStatus {
    /// How many requests can be made at once, at most.
    pub limit: u32,
    /// How many can be made now.
    pub remaining: u32,
    /// In how many seconds, rounded up, as many as the limit can be made.
    pub reset: u64,
}

impl RateStatus {
    pub(crate) fn new(level: Level, now: Instant) -> Self {
        let reset = seconds(level.full_at.duration_since(now));
        Self { limit: level.max_tokens, remaining: level.available, reset }
    }

    /// Writes the three fields, unless they are there of a quota that has no more left: of a layer further in, say.
    pub(crate) fn announce(&self, headers: &mut HeaderMap) {
        let said = headers.get(RATELIMIT_REMAINING).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        if said.is_none_or(|said: u64| u64::from(self.remaining) < said) {
            self.write(headers);
        }
    }

    /// Writes the three fields.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(RATELIMIT_LIMIT, self.limit.into());
        headers.insert(RATELIMIT_REMAINING, self.remaining.into());
        headers.insert(RATELIMIT_RESET, self.reset.into());
    }
}
