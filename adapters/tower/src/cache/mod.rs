//! [`Cache`]: a safe request is answered once for all who ask meanwhile, and the answer is kept for a time.

mod body;
mod future;
mod key;
mod policy;

pub use body::CacheBody;
pub use future::CacheFuture;
pub use key::{CacheKey, DefaultKey, ToCacheKey};
pub use tidegate_tokio::cache::Stats as CacheStats;

use crate::accessors::accessors;
use core::borrow::Borrow;
use core::fmt;
use core::hash::Hash;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AGE, HeaderMap};
use http::{Request, Response, StatusCode, Version};
use http_body::Body;
use tidegate_tokio::cache::Config;
use tidegate_tokio::{Clock, DefaultHashBuilder, Expiring, Instant, TokioTimer, TtlCache};
use tower_layer::Layer;
use tower_service::Service;

/// An answer that is kept.
#[derive(Clone)]
struct Kept(Arc<Answer>);

struct Answer {
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    body: Bytes,
    /// How old it was when it came.
    age: Duration,
    since: Instant,
    lifetime: Duration,
}

/// The answer may not be kept, or there is none.
#[derive(Clone, Copy, Debug)]
struct NotKept;

type Answers<K> = TtlCache<K, Kept, NotKept>;

impl Kept {
    fn lifetime(&self) -> Duration {
        self.0.lifetime
    }

    fn response<B: Body>(&self) -> Response<CacheBody<B>> {
        let answer = &*self.0;
        let mut response = Response::new(CacheBody::kept(answer.body.clone()));
        *response.status_mut() = answer.status;
        *response.version_mut() = answer.version;
        response.headers_mut().clone_from(&answer.headers);
        let age = answer.age + TokioTimer.now().duration_since(answer.since);
        response.headers_mut().insert(AGE, age.as_secs().into());
        response
    }
}

/// Answers a safe request once for all who ask meanwhile, and keeps the answer for a time: makes a [`Cache`].
///
/// All clones and all services of one layer share the answers.
///
/// ```
/// use core::time::Duration;
/// use axum::body::Body;
/// use http::Request;
/// use tidegate_tower::{CacheKey, CacheLayer};
///
/// let by_language = |request: &Request<Body>| {
///     let language = request.headers().get("accept-language").and_then(|value| value.to_str().ok());
///     Some((CacheKey::of(request), language.map(str::to_owned)))
/// };
/// let layer = CacheLayer::new(1_000, Duration::from_secs(60)).max_body(64 * 1024).key(by_language);
/// let app: axum::Router = axum::Router::new()
///     .route("/", axum::routing::get(async || "hello"))
///     .layer(layer);
/// # let _ = app;
/// ```
pub struct CacheLayer<K: Hash + Eq = CacheKey, F = DefaultKey> {
    answers: Arc<Answers<K>>,
    rules: Rules,
    key: F,
}

/// What is kept, and for how long.
#[derive(Clone, Copy, Debug)]
struct Rules {
    ttl: Duration,
    max_body: usize,
    keyed: bool,
    authorized: bool,
}

fn answers<K: Hash + Eq>(capacity: usize, ttl: Duration) -> Arc<Answers<K>> {
    let lifetimes = Expiring::with_clock(ttl, TokioTimer).by_value(Kept::lifetime);
    Arc::new(Answers::with_parts(Config::new(capacity), lifetimes, DefaultHashBuilder))
}

impl CacheLayer {
    /// Keeps up to `capacity` answers, each for `ttl` at most, by method, host and URI.
    ///
    /// With a capacity or a lifetime of zero nothing is kept; those who ask at the same time still share one answer.
    #[must_use]
    pub fn new(capacity: usize, ttl: Duration) -> Self {
        let rules = Rules { ttl, max_body: 1 << 20, keyed: false, authorized: false };
        Self { answers: answers(capacity, ttl), rules, key: DefaultKey }
    }
}

impl<K: Hash + Eq, F> CacheLayer<K, F> {
    /// Keeps bodies of so many bytes at most, 1 MiB if nothing is said. Longer ones are passed on.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.rules.max_body = bytes;
        self
    }

    /// Keeps answers by another key, and lets the rest pass: those for which there is none.
    ///
    /// Answers with `Vary` are kept from now on, unless it is `*`: the key must know of what they vary by.
    #[must_use]
    pub fn key<K2: Hash + Eq, F2>(self, key: F2) -> CacheLayer<K2, F2> {
        let rules = Rules { keyed: true, ..self.rules };
        CacheLayer { answers: answers(self.answers.capacity(), rules.ttl), rules, key }
    }

    /// Keeps answers to requests with `Authorization` as well. **The key must contain it**, or the answer for one user is
    /// given to another.
    #[must_use]
    pub fn authorized(mut self) -> Self {
        self.rules.authorized = true;
        self
    }

    /// Drops the answer of a key. One that is on its way goes to those who wait for it, and is not kept.
    pub fn invalidate<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.answers.invalidate(key);
    }

    /// Drops all answers.
    pub fn invalidate_all(&self) {
        self.answers.invalidate_all();
    }

    /// Drops the answers whose time is up. Nobody gets them any more as it is, but they take up memory.
    pub fn purge(&self) {
        self.answers.purge();
    }

    /// How many answers there are, also those whose time is up and that are still to be dropped.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether there are no answers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        self.answers.stats()
    }
}

