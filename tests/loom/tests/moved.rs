//! A future that has been polled moves to another task just as what it waits for comes to pass: the waker that counts is
//! the one it showed last, and none may be lost between the question and the answer.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test moved
//! ```
//!
//! A waiter that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::convert::Infallible;
use core::future::{Future, pending};
use core::pin::Pin;
use core::task::{Context, Waker};
use core::time::Duration;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use tidegate_core::cache::{Cache, Forever};
use tidegate_core::generator::Handover;
use tidegate_core::lockout::{InOrder, Lockout, Order, Together};
use tidegate_core::lru::DefaultHashBuilder;
use tidegate_core::oneshot::Oneshot;
use tidegate_core::queue::{PutError, Queue};
use tidegate_core::rate_limiter::{Quota, RateLimiter};
use tidegate_core::scheduler::Scheduler;
use tidegate_core::semaphore::Config as Permits;
use tidegate_core::shutdown::{Reason, Shutdown};
use tidegate_core::task_group::TaskGroup;
use tidegate_core::waterfall::{Config, Single, Waterfall};
use tidegate_core::{Heap, Instant};
use tidegate_loom::{Loom, Semaphore, Step, model};

/// Polls a future here, where nobody hears its waker, and then lets another thread wait for it, while `happens` does.
fn moved<F>(future: F, happens: impl FnOnce()) -> F::Output
where
    F: Future<Output: 'static> + 'static,
{
    let mut future = Box::pin(future);
    assert!(poll(&mut future).is_pending());
    let thread = thread::spawn(move || block_on(future));
    happens();
    thread.join().unwrap()
}

fn poll<F: Future>(future: &mut Pin<Box<F>>) -> core::task::Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_permit_or_the_close() {
    for barging in [false, true] {
        for closes in [false, true] {
            model(move || {
                let semaphore = Arc::new(Semaphore::with_config(1, Permits::new().barging(barging)));
                let permit = Semaphore::try_acquire_owned(Arc::clone(&semaphore), 1).unwrap();
                let had = moved(Semaphore::acquire_owned(Arc::clone(&semaphore), 1), || {
                    if closes {
                        semaphore.close();
                    } else {
                        drop(permit);
                    }
                });
                assert_eq!(had.is_err(), closes);
            });
        }
    }
}

#[test]
fn an_item_or_room() {
    model(|| {
        let queue = Arc::new(Queue::<Loom, Heap, u32>::new(1));
        let got = moved(Queue::get_owned(Arc::clone(&queue)), || queue.try_put(1).unwrap());
        assert_eq!(got, Ok(1));
    });
    model(|| {
        let queue = Arc::new(Queue::<Loom, Heap, u32>::new(1));
        queue.try_put(1).unwrap();
        let put = moved(Queue::put_owned(Arc::clone(&queue), 2), || assert_eq!(queue.try_get(), Ok(1)));
        assert_eq!((put, queue.try_get()), (Ok(()), Ok(2)));
    });
    // What is offered at a rendezvous is taken, or comes back.
    for closes in [false, true] {
        model(move || {
            let queue = Arc::new(Queue::<Loom, Heap, u32>::new(0));
            let put = moved(Queue::put_owned(Arc::clone(&queue), 3), || {
                if closes {
                    queue.close();
                } else {
                    assert_eq!(queue.try_get(), Ok(3));
                }
            });
            assert_eq!(put.map_err(PutError::into_inner), if closes { Err(3) } else { Ok(()) });
        });
    }
}

type Values = Cache<u32, u32, Loom, Heap, Infallible, Forever, DefaultHashBuilder, 1>;

/// The driver goes, and nobody computes but whoever waits.
#[test]
fn a_turn_to_compute() {
    model(|| {
        let cache = Arc::new(Values::new(4));
        let mut driver = Box::pin(cache.get_or_load(&1, || pending::<u32>()));
        assert!(poll(&mut driver).is_pending());
        let waiting = Arc::clone(&cache);
        let value = moved(async move { waiting.get_or_load(&1, || async { 7 }).await }, || drop(driver));
        assert_eq!((value, cache.in_flight()), (Ok(7), 0));
    });
}

#[test]
fn a_value() {
    model(|| {
        let cache = Arc::new(Values::new(4));
        let ready = loom::sync::atomic::AtomicBool::new(false);
        let compute = || {
            core::future::poll_fn(|_| {
                let ready = ready.load(loom::sync::atomic::Ordering::Relaxed);
                if ready { core::task::Poll::Ready(7) } else { core::task::Poll::Pending }
            })
        };
        let mut driver = Box::pin(cache.get_or_load(&1, compute));
        assert!(poll(&mut driver).is_pending());
        let waiting = Arc::clone(&cache);
        let value = moved(async move { waiting.get_or_load(&1, || pending::<u32>()).await }, || {
            ready.store(true, loom::sync::atomic::Ordering::Relaxed);
            assert!(poll(&mut driver).is_ready());
        });
        drop(driver);
        assert_eq!((value, cache.in_flight()), (Ok(7), 0));
    });
}

fn the_end_of_a_lockout<O: Order>() {
    model(|| {
        let lockout = Arc::new(Lockout::<Loom, Heap, Step, O>::with_timer(Step::new()));
        let key = lockout.lock_until(Instant::MAX).unwrap();
        let passed = moved(Lockout::wait_owned(Arc::clone(&lockout)), || assert!(lockout.lift(key)));
        assert_eq!((passed, lockout.waiters()), (Ok(()), 0));
    });
}

