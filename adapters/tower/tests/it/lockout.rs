//! [`LockoutLayer`]: what answers say is learnt, and nothing else.

use core::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use proptest::prelude::*;
use tidegate_tower::{FromHeaders, Learn as _, LockoutLayer, Raise, Reason, Refusal, retry_after};
use tokio::time;
use tokio_test::{assert_pending, assert_ready_ok};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{Error, Outcome, SECOND, arrived, behind, fields, nothing_arrived, reason, refused, request};

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const RESET: &str = "ratelimit-reset";

fn headers<const N: usize>(pairs: [(&'static str, &str); N]) -> HeaderMap {
    let pair = |(name, value): (&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).expect("it is a value"))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.map(pair) {
        headers.append(name, value);
    }
    headers
}

fn seconds<const N: usize>(pairs: [(&'static str, &str); N]) -> Option<u64> {
    retry_after(&headers(pairs)).map(|span| span.as_secs())
}

#[test]
fn seconds_and_dates() {
    assert_eq!(seconds([]), None);
    assert_eq!(seconds([("retry-after", "120")]), Some(120));
    assert_eq!(seconds([("retry-after", " 120 ")]), Some(120));
    assert_eq!(seconds([("retry-after", "0")]), Some(0));
    for date in ["Sun, 06 Nov 1994 08:50:07 GMT", "Sunday, 06-Nov-94 08:50:07 GMT", "Sun Nov  6 08:50:07 1994"] {
        assert_eq!(seconds([("date", DATE), ("retry-after", date)]), Some(30), "{date}");
    }
    assert_eq!(seconds([("date", DATE), ("retry-after", DATE)]), Some(0));
    assert_eq!(
        seconds([("date", DATE), ("retry-after", "Sun, 06 Nov 1994 08:49:36 GMT")]),
        Some(0),
        "it has passed"
    );
    assert_eq!(seconds([("retry-after", DATE)]), Some(0), "it has passed by the system's clock");
    let far = seconds([("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")]);
    assert!(far.is_some_and(|far| far > 200_000_000_000), "by the system's clock");
    assert_eq!(
        seconds([("date", "yesterday"), ("retry-after", DATE)]),
        Some(0),
        "a date that is none does not count"
    );
}

#[test]
fn what_cannot_be_understood_is_not_there() {
    for value in
        ["", " ", "-5", "+5", "1.5", "1e3", "soon", "12 s", "0x10", "Sun, 99 Nov 1994 08:49:37 GMT", "\u{665}"]
    {
        assert_eq!(seconds([("retry-after", value)]), None, "{value:?}");
        assert_eq!(seconds([("retry-after", value), (RESET, "7")]), Some(7), "{value:?}");
        assert_eq!(seconds([("retry-after", value), ("retry-after", "9")]), Some(9), "{value:?}");
    }
    assert_eq!(retry_after(&headers([("retry-after", "99999999999999999999999")])), Some(Duration::MAX));
    assert_eq!(
        retry_after(&headers([("retry-after", "18446744073709551615")])),
        Some(Duration::from_secs(u64::MAX))
    );
}

#[test]
fn the_longest_and_the_field_that_goes_first() {
    assert_eq!(seconds([("retry-after", "3"), ("retry-after", "8"), ("retry-after", "5")]), Some(8));
    assert_eq!(seconds([(RESET, "30"), ("retry-after", "3")]), Some(3));
    assert_eq!(seconds([(RESET, "30")]), Some(30));
    assert_eq!(seconds([(RESET, DATE)]), None);
}

proptest! {
    #[test]
    fn any_bytes_will_do(value in prop::collection::vec(any::<u8>(), 0..40)) {
        let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, value.clone());
        headers.insert(header::DATE, value);
        let _ = retry_after(&headers);
    }

    #[test]
    fn any_seconds(span: u64, zeroes in 0_usize..5) {
        let value = format!("{}{span}", "0".repeat(zeroes));
        prop_assert_eq!(retry_after(&headers([("retry-after", &value)])), Some(Duration::from_secs(span)));
    }

    #[test]
    fn any_dates(now in 0..253_402_300_000_u64, end in 0..253_402_300_000_u64) {
        let date = |at| httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(at));
        let said = retry_after(&headers([("date", &date(now)), ("retry-after", &date(end))]));
        prop_assert_eq!(said, Some(Duration::from_secs(end.saturating_sub(now))));
    }
}

#[test]
fn only_of_429_and_503() {
    let learn = |learn: FromHeaders, status: u16, after: Option<&'static str>| {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(status).expect("it is a status");
        if let Some(after) = after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(after));
        }
        learn.learn(&Ok::<_, Error>(response))
    };
    let five = FromHeaders::new().otherwise(5 * SECOND);
    for status in [429, 503] {
        assert_eq!(learn(FromHeaders::new(), status, Some("3")), Some(3 * SECOND));
        assert_eq!(learn(FromHeaders::new(), status, None), None);
        assert_eq!(learn(five, status, Some("3")), Some(3 * SECOND));
        assert_eq!(learn(five, status, Some("0")), Some(Duration::ZERO), "it has been understood");
        assert_eq!(learn(five, status, Some("soon")), Some(5 * SECOND));
        assert_eq!(learn(five, status, None), Some(5 * SECOND));
    }
    for status in [200, 301, 404, 500, 502, 504] {
        assert_eq!(learn(five, status, Some("3")), None, "{status}");
    }
    let failed: Result<Response<()>, Error> = Err("broken".into());
    assert_eq!(five.learn(&failed), None);
}

