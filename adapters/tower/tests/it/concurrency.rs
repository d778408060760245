//! [`ConcurrencyLimitLayer`]: permits are taken by `poll_ready`, and shared among clones.

use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use std::panic::catch_unwind;
use std::sync::Arc;

use tidegate_tokio::{Priority, Semaphore, priority};
use tidegate_tower::{ConcurrencyLimitLayer, Raise, Reason};
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service, service_fn};

use crate::support::{Error, arrived, behind, nothing_arrived, poll_ready, reason, request};

fn layer(permits: usize) -> ConcurrencyLimitLayer<Raise> {
    ConcurrencyLimitLayer::new(permits).refuse_with(Raise)
}

#[tokio::test]
async fn clones_share_the_permits_and_wait_in_poll_ready() {
    let (mut one, mut handle) = behind(layer(1));
    let mut two = one.clone();
    handle.allow(8);

    let mut first = request(&mut one, "first");
    let mut ready = task::spawn(());
    assert_pending!(ready.enter(|cx, _| two.poll_ready(cx)));

    assert_pending!(first.poll());
    let (asked, answer) = arrived(&mut handle);
    assert_eq!(asked, "first");
    answer.send_response("one");
    assert!(!ready.is_woken());
    assert_eq!(assert_ready_ok!(first.poll()), "one");
    assert!(
        ready.is_woken(),
        "the permit is handed over when the answer is there, not when the future is dropped"
    );
    assert_ready_ok!(ready.enter(|cx, _| two.poll_ready(cx)));
    drop(two.call("second"));
}

#[tokio::test]
async fn the_service_within_has_its_say() {
    let (mut service, mut handle) = behind(layer(1));
    handle.allow(0);
    assert_pending!(poll_ready(&mut service));
    handle.allow(1);
    assert_ready_ok!(poll_ready(&mut service));
    handle.send_error("broken");
    assert!(matches!(poll_ready(&mut service), core::task::Poll::Ready(Err(_))));
}

#[tokio::test]
async fn what_was_ready_and_never_called_gives_its_permit_back() {
    let layer = layer(1);
    let (mut service, mut handle) = behind(layer.clone());
    handle.allow(8);
    assert_ready_ok!(poll_ready(&mut service));
    assert_ready_ok!(poll_ready(&mut service), "it asks for no second one");
    let clone = service.clone();
    assert_eq!(layer.semaphore().available_permits(), 0);
    drop(service);
    assert_eq!(layer.semaphore().available_permits(), 1);
    drop(clone);
    assert_eq!(layer.semaphore().available_permits(), 1);
}

#[tokio::test]
async fn a_dropped_service_leaves_the_line() {
    let layer = layer(1);
    let (mut one, mut handle) = behind(layer.clone());
    handle.allow(8);
    assert_ready_ok!(poll_ready(&mut one));
    let (mut two, mut three) = (one.clone(), one.clone());
    assert_pending!(poll_ready(&mut two));
    let mut ready = task::spawn(());
    assert_pending!(ready.enter(|cx, _| three.poll_ready(cx)));
    assert_eq!(layer.semaphore().waiters(), 2);
    drop(two);
    drop(one);
    assert!(ready.is_woken());
    assert_ready_ok!(ready.enter(|cx, _| three.poll_ready(cx)));
}

/// Is ready at once, and notes how many permits there are when it is dropped.
struct Work(Arc<Semaphore>, Arc<AtomicUsize>);

impl Future for Work {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.1.store(self.0.available_permits(), Ordering::Relaxed);
    }
}

#[tokio::test]
async fn the_work_is_gone_before_the_permit_is_given_back() {
    let (layer, permits) = (layer(1), Arc::new(AtomicUsize::new(7)));
    let work = {
        let (layer, permits) = (layer.clone(), Arc::clone(&permits));
        move |(): ()| Work(Arc::clone(layer.semaphore()), Arc::clone(&permits))
    };
    let mut future = request(&mut layer.layer(service_fn(work)), ());
    assert_ready_ok!(future.poll());
    assert_eq!(layer.semaphore().available_permits(), 1);
    drop(future);
    assert_eq!(permits.load(Ordering::Relaxed), 0, "the next must not begin beside what is left of the last");
}