#[test]
fn the_end_of_a_lockout_together() {
    the_end_of_a_lockout::<Together>();
}

#[test]
fn the_end_of_a_lockout_in_order() {
    the_end_of_a_lockout::<InOrder>();
}

#[test]
fn a_token() {
    model(|| {
        let quota = Quota::per(1, Duration::from_nanos(10)).unwrap();
        let limiter = Arc::new(RateLimiter::<Loom, Heap, Step>::with_timer(quota, Step::new()));
        assert!(limiter.try_acquire(1).is_ok());
        let had = moved(RateLimiter::acquire_owned(Arc::clone(&limiter), 1), || limiter.refund(1));
        assert_eq!((had, limiter.waiters()), (Ok(()), 0));
    });
}

#[test]
fn a_payload_or_its_time() {
    model(|| {
        let scheduler = Arc::new(Scheduler::<u32, Loom, Heap, Step>::with_timer(Step::new()));
        let next = moved(Scheduler::next_owned(Arc::clone(&scheduler)), || {
            scheduler.insert_at(Instant::EPOCH, 1).unwrap();
        });
        assert_eq!(next.map(|expired| expired.into_inner()).ok(), Some(1));
    });
    model(|| {
        let clock = Step::new();
        let scheduler = Arc::new(Scheduler::<u32, Loom, Heap, Step>::with_timer(clock.clone()));
        scheduler.insert_at(Step::END, 1).unwrap();
        let next = moved(Scheduler::next_owned(Arc::clone(&scheduler)), || clock.advance());
        assert_eq!(next.map(|expired| expired.into_inner()).ok(), Some(1));
    });
}

type Items = Waterfall<Single<u32, Heap>, Loom, Heap, Step>;

#[test]
fn a_batch_or_room_or_a_flush() {
    let config = || Config::new(1, Duration::MAX).unwrap().capacity(1);
    model(move || {
        let waterfall = Arc::new(Items::with_timer(config(), Step::new()));
        let batch = moved(Items::next_batch_owned(Arc::clone(&waterfall)), || waterfall.try_put(1).unwrap());
        assert_eq!(batch.map(|batch| batch[0]), Some(1));
    });
    model(move || {
        let waterfall = Arc::new(Items::with_timer(config(), Step::new()));
        waterfall.try_put(1).unwrap();
        let put = moved(Items::put_owned(Arc::clone(&waterfall), 2), || {
            waterfall.try_next_batch().unwrap().done();
        });
        assert!(put.is_ok());
    });
    model(move || {
        let waterfall = Arc::new(Items::with_timer(config(), Step::new()));
        waterfall.try_put(1).unwrap();
        let flushing = Arc::clone(&waterfall);
        let flushed = moved(async move { flushing.flush().await }, || {
            waterfall.try_next_batch().unwrap().done();
        });
        assert!(flushed.is_ok());
    });
}

#[test]
fn the_end_of_a_group_or_a_moment_without_members() {
    for idle in [false, true] {
        model(move || {
            let group = Arc::new(TaskGroup::<Loom, Heap>::new());
            let member = TaskGroup::track_owned(Arc::clone(&group)).unwrap();
            let join = if idle {
                TaskGroup::idle_owned(Arc::clone(&group))
            } else {
                TaskGroup::close_owned(Arc::clone(&group))
            };
            assert_eq!(moved(join, || drop(member)), Ok(()));
        });
    }
}

#[test]
fn a_trigger() {
    model(|| {
        let shutdown = Arc::new(Shutdown::<Loom, Heap, Step>::with_timer(Step::new()));
        let triggered = moved(Shutdown::triggered_owned(Arc::clone(&shutdown)), || {
            shutdown.trigger();
        });
        assert_eq!(triggered, Ok(Reason::Requested));
    });
}

/// Whoever goes through the phases.
#[test]
fn a_trigger_for_the_run() {
    model(|| {
        let shutdown = Arc::new(Shutdown::<Loom, Heap, Step>::with_timer(Step::new()));
        let run = Shutdown::begin_owned(Arc::clone(&shutdown)).unwrap();
        let callbacks = moved(run.triggered(), || {
            shutdown.trigger();
        });
        assert_eq!(callbacks.reason(), Reason::Requested);
    });
}

#[test]
fn a_value_handed_over() {
    for sends in [false, true] {
        model(move || {
            let (sender, receiver) = Oneshot::split(Arc::new(Oneshot::<Loom, u32>::new())).unwrap();
            let received = moved(receiver, || {
                if sends {
                    sender.send(1).unwrap();
                } else {
                    drop(sender);
                }
            });
            assert_eq!(received.is_ok(), sends);
        });
    }
}

#[test]
fn an_item_of_a_generator_or_the_demand_for_it() {
    model(|| {
        let place = Arc::new(Handover::<Loom, Heap, u32>::new());
        let (mut producer, mut consumer) = Handover::halves(place).unwrap();
        let item = moved(async move { consumer.next().await }, || producer.try_yield(1).unwrap());
        assert!(matches!(item, Some(Ok(1))));
    });
    model(|| {
        let place = Arc::new(Handover::<Loom, Heap, u32>::new());
        let (mut producer, mut consumer) = Handover::halves(place).unwrap();
        let demanded = moved(async move { producer.demanded().await }, || {
            assert!(consumer.try_next().is_pending());
        });
        assert!(demanded);
    });
}
