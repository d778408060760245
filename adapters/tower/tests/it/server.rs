//! Real requests over loopback, through axum.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use tidegate_tokio::{Priority, Quota};
use tidegate_tower::{
    ConcurrencyLimitLayer, KeyedRateLimitLayer, LoadShedLayer, PriorityLimitLayer, RateLimitLayer, Refusal,
};
use tower::ServiceBuilder;

use crate::loopback::Server;
use crate::support::{Outcome, SECOND};

fn key(request: &Request<Body>) -> Option<http::HeaderValue> {
    request.headers().get("x-key").cloned()
}

#[tokio::test]
async fn all_layers_at_once() -> Outcome {
    let quota = Quota::per(2, 3_600 * SECOND)?;
    let layers = ServiceBuilder::new()
        .layer(RateLimitLayer::new(Quota::per(5, 3_600 * SECOND)?))
        .layer(KeyedRateLimitLayer::<Option<http::HeaderValue>, _>::new(quota, 100, key)?.with_headers())
        .layer(LoadShedLayer::new().max_waiting(10).max_wait(5 * SECOND))
        .layer(ConcurrencyLimitLayer::new(2))
        .layer(PriorityLimitLayer::new(2, |_: &Request<Body>| Priority(0)).until_body().max_wait(5 * SECOND));
    let app = Router::new().route("/", get(async || "hello")).route("/other", get(async || "other")).layer(layers);
    let server = Server::start(app).await?;

    let (status, headers, body) = server.get("/", "alice").await?;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "hello"));
    assert_eq!(headers, ["-", "2", "1", "1800"]);
    assert_eq!(server.get("/other", "alice").await?.0, StatusCode::OK, "routes share the layer");
    let (status, headers, body) = server.get("/", "alice").await?;
    assert_eq!((status, body.as_str()), (StatusCode::TOO_MANY_REQUESTS, ""));
    assert_eq!((headers[1].as_str(), headers[2].as_str()), ("2", "0"));
    let span: u64 = headers[0].parse()?;
    assert!((1..=1_800).contains(&span), "{span}");
    assert_eq!(server.get("/", "bob").await?.0, StatusCode::OK);
    assert_eq!(server.get("/", "carol").await?.0, StatusCode::OK);
    let (status, headers, _) = server.get("/", "dave").await?;
    assert_eq!((status, headers[1].as_str()), (StatusCode::TOO_MANY_REQUESTS, "5"), "the outer quota is used up");
    Ok(())
}

#[tokio::test]
async fn a_closure_answers_as_it_likes() -> Outcome {
    let sorry = |refusal: Refusal| -> Result<axum::response::Response, core::convert::Infallible> {
        Ok(refusal.into_response::<()>().map(|()| Body::from(format!("Sorry: {refusal}."))))
    };
    let limit = PriorityLimitLayer::new(0, |_: &Request<Body>| Priority(0)).max_waiting(0).refuse_with(sorry);
    let app = Router::new().route("/", get(async || "never")).layer(limit);
    let (status, headers, body) = Server::start(app).await?.get("/", "").await?;
    assert_eq!((status, headers[0].as_str()), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    assert_eq!(body, "Sorry: too many requests wait, come again in 1 s.");
    Ok(())
}

#[tokio::test]
async fn the_most_urgent_first_over_real_sockets() -> Outcome {
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let opened = std::sync::Arc::clone(&gate);
    let handler = async move |request: Request<Body>| {
        let name = key(&request).and_then(|key| key.to_str().map(str::to_owned).ok()).unwrap_or_default();
        started.send(name).expect("the test listens");
        opened.acquire().await.expect("it is open").forget();
        "done"
    };
    let layer = PriorityLimitLayer::new(1, |request: &Request<Body>| {
        let value = key(request).and_then(|key| key.to_str().ok()?.parse().ok());
        Priority(value.unwrap_or(0))
    });
    let app = Router::new().route("/", get(handler)).layer(layer.clone());
    let server = std::sync::Arc::new(Server::start(app).await?);
    let ask = |name: &'static str| {
        let server = std::sync::Arc::clone(&server);
        tokio::spawn(async move { server.get("/", name).await.map(|(status, ..)| status) })
    };
    let mut requests = vec![ask("0")];
    assert_eq!(starts.recv().await.as_deref(), Some("0"));
    for (waiting, name) in ["7", "3", "5"].into_iter().enumerate() {
        requests.push(ask(name));
        while layer.semaphore().waiters() <= waiting {
            tokio::task::yield_now().await;
        }
    }
    gate.add_permits(4);
    for name in ["3", "5", "7"] {
        assert_eq!(starts.recv().await.as_deref(), Some(name));
    }
    for request in requests {
        assert_eq!(request.await??, StatusCode::OK);
    }
    Ok(())
}
