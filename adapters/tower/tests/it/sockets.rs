//! Over real sockets: what a real upstream says is learnt, one flight serves many clients, calls travel together, and what
//! is too much is turned down.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use http::{HeaderMap, Request, StatusCode, Uri, header};
use hyper_util::client::legacy;
use tidegate_tokio::batcher::Config;
use tidegate_tower::{
    Batch, BatchLayer, CacheLayer, ConcurrencyLimitLayer, LoadShedLayer, LockoutLayer, Raise, Reason, Refusal,
};
use tokio::sync::{Semaphore, mpsc};
use tower::util::MapRequestLayer;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

use crate::loopback::{HttpClient, Server, all, client, until};
use crate::support::{Error, Outcome, SECOND, values};

/// Answers with the status and the fields that its query names, and counts.
async fn as_asked(State(calls): State<Arc<AtomicUsize>>, uri: Uri) -> Response {
    calls.fetch_add(1, Ordering::Relaxed);
    let mut response = Response::builder();
    for (name, value) in uri.query().unwrap_or_default().split('&').filter_map(|said| said.split_once('=')) {
        let value = value.replace('+', " ");
        response = if name == "status" { response.status(value.as_str()) } else { response.header(name, value) };
    }
    response.body(Body::empty()).unwrap_or_else(|error| error.to_string().into_response())
}

async fn upstream() -> Result<(Server, Arc<AtomicUsize>), Error> {
    let calls = Arc::new(AtomicUsize::new(0));
    let server = Server::start(Router::new().route("/", get(as_asked)).with_state(Arc::clone(&calls))).await?;
    Ok((server, calls))
}

/// A space has no place in a URI.
fn encoded(text: &str) -> String {
    text.replace(' ', "+")
}

/// What an upstream may say of an hour.
fn an_hour() -> [String; 5] {
    let date = |span| encoded(&httpdate::fmt_http_date(SystemTime::now() + span));
    [
        "retry-after=3600".to_owned(),
        format!("retry-after={}", date(3_600 * SECOND)),
        // A server whose clock is wrong.
        format!(
            "date={}&retry-after={}",
            encoded("Sun, 06 Nov 1994 08:49:37 GMT"),
            encoded("Sun, 06 Nov 1994 09:49:37 GMT")
        ),
        "ratelimit-reset=3600".to_owned(),
        "ratelimit-limit=5&ratelimit-remaining=0&ratelimit-reset=3600".to_owned(),
    ]
}

