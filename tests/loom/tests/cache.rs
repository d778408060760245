//! The cache, thread against thread: one computes at a time, and whoever waits is told or takes over.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test cache
//! ```
//!
//! A waiter that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use tidegate_core::Heap;
use tidegate_core::cache::{Cache, Forever};
use tidegate_core::lru::DefaultHashBuilder;
use tidegate_loom::{Loom, model};

type Sharded<const SHARDS: usize> = Cache<u32, usize, Loom, Heap, Infallible, Forever, DefaultHashBuilder, SHARDS>;
type Whole = Sharded<1>;

/// A computation that yields once, and notices if another is under way.
struct Work {
    busy: AtomicUsize,
    begun: AtomicUsize,
}

struct Busy<'a>(&'a Work);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Work {
    fn new() -> Self {
        Self { busy: AtomicUsize::new(0), begun: AtomicUsize::new(0) }
    }

    async fn compute(&self) -> usize {
        assert_eq!(self.busy.fetch_add(1, Ordering::Relaxed), 0, "two compute at a time");
        self.begun.fetch_add(1, Ordering::Relaxed);
        let _busy = Busy(self);
        let mut yielded = false;
        poll_fn(|cx| {
            if core::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        7
    }
}

fn shared() -> Arc<(Whole, Work)> {
    Arc::new((Whole::new(4), Work::new()))
}

#[test]
fn two_who_ask_at_once_get_one_value() {
    model(|| {
        let shared = shared();
        let other = {
            let shared = shared.clone();
            thread::spawn(move || block_on(shared.0.get_or_load(&1, || shared.1.compute())))
        };
        assert_eq!(block_on(shared.0.get_or_load(&1, || shared.1.compute())), Ok(7));
        assert_eq!(other.join().unwrap(), Ok(7));
        assert_eq!(shared.1.begun.load(Ordering::Relaxed), 1);
        assert_eq!((shared.0.in_flight(), shared.0.get(&1)), (0, Some(7)));
    });
}

/// Whoever computes is polled once and goes away; the other computes, or had done so.
#[test]
fn a_driver_that_leaves_strands_nobody() {
    model(|| {
        let shared = shared();
        let other = {
            let shared = shared.clone();
            thread::spawn(move || block_on(shared.0.get_or_load(&1, || shared.1.compute())))
        };
        {
            let mut leaves = pin!(shared.0.get_or_load(&1, || shared.1.compute()));
            let _ = leaves.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        assert_eq!(other.join().unwrap(), Ok(7));
        assert_eq!((shared.0.in_flight(), shared.0.get(&1)), (0, Some(7)));
    });
}

/// One drives and leaves, one waits and leaves when it may just have been called; the third is not forgotten.
#[test]
fn one_who_was_called_and_leaves_passes_it_on() {
    model(|| {
        let shared = shared();
        let mut driver = Box::pin(shared.0.get_or_load(&1, || shared.1.compute()));
        let mut called = Box::pin(shared.0.get_or_load(&1, || shared.1.compute()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(driver.as_mut().poll(&mut cx).is_pending());
        assert!(called.as_mut().poll(&mut cx).is_pending());
        let third = {
            let shared = shared.clone();
            thread::spawn(move || block_on(shared.0.get_or_load(&1, || shared.1.compute())))
        };
        drop(driver);
        drop(called);
        assert_eq!(third.join().unwrap(), Ok(7));
        assert_eq!(shared.0.in_flight(), 0);
    });
}

#[test]
fn what_is_invalidated_meanwhile_is_not_kept_and_not_lost() {
    model(|| {
        let cache = Arc::new(Whole::new(4));
        let other = {
            let cache = cache.clone();
            thread::spawn(move || block_on(cache.get_or_load(&1, || async { 1 })))
        };
        cache.invalidate(&1);
        let here = block_on(cache.get_or_load(&1, || async { 2 }));
        let there = other.join().unwrap();
        // After the invalidation, either value may have been computed; all agree on what is kept.
        assert!(matches!((here, there), (Ok(1 | 2), Ok(1 | 2))));
        assert_eq!(cache.get(&1), here.ok());
        assert_eq!(cache.in_flight(), 0);
    });
}

#[test]
fn shards_do_not_get_in_each_others_way() {
    model(|| {
        let cache = Arc::new(Sharded::<2>::new(128));
        let other = {
            let cache = cache.clone();
            thread::spawn(move || (1..3).all(|key| block_on(cache.get_or_load(&key, || async { 1 })) == Ok(1)))
        };
        assert_eq!(block_on(cache.get_or_load(&1, || async { 1 })), Ok(1));
        assert!(other.join().unwrap());
        let stats = cache.stats();
        assert_eq!((cache.len(), stats.misses, stats.hits + stats.joined), (2, 2, 1));
    });
}
