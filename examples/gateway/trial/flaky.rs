//! [`Flaky`]: an upstream as one meets them, a server of its own on a loopback port.
//!
//! It works on a few requests at a time, has a limit per second that is exact in any window, wants to be left alone
//! every now and then, is slow at times, fails at times, and keeps count of what it was asked and has done: the
//! witness for what the gateway promises. It knows nothing of Tidegate.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tidegate_tokio::Generator;

use crate::connections;
use crate::failure::Failure;
use crate::refusal::whole_seconds;

const SECOND: Duration = Duration::from_secs(1);

/// How it behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Temper {
    /// How long a piece of work takes on average.
    pub(crate) work: Duration,
    /// How many requests it takes in any second.
    pub(crate) limit: usize,
    /// After so long it wants to be left alone, …
    pub(crate) active: Duration,
    /// … for so long.
    pub(crate) rest: Duration,
    /// One in so many takes ten times as long.
    pub(crate) slow: u32,
    /// One in so many fails.
    pub(crate) failing: u32,
    /// One in so many is broken off in the middle of the answer.
    pub(crate) broken: u32,
    pub(crate) bytes: usize,
}

impl Temper {
    /// That of a bad day.
    pub(crate) const BAD: Self = Self {
        work: Duration::from_millis(20),
        limit: 320,
        active: Duration::from_millis(2_500),
        rest: Duration::from_secs(1),
        slow: 100,
        failing: 100,
        broken: 300,
        bytes: 600,
    };
    /// Fast, with no limits of its own, and flaky all the same.
    pub(crate) const QUICK: Self = Self {
        work: Duration::from_millis(1),
        limit: usize::MAX,
        active: Duration::from_secs(8),
        rest: Duration::from_secs(1),
        slow: u32::MAX,
        failing: 1_000,
        broken: 3_000,
        bytes: 600,
    };
    /// Never fails, and does nothing.
    pub(crate) const GOOD: Self = Self {
        work: Duration::ZERO,
        limit: usize::MAX,
        active: Duration::MAX,
        rest: Duration::ZERO,
        slow: u32::MAX,
        failing: u32::MAX,
        broken: u32::MAX,
        bytes: 600,
    };
}

/// What it has seen.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    inside: AtomicU64,
    peak: AtomicU64,
    orders: AtomicU64,
    failed: AtomicU64,
    broken: AtomicU64,
    over_limit: AtomicU64,
    rests: AtomicU64,
    disturbed: AtomicU64,
    most_disturbed: AtomicU64,
}

