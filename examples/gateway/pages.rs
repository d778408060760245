//! [`Pages`]: answers that are kept for a while, and fetched once for all who ask at the same time.

use core::future::poll_fn;
use core::mem;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;
use std::hash::RandomState;
use std::sync::Arc;

use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, COOKIE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE,
};
use axum::http::{HeaderName, Method};
use tidegate_tokio::cache::{Config, Expiring, Stats, WhenFull};
use tidegate_tokio::{Clock, Instant, LoadError, TokioTimer, TtlCache};

use crate::doorkeeper::Doorkeeper;
use crate::http::Outbound;
use crate::lifetime::{Lifetime, NEGOTIATED, STALE, directives};
use crate::options::Options;
use crate::packed::Packed;
use crate::refusal::Refusal;
use crate::telemetry::Cached;
use crate::upstream::Fetched;

/// How many pages are kept, of at most 64 KiB each: 64 MiB in all.
const PAGES: usize = 1_024;
/// How many are remembered that were asked for: a page that is asked for once is not kept.
const ASKED_FOR: usize = 16 * PAGES;
/// How many are fetched at once; whoever comes then fetches for himself alone.
const FLIGHTS: usize = 1_024;

/// Who sends one of these wants an answer of his own.
static PERSONAL: [HeaderName; 7] =
    [AUTHORIZATION, COOKIE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE];

#[derive(Debug)]
pub(crate) struct Pages {
    cache: TtlCache<Key, Arc<Page>, Unkept, TokioTimer, RandomState>,
    asked_for: Doorkeeper,
    ttl: Duration,
}

/// What is not kept: to the cache, an error.
#[derive(Clone, Debug)]
enum Unkept {
    Refused(Refusal),
    /// An answer that concerns nobody but whoever fetched it, and has it.
    Private,
}

/// The path, and what was negotiated if anything was, a line each.
type Key = Arc<str>;

/// An answer for everybody who asks for it.
#[derive(Debug)]
enum Page {
    /// For those who wait for it already: so far nobody else has asked.
    Once(Fetched),
    /// To be kept.
    Kept(Kept),
}

#[derive(Debug)]
struct Kept {
    answer: Packed,
    /// How long whoever fetched it stood in line.
    waited: Duration,
    lifetime: Lifetime,
    /// When it came.
    since: Instant,
}

