//! Futures dropped at every poll: whatever they had is back.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use http::{Request, Response};
use tidegate_tokio::Priority;
use tidegate_tower::{ConcurrencyLimitLayer, LoadShedLayer, PriorityLimitLayer};
use tokio::task::yield_now;
use tower::{Layer, Service, ServiceExt as _, service_fn};

use crate::support::Outcome;

/// Not ready at first, and then at work for some polls.
#[derive(Clone, Default)]
struct Slow {
    asked: u32,
}

impl Service<Request<()>> for Slow {
    type Response = Response<String>;
    type Error = core::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.asked += 1;
        if self.asked < 3 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<()>) -> Self::Future {
        assert!(self.asked >= 3, "called before it was ready");
        self.asked = 0;
        Box::pin(async {
            for _ in 0..3 {
                yield_now().await;
            }
            Ok(Response::new("done".to_owned()))
        })
    }
}

/// Polls a request so many times, drops it, and says whether it was answered.
async fn dropped_after<S>(service: S, polls: u32) -> bool
where
    S: Service<Request<()>> + Clone,
{
    let mut future = pin!(service.oneshot(Request::new(())));
    for _ in 0..polls {
        if core::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await.is_ready() {
            return true;
        }
        yield_now().await;
    }
    false
}

/// Drops at every poll, while another request waits behind the dropped one, and sees that one answered.
async fn at_every_poll<L>(layer: L, free: impl Fn() -> usize) -> Outcome
where
    L: Layer<Slow>,
    L::Service:
        Service<Request<()>, Response = Response<String>, Error = core::convert::Infallible> + Clone + Send,
    <L::Service as Service<Request<()>>>::Future: Send,
{
    let service = layer.layer(Slow::default());
    let mut polls = 0;
    loop {
        let (answered, behind) =
            tokio::join!(dropped_after(service.clone(), polls), service.clone().oneshot(Request::new(())));
        assert_eq!(behind?.body(), "done", "after {polls} polls");
        assert_eq!(free(), 1, "after {polls} polls");
        if answered {
            assert!(polls > 4, "{polls}");
            return Ok(());
        }
        polls += 1;
    }
}

#[tokio::test]
async fn concurrency() -> Outcome {
    let layer = ConcurrencyLimitLayer::new(1);
    at_every_poll(layer.clone(), || layer.semaphore().available_permits()).await
}

#[tokio::test]
async fn priority() -> Outcome {
    let layer = PriorityLimitLayer::new(1, |_: &Request<()>| Priority(0)).max_waiting(5);
    at_every_poll(layer.clone(), || layer.semaphore().available_permits()).await
}

#[tokio::test]
async fn shed() -> Outcome {
    let limit = ConcurrencyLimitLayer::new(1);
    let layer = tower::ServiceBuilder::new().layer(LoadShedLayer::new().max_waiting(5)).layer(limit.clone());
    at_every_poll(layer.into_inner(), || limit.semaphore().available_permits()).await
}

#[tokio::test]
async fn a_storm_leaves_nothing_behind() -> Outcome {
    let layer = PriorityLimitLayer::new(3, |request: &Request<u32>| Priority(request.body().cast_signed() % 3))
        .max_waiting(20);
    let service = layer.layer(service_fn(async |_: Request<u32>| {
        yield_now().await;
        Ok::<_, core::convert::Infallible>(Response::new(String::new()))
    }));
    let tasks: Vec<_> = (0..200_u32)
        .map(|nth| {
            let service = service.clone();
            tokio::spawn(async move {
                let mut future = pin!(service.oneshot(Request::new(nth)));
                for _ in 0..nth % 7 {
                    if core::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await.is_ready() {
                        return;
                    }
                    yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    assert_eq!((layer.semaphore().available_permits(), layer.semaphore().waiters(), service.waiting()), (3, 0, 0));
    Ok(())
}