impl Figures {
    /// The most that were ever inside at once.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::SeqCst)
    }

    /// How many orders, all of which are `POST`s, it has carried out.
    pub(crate) fn orders(&self) -> u64 {
        self.orders.load(Ordering::SeqCst)
    }

    /// How many requests have failed, or were broken off.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::SeqCst) + self.broken.load(Ordering::SeqCst)
    }

    /// How many requests were one too many in a second.
    pub(crate) fn over_limit(&self) -> u64 {
        self.over_limit.load(Ordering::SeqCst)
    }

    /// In how many of its rests somebody came.
    pub(crate) fn rests(&self) -> u64 {
        self.rests.load(Ordering::SeqCst)
    }

    /// The most that came in one rest.
    pub(crate) fn most_disturbed(&self) -> u64 {
        self.most_disturbed.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
pub(crate) struct Flaky {
    pub(crate) authority: Authority,
    pub(crate) figures: Arc<Figures>,
}

struct Desk {
    temper: Temper,
    page: String,
    begun: Instant,
    /// When those were admitted that count now, oldest first; and which rest was the last one.
    book: Mutex<(VecDeque<Instant>, u128)>,
    figures: Arc<Figures>,
}

/// Why a request is not taken.
struct NotNow {
    again: Duration,
}

impl Flaky {
    /// Starts it. It serves until the runtime ends.
    pub(crate) async fn start(temper: Temper) -> Result<Self, Failure> {
        let (listener, address) = connections::listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let figures = Arc::new(Figures::default());
        let desk = Desk {
            temper,
            page: "0123456789abcde\n".repeat(temper.bytes.div_ceil(16)),
            begun: Instant::now(),
            book: Mutex::default(),
            figures: Arc::clone(&figures),
        };
        let router = Router::new().fallback(answer).with_state(Arc::new(desk));
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let authority = address.to_string().try_into().map_err(Failure::to("name the upstream"))?;
        Ok(Self { authority, figures })
    }
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let _inside = Inside::enter(&desk.figures);
    if let Err(NotNow { again }) = desk.admit() {
        let again = [(RETRY_AFTER, whole_seconds(again).to_string())];
        return (StatusCode::TOO_MANY_REQUESTS, again, "Not now.\n").into_response();
    }
    let Desk { temper, figures, .. } = &*desk;
    let one_in = |number: u32| number != u32::MAX && fastrand::u32(..number) == 0;
    if !temper.work.is_zero() {
        let hardship = if one_in(temper.slow) { 10.0 } else { 1.0 };
        tokio::time::sleep(temper.work.mul_f64(hardship * (0.5 + fastrand::f64()))).await;
    }
    if one_in(temper.failing) {
        figures.failed.fetch_add(1, Ordering::SeqCst);
        return (StatusCode::INTERNAL_SERVER_ERROR, "The upstream has failed, on purpose.\n").into_response();
    }
    if one_in(temper.broken) {
        figures.broken.fetch_add(1, Ordering::SeqCst);
        let half = Generator::try_new([Ok(desk.page.clone()), Err(io::Error::from(io::ErrorKind::BrokenPipe))]);
        return Body::from_stream(half).into_response();
    }
    if request.method() == Method::POST {
        figures.orders.fetch_add(1, Ordering::SeqCst);
        return (StatusCode::CREATED, "Ordered.\n").into_response();
    }
    let kept = if request.uri().path().contains("/pages/") { "max-age=1" } else { "no-store" };
    ([(CACHE_CONTROL, HeaderValue::from_static(kept))], desk.page.clone()).into_response()
}

impl Desk {
    fn admit(&self) -> Result<(), NotNow> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let (window, last_rest) = &mut *book;
        let (now, figures) = (Instant::now(), &self.figures);
        let cycle = self.temper.active.saturating_add(self.temper.rest).as_nanos();
        let elapsed = now.duration_since(self.begun).as_nanos();
        let left = u64::try_from(cycle - elapsed % cycle).unwrap_or(u64::MAX);
        let left = Duration::from_nanos(left);
        if left <= self.temper.rest {
            let this_rest = elapsed / cycle + 1;
            if *last_rest != this_rest {
                *last_rest = this_rest;
                figures.rests.fetch_add(1, Ordering::SeqCst);
                figures.disturbed.store(0, Ordering::SeqCst);
            }
            let disturbed = figures.disturbed.fetch_add(1, Ordering::SeqCst) + 1;
            figures.most_disturbed.fetch_max(disturbed, Ordering::SeqCst);
            return Err(NotNow { again: left });
        }
        if self.temper.limit == usize::MAX {
            return Ok(());
        }
        while window.front().is_some_and(|&first| now.duration_since(first) >= SECOND) {
            window.pop_front();
        }
        if window.len() >= self.temper.limit {
            figures.over_limit.fetch_add(1, Ordering::SeqCst);
            return Err(NotNow { again: SECOND });
        }
        window.push_back(now);
        Ok(())
    }
}

/// Is counted as being inside.
struct Inside<'a>(&'a Figures);

impl<'a> Inside<'a> {
    fn enter(figures: &'a Figures) -> Self {
        let inside = figures.inside.fetch_add(1, Ordering::SeqCst) + 1;
        figures.peak.fetch_max(inside, Ordering::SeqCst);
        Self(figures)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}
