//! Schedulers, thread against thread: deadlines against those who leave, insertions against those who fall asleep.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test scheduler
//! ```
//!
//! A consumer that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use tidegate_core::scheduler::{NextError, Scheduler};
use tidegate_core::{Heap, Instant};
use tidegate_loom::{Loom, Step, model};

type Shared = Arc<Scheduler<u32, Loom, Heap, Step>>;

fn shared(clock: &Step) -> Shared {
    Arc::new(Scheduler::with_timer(clock.clone()))
}

/// Waits for one payload.
fn consumer(scheduler: &Shared) -> thread::JoinHandle<Result<u32, NextError>> {
    let scheduler = Arc::clone(scheduler);
    thread::spawn(move || block_on(scheduler.next()).map(|expired| expired.into_inner()))
}

/// Asks once, and gives up.
fn fickle(scheduler: &Shared) -> thread::JoinHandle<Option<u32>> {
    let scheduler = Arc::clone(scheduler);
    thread::spawn(move || {
        let mut next = pin!(scheduler.next());
        match next.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => taken.ok().map(|expired| expired.into_inner()),
            Poll::Pending => None,
        }
    })
}

/// Who gives up loses no payload, and whoever is behind it gets one.
#[test]
fn cancel_against_the_deadline() {
    model(|| {
        let clock = Step::new();
        let scheduler = shared(&clock);
        scheduler.insert_at(Step::END, 1).unwrap();
        scheduler.insert_at(Step::END, 2).unwrap();
        let (fickle, consumer) = (fickle(&scheduler), consumer(&scheduler));
        clock.advance();
        let (one, other) = (fickle.join().unwrap(), consumer.join().unwrap().unwrap());
        let left: Vec<u32> = scheduler.drain().map(|expired| expired.into_inner()).collect();
        let mut all: Vec<u32> = one.into_iter().chain([other]).chain(left).collect();
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
        assert_eq!(scheduler.waiters(), 0);
    });
}

/// Two wait; one payload each, in whatever order they are woken.
#[test]
fn two_consumers_and_two_payloads() {
    model(|| {
        let clock = Step::new();
        let scheduler = shared(&clock);
        scheduler.insert_at(Step::END, 1).unwrap();
        let consumers = [consumer(&scheduler), consumer(&scheduler)];
        scheduler.insert_at(Step::END, 2).unwrap();
        clock.advance();
        let mut all = consumers.map(|consumer| consumer.join().unwrap().unwrap());
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
    });
}

/// What is due at once is seen by one who falls asleep at that moment, though something later was there before.
#[test]
fn insert_against_falling_asleep() {
    model(|| {
        let clock = Step::new();
        let scheduler = shared(&clock);
        scheduler.insert_at(Instant::from_nanos(1_000), 1).unwrap();
        let consumer = consumer(&scheduler);
        let late = scheduler.insert_at(Instant::from_nanos(2_000), 3).unwrap();
        assert!(scheduler.reset_at(late, Instant::EPOCH));
        assert_eq!(consumer.join().unwrap(), Ok(3));
        assert_eq!(scheduler.len(), 1);
    });
}

/// A close is heard by all who wait, and by those who begin to.
#[test]
fn close_against_falling_asleep() {
    model(|| {
        let clock = Step::new();
        let scheduler = shared(&clock);
        scheduler.insert_at(Step::END, 1).unwrap();
        let consumers = [consumer(&scheduler), consumer(&scheduler)];
        scheduler.close();
        for consumer in consumers {
            assert_eq!(consumer.join().unwrap(), Err(NextError::Closed));
        }
        assert_eq!(scheduler.len(), 1);
    });
}

/// Whoever joins hears of the last payload, whether it comes out or is cancelled.
#[test]
fn join_against_the_last_payload() {
    model(|| {
        let clock = Step::new();
        let scheduler = shared(&clock);
        scheduler.insert_at(Instant::EPOCH, 1).unwrap();
        let key = scheduler.insert_at(Step::END, 2).unwrap();
        let joiner = {
            let scheduler = Arc::clone(&scheduler);
            thread::spawn(move || block_on(scheduler.join()))
        };
        let consumer = consumer(&scheduler);
        assert_eq!(scheduler.cancel(key), Some(2));
        assert_eq!(consumer.join().unwrap(), Ok(1));
        assert_eq!(joiner.join().unwrap(), Ok(()));
    });
}