#[tokio::test]
async fn a_client_learns_from_a_real_upstream() -> Outcome {
    let (upstream, calls) = upstream().await?;
    for said in an_hour() {
        for status in [429, 503] {
            calls.store(0, Ordering::Relaxed);
            // The error of hyper's client is no `From<Refusal>`, and its body cannot be made of nothing: a boxed error.
            let service = ServiceBuilder::new()
                .layer(LockoutLayer::new().refuse_with(Raise))
                .map_err(Error::from)
                .service(client());
            let ask = async |query: &str| {
                let request = Request::get(upstream.uri(&format!("/?{query}"))).body(String::new())?;
                service.clone().oneshot(request).await
            };
            assert_eq!(ask("status=200").await?.status(), StatusCode::OK);
            assert_eq!(ask("status=404&retry-after=3600").await?.status(), StatusCode::NOT_FOUND);
            let response = ask(&format!("status={status}&{said}")).await?;
            assert_eq!(response.status().as_u16(), status, "the answer itself comes through: {said}");
            let Err(error) = ask("status=200").await else { return Err(format!("not locked out: {said}").into()) };
            let refusal: &Refusal = error.downcast_ref().ok_or("it is a refusal")?;
            assert_eq!(refusal.reason(), Reason::LockedOut);
            let span = refusal.retry_in().ok_or("it says when")?;
            assert!(span > Duration::ZERO && span <= 3_600 * SECOND, "{said}: {span:?}");
            assert_eq!(calls.load(Ordering::Relaxed), 3, "it is left alone: {said}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_proxy_tells_its_clients_what_its_upstream_said() -> Outcome {
    let (upstream, calls) = upstream().await?;
    for said in an_hour() {
        calls.store(0, Ordering::Relaxed);
        let (client, uri) = (client(), upstream.uri("/"));
        let forward = move |request: Request<Body>| {
            let (client, query) = (client.clone(), request.uri().query().unwrap_or_default().to_owned());
            let request = Request::get(format!("{uri}?{query}")).body(String::new());
            async move { pass_on(&client, request.expect("it is one")).await }
        };
        let proxy = Server::start(Router::new().route("/", any(forward)).layer(LockoutLayer::new())).await?;
        let ask = async |query: &str| proxy.get(&format!("/?{query}"), "").await;
        assert_eq!(ask("status=200").await?.0, StatusCode::OK);
        assert_eq!(ask(&format!("status=429&{said}")).await?.0, StatusCode::TOO_MANY_REQUESTS);
        let (status, headers, body) = ask("status=200").await?;
        assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, ""), "{said}");
        let span: u64 = headers[0].parse()?;
        assert!((1..=3_600).contains(&span), "{said}: {span}");
        assert_eq!(calls.load(Ordering::Relaxed), 2, "{said}");
    }
    Ok(())
}

async fn pass_on(client: &HttpClient, request: Request<String>) -> Result<Response, StatusCode> {
    let bad_gateway = |_: legacy::Error| StatusCode::BAD_GATEWAY;
    Ok(client.request(request).await.map_err(bad_gateway)?.map(Body::new))
}

#[tokio::test]
async fn whoever_waits_goes_on_when_the_lockout_is_lifted() -> Outcome {
    let (upstream, calls) = upstream().await?;
    let layer = LockoutLayer::new().refuse_with(Raise).delay(3_600 * SECOND);
    let lever = layer.lockout().lock_for(Duration::MAX)?;
    let service = ServiceBuilder::new().layer(layer.clone()).map_err(Error::from).service(client());
    let request = Request::get(upstream.uri("/?status=204")).body(String::new())?;
    let waiting = tokio::spawn(service.oneshot(request));
    until(|| layer.waiting() == 1).await;
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    assert!(layer.lockout().lift(lever));
    assert_eq!(waiting.await??.status(), StatusCode::NO_CONTENT);
    assert_eq!((calls.load(Ordering::Relaxed), layer.waiting()), (1, 0));
    Ok(())
}

struct CountsItsEnd(Arc<AtomicUsize>);

impl Drop for CountsItsEnd {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A slow page behind a cache: says when it is asked, answers when it may, and counts those who have come.
struct SlowPage {
    server: Server,
    layer: CacheLayer,
    started: mpsc::UnboundedReceiver<String>,
    gate: Arc<Semaphore>,
    /// How many requests have reached the cache.
    came: Arc<AtomicUsize>,
    /// How many have been given up by the page.
    ended: Arc<AtomicUsize>,
}

impl SlowPage {
    async fn start() -> Result<Self, Error> {
        let (started_tx, started) = mpsc::unbounded_channel();
        let (gate, came) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let ended = Arc::new(AtomicUsize::new(0));
        let layer = CacheLayer::new(100, 3_600 * SECOND);
        let (opened, finished) = (Arc::clone(&gate), Arc::clone(&ended));
        let page = async move |Path(name): Path<String>| {
            let _end = CountsItsEnd(Arc::clone(&finished));
            started_tx.send(name.clone()).expect("the test listens");
            opened.acquire().await.expect("it is open").forget();
            format!("the page {name}")
        };
        let count = Arc::clone(&came);
        let counted = MapRequestLayer::new(move |request: Request<Body>| {
            count.fetch_add(1, Ordering::Relaxed);
            request
        });
        let layers = ServiceBuilder::new().layer(counted).layer(layer.clone());
        let server = Server::start(Router::new().route("/{name}", get(page)).layer(layers)).await?;
        Ok(Self { server, layer, started, gate, came, ended })
    }

    async fn have_come(&self, count: usize) {
        until(|| self.came.load(Ordering::Relaxed) == count).await;
    }
}

#[tokio::test]
async fn one_flight_for_each_key_however_many_clients_ask() -> Outcome {
    const CLIENTS: usize = 8;
    let mut page = SlowPage::start().await?;
    let asked: Vec<_> = (0..2 * CLIENTS).map(|nth| page.server.ask(["/one", "/two"][nth % 2])).collect();
    page.have_come(2 * CLIENTS).await;
    let mut started = [page.started.recv().await, page.started.recv().await].map(Option::unwrap_or_default);
    started.sort();
    assert_eq!(started, ["one", "two"]);
    page.gate.add_permits(2 * CLIENTS);
    let answers = all(asked).await?;
    for (nth, (status, _, body)) in answers.iter().enumerate() {
        assert_eq!((*status, body.as_str()), (StatusCode::OK, ["the page one", "the page two"][nth % 2]));
    }
    let own = |(_, headers, _): &&(StatusCode, HeaderMap, String)| !headers.contains_key(header::AGE);
    assert_eq!(answers.iter().filter(own).count(), 2, "all but two were told how old it is");
    assert!(page.started.try_recv().is_err(), "the others had theirs of the first");
    let stats = page.layer.stats();
    assert_eq!((stats.misses, stats.hits + stats.joined), (2, 2 * CLIENTS as u64 - 2));
    let (status, headers, body) = page.server.ask("/one").await??;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "the page one"));
    assert!(headers.contains_key(header::AGE) && page.started.try_recv().is_err(), "it has been kept");
    Ok(())
}

