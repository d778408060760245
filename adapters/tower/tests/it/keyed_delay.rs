//! [`KeyedRateLimitLayer::delay`]: requests wait for the quota of their key.

use core::future::Future;
use core::task::Poll;
use core::time::Duration;
use std::hash::RandomState;
use std::sync::Arc;

use tidegate_core::rate_limiter::TokenBucket;
use tidegate_tokio::{KeyedRateLimiter, Priority, Quota, TokioTimer, WhenFull, priority};
use tidegate_tower::{KeyedRateDelayLayer, KeyedRateLimitLayer, Raise, Reason};
use tokio::time;
use tokio_test::assert_pending;
use tokio_test::task::Spawn;

use crate::support::{Error, Outcome, SECOND, StrHandle, behind, nothing_arrived, reason, request};

type Key = fn(&&'static str) -> char;
type Delay = KeyedRateDelayLayer<char, Key, Raise>;

/// The first letter.
fn key(request: &&'static str) -> char {
    request.chars().next().unwrap_or_default()
}

fn layer(quotas: &[Quota]) -> Result<Delay, Error> {
    let layer = KeyedRateLimitLayer::with_quotas(quotas, 100, key as Key)?;
    Ok(layer.refuse_with(Raise).delay(10 * SECOND))
}

fn limiter(quota: Quota, capacity: usize) -> Result<Arc<KeyedRateLimiter<char>>, Error> {
    let (bucket, hasher) = (TokenBucket::new(quota)?, RandomState::new());
    Ok(Arc::new(KeyedRateLimiter::with_parts(bucket, capacity, WhenFull::Refuse, TokioTimer, hasher)))
}

/// Everything that has arrived.
fn arrivals(handle: &mut StrHandle) -> Vec<&'static str> {
    let mut names = Vec::new();
    while let Poll::Ready(Some((name, _answer))) = handle.poll_request() {
        names.push(name);
    }
    names
}

/// Lets some time pass, and those go on who are woken.
async fn pass<F: Future>(span: Duration, futures: &mut [Spawn<F>]) {
    time::sleep(span + Duration::from_millis(2)).await;
    for future in futures {
        if future.is_woken() {
            let _ = future.poll();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_line_of_its_own() -> Outcome {
    let layer = layer(&[Quota::per(1, SECOND)?])?.max_waiting(4);
    let (mut service, mut handle) = behind(layer.clone());
    handle.allow(16);
    let mut ask = |name, urgency| {
        let mut future = request(&mut service, name);
        priority::scope_blocking(Priority(urgency), || assert_pending!(future.poll()));
        future
    };
    let _at_once = [ask("a1", 0), ask("b1", 0)];
    assert_eq!(arrivals(&mut handle), ["a1", "b1"]);
    let mut waiting = [ask("a3", 0), ask("a4", 0), ask("b2", 0), ask("a2", -1)];
    let _other = ask("c1", 0);
    assert_eq!(arrivals(&mut handle), ["c1"], "who need not wait is not counted");
    assert_eq!((layer.waiting(), service.waiting()), (4, 4));
    assert_eq!(reason(&mut request(&mut service, "a5")), Reason::Overloaded);
    pass(SECOND, &mut waiting).await;
    assert_eq!(arrivals(&mut handle), ["b2", "a2"]);
    pass(SECOND, &mut waiting).await;
    assert_eq!(arrivals(&mut handle), ["a3"]);
    pass(SECOND, &mut waiting).await;
    assert_eq!(arrivals(&mut handle), ["a4"]);
    assert_eq!(layer.waiting(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_delay_ends() -> Outcome {
    let layer = layer(&[Quota::per(1, 60 * SECOND)?])?;
    let (mut service, mut handle) = behind(layer.clone());
    handle.allow(8);
    let mut futures = [request(&mut service, "a1"), request(&mut service, "a2")];
    for future in &mut futures {
        assert_pending!(future.poll());
    }
    time::sleep(10 * SECOND + Duration::from_millis(2)).await;
    assert!(futures[1].is_woken());
    assert_eq!(reason(&mut futures[1]), Reason::TimedOut);
    assert_eq!((arrivals(&mut handle), layer.waiting()), (vec!["a1"], 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_gives_back_what_it_has() -> Outcome {
    // Of the first it has a token at once, of the second after two seconds.
    let layer = layer(&[Quota::per(2, 100 * SECOND)?, Quota::per(1, 2 * SECOND)?])?;
    let (mut service, mut handle) = behind(layer.clone());
    handle.allow(8);
    let left = || layer.limiters().map(|limiter| limiter.level(&'a').available).collect::<Vec<_>>();
    let mut first = request(&mut service, "a1");
    assert_pending!(first.poll());
    assert_eq!(left(), [1, 0]);
    let mut goes = request(&mut service, "a2");
    assert_pending!(goes.poll());
    assert_eq!((left(), layer.waiting()), (vec![0, 0], 1));
    drop(goes);
    assert_eq!((left(), layer.waiting()), (vec![1, 0], 0));
    drop(request(&mut service, "a3"));
    assert_eq!(left(), [1, 0], "who was never polled has nothing");

    let mut stays = [request(&mut service, "a4")];
    assert_pending!(stays[0].poll());
    assert_eq!(arrivals(&mut handle), ["a1"]);
    pass(2 * SECOND, &mut stays).await;
    assert_eq!((arrivals(&mut handle), left()), (vec!["a4"], vec![0, 0]));
    drop((first, stays));
    assert_eq!(left(), [0, 0], "what has been asked has been asked");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn without_room_for_another_key_it_is_refused_at_once() -> Outcome {
    let quota = Quota::per(1, 60 * SECOND)?;
    let (many, one) = (limiter(quota, 100)?, limiter(quota, 1)?);
    for limiters in [vec![Arc::clone(&one)], vec![Arc::clone(&many), Arc::clone(&one)]] {
        one.try_acquire(&'x', 1).or_else(|error| if error.earliest().is_some() { Ok(()) } else { Err(error) })?;
        let layer = KeyedRateLimitLayer::with_limiters(limiters, key as Key)?.refuse_with(Raise).delay(SECOND);
        let (mut service, mut handle) = behind(layer.clone());
        handle.allow(8);
        assert_eq!(reason(&mut request(&mut service, "a1")), Reason::KeysExhausted);
        nothing_arrived(&mut handle);
        assert_eq!((many.level(&'a').available, layer.waiting()), (1, 0), "it has been given back");
    }
    Ok(())
}
