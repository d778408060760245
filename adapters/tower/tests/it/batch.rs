//! [`BatchLayer`]: calls that are answered together.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use tidegate_tokio::batcher::Config;
use tidegate_tower::{BatchError, BatchLayer};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::support::{Error, Outcome, SECOND};

fn layer<T>(most: usize) -> Result<BatchLayer<T>, Error> {
    Ok(BatchLayer::new(Config::new(most, SECOND)?)?)
}

#[tokio::test(start_paused = true)]
async fn each_gets_its_answer() -> Outcome {
    let batches = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&batches);
    let service = layer(3)?.layer(service_fn(move |numbers: Vec<u32>| {
        count.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, Error>(numbers.into_iter().map(|n| n * n).collect::<Vec<_>>()) }
    }));
    let ask = |n| service.clone().oneshot(n);
    let start = tokio::time::Instant::now();
    let (one, two, three) = tokio::join!(ask(1), ask(2), ask(3));
    assert_eq!([one?, two?, three?], [1, 4, 9]);
    assert_eq!(
        (batches.load(Ordering::Relaxed), start.elapsed()),
        (1, Duration::ZERO),
        "a full batch leaves at once"
    );
    assert_eq!(ask(4).await?, 16);
    assert_eq!(batches.load(Ordering::Relaxed), 2);
    assert!(start.elapsed() >= SECOND, "the rest waits for the interval");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_error_is_everybodys() -> Outcome {
    let service = layer(2)?.layer(service_fn(async |_: Vec<u32>| Err::<Vec<u32>, Error>("on purpose".into())));
    let (one, two) = tokio::join!(service.clone().oneshot(1), service.clone().oneshot(2));
    for outcome in [one, two] {
        let error = outcome.expect_err("it fails");
        assert!(matches!(&error, BatchError::Failed(_)), "{error:?}");
        assert_eq!(error.to_string(), "on purpose");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn too_few_answers_and_panics() -> Outcome {
    let service = layer(2)?.layer(service_fn(async |mut numbers: Vec<u32>| {
        assert!(numbers[0] != 13, "on purpose");
        numbers.pop();
        Ok::<_, Error>(numbers)
    }));
    let (one, two) = tokio::join!(service.clone().oneshot(1), service.clone().oneshot(2));
    assert_eq!(one?, 1);
    assert!(matches!(two, Err(BatchError::Dropped)));
    let (one, two) = tokio::join!(service.clone().oneshot(13), service.clone().oneshot(2));
    assert!(matches!((one, two), (Err(BatchError::Dropped), Err(BatchError::Dropped))));
    let (one, _two) = tokio::join!(service.clone().oneshot(5), service.clone().oneshot(6));
    assert_eq!(one?, 5, "it goes on after a panic");
    Ok(())
}

/// Not ready when it is first asked.
#[derive(Clone, Default)]
struct Hesitant(bool);

impl Service<Vec<u32>> for Hesitant {
    type Response = Vec<u32>;
    type Error = Error;
    type Future = core::future::Ready<Result<Vec<u32>, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if core::mem::replace(&mut self.0, true) {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, numbers: Vec<u32>) -> Self::Future {
        assert!(self.0, "called before it was ready");
        core::future::ready(Ok(numbers))
    }
}

#[tokio::test(start_paused = true)]
async fn the_service_is_polled_ready() -> Outcome {
    let service = layer(1)?.layer(Hesitant::default());
    assert_eq!(service.clone().oneshot(7).await?, 7);
    assert_eq!(service.oneshot(8).await?, 8);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn closed_and_dropped() -> Outcome {
    let service = layer(10)?.layer(Hesitant::default());
    let call = service.clone().oneshot(1);
    let called = tokio::spawn(call);
    tokio::task::yield_now().await;
    service.batcher().close();
    assert_eq!(called.await??, 1, "what was accepted is answered");
    assert!(matches!(service.oneshot(2).await, Err(BatchError::Closed)));

    let service = layer(10)?.layer(Hesitant::default());
    let start = tokio::time::Instant::now();
    let mut service = service;
    let call = service.call(3);
    drop(service);
    assert_eq!(call.await?, 3, "the last clone is within the call");
    assert!(start.elapsed() <= 2 * SECOND);
    Ok(())
}

#[test]
fn without_a_runtime_it_is_an_error() -> Outcome {
    assert!(BatchLayer::<u32>::new(Config::new(1, SECOND)?).is_err());
    Ok(())
}