#[tokio::test]
async fn errors_dropped_futures_and_panics_give_the_permit_back() {
    let layer = layer(1);
    let (mut service, mut handle) = behind(layer.clone());
    handle.allow(8);

    let mut fails = request(&mut service, "fails");
    arrived(&mut handle).1.send_error("on purpose");
    assert!(fails.poll().is_ready());
    assert_eq!(layer.semaphore().available_permits(), 1, "after an error");

    let mut dropped = request(&mut service, "dropped");
    assert_pending!(dropped.poll());
    drop(dropped);
    assert_eq!(layer.semaphore().available_permits(), 1, "after a drop");
    drop(arrived(&mut handle));

    let mut panics = layer.layer(service_fn(async |(): ()| -> Result<(), Error> { panic!("on purpose") }));
    let mut future = request(&mut panics, ());
    assert!(catch_unwind(AssertUnwindSafe(|| future.poll())).is_err());
    drop(future);
    assert_eq!(layer.semaphore().available_permits(), 1, "after a panic of the future");

    let call = |(): ()| -> core::future::Ready<Result<(), Error>> { panic!("on purpose") };
    let mut panics = layer.layer(service_fn(call));
    assert_ready_ok!(poll_ready(&mut panics));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(panics.call(())))).is_err());
    assert_eq!(layer.semaphore().available_permits(), 1, "after a panic of the call");
}

#[tokio::test]
async fn a_closed_semaphore_refuses_by_call() {
    let layer = layer(1);
    let (mut service, mut handle) = behind(layer.clone());
    handle.allow(0);
    layer.semaphore().close();
    assert_eq!(reason(&mut request(&mut service, "late")), Reason::Closed);
    nothing_arrived(&mut handle);
}

#[tokio::test]
async fn whoever_waits_hears_of_the_end() {
    let layer = layer(0);
    let (mut service, _handle) = behind(layer.clone());
    let mut ready = task::spawn(());
    assert_pending!(ready.enter(|cx, _| service.poll_ready(cx)));
    layer.semaphore().close();
    assert!(ready.is_woken());
    assert_eq!(reason(&mut request(&mut service, "late")), Reason::Closed);
}

#[tokio::test]
async fn a_call_without_poll_ready_is_refused() {
    let (mut service, mut handle) = behind(layer(1));
    handle.allow(8);
    assert_eq!(reason(&mut task::spawn(service.call("rash"))), Reason::NotReady);
    nothing_arrived(&mut handle);
}

#[tokio::test]
async fn priority_of_the_layer_and_of_the_scope() {
    let semaphore = Arc::new(Semaphore::new(0));
    let layer = || ConcurrencyLimitLayer::with_semaphore(Arc::clone(&semaphore)).refuse_with(Raise);
    let (mut late, mut handle) = behind(layer().priority(Priority(1)));
    handle.allow(8);
    let (mut scoped, mut handle) = behind(layer());
    handle.allow(8);
    let (mut soon, mut handle) = behind(layer().priority(Priority(-1)));
    handle.allow(8);
    assert_pending!(poll_ready(&mut late));
    assert_pending!(priority::scope_blocking(Priority(0), || poll_ready(&mut scoped)));
    assert_pending!(poll_ready(&mut soon));
    semaphore.add_permits(1).expect("there is room");
    assert_pending!(poll_ready(&mut late));
    assert_pending!(poll_ready(&mut scoped));
    assert_ready_ok!(poll_ready(&mut soon));
    drop(soon);
    assert_pending!(poll_ready(&mut late));
    assert_ready_ok!(poll_ready(&mut scoped));
}
