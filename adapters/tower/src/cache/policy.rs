//! For how long an answer may be kept.

use core::time::Duration;

use http::StatusCode;
use http::header::{
    AGE, CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderMap, HeaderName, SET_COOKIE, TRANSFER_ENCODING, VARY,
};

use crate::lockout::{seconds, until_date};

/// For how long an answer may be kept, `most` at most; `None` if it may not be.
///
/// `keyed` says that the key knows of what the answer varies by.
pub(super) fn lifetime(status: StatusCode, headers: &HeaderMap, most: Duration, keyed: bool) -> Option<Duration> {
    if !is_cacheable(status) || headers.contains_key(SET_COOKIE) || is_endless(headers) || varies(headers, keyed) {
        return None;
    }
    let (mut own, mut shared) = (None, None);
    for (name, value) in directives(headers, CACHE_CONTROL) {
        let is = |directive: &str| name.eq_ignore_ascii_case(directive);
        if is("no-store") || is("private") || is("no-cache") {
            return None;
        }
        // What cannot be understood is taken for none at all; of several the shortest counts.
        let span = || value.and_then(|value| seconds(value.trim_matches('"'))).unwrap_or_default();
        if is("max-age") {
            own = Some(own.map_or_else(span, |own: Duration| own.min(span())));
        } else if is("s-maxage") {
            shared = Some(shared.map_or_else(span, |shared: Duration| shared.min(span())));
        }
    }
    let said = shared.or(own).or_else(|| expires(headers));
    let age = text(headers, AGE).and_then(seconds).unwrap_or_default();
    let span = said.map_or(most, |said| said.saturating_sub(age).min(most));
    (!span.is_zero()).then_some(span)
}

/// What a cache may keep without being told, if the whole answer is there.
const fn is_cacheable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// Whether the body is a stream of events, which does not end.
fn is_endless(headers: &HeaderMap) -> bool {
    let kind = text(headers, CONTENT_TYPE).unwrap_or_default();
    kind.len() >= 17 && kind.as_bytes()[..17].eq_ignore_ascii_case(b"text/event-stream")
}

fn varies(headers: &HeaderMap, keyed: bool) -> bool {
    if keyed {
        return directives(headers, VARY).any(|(name, _)| name == "*");
    }
    headers.contains_key(VARY)
}

/// Until when it is good, in the form before `Cache-Control`. A date that is none has passed.
fn expires(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(EXPIRES)?;
    Some(value.to_str().ok().and_then(|value| until_date(headers, value)).unwrap_or_default())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The members of a list of `name` and `name=value`, of all fields of that name.
pub(super) fn directives(headers: &HeaderMap, field: HeaderName) -> impl Iterator<Item = (&str, Option<&str>)> {
    let fields = headers.get_all(field).into_iter().filter_map(|value| value.to_str().ok());
    fields.flat_map(|value| value.split(',')).map(|member| match member.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (member.trim(), None),
    })
}

/// Fields that belong to one connection, and not to the answer.
pub(super) fn strip(headers: &mut HeaderMap) {
    headers.remove(TRANSFER_ENCODING);
    headers.remove(http::header::CONNECTION);
}
