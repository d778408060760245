//! Virtual time.

use core::cell::RefCell;
use core::future::{Future, pending};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::HashSet;
use std::rc::Rc;

use tidegate_sim::{
    Clock, Instant, Sim, SimError, SimTimer, Timer, advance, now, sleep, spawn, timeout, yield_now,
};

const SECOND: Duration = Duration::from_secs(1);

/// Sleeps for each of `spans` seconds at once; answers who woke up when, in that order.
fn sleepers(seed: u64, spans: [u32; 4]) -> Vec<(usize, u64)> {
    let run = Sim::new(seed).run(async move {
        let log = Rc::new(RefCell::new(Vec::new()));
        for (sleeper, span) in spans.into_iter().enumerate() {
            let log = Rc::clone(&log);
            drop(spawn(async move {
                SimTimer.sleep_until(Instant::EPOCH + span * SECOND).await;
                log.borrow_mut().push((sleeper, now().as_nanos() / 1_000_000_000));
            }));
        }
        sleep(100 * SECOND).await;
        log.take()
    });
    run.unwrap()
}

#[test]
fn who_is_due_first_wakes_first_whatever_the_seed() {
    for seed in 0..100 {
        assert_eq!(sleepers(seed, [30, 10, 40, 20]), [(1, 10), (3, 20), (0, 30), (2, 40)]);
    }
}

#[test]
fn who_is_due_together_wakes_in_any_order_at_the_same_time() {
    let mut orders = HashSet::new();
    for seed in 0..300 {
        let seen = sleepers(seed, [7; 4]);
        assert!(seen.iter().all(|&(_, second)| second == 7));
        orders.insert(seen);
    }
    assert_eq!(orders.len(), 24);
}

#[test]
fn time_stands_still_while_anybody_is_ready() {
    let run = Sim::new(5).run(async {
        let start = now();
        for _ in 0..1_000 {
            yield_now().await;
        }
        assert_eq!(now(), start);
    });
    assert_eq!(run, Ok(()));
}

#[test]
fn a_day_of_seconds() {
    let mut sim = Sim::new(1);
    let end = sim.run(async {
        for _ in 0..24 * 60 * 60 {
            sleep(SECOND).await;
        }
        now()
    });
    assert_eq!(end, Ok(Instant::EPOCH + Duration::from_hours(24)));
    assert_eq!(sim.steps(), 24 * 60 * 60 + 1);
}

#[test]
fn a_timeout_is_exact_and_prefers_what_is_ready() {
    let run = Sim::new(2).run(async {
        assert!(timeout(3 * SECOND, pending::<()>()).await.is_err());
        assert_eq!(now(), Instant::EPOCH + 3 * SECOND);
        assert_eq!(timeout(Duration::ZERO, async { 4 }).await, Ok(4));
        assert_eq!(timeout(SECOND, sleep(SECOND)).await, Ok(()));
        assert_eq!(timeout(Duration::MAX, sleep(SECOND)).await, Ok(()));
    });
    assert_eq!(run, Ok(()));
}

#[test]
fn the_clock_may_jump() {
    let run = Sim::new(3).run(async {
        let nap = spawn(async {
            sleep(10 * SECOND).await;
            now()
        });
        yield_now().await;
        sleep(SECOND).await;
        advance(20 * SECOND);
        assert_eq!(now(), Instant::EPOCH + 21 * SECOND);
        assert_eq!(nap.await, Ok(Instant::EPOCH + 21 * SECOND));
        advance(Duration::MAX);
        assert_eq!(now(), Instant::MAX);
        sleep(Duration::ZERO).await;
    });
    // Even the end of time is not a deadline that comes.
    assert!(matches!(run, Err(SimError::Deadlock { at: Instant::MAX, .. })));
}

#[test]
fn a_sleep_dropped_is_no_reason_to_wait() {
    let run = Sim::new(4).run(async {
        {
            let mut nap = pin!(sleep(SECOND));
            assert!(nap.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        pending::<()>().await;
    });
    assert!(matches!(run, Err(SimError::Deadlock { at: Instant::EPOCH, .. })));
}

#[test]
fn a_sleep_wakes_its_newest_waker() {
    let run = Sim::new(4).run(async {
        let mut nap = Box::pin(sleep(SECOND));
        assert!(nap.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        nap.await;
        now()
    });
    assert_eq!(run, Ok(Instant::EPOCH + SECOND));
}

#[test]
fn a_sleep_from_one_run_goes_on_in_another() {
    let mut nap = Box::pin(sleep(3 * SECOND));
    let first = Sim::new(1).run(async { timeout(SECOND, &mut nap).await.is_err() });
    assert_eq!(first, Ok(true));
    let second = Sim::new(1).run(async {
        nap.as_mut().await;
        now()
    });
    assert_eq!(second, Ok(Instant::EPOCH + 3 * SECOND));
}

#[test]
fn a_sleep_from_another_run_is_not_taken_for_one_of_this() {
    for foreign_stays in [true, false] {
        let mut foreign = Box::pin(sleep(3 * SECOND));
        assert_eq!(Sim::new(1).run(async { timeout(SECOND, &mut foreign).await.is_err() }), Ok(true));
        // Everybody takes turns: whoever is spawned has been polled when the main task has yielded.
        let run = Sim::scripted([]).run(async {
            // The first sleeper of its run, as `foreign` was.
            let own = spawn(sleep(3 * SECOND));
            yield_now().await;
            if foreign_stays {
                let foreign = spawn(foreign);
                yield_now().await;
                own.abort();
                assert_eq!(foreign.await, Ok(()));
            } else {
                drop(foreign);
                assert_eq!(own.await, Ok(()));
            }
            now()
        });
        assert_eq!(run, Ok(Instant::EPOCH + 3 * SECOND));
    }
}

#[test]
fn outside_of_a_run_time_stands_still() {
    assert_eq!(SimTimer.now(), Instant::EPOCH);
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(pin!(sleep(Duration::ZERO)).poll(&mut cx), Poll::Ready(()));
    assert_eq!(pin!(sleep(SECOND)).poll(&mut cx), Poll::Pending);
    advance(SECOND);
    assert_eq!(SimTimer.now(), Instant::EPOCH);
}
