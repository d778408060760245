//! [`KeyedRateLimitLayer`]: a quota for each key, or several.

use core::net::IpAddr;

use http::{Request, StatusCode};
use tidegate_tokio::{InvalidQuota, ManualClock, Quota, WhenFull};
use tidegate_tower::{KeyedRateLimitLayer, Reason, Refusal};
use tokio::time;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{Outcome, SECOND, fields, get, ok};

fn path(request: &Request<String>) -> String {
    request.uri().path().to_owned()
}

type Layer<A = tidegate_tower::Silent> =
    KeyedRateLimitLayer<String, fn(&Request<String>) -> String, tidegate_tower::Answer, A>;

fn layer(quotas: &[Quota], capacity: usize) -> Result<Layer, InvalidQuota> {
    let path: fn(&Request<String>) -> String = path;
    KeyedRateLimitLayer::with_quotas(quotas, capacity, path)
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_quota() -> Outcome {
    let service = layer(&[Quota::per(1, 10 * SECOND)?], 100)?.with_headers().layer(service_fn(ok));
    let call = async |path| service.clone().oneshot(get(path)).await;
    let response = call("/a").await?;
    assert_eq!(
        (response.status(), fields(response.headers())),
        (StatusCode::OK, ["-", "1", "0", "10"].map(Into::into))
    );
    assert_eq!(call("/b").await?.status(), StatusCode::OK);
    time::advance(SECOND / 2).await;
    let response = call("/a").await?;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(fields(response.headers()), ["10", "1", "0", "10"]);
    time::advance(10 * SECOND).await;
    assert_eq!(call("/a").await?.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn several_quotas_refuse_together_and_take_nothing() -> Outcome {
    let quotas = [Quota::per(2, SECOND)?, Quota::per(3, 60 * SECOND)?, Quota::per(5, SECOND)?];
    let layer = layer(&quotas, 100)?;
    let service = layer.layer(service_fn(ok));
    let call = async || service.clone().oneshot(get("/")).await;
    assert_eq!(call().await?.status(), StatusCode::OK);
    assert_eq!(call().await?.status(), StatusCode::OK);
    // The first refuses; the second and the third are asked, and get back what they gave.
    let response = call().await?;
    assert_eq!(fields(response.headers()), ["1", "2", "0", "1"]);
    let left = || {
        [0, 1, 2].map(|nth| layer.limiters().nth(nth).expect("there are three").level(&"/".to_owned()).available)
    };
    assert_eq!(left(), [0, 1, 3]);
    time::advance(SECOND).await;
    assert_eq!(call().await?.status(), StatusCode::OK);
    assert_eq!(left(), [1, 0, 4]);
    // The second refuses; the first gets back what it gave.
    let response = call().await?;
    assert_eq!(fields(response.headers()), ["19", "3", "0", "59"]);
    assert_eq!(left(), [1, 0, 4]);
    // The one that takes longest is told, though another refused before.
    assert_eq!(layer.limiters().next().expect("there are three").try_acquire(&"/".to_owned(), 1), Ok(()));
    assert_eq!(fields(call().await?.headers()), ["19", "3", "0", "59"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_scarcest_is_announced() -> Outcome {
    let quotas = [Quota::per(5, SECOND)?, Quota::per(3, 60 * SECOND)?];
    let service = layer(&quotas, 100)?.with_headers().layer(service_fn(ok));
    let response = service.oneshot(get("/")).await?;
    assert_eq!(fields(response.headers()), ["-", "3", "2", "20"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn keys_are_bounded() -> Outcome {
    let service = layer(&[Quota::per(1, 10 * SECOND)?], 2)?.layer(service_fn(ok));
    let call = async |path| service.clone().oneshot(get(path)).await;
    assert_eq!(call("/a").await?.status(), StatusCode::OK);
    assert_eq!(call("/b").await?.status(), StatusCode::OK);
    let response = call("/c").await?;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let refusal = response.extensions().get::<Refusal>().expect("it is told");
    assert_eq!(refusal.reason(), Reason::KeysExhausted);
    assert_eq!(fields(response.headers()), ["-", "-", "-", "-"]);
    assert_eq!(call("/a").await?.status(), StatusCode::TOO_MANY_REQUESTS);
    time::advance(10 * SECOND).await;
    assert_eq!(call("/c").await?.status(), StatusCode::OK);

    let forgetful = KeyedRateLimitLayer::with_config(&[Quota::per(1, SECOND)?], 1, WhenFull::ForgetFullest, path)?;
    let service = forgetful.layer(service_fn(ok));
    assert_eq!(service.clone().oneshot(get("/a")).await?.status(), StatusCode::OK);
    assert_eq!(service.clone().oneshot(get("/b")).await?.status(), StatusCode::OK);
    Ok(())
}

#[test]
fn what_makes_no_sense_is_an_error() -> Outcome {
    let quota = Quota::per(1, SECOND)?;
    let error = |quotas: &[Quota], capacity| layer(quotas, capacity).err();
    assert_eq!(error(&[quota], 0), Some(InvalidQuota::NoRoom));
    assert_eq!(error(&[quota], usize::MAX), Some(InvalidQuota::NoRoom));
    assert_eq!(error(&[], 1), Some(InvalidQuota::WrongNumber));
    assert_eq!(error(&[Quota::sliding(1, SECOND)?], 1), Some(InvalidQuota::NotABucket));
    let none = KeyedRateLimitLayer::<IpAddr, _>::with_limiters([], |(): &()| IpAddr::from([0; 4]));
    assert_eq!(none.err(), Some(InvalidQuota::WrongNumber));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn by_a_clock_of_ones_own() -> Outcome {
    let clock: &'static ManualClock = Box::leak(Box::default());
    let quotas = [Quota::per(1, SECOND)?, Quota::per(2, 10 * SECOND)?];
    let layer = KeyedRateLimitLayer::with_timer(&quotas, 10, WhenFull::Refuse, path, clock)?;
    let service = layer.layer(service_fn(ok));
    let call = async || service.clone().oneshot(get("/")).await;
    assert_eq!(call().await?.status(), StatusCode::OK);
    time::advance(60 * SECOND).await;
    assert_eq!(fields(call().await?.headers()), ["1", "1", "0", "1"], "tokio's time is none of its business");
    clock.advance(SECOND);
    assert_eq!(call().await?.status(), StatusCode::OK);
    clock.advance(SECOND);
    assert_eq!(fields(call().await?.headers()), ["3", "2", "0", "8"]);
    assert!(
        layer.limiters().all(|limiter| limiter.level(&"/".to_owned()).available < 2),
        "the clock is theirs, too"
    );
    Ok(())
}
