//! `--overhead`: what the gateway's layers cost per request, beside the same proxy without them, in one run.
//!
//! Both have the same connections, the same client of the upstream and the same bodies in memory. The gateway has
//! besides all that this program is about: the limit per client, priorities, the cache, the gate, the access log.

use core::net::SocketAddr;
use core::time::Duration;
use std::time::Instant;

use axum::Router;
use axum::body::{self, Body};
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tidegate_tokio::{Shutdown, TaskGroup, timeout};

use super::flaky::{Flaky, Temper};
use super::served::served;
use crate::connections::{self, Connections};
use crate::failure::Failure;
use crate::http::{self, Answer, Client, Outbound, Slowness};
use crate::options::Options;
use crate::output::print;
use crate::refusal::Refusal;
use crate::server::LOOPBACK;

/// How many rounds each contender has, of so many requests, so many at a time. Short ones, in turns: what else the
/// machine does then meets both.
const ROUNDS: u32 = 60;
const REQUESTS: u32 = 3_200;
const CLIENTS: u32 = 32;
/// What the layers may cost: a tenth of the throughput.
const BAR: f64 = 0.9;

/// Requests that are alike.
#[derive(Debug)]
struct Traffic {
    what: &'static str,
    method: Method,
    folder: &'static str,
    /// How many different paths there are.
    paths: u32,
}

static TRAFFIC: [Traffic; 4] = [
    Traffic {
        what: "orders, which are passed on as they are",
        method: Method::POST,
        folder: "orders",
        paths: u32::MAX,
    },
    Traffic { what: "answers that nobody may keep", method: Method::GET, folder: "mine", paths: u32::MAX },
    Traffic { what: "pages: all of them new", method: Method::GET, folder: "pages", paths: u32::MAX },
    Traffic { what: "pages: a thousand", method: Method::GET, folder: "pages", paths: 1_000 },
];

static SHUTDOWN: Shutdown = Shutdown::new();

pub(crate) async fn run() -> Result<(), Failure> {
    let upstream = Flaky::start(Temper::GOOD).await?.authority;
    let (listener, layered) = connections::listen(LOOPBACK).await?;
    let (most, patience) = (1_000_000, Duration::from_mins(1));
    let options = Options { permits: 1_000, rate: most, client_rate: most, patience, ..Options::default() };
    let compare = async |_gateway| compare(layered, upstream.clone()).await;
    let (_, slow, _) = served(listener, upstream.clone(), &options, compare).await?;
    match slow {
        0 => Ok(()),
        _ => {
            Err(Failure::Run(format!("the layers cost more than {:.0} % of the throughput", (1.0 - BAR) * 100.0)))
        }
    }
}

/// Measures the gateway and the same proxy without its layers in turns; answers for how many kinds of traffic it is too slow.
async fn compare(layered: SocketAddr, upstream: Authority) -> Result<usize, Failure> {
    let (listener, bare) = connections::listen(LOOPBACK).await?;
    let proxy: &'static Bare = Box::leak(Box::new(Bare { upstream, client: http::client() }));
    let router = Router::new().fallback(forward).with_state(proxy);
    tokio::spawn(Connections::new(router, Slowness::BOUNDED, &SHUTDOWN).accept(listener));

    print(&format!("{ROUNDS} rounds each of {REQUESTS} requests, {CLIENTS} at a time, in turns\n"))?;
    let (layered, bare) = (Contender::new(layered)?, Contender::new(bare)?);
    let mut slow = 0;
    for traffic in &TRAFFIC {
        let (mut ratios, mut rates) = (Vec::new(), [Vec::new(), Vec::new()]);
        for round in 0..=ROUNDS {
            // Whoever comes first may find a colder machine.
            let (with, without) = if round % 2 == 0 {
                let with = layered.rate(traffic, round).await?;
                (with, bare.rate(traffic, round).await?)
            } else {
                let without = bare.rate(traffic, round).await?;
                (layered.rate(traffic, round).await?, without)
            };
            // The first round is for warming up.
            if round > 0 {
                ratios.push(with / without);
                rates[0].push(with);
                rates[1].push(without);
            }
        }
        let [low, ratio, high] = quartiles(&mut ratios);
        let [[_, with, _], [_, without, _]] = rates.each_mut().map(|rates| quartiles(rates));
        slow += usize::from(ratio < BAR);
        print(&format!(
            "{:<40} {with:>6.0} requests per second with all layers, {without:>6.0} without: {ratio:.2} \
             (half of the rounds {low:.2} to {high:.2}), {:+.1} µs per request\n",
            traffic.what,
            1e6 / with - 1e6 / without,
        ))?;
    }
    Ok(slow)
}

/// The same proxy without its layers.
#[derive(Debug)]
struct Bare {
    upstream: Authority,
    client: Client,
}

async fn forward(State(proxy): State<&'static Bare>, request: Request) -> Response {
    let answer = async {
        let request = Outbound::read(request, false, &Slowness::BOUNDED).await?;
        let answering = Answer::to(request, &proxy.client, &proxy.upstream);
        timeout(Slowness::BOUNDED.answer, answering).await.map_err(|_elapsed| Refusal::Late)?
    };
    answer.await.map_or_else(Refusal::into_response, Answer::into_response)
}

/// One of the two, and connections to it that stay.
struct Contender {
    proxy: Authority,
    http: Client,
}

impl Contender {
    fn new(address: SocketAddr) -> Result<Self, Failure> {
        let proxy = Authority::try_from(address.to_string()).map_err(Failure::to("name the proxy"))?;
        Ok(Self { proxy, http: http::client() })
    }

    /// Sends a round of requests; answers how many per second it was.
    async fn rate(&self, traffic: &'static Traffic, round: u32) -> Result<f64, Failure> {
        let (started, clients) = (Instant::now(), TaskGroup::new());
        let mut callers = Vec::new();
        for client in 0..CLIENTS {
            let call = call(self.http.clone(), self.proxy.clone(), traffic, round * CLIENTS + client);
            callers.push(clients.spawn(call).map_err(|_closed| Failure::Run("cannot start a client".into()))?);
        }
        for caller in callers {
            caller.await.map_err(Failure::to("send requests"))??;
        }
        Ok(f64::from(REQUESTS / CLIENTS * CLIENTS) / started.elapsed().as_secs_f64())
    }
}

async fn call(http: Client, proxy: Authority, traffic: &Traffic, caller: u32) -> Result<(), Failure> {
    for number in 0..REQUESTS / CLIENTS {
        let number = (caller * REQUESTS + number) % traffic.paths;
        let path = format!("/api/{}/{number}", traffic.folder).try_into().ok();
        let uri = path.and_then(|path| http::uri(&proxy, path));
        let request =
            Request::builder().method(traffic.method.clone()).uri(uri.unwrap_or_default()).body(Body::empty());
        let request = request.map_err(Failure::to("make a request"))?;
        let response = http.request(request).await.map_err(Failure::to("send a request"))?;
        let status = response.status();
        body::to_bytes(Body::new(response), http::LARGEST_BODY).await.map_err(Failure::to("read an answer"))?;
        if status != StatusCode::OK && status != StatusCode::CREATED {
            return Err(Failure::Run(format!("a request was answered by {status}")));
        }
    }
    Ok(())
}

/// The first, the median and the third.
fn quartiles(values: &mut [f64]) -> [f64; 3] {
    values.sort_unstable_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values.get(values.len() * quarter / 4).copied().unwrap_or(f64::NAN))
}
