//! Hand-over on demand, thread against thread: demand against yield, stop against yield, end against wait.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test generator
//! ```
//!
//! A side that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use tidegate_core::Heap;
use tidegate_core::generator::{Consumer, Handover, Producer};
use tidegate_loom::{Loom, model};

type Place = Handover<Loom, Heap, usize, &'static str>;

fn halves(capacity: usize) -> (Producer<Arc<Place>>, Consumer<Arc<Place>>) {
    let place = Arc::new(Place::with_capacity(capacity).expect("it is not zero"));
    Handover::halves(place).expect("nobody else has them")
}

/// Yields so many items, unless it is told to stop; answers how many it began.
fn produce(mut producer: Producer<Arc<Place>>, items: usize) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        block_on(async {
            let mut begun = 0;
            while begun < items && producer.demanded().await {
                begun += 1;
                if producer.yield_(begun).await.is_err() {
                    break;
                }
            }
            begun
        })
    })
}

fn every_item_is_handed_over_in_order(capacity: usize) {
    model(move || {
        let (producer, mut consumer) = halves(capacity);
        let producing = produce(producer, 2);
        block_on(async {
            assert_eq!(consumer.next().await, Some(Ok(1)));
            assert_eq!(consumer.next().await, Some(Ok(2)));
            assert_eq!(consumer.next().await, None);
        });
        assert_eq!(producing.join().unwrap(), 2);
    });
}

#[test]
fn every_item_is_handed_over_in_order_one_by_one() {
    every_item_is_handed_over_in_order(1);
}

#[test]
fn every_item_is_handed_over_in_order_in_batches() {
    every_item_is_handed_over_in_order(2);
}

/// What the producer does once an item is demanded is never ahead of the demand, and sees what came before it.
#[test]
fn nothing_is_begun_before_it_is_demanded() {
    model(|| {
        let (mut producer, mut consumer) = halves(1);
        let demands = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&demands);
        let producing = thread::spawn(move || {
            block_on(async {
                for item in 1..=2 {
                    assert!(producer.demanded().await);
                    // Unordered: the demand itself is what makes it visible.
                    assert_eq!(seen.load(Ordering::Relaxed), item);
                    assert!(producer.try_yield(item).is_ok());
                }
            });
        });
        for item in 1..=2 {
            demands.store(item, Ordering::Relaxed);
            assert_eq!(block_on(consumer.next()), Some(Ok(item)));
        }
        producing.join().unwrap();
    });
}

/// The same without the lock: what is peeked can be relied on.
#[test]
fn a_demand_that_is_peeked_is_a_demand() {
    model(|| {
        let (mut producer, mut consumer) = halves(1);
        let producing = thread::spawn(move || {
            for item in 1..=2 {
                if producer.peek_demand() == Some(true) {
                    assert!(producer.try_yield(item).is_ok());
                }
            }
        });
        let first = block_on(consumer.next());
        assert!(matches!(first, None | Some(Ok(1 | 2))));
        drop(consumer);
        producing.join().unwrap();
    });
}

#[test]
fn a_consumer_that_goes_stops_the_producer() {
    model(|| {
        let (producer, mut consumer) = halves(1);
        let producing = produce(producer, 3);
        let _ = pin!(consumer.next()).poll(&mut Context::from_waker(Waker::noop()));
        drop(consumer);
        assert!(producing.join().unwrap() <= 1);
    });
}

#[test]
fn close_waits_for_the_end_and_hears_of_a_failure() {
    model(|| {
        let (mut producer, mut consumer) = halves(1);
        let ended = Arc::new(AtomicUsize::new(0));
        let end = Arc::clone(&ended);
        let producing = thread::spawn(move || {
            block_on(async {
                if producer.demanded().await {
                    let _ = producer.yield_(1).await;
                }
            });
            end.store(1, Ordering::Relaxed);
            producer.fail("broken");
        });
        let _ = consumer.try_next();
        assert_eq!(block_on(consumer.close()), Err("broken"));
        assert_eq!(ended.load(Ordering::Relaxed), 1);
        producing.join().unwrap();
    });
}