#[tokio::test]
async fn a_client_that_hangs_up_strands_nobody() -> Outcome {
    let mut page = SlowPage::start().await?;
    let first = page.server.ask("/one");
    assert_eq!(page.started.recv().await.as_deref(), Some("one"));
    let second = page.server.ask("/one");
    page.have_come(2).await;
    first.abort();
    until(|| page.ended.load(Ordering::Relaxed) == 1).await;
    assert_eq!(page.started.recv().await.as_deref(), Some("one"), "the next has passed its own request on");
    page.gate.add_permits(1);
    assert_eq!(second.await??.2, "the page one");
    assert!(page.started.try_recv().is_err());
    Ok(())
}

type Squares = Batch<u64, u64, String>;

async fn square(State(squares): State<Squares>, Path(number): Path<u64>) -> Result<String, (StatusCode, String)> {
    let answer = squares.oneshot(number).await;
    answer.map(|square| square.to_string()).map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))
}

#[tokio::test]
async fn the_calls_of_many_clients_travel_together() -> Outcome {
    const CALLS: u64 = 8;
    let (told, mut batches) = mpsc::unbounded_channel();
    let squares = service_fn(move |mut numbers: Vec<u64>| {
        let squares = numbers.iter().map(|number| number * number).collect::<Vec<_>>();
        let unlucky = numbers.contains(&13);
        numbers.sort_unstable();
        told.send(numbers).expect("the test listens");
        async move { if unlucky { Err("unlucky".to_owned()) } else { Ok(squares) } }
    });
    // The hour is never over: a batch leaves because it is full, and so its calls were under way together.
    let layer = BatchLayer::new(Config::new(usize::try_from(CALLS)?, 3_600 * SECOND)?)?;
    let app = Router::new().route("/square/{number}", get(square)).with_state(layer.layer(squares));
    let server = Server::start(app).await?;
    let ask = |first: u64| (first..first + CALLS).map(|number| server.ask(&format!("/square/{number}")));

    let answers = all(ask(1).collect::<Vec<_>>()).await?;
    for (number, (status, _, body)) in (1_u64..).zip(answers) {
        assert_eq!((status, body), (StatusCode::OK, (number * number).to_string()));
    }
    assert_eq!(batches.recv().await, Some((1..=CALLS).collect()));
    for (status, _, body) in all(ask(10).collect::<Vec<_>>()).await? {
        assert_eq!((status, body.as_str()), (StatusCode::BAD_GATEWAY, "unlucky"), "an error is everybody's");
    }
    assert_eq!(batches.recv().await, Some((10..10 + CALLS).collect()));
    assert!(batches.try_recv().is_err());
    Ok(())
}

/// One request at a time, behind this.
async fn one_at_a_time(
    shed: LoadShedLayer,
) -> Result<(Server, mpsc::UnboundedReceiver<()>, Arc<Semaphore>), Error> {
    let (started, starts) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let slow = async move || {
        started.send(()).expect("the test listens");
        opened.acquire().await.expect("it is open").forget();
        "done"
    };
    let layers = ServiceBuilder::new().layer(shed).layer(ConcurrencyLimitLayer::new(1));
    Ok((Server::start(Router::new().route("/", get(slow)).layer(layers)).await?, starts, gate))
}

#[tokio::test]
async fn shed_by_length() -> Outcome {
    let shed = LoadShedLayer::new().max_waiting(2).retry_after(Some(Duration::from_millis(6_500)));
    let (server, mut starts, gate) = one_at_a_time(shed.clone()).await?;
    let mut served = vec![server.ask("/")];
    starts.recv().await.ok_or("it has started")?;
    for waiting in 1..=2 {
        served.push(server.ask("/"));
        until(|| shed.waiting() == waiting).await;
    }
    for _ in 0..3 {
        let (status, headers, body) = server.ask("/").await??;
        assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, ""));
        assert_eq!(values(&headers, ["retry-after", "content-length"]), ["7", "0"]);
    }
    assert!(starts.try_recv().is_err(), "nobody else has got through");
    gate.add_permits(3);
    for (status, _, body) in all(served).await? {
        assert_eq!((status, body.as_str()), (StatusCode::OK, "done"));
    }
    assert_eq!(shed.waiting(), 0);
    Ok(())
}

#[tokio::test]
async fn shed_by_time_and_at_once() -> Outcome {
    for (shed, waits) in [
        (LoadShedLayer::new().max_wait(Duration::from_millis(1)), true),
        (LoadShedLayer::new().retry_after(None), false),
    ] {
        let (server, mut starts, gate) = one_at_a_time(shed.clone()).await?;
        let served = server.ask("/");
        starts.recv().await.ok_or("it has started")?;
        // It is turned down, whenever: the first keeps its place until it is told.
        let (status, headers, _) = server.ask("/").await??;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(values(&headers, ["retry-after"]), [if waits { "1" } else { "-" }]);
        gate.add_permits(2);
        assert_eq!(served.await??.0, StatusCode::OK);
        assert_eq!(server.ask("/").await??.0, StatusCode::OK, "nothing was left behind");
        assert_eq!(shed.waiting(), 0);
    }
    Ok(())
}
