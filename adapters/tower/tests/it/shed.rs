//! [`LoadShedLayer`]: at once, by length, by time.

use tidegate_tower::{ConcurrencyLimitLayer, LoadShedLayer, Raise, Reason};
use tokio::time;
use tokio_test::{assert_pending, assert_ready_ok};
use tower::{Layer as _, Service as _};

use crate::support::{SECOND, arrived, behind, nothing_arrived, poll_ready, reason, refused, request};

#[tokio::test]
async fn at_once() {
    let (mut service, mut handle) = behind(LoadShedLayer::new().refuse_with(Raise));
    handle.allow(1);
    let mut one = request(&mut service, "one");
    assert_pending!(one.poll());
    let refusal = refused(&mut request(&mut service, "two"));
    assert_eq!((refusal.reason(), refusal.retry_in()), (Reason::Overloaded, Some(SECOND)));
    arrived(&mut handle).1.send_response("done");
    assert_eq!(assert_ready_ok!(one.poll()), "done");
    nothing_arrived(&mut handle);
    handle.allow(1);
    assert_pending!(request(&mut service, "three").poll());
    assert_eq!(arrived(&mut handle).0, "three");
}

#[tokio::test]
async fn readiness_is_for_one_call_and_for_no_clone() {
    let (mut service, mut handle) = behind(LoadShedLayer::new().refuse_with(Raise));
    handle.allow(8);
    assert_ready_ok!(poll_ready(&mut service));
    let mut clone = service.clone();
    assert_eq!(reason(&mut tokio_test::task::spawn(clone.call("rash"))), Reason::Overloaded);
    drop(service.call("one"));
    assert_eq!(reason(&mut tokio_test::task::spawn(service.call("two"))), Reason::Overloaded);
}

#[tokio::test]
async fn an_error_of_the_service_is_its_own() {
    let (mut service, mut handle) = behind(LoadShedLayer::new().max_waiting(1).refuse_with(Raise));
    handle.send_error("broken");
    assert!(matches!(poll_ready(&mut service), core::task::Poll::Ready(Err(_))));
    handle.allow(0);
    let mut waiting = request(&mut service, "waiting");
    assert_pending!(waiting.poll());
    handle.send_error("broken");
    assert!(waiting.is_woken());
    assert!(matches!(waiting.poll(), core::task::Poll::Ready(Err(error)) if error.to_string() == "broken"));
    assert_eq!(service.waiting(), 0);
}

#[tokio::test]
async fn by_length() {
    let (mut service, mut handle) = behind(LoadShedLayer::new().max_waiting(2).refuse_with(Raise));
    handle.allow(0);
    let mut one = request(&mut service, "one");
    let mut two = request(&mut service.clone(), "two");
    assert_pending!(one.poll());
    assert_pending!(two.poll());
    assert_eq!(service.waiting(), 2);
    assert_eq!(reason(&mut request(&mut service, "three")), Reason::Overloaded);
    drop(two);
    let mut four = request(&mut service, "four");
    assert_pending!(four.poll());
    handle.allow(1);
    assert!(one.is_woken());
    assert_pending!(one.poll());
    assert_eq!(service.waiting(), 1);
    let (asked, answer) = arrived(&mut handle);
    assert_eq!(asked, "one");
    answer.send_response("done");
    assert_eq!(assert_ready_ok!(one.poll()), "done");
}

#[tokio::test(start_paused = true)]
async fn by_time() {
    let (mut service, mut handle) =
        behind(LoadShedLayer::new().max_wait(SECOND).refuse_with(Raise).retry_after(None));
    handle.allow(0);
    let mut one = request(&mut service, "one");
    assert_pending!(one.poll());
    time::advance(time::Duration::from_millis(999)).await;
    assert_pending!(one.poll());
    time::advance(time::Duration::from_millis(2)).await;
    assert!(one.is_woken());
    let refusal = refused(&mut one);
    assert_eq!((refusal.reason(), refusal.retry_in()), (Reason::TimedOut, None));
    assert_eq!(service.waiting(), 0);
    nothing_arrived(&mut handle);
}

#[tokio::test]
async fn the_place_in_line_moves_into_the_future() {
    let limit = ConcurrencyLimitLayer::new(1).refuse_with(Raise);
    let (limited, mut handle) = behind(limit.clone());
    handle.allow(8);
    let mut service = LoadShedLayer::new().max_waiting(8).refuse_with(Raise).layer(limited);
    let mut one = request(&mut service, "one");
    assert_pending!(one.poll());
    let mut two = request(&mut service, "two");
    assert_eq!(limit.semaphore().waiters(), 1, "it stood in line already when it was called");
    let mut three = request(&mut service, "three");
    assert_pending!(three.poll());
    assert_pending!(two.poll());
    arrived(&mut handle).1.send_response("done");
    assert_ready_ok!(one.poll());
    assert!(two.is_woken() && !three.is_woken());
    assert_pending!(two.poll());
    assert_eq!(arrived(&mut handle).0, "two");
    drop(two);
    drop(three);
    assert_eq!((limit.semaphore().available_permits(), limit.semaphore().waiters()), (1, 0));
}
