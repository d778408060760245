//! [`Pages`]: answers that are kept for a while, and fetched once for all who ask at the same time.

use core::future::poll_fn;
use core::mem;
use core::pin::pin;
use core::time::Duration;
use std::hash::RandomState;
use std::sync::Arc;

use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AGE, AUTHORIZATION, CACHE_CONTROL, COOKIE, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE, SET_COOKIE, VARY,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use tidegate_tokio::cache::{Config, Expiring, Stats, WhenFull};
use tidegate_tokio::{Clock, Instant, LoadError, TokioTimer, TtlCache};

use crate::http::{Answer, Outbound};
use crate::options::Options;
use crate::packed::Packed;
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
static PERSONAL: [HeaderName; 7] =
    [AUTHORIZATION, COOKIE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE];
/// Whose answers differ in one of these, differ.
static NEGOTIATED: [HeaderName; 3] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE];

#[derive(Debug)]
pub(crate) struct Pages {
    cache: TtlCache<Key, Arc<Page>, Unkept, TokioTimer, RandomState>,
    ttl: Duration,
}

/// What is not kept: to the cache, an error.
#[derive(Clone, Debug)]
enum Unkept {
    Refused(Refusal),
    /// An answer that concerns nobody but whoever fetched it, and has it.
    Private,
}

/// The path, and what was negotiated, a line each.
type Key = String;

/// An answer for everybody who asks for it.
#[derive(Debug)]
struct Page {
    answer: Packed,
    /// How long whoever fetched it stood in line.
    waited: Duration,
    lifetime: Lifetime,
    /// When it came.
    since: Instant,
}

/// What somebody gets who has asked for a page.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) fetched: Fetched,
    pub(crate) cached: Cached,
    /// Of one that was kept.
    pub(crate) age: Option<Duration>,
}

impl Pages {
    pub(crate) fn new(options: &Options) -> Self {
        let lifetimes = Expiring::with_clock(options.ttl, TokioTimer)
            .stale_while_revalidate(STALE)
            .by_value(|page: &Arc<Page>| page.lifetime.kept_for());
        let config = Config::new(PAGES).max_flights(FLIGHTS).when_full(WhenFull::Unshared);
        Self { cache: TtlCache::with_parts(config, lifetimes, RandomState::new()), ttl: options.ttl }
    }

    /// Under which key the answer to a request may be kept; `None` if it concerns nobody else.
    pub(crate) fn key(request: &Outbound) -> Option<Key> {
        if request.method != Method::GET || !request.body.is_empty() {
            return None;
        }
        let mut negotiated = [""; NEGOTIATED.len()];
        for (name, value) in &request.headers {
            if let Some(index) = NEGOTIATED.iter().position(|known| name == known) {
                // Nobody says it twice who does not want something special.
                if !mem::replace(&mut negotiated[index], value.to_str().ok()?).is_empty() {
                    return None;
                }
            } else if PERSONAL.contains(name)
                || name == CACHE_CONTROL
                    && directives([value]).any(|said| said.is("no-cache") || said.is("no-store"))
            {
                return None;
            }
        }
        let path = request.path.as_str();
        let mut key =
            String::with_capacity(path.len() + negotiated.map(|value| value.len() + 1).iter().sum::<usize>());
        key.push_str(path);
        for value in negotiated {
            key.push('\n');
            key.push_str(value);
        }
        Some(key)
    }

    /// The page of this key: one that is there, or one that somebody fetches just now, or else the one that `fetch`
    /// does. `None` if it turned out to be somebody else's.
    ///
    /// # Errors
    ///
    /// Those of whoever has fetched; they are not kept.
    pub(crate) async fn get<F>(
        &self,
        key: &str,
        fetch: impl FnOnce() -> F + Send,
    ) -> Result<Option<Found>, Refusal>
    where
        F: Future<Output = Result<Fetched, Refusal>> + Send,
    {
        let (mut own, mut waited) = (None, false);
        let loaded = {
            let own = &mut own;
            let mut load = pin!(self.cache.get_or_load(key, || async move {
                // Whoever fetches gets the answer as it is; the others get what is kept of it, if anything is.
                let fetched = own.insert(fetch().await.map_err(Unkept::Refused)?);
                Page::new(fetched, self.ttl).map(Arc::new).ok_or(Unkept::Private)
            }));
            poll_fn(|cx| {
                let loaded = load.as_mut().poll(cx);
                waited |= loaded.is_pending();
                loaded
            })
            .await
        };
        if let Some(fetched) = own {
            return Ok(Some(Found { fetched, cached: Cached::Miss, age: None }));
        }
        let page = match loaded {
            Ok(page) => page,
            Err(LoadError::Failed(Unkept::Refused(refusal))) => return Err(refusal),
            Err(_) => return Ok(None),
        };
        let answer = page.answer.unpack();
        if waited {
            let fetched = Fetched { answer, waited: page.waited };
            return Ok(Some(Found { fetched, cached: Cached::Joined, age: None }));
        }
        let fetched = Fetched { answer, waited: Duration::ZERO };
        let kept = TokioTimer.now().duration_since(page.since);
        let cached = if kept < page.lifetime.fresh { Cached::Hit } else { Cached::Stale };
        Ok(Some(Found { fetched, cached, age: Some(kept + page.lifetime.age) }))
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
    /// `ttl` is for answers that say nothing of it. `None` if the answer is not for everybody.
    fn new(fetched: &Fetched, ttl: Duration) -> Option<Self> {
        let lifetime = Lifetime::of(&fetched.answer, ttl)?;
        let (answer, waited) = (Packed::new(&fetched.answer), fetched.waited);
        Some(Self { answer, waited, lifetime, since: TokioTimer.now() })
    }
}

/// For how long an answer may be kept.
#[derive(Clone, Copy, Debug)]
struct Lifetime {
    /// From when it came.
    fresh: Duration,
    /// How old it was then.
    age: Duration,
    /// Whether it may be served when it is not fresh any more.
    may_be_stale: bool,
}

impl Lifetime {
    /// In the words of RFC 9111; `None` if the answer is not for everybody.
    fn of(answer: &Answer, ttl: Duration) -> Option<Self> {
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
    const fn kept_for(self) -> Duration {
        if self.may_be_stale { self.fresh } else { self.fresh.saturating_sub(STALE) }
    }
}

fn is_negotiated(vary: &str) -> bool {
    vary.split(',').all(|name| NEGOTIATED.iter().any(|known| name.trim().eq_ignore_ascii_case(known.as_str())))
}

/// A word of `Cache-Control`.
struct Directive<'a> {
    name: &'a str,
    value: &'a str,
}

impl Directive<'_> {
    const fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// None at all if that makes no sense.
    fn seconds(&self) -> Duration {
        Duration::from_secs(self.value.trim_matches('"').parse().unwrap_or(0))
    }
}

/// Those in values of `Cache-Control`.
fn directives<'a>(values: impl IntoIterator<Item = &'a HeaderValue>) -> impl Iterator<Item = Directive<'a>> {
    // What cannot be read may say anything.
    let values = values.into_iter().map(|value| value.to_str().unwrap_or("no-store"));
    values.flat_map(|value| value.split(',')).map(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        Directive { name: name.trim_ascii(), value: value.trim_ascii() }
    })
}
