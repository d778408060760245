//! [`CacheKey`]: which requests have one answer.

use bytes::{Bytes, BytesMut};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, HOST, HeaderMap, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{Method, Request, Uri};

use super::policy::directives;

/// Says which requests have one answer: [`DefaultKey`], or a closure `Fn(&Request<B>) -> Option<K>`.
pub trait ToCacheKey<B, K> {
    /// The key, or `None` if the request is not to be answered from the cache.
    ///
    /// A clone of it is kept for as long as the answer is. Header values and parts of a URI that came over a connection hold
    /// on to its whole read buffer, also when they are cloned: better take strings. ([`CacheKey`] sees to it itself.)
    fn to_key(&self, request: &Request<B>) -> Option<K>;

    /// The keys of the answers that are dropped when a request succeeds that is not safe (`POST`, `PUT`, `DELETE`). None, if
    /// nothing is said.
    fn changed_by(&self, _request: &Request<B>) -> Vec<K> {
        Vec::new()
    }
}

impl<F, B, K> ToCacheKey<B, K> for F
where
    F: Fn(&Request<B>) -> Option<K>,
{
    fn to_key(&self, request: &Request<B>) -> Option<K> {
        self(request)
    }
}

/// Method, host and URI, as in [`CacheKey`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefaultKey;

impl<B> ToCacheKey<B, CacheKey> for DefaultKey {
    fn to_key(&self, request: &Request<B>) -> Option<CacheKey> {
        Some(CacheKey::of(request))
    }

    /// The answers to `GET` and `HEAD` of this URI.
    fn changed_by(&self, request: &Request<B>) -> Vec<CacheKey> {
        [Method::GET, Method::HEAD].map(|method| CacheKey { method, ..CacheKey::of(request) }).into()
    }
}

/// A request's method, host and URI, the query included.
///
/// It shares memory with the request, so that looking for an answer copies nothing. A clone has memory of its own.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    method: Method,
    host: Option<HeaderValue>,
    uri: Uri,
}

impl CacheKey {
    /// Of this request: as a part of other keys, or to [invalidate](super::CacheLayer::invalidate) its answer.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            host: request.headers().get(HOST).cloned(),
            uri: request.uri().clone(),
        }
    }
}

/// What is kept must not hold on to the buffer of a connection.
impl Clone for CacheKey {
    fn clone(&self) -> Self {
        let uri = Uri::from_maybe_shared(Bytes::from(self.uri.to_string()));
        Self {
            method: self.method.clone(),
            host: self.host.as_ref().map(|host| own(host, Bytes::copy_from_slice(host.as_bytes()))),
            uri: uri.unwrap_or_else(|_| self.uri.clone()),
        }
    }
}

/// The same value in other memory.
fn own(value: &HeaderValue, copy: Bytes) -> HeaderValue {
    let Ok(mut copy) = HeaderValue::from_maybe_shared(copy) else { return value.clone() };
    copy.set_sensitive(value.is_sensitive());
    copy
}

/// Gives all values memory of their own.
pub(super) fn own_values(headers: &mut HeaderMap) {
    let mut buffer = BytesMut::with_capacity(headers.values().map(HeaderValue::len).sum());
    for value in headers.values_mut() {
        buffer.extend_from_slice(value.as_bytes());
        *value = own(value, buffer.split().freeze());
    }
}

/// Whether a request of this method is meant to change something.
pub(super) const fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Whether a request may be answered from a cache at all.
pub(super) fn is_safe(method: &Method, headers: &HeaderMap, authorized: bool) -> bool {
    const PARTIAL: [http::HeaderName; 6] =
        [RANGE, IF_RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];
    if !matches!(*method, Method::GET | Method::HEAD) || (!authorized && headers.contains_key(AUTHORIZATION)) {
        return false;
    }
    let refuses = |name: &str| name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache");
    !PARTIAL.iter().any(|name| headers.contains_key(name))
        && !directives(headers, CACHE_CONTROL).any(|(name, _)| refuses(name))
}
