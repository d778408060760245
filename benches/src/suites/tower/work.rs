//! The services within, and how calls are made.

use core::convert::Infallible;
use core::fmt::{self, Debug};
use core::future::{Future, Ready, ready};
use core::hint::black_box;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use axum::body::Body;
use http::{Request, Response};
use tidegate_tower::Refusal;
use tokio::runtime::{Builder, Runtime};
use tower::Service;

use crate::harness::{Batch, leak, repeat};

/// That a layer has refused: nothing to be moved or allocated, so that only the layer is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl core::error::Error for Failed {}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        black_box(&refusal);
        Self
    }
}

/// Answers with what it was asked.
#[derive(Clone, Copy)]
pub(super) struct Echo;

impl Service<u64> for Echo {
    type Response = u64;
    type Error = Failed;
    type Future = Ready<Result<u64, Failed>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(Ok(request))
    }
}

/// Is never ready.
#[derive(Clone, Copy)]
pub(super) struct Busy;

impl Service<u64> for Busy {
    type Response = u64;
    type Error = Failed;
    type Future = Ready<Result<u64, Failed>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Pending
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(Ok(request))
    }
}

/// Answers with an empty 200.
#[derive(Clone, Copy)]
pub(super) struct Hello;

impl Service<Request<u64>> for Hello {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<u64>) -> Self::Future {
        black_box(request.body());
        ready(Ok(Response::new(Body::empty())))
    }
}

/// The runtime that all batches run in.
pub(super) fn runtime() -> &'static Runtime {
    leak(Builder::new_current_thread().enable_time().build().expect("threads can be had"))
}

/// Batches of calls, one after the other, on this service.
pub(super) fn calls<S, Req>(
    service: impl FnOnce() -> S,
    request: impl Fn(u64) -> Req + 'static,
) -> impl FnMut(u64) -> Batch + 'static
where
    S: Service<Req, Error: Debug> + 'static,
    Req: 'static,
{
    let runtime = runtime();
    let mut service = {
        let _entered = runtime.enter();
        service()
    };
    let mut nth = 0_u64;
    let mut batches = repeat(move || {
        nth = nth.wrapping_add(1);
        once(&mut service, request(black_box(nth)));
    });
    move |operations| {
        let _entered = runtime.enter();
        batches(operations)
    }
}

/// The same with a clone for each call, as axum does it.
pub(super) fn clones<S, Req>(
    service: impl FnOnce() -> S,
    request: impl Fn(u64) -> Req + 'static,
) -> impl FnMut(u64) -> Batch + 'static
where
    S: Service<Req, Error: Debug> + Clone + 'static,
    Req: 'static,
{
    let runtime = runtime();
    let service = {
        let _entered = runtime.enter();
        service()
    };
    let mut nth = 0_u64;
    let mut batches = repeat(move || {
        nth = nth.wrapping_add(1);
        once(&mut service.clone(), request(black_box(nth)));
    });
    move |operations| {
        let _entered = runtime.enter();
        batches(operations)
    }
}

fn once<S: Service<Req, Error: Debug>, Req>(service: &mut S, request: Req) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready(), "nobody waits");
    let future = pin!(service.call(request));
    match future.poll(&mut cx) {
        Poll::Ready(outcome) => {
            let _ = black_box(outcome);
        }
        Poll::Pending => unreachable!("nobody waits"),
    }
}
