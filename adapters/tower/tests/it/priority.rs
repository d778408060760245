//! [`PriorityLimitLayer`]: the most urgent first, shed by length and by time.

use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use http::{Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tidegate_tokio::Priority;
use tidegate_tower::{PriorityLimitLayer, Raise, Reason};
use tokio::time;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer as _, service_fn};

use crate::support::{
    Error, Outcome, SECOND, Script, Step, arrived, behind, nothing_arrived, reason, refused, request,
};

fn urgency(request: &&'static str) -> Priority {
    Priority(if request.starts_with("soon") { -1 } else { 0 })
}

type Limit = PriorityLimitLayer<fn(&&'static str) -> Priority, Raise>;

fn layer(permits: usize) -> Limit {
    let urgency: fn(&&'static str) -> Priority = urgency;
    PriorityLimitLayer::new(permits, urgency).refuse_with(Raise)
}

#[tokio::test]
async fn the_most_urgent_first_then_in_order() {
    let (mut service, mut handle) = behind(layer(1));
    handle.allow(8);
    let mut running = request(&mut service, "running");
    assert_pending!(running.poll());
    let mut waiting: Vec<_> = ["one", "two", "soon one", "soon two"]
        .map(|name| request(&mut service.clone(), name))
        .into_iter()
        .collect();
    for future in &mut waiting {
        assert_pending!(future.poll());
    }
    let (mut seen, answer) = arrived(&mut handle);
    let mut answer = Some(answer);
    let mut order = vec![];
    let mut current = running;
    loop {
        order.push(seen);
        nothing_arrived(&mut handle);
        answer.take().expect("one is asked").send_response("done");
        assert_ready_ok!(current.poll());
        let Some(next) = waiting.iter().position(task::Spawn::is_woken) else { break };
        current = waiting.remove(next);
        assert_pending!(current.poll());
        let (asked, to_answer) = arrived(&mut handle);
        (seen, answer) = (asked, Some(to_answer));
    }
    assert_eq!(order, ["running", "soon one", "soon two", "one", "two"]);
    assert!(waiting.is_empty());
}

#[tokio::test]
async fn whoever_waits_for_a_permit_reserves_nothing_within() {
    let (mut service, mut handle) = behind(layer(1));
    handle.allow(1);
    let mut running = request(&mut service, "running");
    assert_pending!(running.poll());
    let answer = arrived(&mut handle).1;
    let mut waiting = request(&mut service, "waiting");
    assert_pending!(waiting.poll());

    // The permit comes, and then the service is not ready.
    answer.send_response("done");
    assert_ready_ok!(running.poll());
    assert!(waiting.is_woken());
    assert_pending!(waiting.poll());
    nothing_arrived(&mut handle);
    handle.allow(1);
    assert!(waiting.is_woken());
    assert_pending!(waiting.poll());
    assert_eq!(arrived(&mut handle).0, "waiting");
}

#[tokio::test]
async fn an_error_of_readiness_gives_the_permit_back() {
    let layer = layer(1);
    let (mut service, mut handle) = behind(layer.clone());
    handle.send_error("broken");
    let mut future = request(&mut service, "one");
    let error = match future.poll() {
        core::task::Poll::Ready(Err(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error.to_string(), "broken");
    assert_eq!(layer.semaphore().available_permits(), 1);
}

#[tokio::test]
async fn so_many_wait_and_no_more() {
    let (mut service, mut handle) = behind(layer(1).max_waiting(2));
    handle.allow(8);
    let mut running = request(&mut service, "running");
    assert_pending!(running.poll());
    let mut one = request(&mut service, "one");
    let mut two = request(&mut service.clone(), "two");
    assert_pending!(one.poll());
    assert_pending!(one.poll());
    assert_pending!(two.poll());
    assert_eq!(service.waiting(), 2);
    let refusal = refused(&mut request(&mut service, "three"));
    assert_eq!((refusal.reason(), refusal.retry_in()), (Reason::Overloaded, Some(SECOND)));
    assert_eq!(service.waiting(), 2);
    drop(one);
    assert_eq!(service.waiting(), 1);
    assert_pending!(request(&mut service, "four").poll());

    arrived(&mut handle).1.send_response("done");
    assert_ready_ok!(running.poll());
    assert_pending!(two.poll());
    assert_eq!(service.waiting(), 0, "whoever is admitted does not wait");
}

#[tokio::test]
async fn the_less_urgent_are_shed_first() {
    let by_priority = |priority| if priority < Priority(0) { 3 } else { 1 };
    let (mut service, mut handle) = behind(layer(0).max_waiting_by(by_priority).retry_after(None));
    handle.allow(8);
    let mut one = request(&mut service, "one");
    assert_pending!(one.poll());
    let refusal = refused(&mut request(&mut service, "two"));
    assert_eq!((refusal.reason(), refusal.retry_in()), (Reason::Overloaded, None));
    let mut soon = request(&mut service, "soon one");
    assert_pending!(soon.poll());
    let mut sooner = request(&mut service, "soon two");
    assert_pending!(sooner.poll());
    assert_eq!(reason(&mut request(&mut service, "soon three")), Reason::Overloaded);
}

#[tokio::test(start_paused = true)]
async fn so_long_and_no_longer() {
    let layer = layer(1).max_wait(SECOND).retry_after(Some(5 * SECOND));
    let (mut service, mut handle) = behind(layer.clone());
    handle.allow(8);
    let mut running = request(&mut service, "running");
    assert_pending!(running.poll());
    let mut waiting = request(&mut service, "waiting");
    time::advance(SECOND).await;
    assert_pending!(waiting.poll(), "it begins to wait when it is first polled");
    time::advance(time::Duration::from_millis(999)).await;
    assert_pending!(waiting.poll());
    time::advance(time::Duration::from_millis(2)).await;
    assert!(waiting.is_woken());
    let refusal = refused(&mut waiting);
    assert_eq!((refusal.reason(), refusal.retry_in()), (Reason::TimedOut, Some(5 * SECOND)));
    assert_eq!((layer.semaphore().waiters(), service.waiting()), (0, 0));

    // A permit that has come is not refused for the time's sake, and the work may take as long as it likes.
    let mut late = request(&mut service, "late");
    assert_pending!(late.poll());
    drop(running);
    time::advance(2 * SECOND).await;
    assert_pending!(late.poll());
    time::advance(2 * SECOND).await;
    assert_pending!(late.poll());
    assert_eq!(arrived(&mut handle).0, "running");
    let (name, answer) = arrived(&mut handle);
    assert_eq!(name, "late");
    answer.send_response("done");
    assert_eq!(assert_ready_ok!(late.poll()), "done");
}

#[tokio::test]
async fn panics_give_the_permit_back() {
    let layer = PriorityLimitLayer::new(1, |(): &()| Priority(0)).refuse_with(Raise);
    let call = |(): ()| -> core::future::Ready<Result<(), Error>> { panic!("on purpose") };
    let mut future = request(&mut layer.layer(service_fn(call)), ());
    assert!(catch_unwind(AssertUnwindSafe(|| future.poll())).is_err());
    drop(future);
    assert_eq!(layer.semaphore().available_permits(), 1, "of the call");

    let mut panics = layer.layer(service_fn(async |(): ()| -> Result<(), Error> { panic!("on purpose") }));
    let mut future = request(&mut panics, ());
    assert!(catch_unwind(AssertUnwindSafe(|| future.poll())).is_err());
    drop(future);
    assert_eq!(layer.semaphore().available_permits(), 1, "of the future");
}

#[tokio::test]
async fn a_closed_semaphore_refuses_those_who_wait() {
    let layer = layer(0);
    let (mut service, _handle) = behind::<Limit>(layer.clone());
    let mut waiting = request(&mut service, "waiting");
    assert_pending!(waiting.poll());
    layer.semaphore().close();
    assert!(waiting.is_woken());
    assert_eq!(reason(&mut waiting), Reason::Closed);
    assert_pending!(waiting.poll(), "it stays pending for good");
}

fn streaming(
    script: &'static [Step],
) -> impl tower::Service<Request<()>, Response = Response<Script>, Error = Error> + Clone {
    service_fn(async |_: Request<()>| Ok(Response::new(Script::new(script))))
}

#[tokio::test]
async fn until_the_body_has_ended() -> Outcome {
    let layer = PriorityLimitLayer::new(1, |_: &Request<()>| Priority(0)).until_body();
    let free = || layer.semaphore().available_permits();
    let get = async |script| {
        let service = layer.layer(streaming(script));
        tower::ServiceExt::oneshot(service, Request::new(())).await.map(Response::into_body)
    };

    let body = get(&[]).await?;
    assert_eq!(free(), 1, "an empty body has ended");
    drop(body);

    let mut body = get(&[Step::Data("one"), Step::Data("two")]).await?;
    assert_eq!(free(), 0);
    assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
    assert_eq!(free(), 0);
    assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
    assert_eq!(free(), 1, "after the last frame nobody need ask again");
    assert!(body.frame().await.is_none());

    let mut body = get(&[Step::Data("one"), Step::Fail, Step::Data("never")]).await?;
    assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
    assert_eq!(free(), 0);
    assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
    assert_eq!(free(), 1, "after a failure");

    let body = get(&[Step::Data("one")]).await?;
    assert_eq!(free(), 0);
    assert_eq!(body.size_hint().exact(), Some(3));
    drop(body);
    assert_eq!(free(), 1, "after a drop");
    Ok(())
}

#[tokio::test]
async fn until_the_response_otherwise() -> Outcome {
    let layer = PriorityLimitLayer::new(1, |_: &Request<()>| Priority(0));
    let service = layer.layer(streaming(&[Step::Data("one")]));
    let response = tower::ServiceExt::oneshot(service, Request::new(())).await?;
    assert_eq!(layer.semaphore().available_permits(), 1);
    assert_eq!(response.into_body().collect().await?.to_bytes(), "one");
    Ok(())
}
