//! [`CacheKey`]: which requests have one answer.

use http::header::{
    AUTHORIZATION, CACHE_CONTROL, HOST, HeaderMap, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{Method, Request, Uri};

use super::policy::directives;

/// Says which requests have one answer: [`DefaultKey`], or a closure `Fn(&Request<B>) -> Option<K>`.
pub trait ToCacheKey<B, K> {
    /// The key, or `None` if the request is not to be answered from the cache.
    fn to_key(&self, request: &Request<B>) -> Option<K>;
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
}

/// A request's method, host and URI, the query included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
