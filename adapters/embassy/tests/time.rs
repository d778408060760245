//! Time as the semaphore sees it, on embassy's mock driver: one test, because the driver is one.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::Arc;
use std::task::Wake;

use embassy_time::MockDriver;
use tidegate_embassy::{AcquireError, Clock, EmbassyTimer, Instant, Priority, Semaphore, Timer, local, timeout};

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

static GATE: Semaphore<2> = Semaphore::new(1);

fn advance(micros: u64) {
    MockDriver::get().advance(embassy_time::Duration::from_micros(micros));
}

#[test]
fn deadlines_on_the_time_driver() {
    let mut cx = Context::from_waker(Waker::noop());
    let start = EmbassyTimer.now();

    // The driver ticks once per microsecond; this deadline lies between two ticks.
    let mut sleep = pin!(EmbassyTimer.sleep_until(start + Duration::from_nanos(10_500)));
    assert!(sleep.as_mut().poll(&mut cx).is_pending());
    advance(10);
    assert!(sleep.as_mut().poll(&mut cx).is_pending(), "half a tick too early");
    advance(1);
    assert!(sleep.as_mut().poll(&mut cx).is_ready());
    assert_eq!(EmbassyTimer.now(), start + Duration::from_micros(11));

    // A deadline that has passed is not waited for; one that never comes is.
    assert!(pin!(EmbassyTimer.sleep_until(start)).poll(&mut cx).is_ready());
    let mut never = pin!(EmbassyTimer.sleep_until(Instant::MAX));
    let kept = Arc::new(Nobody);
    assert!(never.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&kept)))).is_pending());
    assert_eq!(Arc::strong_count(&kept), 1, "it takes up no place in the driver's queue");
    let mut unlimited = pin!(timeout(Duration::MAX, core::future::pending::<()>()));
    assert!(unlimited.as_mut().poll(&mut cx).is_pending());

    // A request that gives up leaves the line, and those behind it are served.
    let held = GATE.try_acquire().expect("nobody else is here");
    let mut urgent = pin!(timeout(Duration::from_millis(1), GATE.acquire().priority(Priority(-1))));
    let mut patient = pin!(GATE.acquire());
    let mut refused = pin!(GATE.acquire());
    assert!(urgent.as_mut().poll(&mut cx).is_pending());
    assert!(patient.as_mut().poll(&mut cx).is_pending());
    assert_eq!(refused.as_mut().poll(&mut cx).map(Result::err), Poll::Ready(Some(AcquireError::Full)));
    advance(999);
    assert!(urgent.as_mut().poll(&mut cx).is_pending());
    advance(1);
    assert!(matches!(urgent.as_mut().poll(&mut cx), Poll::Ready(Err(_elapsed))));
    drop(held);
    // Its place is given up when it is dropped, which `await` does at once and a pinned local does here.
    urgent.set(timeout(Duration::ZERO, GATE.acquire()));
    assert!(matches!(patient.as_mut().poll(&mut cx), Poll::Ready(Ok(_permit))));

    // The same without a lock.
    let gate = local::Semaphore::<1>::new(0);
    let mut late = pin!(gate.acquire_timeout(Duration::from_micros(2)));
    assert!(late.as_mut().poll(&mut cx).is_pending());
    advance(2);
    assert_eq!(late.as_mut().poll(&mut cx).map(Result::err), Poll::Ready(Some(AcquireError::TimedOut)));
    assert_eq!(gate.waiters(), 0);

    advance(1_000_000_000_000);
    assert!(never.as_mut().poll(&mut cx).is_pending());
    assert!(unlimited.as_mut().poll(&mut cx).is_pending());
}