/// Answers with the status and `Retry-After` that the request names.
async fn upstream(request: Request<String>) -> Result<Response<String>, Error> {
    let (status, after) = request.body().split_once(' ').unwrap_or((request.body(), ""));
    let mut response = Response::builder().status(status);
    if !after.is_empty() {
        response = response.header(header::RETRY_AFTER, after);
    }
    Ok(response.body(String::new())?)
}

#[tokio::test(start_paused = true)]
async fn an_answer_locks_and_the_rest_is_refused() -> Outcome {
    let layer = LockoutLayer::new();
    let client = layer.layer(service_fn(upstream));
    let ask = async |what: &str| client.clone().oneshot(Request::new(what.to_owned())).await;
    assert_eq!(ask("503").await?.status(), 503, "it says nothing");
    assert_eq!(ask("200 30").await?.status(), 200);
    assert_eq!(ask("429 30").await?.status(), 429, "the answer itself comes through");
    time::advance(Duration::from_millis(500)).await;
    let response = ask("200").await?;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fields(response.headers()), ["30", "-", "-", "-"]);
    assert_eq!(response.extensions().get::<Refusal>().map(Refusal::reason), Some(Reason::LockedOut));
    time::advance(Duration::from_millis(29_500)).await;
    assert_eq!(ask("200").await?.status(), 200);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn no_longer_than_it_may() -> Outcome {
    let client = LockoutLayer::new().at_most(10 * SECOND).layer(service_fn(upstream));
    let ask = async |what: &str| client.clone().oneshot(Request::new(what.to_owned())).await;
    ask("429 99999999999999999999").await?;
    assert_eq!(fields(ask("200").await?.headers())[0], "10");
    let client = LockoutLayer::default().layer(service_fn(upstream));
    client.clone().oneshot(Request::new("429 86400".to_owned())).await?;
    assert_eq!(fields(client.oneshot(Request::new("200".to_owned())).await?.headers())[0], "3600");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn answers_on_their_way_extend_it_and_never_shorten_it() {
    // Strings are seconds here.
    let learn =
        |outcome: &Result<&'static str, Error>| outcome.as_ref().ok()?.parse().ok().map(Duration::from_secs);
    let layer = LockoutLayer::new().learn_with(learn).refuse_with(Raise);
    let (mut client, mut handle) = behind(layer.clone());
    handle.allow(8);
    let mut requests = ["one", "two", "three"].map(|name| request(&mut client, name));
    for (request, answer) in requests.iter_mut().zip(["10", "30", "20"]) {
        assert_pending!(request.poll());
        arrived(&mut handle).1.send_response(answer);
        assert_eq!(assert_ready_ok!(request.poll()), answer);
    }
    let refusal = refused(&mut request(&mut client, "four"));
    assert_eq!((refusal.reason(), refusal.retry_in()), (Reason::LockedOut, Some(30 * SECOND)));
    time::advance(29 * SECOND).await;
    assert_eq!(reason(&mut request(&mut client.clone(), "five")), Reason::LockedOut);
    time::advance(SECOND).await;
    assert_pending!(request(&mut client, "six").poll());
    assert_eq!(arrived(&mut handle).0, "six");
}

#[tokio::test(start_paused = true)]
async fn an_operators_lockout_is_another() -> Outcome {
    let layer = LockoutLayer::new();
    let client = layer.layer(service_fn(upstream));
    let ask = async |what: &str| client.clone().oneshot(Request::new(what.to_owned())).await;
    let in_flight = {
        let (started, wait) = tokio::sync::oneshot::channel::<()>();
        let wait = std::sync::Mutex::new(Some(wait));
        let slow = layer.layer(service_fn(move |request| {
            let wait = wait.lock().ok().and_then(|mut wait| wait.take());
            async move {
                if let Some(wait) = wait {
                    wait.await?;
                }
                upstream(request).await
            }
        }));
        let task = tokio::spawn(async move {
            let mut slow = slow;
            let ready = slow.ready().await?;
            tower::Service::call(ready, Request::new("429 5".to_owned())).await
        });
        tokio::task::yield_now().await;
        (started, task)
    };
    let lever = layer.lockout().lock_for(Duration::MAX)?;
    let refused = ask("200").await?;
    assert_eq!((refused.status(), fields(refused.headers())[0].as_str()), (StatusCode::SERVICE_UNAVAILABLE, "-"));
    in_flight.0.send(()).map_err(|()| "it waits")?;
    assert_eq!(in_flight.1.await??.status(), 429);
    assert!(layer.lockout().lift(lever));
    assert_eq!(fields(ask("200").await?.headers())[0], "5", "what was learnt meanwhile holds");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn delayed_until_the_end() -> Outcome {
    let layer = LockoutLayer::new().refuse_with(Raise).delay(60 * SECOND).max_waiting(2);
    layer.lockout().lock_for(5 * SECOND)?;
    let (mut client, mut handle) = behind(layer_of_strings(&layer));
    handle.allow(8);
    let mut one = request(&mut client, "one");
    let mut two = request(&mut client, "two");
    assert_pending!(one.poll());
    assert_pending!(two.poll());
    assert_eq!(client.waiting(), 2);
    assert_eq!(reason(&mut request(&mut client, "three")), Reason::Overloaded);
    nothing_arrived(&mut handle);
    time::advance(5 * SECOND + Duration::from_millis(1)).await;
    assert!(one.is_woken());
    assert_pending!(one.poll());
    assert_pending!(two.poll());
    assert_eq!([arrived(&mut handle).0, arrived(&mut handle).0], ["one", "two"]);
    assert_eq!(client.waiting(), 0);

    layer.lockout().lock_for(600 * SECOND)?;
    let mut four = request(&mut client, "four");
    assert_pending!(four.poll());
    time::advance(60 * SECOND + Duration::from_millis(1)).await;
    assert!(four.is_woken());
    assert_eq!(reason(&mut four), Reason::TimedOut);
    Ok(())
}

type Nothing = fn(&Result<&'static str, Error>) -> Option<Duration>;

/// The same lockout before a service whose answers teach nothing.
fn layer_of_strings<L, R: Clone>(
    layer: &tidegate_tower::LockoutDelayLayer<L, R>,
) -> tidegate_tower::LockoutDelayLayer<Nothing, Raise> {
    let nothing: Nothing = |_| None;
    LockoutLayer::with_lockout(std::sync::Arc::clone(layer.lockout()))
        .learn_with(nothing)
        .refuse_with(Raise)
        .delay(60 * SECOND)
        .max_waiting(2)
}
