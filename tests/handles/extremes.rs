//! The least and the greatest of every number that a constructor or a method takes: nothing panics, nothing hangs, and
//! what makes no sense is an error.

use core::time::Duration;

use futures_util::FutureExt;
use tidegate_core::WallTime;
use tidegate_core::lru::Lru;
use tidegate_core::ttl_lru::TtlLru;
use tidegate_core::{Clock, Heap, Instant};
use tidegate_tokio::scheduler::{self, MissedTickBehavior};
use tidegate_tokio::{Cache, ManualClock, Queue, Scheduler, TtlCache, waterfall};

const FAR: [Duration; 3] = [Duration::ZERO, Duration::MAX, Duration::from_nanos(u64::MAX)];

#[test]
fn maps_of_no_and_of_endless_capacity() {
    let now = Instant::from_nanos(1);
    let mut lru = Lru::<u8, u8, Heap>::new(usize::MAX);
    assert!(lru.insert(1, 1).is_none());
    lru.resize(0);
    assert!(lru.is_empty() || lru.pop_lru().is_some());
    lru.resize(usize::MAX);
    assert!(lru.insert(2, 2).is_none());
    assert_eq!(lru.get(&2), Some(&2));
    for (ttl, lives) in FAR.into_iter().zip([false, true, true]) {
        let mut map = TtlLru::<u8, u8, Heap>::new(usize::MAX, ttl);
        map.insert(1, 1, now);
        assert_eq!(map.get(&1, now).is_some(), lives);
        map.insert_with_ttl(2, 2, ttl, Instant::MAX);
        assert!(map.get(&2, Instant::MAX).is_none() || lives);
        map.resize(0);
        map.resize(usize::MAX);
        map.insert(3, 3, now);
        assert_eq!(map.get(&3, now).is_some(), lives);
    }
}

#[test]
fn caches_of_no_and_of_endless_capacity() {
    for capacity in [0, 1, usize::MAX] {
        let cache = Cache::<u8, u8>::new(capacity);
        assert_eq!(cache.get_or_load_blocking(&1, || 2), Ok(2));
        assert_eq!(cache.get(&1), (capacity > 0).then_some(2));
        for (ttl, lives) in FAR.into_iter().zip([false, true, true]) {
            let cache = TtlCache::<u8, u8>::with_ttl(capacity, ttl);
            assert_eq!(cache.get_or_load_blocking(&1, || 2), Ok(2));
            assert_eq!(cache.get(&1), (capacity > 0 && lives).then_some(2));
        }
    }
}

#[test]
fn queues_of_no_and_of_endless_capacity() {
    for capacity in [0, 1, usize::MAX] {
        let queue = Queue::new(capacity);
        assert_eq!(queue.try_put(1).is_ok(), capacity > 0);
        let mut taken = Vec::new();
        assert_eq!(queue.drain_ready(&mut taken, 0), 0);
        assert_eq!(queue.get_many(&mut taken, 0).now_or_never(), Some(Ok(0)));
        assert_eq!(queue.get_many_blocking(&mut taken, 0), Ok(0));
        assert_eq!(queue.drain_ready(&mut taken, usize::MAX), usize::from(capacity > 0));
        for other in [0, 1 << 20, queue.capacity()] {
            queue.set_capacity(other).unwrap();
            assert_eq!(queue.capacity(), other);
        }
        assert!(queue.set_capacity(usize::MAX).is_err());
        queue.close();
        assert_eq!(queue.get_many(&mut taken, 0).now_or_never(), Some(Ok(0)));
        assert!(queue.get_many_blocking(&mut taken, usize::MAX).is_err());
        assert!(queue.set_capacity(1).is_ok() && queue.try_put(2).is_err());
    }
}

#[test]
fn schedulers_at_the_ends_of_time() {
    let clock = ManualClock::new();
    let config = scheduler::Config::new().granularity(Duration::MAX).wall_recheck(Duration::ZERO);
    for config in [scheduler::Config::new(), config] {
        let scheduler = Scheduler::with_clocks(&clock, tidegate_tokio::SystemClock, config);
        for far in FAR {
            let key = scheduler.insert_after(far, 1).unwrap();
            assert!(scheduler.reset_after(key, far) && scheduler.reset_at(key, Instant::MAX));
            assert_eq!(scheduler.cancel(key), Some(1));
        }
        let every = |period| scheduler.insert_every(period, MissedTickBehavior::Burst, 2);
        assert!(every(Duration::ZERO).is_err());
        let keys = [every(Duration::MAX).unwrap(), every(Duration::from_nanos(u64::MAX)).unwrap()];
        for behavior in [MissedTickBehavior::Burst, MissedTickBehavior::Delay, MissedTickBehavior::Skip] {
            let key = scheduler.insert_every_from(Instant::EPOCH, Duration::from_nanos(1), behavior, 3).unwrap();
            clock.set(Instant::from_nanos(clock.now().as_nanos().max(1 << 62) + 1));
            assert_eq!(scheduler.try_next().unwrap().into_inner(), 3);
            assert_eq!(scheduler.cancel(key), Some(3));
        }
        assert!(keys.map(|key| scheduler.cancel(key)).iter().all(Option::is_some));
        let never = scheduler.insert_at_system_time(WallTime::from_unix(Duration::MAX), 4).unwrap();
        scheduler.insert_at_system_time(WallTime::from_unix(Duration::ZERO), 5).unwrap();
        assert_eq!(scheduler.try_next().unwrap().into_inner(), 5);
        assert_eq!(scheduler.cancel(never), Some(4));
        scheduler.close();
        assert!(scheduler.insert_after(Duration::MAX, 6).is_err());
        assert!(scheduler.next_blocking_timeout(Duration::MAX).is_err());
        clock.set(Instant::EPOCH);
    }
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    assert_eq!(clock.now(), Instant::MAX);
}

