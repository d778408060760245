//! [`Lifetime`]: for how long an answer may be kept, by its headers; and [`directives`], what `Cache-Control` says.

use core::time::Duration;

use axum::http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AGE, CACHE_CONTROL, SET_COOKIE, VARY};
use axum::http::{HeaderName, HeaderValue, StatusCode};

use crate::http::Answer;

/// How large the largest is that is kept.
const LARGEST_PAGE: usize = 1 << 16;
/// For how long one that is past its time may be served while a new one is fetched.
pub(crate) const STALE: Duration = Duration::from_secs(1);
/// Whose answers differ in one of these, differ.
pub(crate) static NEGOTIATED: [HeaderName; 3] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE];

/// For how long an answer may be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    /// From when it came.
    pub(crate) fresh: Duration,
    /// How old it was then.
    pub(crate) age: Duration,
    /// Whether it may be served when it is not fresh any more.
    may_be_stale: bool,
}

impl Lifetime {
    /// In the words of RFC 9111; `None` if the answer is not for everybody.
    pub(crate) fn of(answer: &Answer, ttl: Duration) -> Option<Self> {
        let headers = &answer.headers;
        if answer.status != StatusCode::OK || answer.body.len() > LARGEST_PAGE {
            return None;
        }
        let (mut said, mut said_to_caches, mut may_be_stale) = (None, None, true);
        for directive in directives(headers.get_all(CACHE_CONTROL)) {
            if ["no-store", "no-cache", "private"].iter().any(|name| directive.is(name)) {
                return None;
            } else if directive.is("max-age") {
                said = Some(directive.seconds());
            } else if directive.is("s-maxage") {
                said_to_caches = Some(directive.seconds());
                may_be_stale = false;
            } else if directive.is("must-revalidate") || directive.is("proxy-revalidate") {
                may_be_stale = false;
            }
        }
        let is_common = !headers.contains_key(SET_COOKIE)
            && headers.get_all(VARY).iter().all(|vary| vary.to_str().is_ok_and(is_negotiated));
        if !is_common {
            return None;
        }
        let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok());
        let age = Duration::from_secs(age.unwrap_or(0));
        Some(Self { fresh: said_to_caches.or(said).unwrap_or(ttl).saturating_sub(age), age, may_be_stale })
    }

    /// After that the cache has it fetched anew, and serves it for as long as [`STALE`] meanwhile.
    pub(crate) const fn kept_for(self) -> Duration {
        if self.may_be_stale { self.fresh } else { self.fresh.saturating_sub(STALE) }
    }
}

fn is_negotiated(vary: &str) -> bool {
    vary.split(',').all(|name| NEGOTIATED.iter().any(|known| name.trim().eq_ignore_ascii_case(known.as_str())))
}

/// A word of `Cache-Control`.
pub(crate) struct Directive<'a> {
    name: &'a str,
    value: &'a str,
}

impl Directive<'_> {
    pub(crate) const fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// None at all if that makes no sense.
    fn seconds(&self) -> Duration {
        Duration::from_secs(self.value.trim_matches('"').parse().unwrap_or(0))
    }
}

/// Those in values of `Cache-Control`.
pub(crate) fn directives<'a>(
    values: impl IntoIterator<Item = &'a HeaderValue>,
) -> impl Iterator<Item = Directive<'a>> {
    // What cannot be read may say anything.
    let values = values.into_iter().map(|value| value.to_str().unwrap_or("no-store"));
    values.flat_map(|value| value.split(',')).map(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        Directive { name: name.trim_ascii(), value: value.trim_ascii() }
    })
}
