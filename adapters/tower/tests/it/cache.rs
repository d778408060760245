//! [`CacheLayer`]: what is kept, what is shared, and what is left alone.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tidegate_tower::{CacheKey, CacheLayer};
use tokio::time;
use tokio_test::{assert_pending, task};
use tower::{Layer as _, Service, ServiceExt as _};

use crate::support::{Error, Outcome, SECOND, Script, Step, values};

/// Counts its calls, and answers with a number and with the headers that the request names in `x-answer`.
#[derive(Clone, Default)]
struct Origin {
    calls: Arc<AtomicUsize>,
    script: Option<&'static [Step]>,
    gate: Option<Arc<tokio::sync::Semaphore>>,
    ready: bool,
}

impl Origin {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Service<Request<()>> for Origin {
    type Response = Response<Script>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Script>, Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        assert!(core::mem::take(&mut self.ready), "called before it was ready");
        self.calls.fetch_add(1, Ordering::Relaxed);
        let (script, gate) = (self.script.unwrap_or(&[Step::Data("he"), Step::Data("llo")]), self.gate.clone());
        Box::pin(async move {
            if let Some(gate) = gate {
                gate.acquire().await?.forget();
            }
            let mut response = Response::builder().status(StatusCode::OK);
            for field in request.headers().get_all("x-answer") {
                let (name, value) = field.to_str()?.split_once(": ").ok_or("a field")?;
                if name == "fail" {
                    return Err(value.into());
                }
                response = if name == "status" { response.status(value) } else { response.header(name, value) };
            }
            Ok(response.body(Script::new(script))?)
        })
    }
}