#[tokio::test]
async fn batches_of_any_size() {
    assert!(waterfall::Config::new(0, Duration::ZERO).is_err());
    for interval in FAR {
        for number in [0, 1, usize::MAX] {
            let config = waterfall::Config::new(number.max(1), interval).unwrap();
            let config = config.capacity(number).max_in_flight(number).max_keys(number);
            let batcher = tidegate_tokio::Batcher::<u8, u8>::spawn(config, async |batch: Vec<u8>| batch).unwrap();
            let answer = batcher.call(7);
            let (answer, ()) = tokio::join!(answer, async {
                tokio::task::yield_now().await;
                batcher.flush_now();
            });
            assert_eq!(answer.unwrap(), 7);
            batcher.stop(Duration::MAX).await;
            assert!(batcher.call(8).await.is_err());
        }
    }
}

#[tokio::test]
async fn executors_of_any_size() {
    for threads in [0, 1, usize::MAX] {
        let executor = tidegate_tokio::Executor::new(threads);
        assert_eq!(executor.submit(async { 1 }).unwrap().await.unwrap(), 1);
        let mut doubled = executor.map(0..3, |n| async move { 2 * n }).unwrap();
        let mut sum = 0;
        while let Some(number) = doubled.next().await {
            sum += number.unwrap();
        }
        assert_eq!(sum, 6);
        assert!(executor.shutdown().await.is_clean());
        assert!(executor.submit(async { 1 }).is_err() && executor.reserve().await.is_err());
        assert!(executor.map(0..3, |n| async move { n }).is_err());
    }
}

#[test]
fn pools_of_any_size() {
    for threads in [0, 1, usize::MAX] {
        let executor = tidegate_threads::Executor::new(threads);
        assert_eq!(executor.submit(|| 1).unwrap().join_blocking().unwrap(), 1);
        assert_eq!(executor.map(0..3, |n| 2 * n).unwrap().into_iter().map(Result::unwrap).sum::<u32>(), 6);
        assert!(executor.shutdown_blocking().unwrap().is_clean());
        assert!(executor.submit(|| 1).is_err() && executor.reserve_blocking().is_err());
        assert!(executor.map(0..3, |n| n).is_err());
    }
}

#[test]
fn generators_of_any_capacity() {
    use tidegate_threads::GeneratorOptions;
    assert!(GeneratorOptions::new().capacity(0).is_err());
    for capacity in [1, usize::MAX] {
        let mut numbers = GeneratorOptions::new().capacity(capacity).unwrap().items(0..3);
        for number in 0..3 {
            assert_eq!(numbers.next_blocking().unwrap().unwrap(), number);
        }
        assert!(numbers.next_blocking().is_none() && numbers.next_blocking().is_none());
        numbers.close_blocking().unwrap();
        assert!(numbers.next_blocking().is_none());
    }
    tidegate_sim::Sim::new(0)
        .run(async {
            assert!(tidegate_sim::Generator::with_capacity(0, 0..1).is_err());
            let mut numbers = tidegate_sim::Generator::with_capacity(usize::MAX, 0..3).unwrap();
            assert_eq!(numbers.next().await.unwrap().unwrap(), 0);
            numbers.close().await.unwrap();
            assert!(numbers.next().await.is_none());
        })
        .unwrap();
}

#[test]
fn simulations_at_the_ends_of_their_numbers() {
    use tidegate_sim::{Sim, SimTimer, advance, cancel_after, cancel_before, explore, for_each_seed, timeout};
    assert!(Sim::new(u64::MAX).with_step_limit(0).run(async {}).is_ok() || cfg!(debug_assertions));
    assert!(Sim::scripted([usize::MAX, 0, usize::MAX]).run(async { tidegate_sim::yield_now().await }).is_ok());
    assert!(for_each_seed([0, u64::MAX], |_| async {}).is_ok());
    let _ = explore(0, || async {});
    let ended = Sim::new(1).run(async {
        advance(Duration::MAX);
        advance(Duration::MAX);
        assert_eq!(SimTimer.now(), Instant::MAX);
        assert!(timeout(Duration::MAX, async {}).await.is_ok());
        assert!(cancel_after(u64::MAX, async {}).await.is_some() && cancel_before(0, async {}).await.is_none());
        let group = tidegate_sim::TaskGroup::new().with_exit_timeout(Duration::MAX);
        drop(group.spawn(async {}));
        group.close().await
    });
    assert!(ended.unwrap().is_clean());
}