impl<K: Hash + Eq, F: Clone> Clone for CacheLayer<K, F> {
    fn clone(&self) -> Self {
        Self { answers: Arc::clone(&self.answers), rules: self.rules, key: self.key.clone() }
    }
}

impl<K: Hash + Eq, F> fmt::Debug for CacheLayer<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheLayer")
            .field("answers", &self.answers)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl<S, K: Hash + Eq, F: Clone> Layer<S> for CacheLayer<K, F> {
    type Service = Cache<S, K, F>;

    fn layer(&self, inner: S) -> Self::Service {
        Cache { inner, cache: self.clone() }
    }
}

/// Answers a safe request once for all who ask meanwhile, and keeps the answer for a time: made by [`CacheLayer`].
///
/// | | kept |
/// |---|---|
/// | requests | GET and HEAD, without `Range` and conditions (`If-…`), `Cache-Control: no-store` or `no-cache`, and (unless [asked for](CacheLayer::authorized)) without `Authorization` |
/// | statuses | 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501 |
/// | answers | without `Cache-Control: no-store`, `private` or `no-cache`, without `Set-Cookie`, without `Vary` (unless [keyed](CacheLayer::key)), not an event stream |
/// | bodies | of [so many bytes](CacheLayer::max_body) at most, without trailers, read to their end |
///
/// An answer is kept for as long as the layer says, or less: `s-maxage`, `max-age` or `Expires`, less the `Age` that it came
/// with. Whoever gets it from the cache is told its `Age`.
///
/// The first who asks passes its request on; all who ask meanwhile wait for that answer. If it may not be kept, or the service
/// fails, only the first gets it and the others pass their own requests on, all at once. If the first goes away, the next
/// takes over with its own request. The body is read to its end before anybody gets the answer; one that is not kept
/// is passed on as it comes, what was read of it first.
///
/// A request that is not safe (`POST`, `PUT`, `DELETE`, …) and succeeds drops the answers of its URI, unless the layer has a
/// [key](CacheLayer::key) of its own, which must [say](ToCacheKey::changed_by) which ones then.
///
/// `poll_ready` is always ready: what is in the cache is answered though the service within is not ready. For others a clone
/// of it is polled ready.
///
/// # Cancel safety
///
/// Dropping the response's future gives up the place in line; if it had passed its request on, the next takes over.
///
/// # Cost
///
/// A hit is a short lock and a copy of the headers. A miss takes a box for its future.
#[derive(Clone)]
pub struct Cache<S, K: Hash + Eq = CacheKey, F = DefaultKey> {
    inner: S,
    cache: CacheLayer<K, F>,
}

impl<S, K: Hash + Eq, F> Cache<S, K, F> {
    accessors!(inner);
}

impl<S: fmt::Debug, K: Hash + Eq, F> fmt::Debug for Cache<S, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("inner", &self.inner).field("cache", &self.cache).finish()
    }
}

impl<S, B, ResB, K, F> Service<Request<B>> for Cache<S, K, F>
where
    S: Service<Request<B>, Response = Response<ResB>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Send + 'static,
    ResB: Body<Data = Bytes> + Send + Unpin + 'static,
    ResB::Error: Send,
    K: Hash + Eq + Clone + Send + Sync + 'static,
    F: ToCacheKey<B, K>,
{
    type Response = Response<CacheBody<ResB>>;
    type Error = S::Error;
    type Future = CacheFuture<S, B, ResB>;

    /// Always ready: the request waits, not its caller.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let CacheLayer { answers, rules, key } = &self.cache;
        let safe = key::is_safe(request.method(), request.headers(), rules.authorized);
        if key::changes(request.method()) {
            let changed = key.changed_by(&request);
            if !changed.is_empty() {
                return CacheFuture::change(Arc::clone(answers), changed, self.inner.clone(), request);
            }
        }
        let Some(key) = safe.then(|| key.to_key(&request)).flatten() else {
            return CacheFuture::pass(self.inner.clone(), request);
        };
        match answers.get(&key) {
            Some(kept) => CacheFuture::hit(kept.response()),
            None => CacheFuture::miss(Arc::clone(answers), key, *rules, self.inner.clone(), request),
        }
    }
}
