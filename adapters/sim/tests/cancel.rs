//! Dropping futures at every poll, on the semaphore.

use core::cell::Cell;
use core::time::Duration;
use std::rc::Rc;

use tidegate_sim::{
    Instant, Semaphore, Sim, cancel_after, cancel_before, explore, for_each_seed, now, sleep, spawn, yield_now,
};

#[test]
fn a_future_is_dropped_at_the_poll_that_was_asked_for() {
    let polls = |cancel_before_it: bool, polls| {
        Sim::new(0).run(async move {
            let count = Rc::new(Cell::new(0));
            let counting = {
                let count = Rc::clone(&count);
                async move {
                    for _ in 0..3 {
                        count.set(count.get() + 1);
                        yield_now().await;
                    }
                }
            };
            let outcome = if cancel_before_it {
                cancel_before(polls, counting).await
            } else {
                cancel_after(polls, counting).await
            };
            (outcome.is_some(), count.get(), Rc::strong_count(&count))
        })
    };
    for before in [false, true] {
        assert_eq!(polls(before, 0), Ok((false, 0, 1)));
        assert_eq!(polls(before, 2), Ok((false, 2, 1)));
        assert_eq!(polls(before, 3), Ok((false, 3, 1)));
        assert_eq!(polls(before, 4), Ok((true, 3, 1)));
    }
}

#[test]
fn one_way_drops_while_it_waits_and_the_other_when_it_is_woken() {
    let second = Duration::from_secs(1);
    let run = Sim::new(0).run(async {
        assert_eq!(cancel_after(1, sleep(second)).await, None);
        assert_eq!(now(), Instant::EPOCH);
        assert_eq!(cancel_before(1, sleep(second)).await, None);
        assert_eq!(now(), Instant::EPOCH + second);
    });
    assert_eq!(run, Ok(()));
}

/// Three who wait in line, one of whom is dropped at a poll; nothing may be lost by it.
async fn scenario(polls: u64, before: bool) {
    let semaphore = Rc::new(Semaphore::new(1));
    let held = semaphore.acquire().await.unwrap();
    let mut tasks = Vec::new();
    for place in 0..3 {
        let semaphore = Rc::clone(&semaphore);
        tasks.push(spawn(async move {
            let acquire = semaphore.acquire();
            match (place, before) {
                (1, false) => drop(cancel_after(polls, acquire).await),
                (1, true) => drop(cancel_before(polls, acquire).await),
                _ => drop(acquire.await.unwrap()),
            }
        }));
    }
    yield_now().await;
    drop(held);
    for task in tasks {
        assert_eq!(task.await, Ok(()));
    }
    assert_eq!((semaphore.available_permits(), semaphore.waiters()), (1, 0));
}

#[test]
fn the_semaphore_loses_nothing_when_a_waiter_is_dropped_at_any_poll() {
    for polls in 0..3 {
        for before in [false, true] {
            for_each_seed(0..200, |_| scenario(polls, before)).unwrap();
            let explored = explore(5_000, || scenario(polls, before)).unwrap();
            assert!(explored.complete && explored.schedules > 20, "{explored:?}");
        }
    }
}