/// Why somebody who has asked for a page gets none.
#[derive(Debug)]
pub(crate) enum Unshared {
    /// Whoever has fetched it was refused.
    Refused(Refusal),
    /// It turned out to be somebody else's, or there was no room: the request is to be sent by itself.
    Alone(Outbound),
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
            .by_value(|page: &Arc<Page>| page.kept_for());
        let config = Config::new(PAGES).max_flights(FLIGHTS).when_full(WhenFull::Unshared);
        let cache = TtlCache::with_parts(config, lifetimes, RandomState::new());
        Self { cache, asked_for: Doorkeeper::new(ASKED_FOR), ttl: options.ttl }
    }

    /// Under which key the answer to a request may be kept; `None` if it concerns nobody else.
    /// `logged` is its path as it is logged, which may be shared if that is all of it.
    pub(crate) fn key(request: &Outbound, logged: Option<&Arc<str>>) -> Option<Key> {
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
        if negotiated.iter().all(|value| value.is_empty()) {
            let logged = logged.filter(|logged| logged.len() == path.len());
            return Some(logged.map_or_else(|| path.into(), Arc::clone));
        }
        let mut key =
            String::with_capacity(path.len() + negotiated.map(|value| value.len() + 1).iter().sum::<usize>());
        key.push_str(path);
        for value in negotiated {
            key.push('\n');
            key.push_str(value);
        }
        Some(key.into())
    }

    /// The page of this key: one that is there, or one that somebody fetches just now, or else the one that `fetch`
    /// does. It is kept if somebody has asked for it before, or does meanwhile.
    ///
    /// # Errors
    ///
    /// [`Refused`](Unshared::Refused) with the refusal of whoever has fetched, which is not kept;
    /// [`Alone`](Unshared::Alone) with the request.
    pub(crate) fn get<F>(
        &self,
        key: Key,
        request: Outbound,
        fetch: impl FnOnce(Outbound) -> F + Send,
    ) -> impl Future<Output = Result<Found, Unshared>> + Send
    where
        F: Future<Output = Result<Fetched, Refusal>> + Send,
    {
        // In an `async fn` there would be room for the request twice.
        let mut request = Some(request);
        async move {
            let (mut own, mut waited, fetches) = (None, false, AtomicBool::new(false));
            let loaded = {
                let (key, own, request, fetches) = (&key, &mut own, &mut request, &fetches);
                let mut load = pin!(self.cache.get_or_load(key, || {
                    fetches.store(true, Relaxed);
                    async move {
                        // It is called once.
                        let Some(request) = request.take() else { return Err(Unkept::Private) };
                        let fetched = fetch(request).await.map_err(Unkept::Refused)?;
                        self.page(key, fetched, own).map(Arc::new).ok_or(Unkept::Private)
                    }
                }));
                poll_fn(|cx| {
                    let loaded = load.as_mut().poll(cx);
                    if loaded.is_pending() && !mem::replace(&mut waited, true) && !fetches.load(Relaxed) {
                        self.asked_for.note(key);
                    }
                    loaded
                })
                .await
            };
            if let Some(fetched) = own {
                return Ok(Found { fetched, cached: Cached::Miss, age: None });
            }
            match (loaded, request) {
                (Ok(page), _) => Ok(match &*page {
                    Page::Kept(kept) if !waited => kept.found(),
                    _ => {
                        let cached = if fetches.into_inner() { Cached::Miss } else { Cached::Joined };
                        Found { fetched: Page::shared(page), cached, age: None }
                    }
                }),
                (Err(LoadError::Failed(Unkept::Refused(refusal))), _) => Err(Unshared::Refused(refusal)),
                (Err(_), Some(request)) => Err(Unshared::Alone(request)),
                // Never so: whoever fetches is refused, or has a page, or has its own answer.
                (Err(_), None) => Err(Unshared::Refused(Refusal::Late)),
            }
        }
    }

    /// What is to become of an answer. Of one that is kept or private, whoever has fetched it gets it as it is.
    fn page(&self, key: &Key, fetched: Fetched, own: &mut Option<Fetched>) -> Option<Page> {
        let lifetime = Lifetime::of(&fetched.answer, self.ttl);
        let page = match lifetime {
            Some(lifetime) if lifetime.kept_for().is_zero() || !self.asked_for.note(key) => {
                return Some(Page::Once(fetched));
            }
            Some(lifetime) => Some(Page::Kept(Kept {
                answer: Packed::new(&fetched.answer),
                waited: fetched.waited,
                lifetime,
                since: TokioTimer.now(),
            })),
            None => None,
        };
        *own = Some(fetched);
        page
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
    const fn kept_for(&self) -> Duration {
        match self {
            Self::Once(_) => Duration::ZERO,
            Self::Kept(kept) => kept.lifetime.kept_for(),
        }
    }

    /// The answer, for one of those who waited for it; the last of them takes it.
    fn shared(page: Arc<Self>) -> Fetched {
        match Arc::try_unwrap(page) {
            Ok(Self::Once(fetched)) => fetched,
            Ok(Self::Kept(kept)) => kept.fetched(),
            Err(page) => match &*page {
                Self::Once(fetched) => fetched.clone(),
                Self::Kept(kept) => kept.fetched(),
            },
        }
    }
}

impl Kept {
    fn fetched(&self) -> Fetched {
        Fetched { answer: self.answer.unpack(), waited: self.waited }
    }

    fn found(&self) -> Found {
        let age = TokioTimer.now().duration_since(self.since);
        let cached = if age < self.lifetime.fresh { Cached::Hit } else { Cached::Stale };
        let fetched = Fetched { answer: self.answer.unpack(), waited: Duration::ZERO };
        Found { fetched, cached, age: Some(age + self.lifetime.age) }
    }
}
