//! `--soak`: very many requests, hostile ones among them, while memory is watched.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use axum::body::{self, Body};
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode};
use fastrand::Rng;
use tidegate_tokio::{TaskGroup, timeout};

use super::checks::Checks;
use super::flaky::{Flaky, Temper};
use super::hostile::Harm;
use super::memory::Course;
use super::served::served;
use crate::connections;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::http::{self, Client, LARGEST_BODY, Slowness};
use crate::options::Options;
use crate::output::print;
use crate::server::LOOPBACK;
use crate::urgency;

/// How many requests are under way at once.
const CLIENTS: u64 = 64;
/// How many pages and how many well-behaved clients there are.
const PAGES: u32 = 5_000;
const HONEST: u32 = 50_000;
/// What memory may grow by after the first half: allocators and caches of the system breathe.
const GROWTH: u64 = 16 << 20;
/// The same in so short a soak that the most bodies at once may well be under way after that: all that there can be.
const SHORT: u64 = 100_000;
const SHORT_GROWTH: u64 = CLIENTS * LARGEST_BODY as u64;

/// What has become of the requests.
#[derive(Debug, Default)]
struct Tally {
    begun: AtomicU64,
    answered: AtomicU64,
    upstream: AtomicU64,
    hung_up: AtomicU64,
    hostile: AtomicU64,
    unintended: AtomicU64,
}

pub(crate) async fn run(requests: u64) -> Result<(), Failure> {
    let options = Options {
        permits: 48,
        rate: 1_000_000,
        client_rate: 1_000,
        patience: Duration::from_hours(1),
        slowness: Slowness::ENDLESS,
        behind_proxy: true,
        ..Options::default()
    };
    let upstream = Flaky::start(Temper::QUICK).await?;
    let (listener, address) = connections::listen(LOOPBACK).await?;
    let tally = Arc::new(Tally::default());
    let send = async |_gateway| send(address, requests, &tally).await;
    let (gateway, (memory, elapsed), stopped) = served(listener, upstream.authority, &options, send).await?;

    let mut checks = Checks::default();
    let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
    let unintended = count(&tally.unintended);
    checks.add(unintended == 0, format!("no error but those that are intended ({unintended} were not)"));
    let (growth, breath) = (memory.growth(), if requests < SHORT { SHORT_GROWTH } else { GROWTH });
    checks.add(
        growth <= breath,
        format!("no growth of memory after the first half ({} KiB, a breath is {})", growth >> 10, breath >> 10),
    );
    check_log(&mut checks, gateway, count(&tally.answered) + count(&tally.upstream))?;
    let peak = upstream.figures.peak();
    checks.add(
        peak <= options.permits as u64,
        format!("never more than {} in the upstream ({peak})", options.permits),
    );
    checks.add(stopped.report.is_clean(), format!("everything stopped in order ({})", stopped.report));
    print(&format!("{}\n{checks}", figures(&tally, gateway, &memory, elapsed)))?;
    match checks.broken() {
        0 => Ok(()),
        broken => Err(Failure::Run(format!("broken invariants: {broken}"))),
    }
}

/// Sends so many requests; answers how memory went, and how long it took.
async fn send(address: SocketAddr, requests: u64, tally: &Arc<Tally>) -> Result<(Course, Duration), Failure> {
    print(&format!("{requests} requests, {CLIENTS} at a time, to http://{address}/api\n"))?;
    let (started, clients) = (Instant::now(), TaskGroup::new());
    let authority = Authority::try_from(address.to_string()).map_err(Failure::to("name the gateway"))?;
    let http = http::client();
    for seed in 0..CLIENTS {
        let (tally, http, authority) = (Arc::clone(tally), http.clone(), authority.clone());
        let caller = Caller { address, authority, http, rng: Rng::with_seed(seed), tally };
        let _ = clients.spawn(caller.run(requests));
    }
    let memory = watch(&clients, tally, requests).await;
    Ok((memory, started.elapsed()))
}

