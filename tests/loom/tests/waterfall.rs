//! Waterfalls, thread against thread: those who put, take, flush, give up and close.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test waterfall
//! ```
//!
//! Somebody who is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};
use core::time::Duration;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use tidegate_core::Heap;
use tidegate_core::batcher::Batcher;
use tidegate_core::waterfall::{Config, Single, Waterfall};
use tidegate_loom::{Loom, Step, model};

type Shared = Arc<Waterfall<Single<u32, Heap>, Loom, Heap, Step>>;

/// A batch of two, or what there is at [`Step::END`].
fn shared(clock: &Step, config: Config) -> Shared {
    Arc::new(Waterfall::with_timer(config, clock.clone()))
}

fn config() -> Config {
    Config::new(2, Duration::from_nanos(Step::END.as_nanos())).unwrap()
}

/// Takes batches until there are no more.
fn taker(waterfall: &Shared) -> thread::JoinHandle<Vec<u32>> {
    let waterfall = Arc::clone(waterfall);
    thread::spawn(move || {
        block_on(async {
            let mut items = Vec::new();
            while let Some(batch) = waterfall.next_batch().await {
                items.extend_from_slice(&batch);
                batch.done();
            }
            items
        })
    })
}

/// A batch fills up, and the next one is due, while somebody takes.
#[test]
fn volume_and_interval_against_a_taker() {
    model(|| {
        let clock = Step::new();
        let waterfall = shared(&clock, config());
        let taker = taker(&waterfall);
        for item in 0..2 {
            waterfall.try_put(item).unwrap();
        }
        clock.advance();
        waterfall.close();
        assert_eq!(taker.join().unwrap(), [0, 1]);
    });
}

/// An item alone leaves when its time has come, without anybody else.
#[test]
fn the_interval_against_a_taker() {
    model(|| {
        let clock = Step::new();
        let waterfall = shared(&clock, config());
        let taken = {
            let waterfall = Arc::clone(&waterfall);
            thread::spawn(move || block_on(waterfall.next_batch()).map(|batch| batch.to_vec()))
        };
        waterfall.try_put(7).unwrap();
        clock.advance();
        assert_eq!(taken.join().unwrap(), Some(vec![7]));
    });
}

/// Two put where there is room for one; whoever waits is let in when a batch is done.
#[test]
fn room_against_putters() {
    model(|| {
        let clock = Step::new();
        let waterfall = shared(&clock, config().capacity(1));
        let taker = taker(&waterfall);
        for item in 0..2 {
            block_on(waterfall.put(item)).unwrap();
        }
        waterfall.close();
        assert_eq!(taker.join().unwrap(), [0, 1]);
    });
}

/// The first in line gives up while a batch fills; the next one gets it.
#[test]
fn a_taker_that_gives_up_against_volume() {
    model(|| {
        let clock = Step::new();
        let waterfall = shared(&clock, config());
        let fickle = {
            let waterfall = Arc::clone(&waterfall);
            thread::spawn(move || {
                let mut next = pin!(waterfall.next_batch());
                let polled = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                matches!(polled, core::task::Poll::Ready(Some(_)))
            })
        };
        let taker = taker(&waterfall);
        for item in 0..2 {
            waterfall.try_put(item).unwrap();
        }
        waterfall.close();
        let had_it = fickle.join().unwrap();
        assert_eq!(taker.join().unwrap(), if had_it { vec![] } else { vec![0, 1] });
    });
}

/// A flush ends when what was put before has ended.
#[test]
fn a_flush_against_a_taker() {
    model(|| {
        let clock = Step::new();
        let waterfall = shared(&clock, config());
        let taker = taker(&waterfall);
        waterfall.try_put(1).unwrap();
        block_on(waterfall.flush()).unwrap();
        assert_eq!(waterfall.stats().unfinished, 0);
        waterfall.close();
        assert_eq!(taker.join().unwrap(), [1]);
    });
}

/// A close against somebody who puts: accepted and taken, or turned away.
#[test]
fn close_against_put() {
    model(|| {
        let clock = Step::new();
        let waterfall = shared(&clock, config());
        let taker = taker(&waterfall);
        let putter = {
            let waterfall = Arc::clone(&waterfall);
            thread::spawn(move || waterfall.try_put(5).is_ok())
        };
        waterfall.close();
        let expected = if putter.join().unwrap() { vec![5] } else { vec![] };
        assert_eq!(taker.join().unwrap(), expected);
    });
}

/// Two calls are answered together by a third.
#[test]
fn calls_against_the_one_who_answers() {
    model(|| {
        let clock = Step::new();
        let batcher = Arc::new(Batcher::<u32, u32, Loom, Heap, Heap, Step>::with_timer(config(), clock));
        let caller = {
            let batcher = Arc::clone(&batcher);
            thread::spawn(move || block_on(batcher.call(1)))
        };
        let answerer = {
            let batcher = Arc::clone(&batcher);
            thread::spawn(move || {
                let requests = block_on(batcher.next()).unwrap();
                let answers: Vec<u32> = requests.inputs().map(|n| n * 10).collect();
                requests.answer(answers);
            })
        };
        assert_eq!(block_on(batcher.call(2)), Ok(20));
        assert_eq!(caller.join().unwrap(), Ok(10));
        answerer.join().unwrap();
    });
}
