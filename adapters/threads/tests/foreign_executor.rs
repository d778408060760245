//! Sleeps that somebody else's executor polls.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::Arc;
use std::task::Wake;
use std::thread;

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tidegate_threads::{Clock, ThreadsTimer, Timer, block_on, block_on_until, sleep, timeout};

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn a_foreign_executor_is_woken_in_time() {
    for _ in 0..5 {
        let deadline = ThreadsTimer.now() + MILLI;
        pollster::block_on(ThreadsTimer.sleep_until(deadline));
        assert!(ThreadsTimer.now() >= deadline);
    }
    assert!(pollster::block_on(timeout(MILLI, core::future::pending::<()>())).is_err());
}

#[test]
fn an_earlier_deadline_is_not_kept_waiting_by_a_later_one() {
    let mut late = pin!(sleep(Duration::from_hours(1)));
    assert!(late.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    pollster::block_on(sleep(MILLI));
}

#[test]
fn another_executor_inside_our_block_on_is_served() {
    block_on(async { pollster::block_on(sleep(MILLI)) });
}

#[test]
fn our_block_on_inside_another_executor_is_served() {
    pollster::block_on(async { block_on(sleep(MILLI)) });
}

#[test]
fn combinators_that_wrap_wakers_are_served() {
    block_on(async {
        let mut naps: FuturesUnordered<_> = [5, 1, 3]
            .map(|millis| async move {
                sleep(millis * MILLI).await;
                millis
            })
            .into_iter()
            .collect();
        let mut count = 0;
        while naps.next().await.is_some() {
            count += 1;
        }
        assert_eq!(count, 3);
        join_all((0..100).map(|_| sleep(MILLI))).await;
    });
}

#[test]
fn a_sleep_may_change_hands_in_both_directions() {
    let mut nap = Box::pin(sleep(4 * MILLI));
    // First ours, then nobody's, then ours again, and to the end with another one.
    assert_eq!(block_on_until(tidegate_threads::Instant::EPOCH, &mut nap), None);
    assert_eq!(nap.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
    assert_eq!(block_on_until(tidegate_threads::Instant::EPOCH, &mut nap), None);
    pollster::block_on(&mut nap);

    let mut nap = Box::pin(sleep(2 * MILLI));
    assert_eq!(nap.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
    block_on(nap);
}

#[test]
fn the_newest_waker_is_the_one_that_is_woken() {
    let mut nap = Box::pin(sleep(2 * MILLI));
    assert_eq!(nap.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
    thread::spawn(move || pollster::block_on(nap)).join().unwrap();
}

#[test]
fn a_waker_that_panics_leaves_the_others_served() {
    struct Rude;
    impl Wake for Rude {
        fn wake(self: Arc<Self>) {
            panic!("on purpose");
        }
    }
    let mut first = pin!(sleep(MILLI));
    let waker = Waker::from(Arc::new(Rude));
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    pollster::block_on(sleep(3 * MILLI));
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
}
