//! Threads and tasks at once.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tidegate_core::cache::LoadError;
use tidegate_sim::{cancel_after, cancel_before};
use tidegate_threads::{Cache, block_on};
use tokio::task::yield_now;

#[test]
fn tasks_wait_for_what_a_thread_computes() {
    let cache = Cache::<u32, u32>::new(8);
    let (begun, has_begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let cache = &cache;
        scope.spawn(move || {
            let computed = cache.get_or_load_blocking(&1, || {
                begun.send(()).unwrap();
                may_go.recv().unwrap();
                7
            });
            assert_eq!(computed, Ok(7));
        });
        has_begun.recv().unwrap();
        let waiters = [(); 3].map(|()| scope.spawn(|| block_on(cache.get_or_load(&1, || async { 8 }))));
        let blocked = scope.spawn(|| cache.get_or_load_blocking(&1, || 9));
        while cache.stats().joined < 4 {
            thread::yield_now();
        }
        go.send(()).unwrap();
        for waiter in waiters.into_iter().chain([blocked]) {
            assert_eq!(waiter.join().unwrap(), Ok(7));
        }
    });
    assert_eq!((cache.stats().misses, cache.in_flight()), (1, 0));
}

#[test]
fn a_thread_that_panics_is_followed_by_whoever_waits() {
    let cache = Cache::<u32, u32>::new(8);
    let (begun, has_begun) = mpsc::channel();
    thread::scope(|scope| {
        let cache = &cache;
        let first = scope.spawn(move || {
            let _ = cache.get_or_load_blocking(&1, || -> u32 {
                begun.send(()).unwrap();
                while cache.stats().joined < 2 {
                    thread::yield_now();
                }
                panic!("on purpose")
            });
        });
        has_begun.recv().unwrap();
        let task = scope.spawn(|| block_on(cache.get_or_load(&1, || async { 7 })));
        let thread = scope.spawn(|| cache.get_or_load_blocking(&1, || 7));
        assert!(first.join().is_err());
        assert_eq!((task.join().unwrap(), thread.join().unwrap()), (Ok(7), Ok(7)));
    });
    assert_eq!((cache.stats().misses, cache.in_flight()), (2, 0));
}

/// Wakers differ in there, and the thread does not.
#[test]
fn recursion_is_seen_through_a_set_of_futures() {
    let cache = Cache::<u32, u32>::new(8);
    let outer = block_on(cache.get_or_load(&1, || async {
        let inner = [1, 2].map(|key| {
            let cache = &cache;
            async move { cache.get_or_load(&key, || async { 5 }).await }
        });
        let mut inner: FuturesUnordered<_> = inner.into_iter().collect();
        let mut told = 0;
        while let Some(outcome) = inner.next().await {
            told += u32::from(outcome == Err(LoadError::Recursive));
        }
        told
    }));
    assert_eq!(outer, Ok(1));
}

/// Many callers, few keys, and calls that end at any poll: no key is ever computed twice at a time, and nobody is left
/// behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time_for_each_key_in_a_storm_of_cancellations() {
    const KEYS: usize = 5;
    const CALLERS: usize = 32;
    const ROUNDS: usize = 200;
    static BUSY: [AtomicBool; KEYS] = [const { AtomicBool::new(false) }; KEYS];
    static SERVED: AtomicUsize = AtomicUsize::new(0);
    // One value at most is kept, so that most calls compute or wait.
    static CACHE: tidegate_tokio::Cache<usize, usize> = tidegate_tokio::Cache::new(1);

    /// Says when a computation ends, also if it is dropped.
    struct Busy(usize);

    impl Drop for Busy {
        fn drop(&mut self) {
            assert!(BUSY[self.0].swap(false, Ordering::SeqCst));
        }
    }

    async fn compute(key: usize) -> usize {
        assert!(!BUSY[key].swap(true, Ordering::SeqCst), "{key} is being computed already");
        let _busy = Busy(key);
        for _ in 0..key {
            yield_now().await;
        }
        key
    }

    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            tokio::spawn(async move {
                for round in 0..ROUNDS {
                    let key = (caller * 7 + round * 3) % KEYS;
                    let call = CACHE.get_or_load(&key, || compute(key));
                    let polls = ((caller + round) % 5) as u64;
                    let outcome = match (caller + round) % 3 {
                        0 => cancel_after(polls, call).await,
                        1 => cancel_before(polls.max(1), call).await,
                        _ => Some(call.await),
                    };
                    if let Some(outcome) = outcome {
                        assert_eq!(outcome, Ok(key));
                        SERVED.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller panics");
    }
    assert!(SERVED.load(Ordering::SeqCst) >= CALLERS * ROUNDS / 3);
    assert_eq!(CACHE.in_flight(), 0);
}