fn ask(path: &str, fields: &[(&'static str, &str)]) -> Request<()> {
    let mut request = Request::get(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).expect("it is a request")
}

fn answering(fields: &[&str]) -> Request<()> {
    let fields: Vec<_> = fields.iter().map(|field| ("x-answer", *field)).collect();
    ask("/", &fields)
}

fn layer() -> CacheLayer {
    CacheLayer::new(100, 60 * SECOND)
}

/// How many of two equal requests reach the origin.
async fn reach(layer: CacheLayer, request: impl Fn() -> Request<()>) -> Result<usize, Error> {
    let origin = Origin::default();
    let service = layer.layer(origin.clone());
    for _ in 0..2 {
        let response = service.clone().oneshot(request()).await?;
        assert_eq!(response.into_body().collect().await?.to_bytes(), "hello");
    }
    Ok(origin.calls())
}

#[tokio::test(start_paused = true)]
async fn a_hit_is_the_same_answer_with_its_age() -> Outcome {
    let origin = Origin::default();
    let layer = layer();
    let service = layer.layer(origin.clone());
    let request = || answering(&["x-kind: plain", "status: 404", "transfer-encoding: chunked"]);
    let first = service.clone().oneshot(request()).await?;
    assert_eq!(values(first.headers(), ["x-kind", "age"]), ["plain", "-"]);
    assert_eq!(first.into_body().collect().await?.to_bytes(), "hello");
    time::advance(Duration::from_millis(2_500)).await;
    let hit = service.clone().oneshot(request()).await?;
    assert_eq!(hit.status(), StatusCode::NOT_FOUND);
    assert_eq!(values(hit.headers(), ["x-kind", "age", "transfer-encoding"]), ["plain", "2", "-"]);
    assert_eq!((hit.body().size_hint().exact(), hit.body().is_end_stream()), (Some(5), false));
    assert_eq!(hit.into_body().collect().await?.to_bytes(), "hello");
    assert_eq!(origin.calls(), 1);
    assert_eq!((layer.stats().hits, layer.stats().misses, layer.len()), (1, 1, 1));
    time::advance(Duration::from_millis(57_500)).await;
    service.clone().oneshot(request()).await?;
    assert_eq!(origin.calls(), 2, "its time was up");
    layer.invalidate(&CacheKey::of(&request()));
    service.clone().oneshot(request()).await?;
    assert_eq!(origin.calls(), 3);
    layer.invalidate_all();
    assert!(layer.is_empty());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_requests_say() -> Outcome {
    assert_eq!(reach(layer(), || ask("/", &[])).await?, 1);
    for (name, value) in [
        ("authorization", "Bearer x"),
        ("range", "bytes=0-1"),
        ("if-range", "\"x\""),
        ("if-match", "\"x\""),
        ("if-none-match", "\"x\""),
        ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("cache-control", "max-age=5, No-Cache"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(reach(layer(), || ask("/", &[(name, value)])).await?, 2, "{name}");
    }
    assert_eq!(reach(layer(), || ask("/", &[("cache-control", "max-age=5")])).await?, 1);
    assert_eq!(reach(layer().authorized(), || ask("/", &[("authorization", "Bearer x")])).await?, 1);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let request = || {
            let mut request = ask("/", &[]);
            method.clone_into(request.method_mut());
            request
        };
        assert_eq!(reach(layer(), request).await?, 2, "{method}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_answers_say() -> Outcome {
    for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
        assert_eq!(reach(layer(), || answering(&[&format!("status: {status}")])).await?, 1, "{status}");
    }
    for status in [201, 206, 302, 304, 307, 400, 401, 403, 429, 500, 502, 503, 504] {
        assert_eq!(reach(layer(), || answering(&[&format!("status: {status}")])).await?, 2, "{status}");
    }
    for field in [
        "cache-control: no-store",
        "cache-control: public, PRIVATE",
        "cache-control: no-cache=\"x\"",
        "cache-control: max-age=0",
        "cache-control: max-age=soon",
        "cache-control: max-age",
        "cache-control: max-age=-5",
        "cache-control: max-age=60, s-maxage=0",
        "cache-control: max-age=60, max-age=0",
        "expires: 0",
        "expires: Sun, 06 Nov 1994 08:49:37 GMT",
        "set-cookie: id=5",
        "vary: accept",
        "vary: *",
        "content-type: Text/Event-Stream; charset=utf-8",
    ] {
        assert_eq!(reach(layer(), || answering(&[field])).await?, 2, "{field}");
    }
    for field in [
        "cache-control: public",
        "cache-control: max-age=\"5\"",
        "cache-control: max-age=0, s-maxage=5",
        "cache-control: max-age=99999999999999999999999",
        "expires: Fri, 31 Dec 9999 23:59:59 GMT",
        "content-type: text/html",
    ] {
        assert_eq!(reach(layer(), || answering(&[field])).await?, 1, "{field}");
    }
    let date = "date: Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(reach(layer(), || answering(&[date, "expires: Sun, 06 Nov 1994 08:49:38 GMT"])).await?, 1);
    assert_eq!(reach(layer(), || answering(&[date, "expires: Sun, 06 Nov 1994 08:49:37 GMT"])).await?, 2);
    assert_eq!(reach(layer(), || answering(&["age: 5", "cache-control: max-age=6"])).await?, 1);
    assert_eq!(reach(layer(), || answering(&["age: 6", "cache-control: max-age=6"])).await?, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_shorter_lifetime_counts() -> Outcome {
    for (field, lifetime) in
        [("cache-control: max-age=10", 10), ("cache-control: max-age=600", 60), ("x-none: 1", 60)]
    {
        let origin = Origin::default();
        let service = layer().layer(origin.clone());
        service.clone().oneshot(answering(&[field])).await?;
        time::advance(Duration::from_secs(lifetime - 1) + Duration::from_nanos(999_999_999)).await;
        service.clone().oneshot(answering(&[field])).await?;
        assert_eq!(origin.calls(), 1, "{field}");
        time::advance(Duration::from_nanos(1)).await;
        service.clone().oneshot(answering(&[field])).await?;
        assert_eq!(origin.calls(), 2, "{field}");
    }
    let origin = Origin::default();
    let service = layer().layer(origin.clone());
    let old = || answering(&["age: 7", "cache-control: max-age=10"]);
    service.clone().oneshot(old()).await?;
    time::advance(SECOND).await;
    assert_eq!(values(service.clone().oneshot(old()).await?.headers(), ["age"]), ["8"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn keys() -> Outcome {
    let origin = Origin::default();
    let service = layer().layer(origin.clone());
    let head = || {
        let mut request = ask("/a", &[]);
        *request.method_mut() = Method::HEAD;
        request
    };
    let different = || {
        [
            ask("/a", &[]),
            ask("/a?x", &[]),
            ask("/b", &[]),
            ask("/a", &[("host", "x")]),
            ask("/a", &[("host", "y")]),
            head(),
        ]
    };
    for _ in 0..2 {
        for request in different() {
            service.clone().oneshot(request).await?;
        }
    }
    assert_eq!(origin.calls(), different().len());

    let origin = Origin::default();
    let by_language = |request: &Request<()>| {
        let language = request.headers().get("accept-language")?;
        Some((CacheKey::of(request), language.clone()))
    };
    let service = layer().key::<(CacheKey, HeaderValue), _>(by_language).layer(origin.clone());
    let vary = |language, vary| ask("/", &[("accept-language", language), ("x-answer", vary)]);
    for (language, field, calls) in [
        ("de", "vary: accept-language", 1),
        ("de", "vary: accept-language", 1),
        ("en", "vary: accept-language", 2),
        ("de", "vary: accept-language", 2),
        ("fr", "vary: accept, *", 3),
        ("fr", "vary: accept, *", 4),
    ] {
        service.clone().oneshot(vary(language, field)).await?;
        assert_eq!(origin.calls(), calls, "{language} {field}");
    }
    service.clone().oneshot(ask("/", &[])).await?;
    service.clone().oneshot(ask("/", &[])).await?;
    assert_eq!(origin.calls(), 6, "without a key it passes");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_not_kept_come_through_whole() -> Outcome {
    let whole = [Step::Data("one"), Step::Data(""), Step::Data("two"), Step::Data("three")];
    for (most, calls) in [(11, 1), (10, 2), (3, 2), (0, 2)] {
        let origin = Origin { script: Some(Box::leak(Box::new(whole))), ..Origin::default() };
        let service = layer().max_body(most).layer(origin.clone());
        for _ in 0..2 {
            let response = service.clone().oneshot(ask("/", &[])).await?;
            assert_eq!(response.body().size_hint().exact(), Some(11), "{most}");
            assert_eq!(response.into_body().collect().await?.to_bytes(), "onetwothree", "{most}");
        }
        assert_eq!(origin.calls(), calls, "{most}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_body_that_lies_or_fails_is_not_kept() -> Outcome {
    // Its length is not known before, so it is begun to be read.
    for (script, most) in [(&[Step::Unsized, Step::Data("one"), Step::Data("two"), Step::Data("three")][..], 5)] {
        let origin = Origin { script: Some(Box::leak(script.into())), ..Origin::default() };
        let service = layer().max_body(most).layer(origin.clone());
        for _ in 0..2 {
            let body = service.clone().oneshot(ask("/", &[])).await?.into_body();
            assert!(!body.is_end_stream());
            assert_eq!(body.size_hint().exact(), Some(11));
            assert_eq!(body.collect().await?.to_bytes(), "onetwothree");
        }
        assert_eq!(origin.calls(), 2);
    }
    let origin = Origin {
        script: Some(&[Step::Data(""), Step::Data("one"), Step::Fail, Step::Data("never")]),
        ..Origin::default()
    };
    let service = layer().layer(origin.clone());
    for _ in 0..2 {
        let mut body = service.clone().oneshot(ask("/", &[])).await?.into_body();
        let frame = body.frame().await.ok_or("a frame")?;
        assert_eq!(frame?.into_data().map_err(|_| "data")?, "one");
        assert!(!body.is_end_stream());
        assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
    }
    assert_eq!(origin.calls(), 2);

    let origin = Origin { script: Some(&[Step::Data("one"), Step::Trailers]), ..Origin::default() };
    let service = layer().layer(origin.clone());
    for _ in 0..2 {
        let body = service.clone().oneshot(ask("/", &[])).await?.into_body().collect().await?;
        assert_eq!(body.trailers().map(|trailers| values(trailers, ["x-sum"])), Some(["5".to_owned()]));
        assert_eq!(body.to_bytes(), "one");
    }
    assert_eq!(origin.calls(), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_request_for_all_who_ask_meanwhile() -> Outcome {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let origin = Origin { gate: Some(Arc::clone(&gate)), ..Origin::default() };
    let service = layer().layer(origin.clone());
    let mut asking: Vec<_> = (0..5).map(|_| task::spawn(service.clone().oneshot(ask("/", &[])))).collect();
    for request in &mut asking {
        assert_pending!(request.poll());
    }
    assert_eq!(origin.calls(), 1);
    // The first goes away, and the next takes over with its own request.
    drop(asking.remove(0));
    assert!(asking[0].is_woken());
    assert_pending!(asking[0].poll());
    assert_eq!(origin.calls(), 2);
    gate.add_permits(1);
    for request in asking {
        assert_eq!(request.await?.into_body().collect().await?.to_bytes(), "hello");
    }
    assert_eq!(origin.calls(), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kept_is_not_shared() -> Outcome {
    for answer in ["set-cookie: id=5", "fail: on purpose"] {
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let origin = Origin { gate: Some(Arc::clone(&gate)), ..Origin::default() };
        let service = layer().layer(origin.clone());
        let mut asking: Vec<_> =
            (0..3).map(|_| task::spawn(service.clone().oneshot(answering(&[answer])))).collect();
        for request in &mut asking {
            assert_pending!(request.poll());
        }
        assert_eq!(origin.calls(), 1);
        gate.add_permits(1);
        assert!(asking.remove(0).poll().is_ready());
        for request in &mut asking {
            assert!(request.is_woken());
            assert_pending!(request.poll());
        }
        assert_eq!(origin.calls(), 3, "they do not wait for one another");
        gate.add_permits(2);
        for request in asking {
            match request.await {
                Ok(response) => assert_eq!(values(response.headers(), ["set-cookie"]), ["id=5"]),
                Err(error) => assert_eq!(error.to_string(), "on purpose"),
            }
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_first_keeps_its_extensions() -> Outcome {
    let service = layer().layer(tower::service_fn(async |_: Request<()>| {
        let mut response = Response::new(Script::new(&[]));
        response.extensions_mut().insert(7_u32);
        Ok::<_, Error>(response)
    }));
    let response = service.oneshot(ask("/", &[])).await?;
    assert_eq!(response.extensions().get(), Some(&7_u32));
    assert_eq!(response.headers().get(header::AGE), None);
    Ok(())
}

/// A value that is a small part of a large buffer, as hyper hands values over.
fn part_of(buffer: &Bytes, text: &str) -> Bytes {
    let start = buffer.windows(text.len()).position(|part| part == text.as_bytes()).expect("it is a part");
    buffer.slice(start..start + text.len())
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_holds_on_to_nobodys_buffer() -> Outcome {
    let sent = Bytes::from(format!("GET /one HTTP/1.1\r\nhost: example.org\r\n{}", "x".repeat(8_192)));
    let received = Bytes::from(format!("HTTP/1.1 200\r\nx-kind: plain\r\n\r\nhello{}", "x".repeat(8_192)));
    let answers = received.clone();
    let origin = tower::service_fn(move |_: Request<()>| {
        let mut response = Response::new(http_body_util::Full::new(part_of(&answers, "hello")));
        let value = HeaderValue::from_maybe_shared(part_of(&answers, "plain"));
        response.headers_mut().insert("x-kind", value.expect("it is a value"));
        core::future::ready(Ok::<_, Error>(response))
    });
    let ask = || -> Result<Request<()>, Error> {
        let mut request = Request::new(());
        *request.uri_mut() = http::Uri::from_maybe_shared(part_of(&sent, "/one"))?;
        request.headers_mut().insert(header::HOST, HeaderValue::from_maybe_shared(part_of(&sent, "example.org"))?);
        Ok(request)
    };
    let layer = layer();
    let service = layer.layer(origin);
    assert_eq!(service.clone().oneshot(ask()?).await?.into_body().collect().await?.to_bytes(), "hello");
    assert_eq!(values(service.clone().oneshot(ask()?).await?.headers(), ["x-kind", "age"]), ["plain", "0"]);
    drop(service);
    assert_eq!((layer.len(), layer.stats().hits), (1, 1));
    assert!(sent.is_unique(), "the key has memory of its own");
    assert!(received.is_unique(), "so has the answer");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_changes_a_resource_drops_its_answer() -> Outcome {
    let origin = Origin::default();
    let layer = layer();
    let service = layer.layer(origin.clone());
    let send = async |method: &str, path: &str, answer: &'static str| {
        let request = Request::builder().method(method).uri(path).header("x-answer", answer).body(())?;
        Ok::<_, Error>(service.clone().oneshot(request).await?.status())
    };
    let is_kept = async |method: &str, path: &str| {
        let before = origin.calls();
        send(method, path, "x-kind: plain").await?;
        Ok::<_, Error>(origin.calls() == before)
    };
    for method in ["POST", "PUT", "DELETE", "PATCH", "PURGE"] {
        for (answer, drops) in [
            ("status: 200", true),
            ("status: 303", true),
            ("status: 400", false),
            ("status: 503", false),
            ("fail: on purpose", false),
        ] {
            for (asked, path) in [("GET", "/one"), ("HEAD", "/one"), ("GET", "/two")] {
                is_kept(asked, path).await?;
            }
            assert_eq!(send(method, "/one", answer).await.is_ok(), !answer.starts_with("fail"));
            assert_eq!(is_kept("GET", "/one").await?, !drops, "{method}, {answer}");
            assert_eq!(is_kept("HEAD", "/one").await?, !drops, "{method}, {answer}");
            assert!(is_kept("GET", "/two").await?, "it is another resource");
        }
    }
    for method in ["OPTIONS", "TRACE"] {
        send(method, "/one", "status: 200").await?;
        assert!(is_kept("GET", "/one").await?, "{method} changes nothing");
    }
    Ok(())
}

#[test]
fn a_clone_of_a_key_is_equal() -> Outcome {
    let uris =
        ["/", "*", "/a/b?c=d&e", "/a?", "//", "example.org:443", "http://example.org", "https://u@[::1]:8/%20?#"];
    for uri in uris {
        for host in [None, Some(""), Some("example.org"), Some("caf\u{e9}")] {
            let mut request = Request::builder().method("PROPFIND").uri(uri);
            if let Some(host) = host {
                request = request.header(header::HOST, host.as_bytes());
            }
            let key = CacheKey::of(&request.body(())?);
            assert_eq!(key.clone(), key, "{uri}");
        }
    }
    Ok(())
}
