//! [`RateLimitLayer`]: refuses, or lets wait, what comes too early.

use core::time::Duration;

use http::StatusCode;
use tidegate_tokio::{InvalidQuota, ManualClock, Priority, Quota, priority};
use tidegate_tower::{Raise, RateLimitLayer, Reason, Refusal};
use tokio::time;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

use crate::support::{
    Outcome, SECOND, arrived, behind, fields, get, nothing_arrived, ok, poll_ready, reason, refused, request,
};

#[tokio::test(start_paused = true)]
async fn answers_and_fields_are_exact() -> Outcome {
    let service = RateLimitLayer::new(Quota::per(2, 3 * SECOND)?).layer(service_fn(ok));
    let call = async || service.clone().oneshot(get("/")).await;

    for _ in 0..2 {
        let response = call().await?;
        assert_eq!((response.status(), response.body().as_str()), (StatusCode::OK, "served"));
        assert_eq!(fields(response.headers()), ["-", "-", "-", "-"]);
    }
    let response = call().await?;
    assert_eq!((response.status(), response.body().as_str()), (StatusCode::TOO_MANY_REQUESTS, ""));
    // 1.5 s until the next token, 3 s until there are two.
    assert_eq!(fields(response.headers()), ["2", "2", "0", "3"]);
    let refusal = response.extensions().get::<Refusal>().expect("it is told");
    assert_eq!((refusal.reason(), refusal.retry_in()), (Reason::RateLimited, Some(Duration::from_millis(1_500))));

    time::advance(Duration::from_millis(500)).await;
    assert_eq!(fields(call().await?.headers()), ["1", "2", "0", "3"]);
    time::advance(Duration::from_millis(999)).await;
    assert_eq!(fields(call().await?.headers()), ["1", "2", "0", "2"]);
    time::advance(Duration::from_millis(1)).await;
    assert_eq!(call().await?.status(), StatusCode::OK);
    assert_eq!(call().await?.status(), StatusCode::TOO_MANY_REQUESTS);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_left_on_request() -> Outcome {
    let service = RateLimitLayer::new(Quota::per(2, 3 * SECOND)?).with_headers().layer(service_fn(ok));
    let call = async || service.clone().oneshot(get("/")).await;
    assert_eq!(fields(call().await?.headers()), ["-", "2", "1", "2"]);
    assert_eq!(fields(call().await?.headers()), ["-", "2", "0", "3"]);
    assert_eq!(fields(call().await?.headers()), ["2", "2", "0", "3"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn several_quotas_all_or_nothing() -> Outcome {
    let quotas = [Quota::per(2, SECOND)?, Quota::per(3, 60 * SECOND)?];
    let service = RateLimitLayer::with_quotas(&quotas)?.layer(service_fn(ok));
    let call = async || service.clone().oneshot(get("/")).await;
    assert_eq!(call().await?.status(), StatusCode::OK);
    assert_eq!(call().await?.status(), StatusCode::OK);
    assert_eq!(fields(call().await?.headers())[0], "1");
    time::advance(SECOND).await;
    assert_eq!(call().await?.status(), StatusCode::OK);
    // The refusals have taken nothing of the minute's quota, which has none left now: 20 s per token.
    assert_eq!(fields(call().await?.headers())[0], "19");
    assert_eq!(RateLimitLayer::with_quotas(&[]).err(), Some(InvalidQuota::WrongNumber));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn services_and_clones_share() -> Outcome {
    let layer = RateLimitLayer::new(Quota::per(1, SECOND)?).refuse_with(Raise);
    let (mut one, mut handle) = behind(layer.clone());
    handle.allow(8);
    let (mut other, mut other_handle) = behind(layer);
    other_handle.allow(8);
    drop(request(&mut one, "one"));
    assert_eq!(reason(&mut request(&mut one.clone(), "two")), Reason::RateLimited);
    assert_eq!(reason(&mut request(&mut other, "three")), Reason::RateLimited);
    assert_eq!(arrived(&mut handle).0, "one");
    nothing_arrived(&mut handle);
    nothing_arrived(&mut other_handle);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn readiness_is_that_of_the_service_and_takes_no_token() -> Outcome {
    let layer = RateLimitLayer::new(Quota::per(1, SECOND)?).refuse_with(Raise);
    let (mut service, mut handle) = behind(layer.clone());
    handle.allow(0);
    assert_pending!(poll_ready(&mut service));
    handle.allow(1);
    assert_ready_ok!(poll_ready(&mut service));
    assert_eq!(layer.limiter().available(), 1);
    drop(service.call("one"));
    assert_eq!(layer.limiter().available(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn delayed_requests_come_in_order_and_in_time() -> Outcome {
    let layer = RateLimitLayer::new(Quota::per(1, SECOND)?).refuse_with(Raise).delay(3 * SECOND).max_waiting(3);
    let (mut service, mut handle) = behind(layer);
    handle.allow(8);
    let mut ask = |name, priority| {
        let mut future = request(&mut service, name);
        priority::scope_blocking(Priority(priority), || assert_pending!(future.poll()));
        future
    };
    let _first = ask("one", 0);
    let mut two = ask("two", 0);
    let mut three = ask("three", 0);
    let mut soon = ask("soon", -1);
    assert_eq!(service.waiting(), 3);
    assert_eq!(reason(&mut request(&mut service, "four")), Reason::Overloaded);
    let _one = arrived(&mut handle);
    nothing_arrived(&mut handle);

    let (mut order, mut answers) = (vec![], vec![]);
    for _ in 0..3 {
        time::sleep(SECOND + Duration::from_millis(2)).await;
        for future in [&mut two, &mut three, &mut soon] {
            if future.is_woken() {
                assert_pending!(future.poll());
            }
        }
        while let core::task::Poll::Ready(Some((name, answer))) = handle.poll_request() {
            order.push(name);
            answers.push(answer);
        }
    }
    assert_eq!(order, ["soon", "two", "three"]);
    assert_eq!(service.waiting(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_delay_ends() -> Outcome {
    let layer = RateLimitLayer::new(Quota::per(1, 60 * SECOND)?).refuse_with(Raise).delay(SECOND);
    let (mut service, mut handle) = behind(layer);
    handle.allow(8);
    let _one = request(&mut service, "one").poll();
    let mut two = request(&mut service, "two");
    assert_pending!(two.poll());
    time::advance(SECOND + Duration::from_millis(2)).await;
    assert!(two.is_woken());
    assert_eq!(refused(&mut two).reason(), Reason::TimedOut);
    let mut three = task::spawn(service.call("three"));
    assert_pending!(three.poll());
    drop(three);
    assert_eq!(service.waiting(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn of_two_layers_the_scarcer_quota_is_told() -> Outcome {
    let (large, small) = (Quota::per(10, SECOND)?, Quota::per(1, 60 * SECOND)?);
    for (outer, inner) in [(large, small), (small, large)] {
        let service = RateLimitLayer::new(inner).with_headers().layer(service_fn(ok));
        let service = RateLimitLayer::new(outer).with_headers().layer(service);
        let call = async || service.clone().oneshot(get("/")).await;
        assert_eq!(fields(call().await?.headers()), ["-", "1", "0", "60"]);
        let response = call().await?;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(fields(response.headers()), ["60", "1", "0", "60"], "what is left of the one that has refused");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_understood_is_replaced() -> Outcome {
    let nonsense = async |request| {
        let mut response: http::Response<String> = ok(request).await?;
        response.headers_mut().insert("ratelimit-remaining", http::HeaderValue::from_static("few"));
        Ok::<_, core::convert::Infallible>(response)
    };
    let service = RateLimitLayer::new(Quota::per(2, SECOND)?).with_headers().layer(service_fn(nonsense));
    assert_eq!(fields(service.oneshot(get("/")).await?.headers()), ["-", "2", "1", "1"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn by_a_clock_of_ones_own() -> Outcome {
    let clock: &'static ManualClock = Box::leak(Box::default());
    let layer = RateLimitLayer::with_timer(Quota::per(1, 10 * SECOND)?, clock).with_headers();
    let service = layer.layer(service_fn(ok));
    let call = async || service.clone().oneshot(get("/")).await;
    assert_eq!(fields(call().await?.headers()), ["-", "1", "0", "10"]);
    time::advance(60 * SECOND).await;
    assert_eq!(fields(call().await?.headers()), ["10", "1", "0", "10"], "tokio's time is none of its business");
    clock.advance(4 * SECOND);
    assert_eq!(fields(call().await?.headers()), ["6", "1", "0", "6"]);
    clock.advance(6 * SECOND);
    assert_eq!(call().await?.status(), StatusCode::OK);
    Ok(())
}
