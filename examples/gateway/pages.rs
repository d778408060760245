//! [`Pages`]: answers that are kept for a while, and fetched once for all who ask at the same time.

use core::time::Duration;
use std::hash::RandomState;
use std::sync::Arc;

use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, COOKIE, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE, SET_COOKIE, VARY,
};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use tidegate_tokio::cache::{Config, Expiring, Stats, WhenFull};
use tidegate_tokio::{Clock, Instant, LoadError, TokioTimer, TtlCache};

use crate::http::Outbound;
use crate::options::Options;
use crate::refusal::Refusal;
use crate::telemetry::Cached;
use crate::upstream::Fetched;

/// How many pages are kept, and how large the largest is: 64 MiB in all.
const PAGES: usize = 1_024;
const LARGEST_PAGE: usize = 1 << 16;
/// How many are fetched at once; whoever comes then fetches for himself alone.
const FLIGHTS: usize = 1_024;
/// For how long a page that is past its time may be served while a new one is fetched.
const STALE: Duration = Duration::from_secs(1);

/// Who sends one of these wants an answer of his own.
const PERSONAL: [HeaderName; 7] =
    [AUTHORIZATION, COOKIE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE];
/// Whose answers differ in one of these, differ.
const NEGOTIATED: [HeaderName; 3] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE];

#[derive(Debug)]
pub(crate) struct Pages {
    cache: TtlCache<Key, Arc<Page>, Unkept, TokioTimer, RandomState>,
    ttl: Duration,
}

/// What is for those who wait for it, and not kept: to the cache, an error.
#[derive(Clone, Debug)]
enum Unkept {
    Refused(Refusal),
    /// An answer that concerns nobody but whoever fetched it.
    Private(Arc<Fetched>),
}

/// The path, and what was negotiated, a line each.
type Key = Box<str>;

/// An answer for everybody who asks for it.
#[derive(Debug)]
struct Page {
    fetched: Fetched,
    ttl: Duration,
    /// When it came.
    since: Instant,
}

impl Pages {
    pub(crate) fn new(options: &Options) -> Self {
        let lifetimes = Expiring::with_clock(options.ttl, TokioTimer)
            .stale_while_revalidate(STALE)
            .by_value(|page: &Arc<Page>| page.ttl);
        let config = Config::new(PAGES).max_flights(FLIGHTS).when_full(WhenFull::Unshared);
        Self { cache: TtlCache::with_parts(config, lifetimes, RandomState::new()), ttl: options.ttl }
    }

    /// Under which key the answer to a request may be kept; `None` if it concerns nobody else.
    pub(crate) fn key(request: &Outbound) -> Option<Key> {
        let headers = &request.headers;
        let is_common = request.method == Method::GET
            && request.body.is_empty()
            && !PERSONAL.iter().any(|name| headers.contains_key(name))
            && !directives(headers).any(|directive| matches!(directive, "no-cache" | "no-store"));
        if !is_common {
            return None;
        }
        let mut key = request.path.as_str().to_owned();
        for name in &NEGOTIATED {
            key.push('\n');
            for value in headers.get_all(name) {
                key.push_str(value.to_str().ok()?);
                key.push(',');
            }
        }
        Some(key.into())
    }

    /// The page of this key: one that is there, or one that somebody fetches just now, or else the one that `fetch`
    /// does. `None` if it turned out to be somebody else's.
    ///
    /// # Errors
    ///
    /// Those of whoever has fetched; they are not kept.
    pub(crate) async fn get<F>(
        &self,
        key: &Key,
        fetch: impl FnOnce() -> F + Send,
    ) -> Result<Option<(Fetched, Cached)>, Refusal>
    where
        F: Future<Output = Result<Fetched, Refusal>> + Send,
    {
        let asked = TokioTimer.now();
        let mut fetched = false;
        let loaded = self.cache.get_or_load(key, || {
            fetched = true;
            let page = fetch();
            async { Page::new(page.await.map_err(Unkept::Refused)?, self.ttl).map(Arc::new) }
        });
        let page = match loaded.await {
            Ok(page) => page,
            Err(LoadError::Failed(Unkept::Refused(refusal))) => return Err(refusal),
            // It has no other owner, unless somebody waits who will find out that it is not his.
            Err(LoadError::Failed(Unkept::Private(answer))) if fetched => {
                return Ok(Some((Arc::unwrap_or_clone(answer), Cached::Miss)));
            }
            Err(_) => return Ok(None),
        };
        if fetched {
            return Ok(Some((page.fetched.clone(), Cached::Miss)));
        }
        let how = if page.since > asked {
            Cached::Joined
        } else if asked < page.since + page.ttl {
            Cached::Hit
        } else {
            Cached::Stale
        };
        Ok(Some((page.fetched.clone(), how)))
    }

    /// Drops whatever is past its time.
    pub(crate) fn purge(&self) {
        self.cache.purge();
    }

    pub(crate) fn stats(&self) -> Stats {
        self.cache.stats()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.cache.len()
    }
}

impl Page {
    /// `ttl` is for answers that say nothing of it.
    fn new(fetched: Fetched, ttl: Duration) -> Result<Self, Unkept> {
        let Some(ttl) = lifetime(&fetched, ttl) else { return Err(Unkept::Private(Arc::new(fetched))) };
        let fetched = Fetched { answer: fetched.answer.detached(), ..fetched };
        Ok(Self { ttl, since: TokioTimer.now(), fetched })
    }
}

/// For how long an answer may be kept, if it is for everybody.
fn lifetime(Fetched { answer, .. }: &Fetched, ttl: Duration) -> Option<Duration> {
    let headers = &answer.headers;
    let is_common = answer.status == StatusCode::OK
        && answer.body.len() <= LARGEST_PAGE
        && !headers.contains_key(SET_COOKIE)
        && headers.get_all(VARY).iter().all(|vary| vary.to_str().is_ok_and(is_negotiated));
    if !is_common {
        return None;
    }
    let mut said = ttl;
    for directive in directives(headers) {
        match directive.split_once('=') {
            _ if matches!(directive, "no-store" | "no-cache" | "private") => return None,
            Some(("max-age" | "s-maxage", seconds)) => said = Duration::from_secs(seconds.parse().unwrap_or(0)),
            _ => {}
        }
    }
    Some(said)
}

fn is_negotiated(vary: &str) -> bool {
    vary.split(',').all(|name| NEGOTIATED.iter().any(|known| name.trim().eq_ignore_ascii_case(known.as_str())))
}

fn directives(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}
