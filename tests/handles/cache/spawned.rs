//! Computations that outlive their callers: as tasks of tokio, on threads, in the simulator.

use core::future::pending;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

use tidegate_core::cache::{Cache as AnyCache, Config, LoadError};
use tidegate_core::lru::DefaultHashBuilder;
use tidegate_sim::Sim;
use tidegate_tests::poll_once;
use tidegate_tokio::{Cache, Expiring, TokioTimer, TtlCache};
use tokio::sync::Semaphore;
use tokio::task::yield_now;

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_computation_goes_on_when_its_callers_are_gone() {
    let cache = Arc::new(Cache::<u32, u32>::new(8));
    let go = Arc::new(Semaphore::new(0));
    let begun = Arc::new(AtomicUsize::new(0));
    let call = || {
        let (go, begun) = (Arc::clone(&go), Arc::clone(&begun));
        Box::pin(Cache::get_or_load_spawned(Arc::clone(&cache), 1, move || async move {
            begun.fetch_add(1, Ordering::SeqCst);
            drop(go.acquire().await);
            7
        }))
    };
    let (mut first, mut second) = (call(), call());
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    drop((first, second));
    assert_eq!(cache.in_flight(), 1);
    let mut third = call();
    assert!(poll_once(&mut third).is_pending());
    go.add_permits(1);
    assert_eq!(third.await, Ok(7));
    assert_eq!((begun.load(Ordering::SeqCst), cache.get(&1)), (1, Some(7)));
}

#[tokio::test]
async fn a_spawned_panic_is_an_error_for_its_caller_and_the_next_takes_over() {
    async fn panics() -> u32 {
        panic!("on purpose")
    }
    let cache = Arc::new(Cache::<u32, u32>::new(8));
    let alone = Cache::get_or_load_spawned(Arc::clone(&cache), 1, panics).await;
    assert_eq!(alone, Err(LoadError::Abandoned));

    let mut first = Box::pin(Cache::get_or_load_spawned(Arc::clone(&cache), 1, panics));
    let mut spawned = Box::pin(Cache::get_or_load_spawned(Arc::clone(&cache), 1, || async { 2 }));
    let mut own = Box::pin(cache.get_or_load(&1, || async { 3 }));
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut spawned).is_pending());
    assert!(poll_once(&mut own).is_pending());
    while cache.stats().misses < 3 {
        yield_now().await;
        assert!(poll_once(&mut spawned).is_pending());
    }
    // Whoever took over, all hear of it, also the one whose own computation panicked.
    assert_eq!((own.await, first.await, spawned.await), (Ok(2), Ok(2), Ok(2)));
    assert_eq!(cache.in_flight(), 0);
}

#[test]
fn where_nobody_runs_tasks_a_call_is_told_so() {
    let cache = Arc::new(Cache::<u32, u32>::new(8));
    let call = Cache::get_or_load_spawned(Arc::clone(&cache), 1, || async { 1 });
    assert_eq!(tidegate_threads::block_on(call), Err(LoadError::Abandoned));
    assert_eq!(cache.in_flight(), 0);
}

#[test]
fn a_runtime_that_ends_leaves_the_rest_to_others() {
    let cache = Arc::new(Cache::<u32, u32>::new(8));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be had");
    let mut first = Box::pin(Cache::get_or_load_spawned(Arc::clone(&cache), 1, pending::<u32>));
    {
        let _entered = runtime.enter();
        assert!(poll_once(&mut first).is_pending());
    }
    let mut second = Box::pin(cache.get_or_load(&1, || async { 2 }));
    assert!(poll_once(&mut second).is_pending());
    drop(runtime);
    assert_eq!(tidegate_threads::block_on(second), Ok(2));
    assert_eq!(tidegate_threads::block_on(first), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_had_at_once_while_a_task_computes_anew() {
    let lifetimes = Expiring::with_clock(MINUTE, TokioTimer).stale_while_revalidate(MINUTE);
    let cache: Arc<TtlCache<u32, u32>> =
        Arc::new(AnyCache::with_parts(Config::new(8), lifetimes, DefaultHashBuilder));
    let call = |value| TtlCache::get_or_load_spawned(Arc::clone(&cache), 1, move || async move { value });
    assert_eq!(call(1).await, Ok(1));
    tokio::time::advance(MINUTE).await;
    assert_eq!(call(2).await, Ok(1));
    assert_eq!(call(3).await, Ok(1), "one is enough");
    while cache.in_flight() > 0 {
        yield_now().await;
    }
    assert_eq!(call(4).await, Ok(2));
}

#[test]
fn a_thread_computes_for_all() {
    let cache = Arc::new(tidegate_threads::Cache::<u32, u32>::new(8));
    let call = || tidegate_threads::Cache::get_or_load_spawned(Arc::clone(&cache), 1, || async { 7 });
    let mut first = Box::pin(call());
    let _ = poll_once(&mut first);
    drop(first);
    assert_eq!(cache.get_or_load_blocking(&1, || 7), Ok(7));
    assert_eq!(tidegate_threads::block_on(call()), Ok(7));
    assert_eq!(cache.stats().misses, 1);
}

#[test]
fn a_simulated_task_computes_for_all() {
    let outcome = Sim::new(3).run(async {
        let cache = Arc::new(tidegate_sim::Cache::<u32, u32>::new(8));
        let call = || {
            tidegate_sim::Cache::get_or_load_spawned(Arc::clone(&cache), 1, || async {
                // A timer of the simulator's is bound to its thread, a task to be spawned is not.
                let mut left = 3;
                core::future::poll_fn(move |cx| {
                    left -= 1;
                    cx.waker().wake_by_ref();
                    if left == 0 { core::task::Poll::Ready(7) } else { core::task::Poll::Pending }
                })
                .await
            })
        };
        let mut gone = Box::pin(call());
        assert!(poll_once(&mut gone).is_pending());
        drop(gone);
        (call().await, cache.stats().misses)
    });
    assert_eq!(outcome, Ok((Ok(7), 1)));
}