fn check_log(checks: &mut Checks, gateway: &Gateway, heard: u64) -> Result<(), Failure> {
    let (accepted, left_out) = (gateway.log.stats().accepted, gateway.log.left_out());
    let count = "SELECT count(*), count(*) FILTER (WHERE status <> 499) FROM access";
    let read = gateway
        .database
        .reader()
        .and_then(|file| file.query_row(count, (), |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?))));
    let (rows, answers) = read.map_err(Failure::to("read the log"))?;
    checks.add(
        rows == accepted,
        format!(
            "all rows that were accepted are in the file ({accepted}, and {rows}; {left_out} were not accepted)"
        ),
    );
    checks.add(answers >= heard, format!("whoever was answered is in the log ({heard} were, {answers} rows)"));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn figures(tally: &Tally, gateway: &Gateway, memory: &Course, elapsed: Duration) -> String {
    let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
    let (pages, [one, two, three, four]) = (gateway.pages.stats(), memory.quarters());
    format!(
        "\n{} requests in {:.1} s: {:.0} per second\n\
         {} answered, {} by the upstream's failures, {} hung up, {} meant harm\n\
         pages: {} from the cache, {} fetched, {} waited for those; {} kept\n\
         {} clients remembered; {} lockouts; {} rows in {} batches\n\
         memory by quarters: {one}, {two}, {three}, {four} MiB at most\n",
        count(&tally.begun),
        elapsed.as_secs_f64(),
        count(&tally.begun) as f64 / elapsed.as_secs_f64(),
        count(&tally.answered),
        count(&tally.upstream),
        count(&tally.hung_up),
        count(&tally.hostile),
        pages.hits,
        pages.misses,
        pages.joined,
        gateway.pages.len(),
        gateway.door.clients(),
        gateway.upstream.lockouts(),
        gateway.log.stats().accepted,
        gateway.log.stats().done,
    )
}

/// Looks at the memory until all have ended.
async fn watch(clients: &TaskGroup, tally: &Tally, requests: u64) -> Course {
    let mut memory = Course::default();
    let mut shown = Instant::now();
    while clients.close_timeout(Duration::from_millis(20)).await.is_err() {
        let begun = tally.begun.load(Ordering::SeqCst).min(requests);
        memory.look(begun, requests);
        if shown.elapsed() >= Duration::from_secs(5) {
            shown = Instant::now();
            let unintended = tally.unintended.load(Ordering::SeqCst);
            // It goes on without onlookers.
            let _ =
                writeln!(io::stderr(), "{begun} of {requests}, {unintended} errors, {:?} MiB", memory.quarters());
        }
    }
    memory.look(requests, requests);
    memory
}

struct Caller {
    address: SocketAddr,
    authority: Authority,
    http: Client,
    rng: Rng,
    tally: Arc<Tally>,
}

impl Caller {
    async fn run(mut self, requests: u64) {
        while self.tally.begun.fetch_add(1, Ordering::SeqCst) < requests {
            let counter = match self.rng.u32(0..100) {
                0..5 => {
                    // What floods takes time; the others are as many as they like.
                    let harm = Harm::ALL[self.rng.usize(..Harm::ALL.len())];
                    if harm.done_to(self.address).await { &self.tally.hostile } else { &self.tally.unintended }
                }
                5..8 => {
                    let patience = Duration::from_micros(self.rng.u64(0..2_000));
                    let request = self.request();
                    match timeout(patience, self.exchange(request)).await {
                        Ok(counter) => counter,
                        Err(_elapsed) => &self.tally.hung_up,
                    }
                }
                _ => {
                    let request = self.request();
                    self.exchange(request).await
                }
            };
            counter.fetch_add(1, Ordering::SeqCst);
        }
        // One too many was begun.
        self.tally.begun.fetch_sub(1, Ordering::SeqCst);
    }

    fn request(&mut self) -> Option<Request> {
        let (method, path, body) = if self.rng.u32(0..4) > 0 {
            (Method::GET, format!("/api/pages/{}", self.rng.u32(..PAGES)), Body::empty())
        } else {
            (
                Method::POST,
                format!("/api/orders/{}", self.rng.u64(..)),
                Body::from("x".repeat(self.rng.usize(..2_000))),
            )
        };
        // One in eight has never been here before.
        let is_new = self.rng.u32(0..8) == 0;
        let client = Ipv4Addr::from(if is_new { self.rng.u32(..) } else { 0x0A00_0000 + self.rng.u32(..HONEST) });
        let request = Request::builder()
            .method(method)
            .uri(http::uri(&self.authority, path.try_into().ok()?)?)
            .header(urgency::HEADER, self.rng.i32(-10..=10))
            .header("x-forwarded-for", client.to_string());
        request.body(body).ok()
    }

    /// Sends a request; answers what its outcome counts as.
    async fn exchange(&self, request: Option<Request>) -> &AtomicU64 {
        let Some(request) = request else { return &self.tally.unintended };
        let Ok(response) = self.http.request(request).await else { return &self.tally.unintended };
        let status = response.status();
        if body::to_bytes(Body::new(response), http::LARGEST_BODY).await.is_err() {
            return &self.tally.unintended;
        }
        match status {
            StatusCode::OK | StatusCode::CREATED => &self.tally.answered,
            StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY => &self.tally.upstream,
            _ => &self.tally.unintended,
        }
    }
}
