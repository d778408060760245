//! Values that are computed once, and buckets by key.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::thread;

use tidegate_tokio::{Cache, KeyedRateLimiter, LoadError, Quota, TtlCache};

use crate::storm::{Dice, fickle, give_way, storm, watched};

const KEYS: u64 = 5;
const ROUNDS: usize = 300;

/// Counts those who are inside.
struct Inside(Arc<AtomicUsize>);

impl Inside {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

macro_rules! caches {
    ($($test:ident: $new:expr)*) => { $(
        #[test]
        fn $test() {
            watched(|| {
                let cache = Arc::new($new);
                let inside = Arc::new(AtomicUsize::new(0));
                let (here, there) = ((Arc::clone(&cache), Arc::clone(&inside)), Arc::clone(&cache));
                let act = move |mut dice: Dice| {
                    let (cache, inside) = here.clone();
                    async move {
                        for _ in 0..ROUNDS {
                            let key = dice.roll(KEYS);
                            let (fails, steps) = (dice.roll(6) == 0, dice.roll(3));
                            let counted = Arc::clone(&inside);
                            let load = move || async move {
                                let _inside = Inside::new(&counted);
                                for _ in 0..steps {
                                    give_way().await;
                                }
                                if fails { Err(key) } else { Ok(key) }
                            };
                            let outcome = match dice.roll(4) {
                                0 => fickle(dice.roll(4), cache.get_or_load(&key, load)).await,
                                // Where there is no runtime, nobody computes for it.
                                1 => {
                                    let call = tidegate_tokio::cache::Cache::get_or_load_spawned(Arc::clone(&cache), key, load);
                                    fickle(dice.roll(6), call).await
                                }
                                2 => match cache.get_or_load_timeout(&key, dice.patience(), load).await {
                                    Err(LoadError::TimedOut) => None,
                                    outcome => Some(outcome),
                                },
                                _ => Some(cache.get_or_load(&key, load).await),
                            };
                            match outcome {
                                Some(Ok(value) | Err(LoadError::Failed(value))) => assert_eq!(value, key),
                                // Whoever computed for it has been dropped with its task.
                                Some(Err(LoadError::Abandoned)) | None => {}
                                Some(Err(error)) => panic!("{error:?}"),
                            }
                            match dice.roll(12) {
                                0 => cache.invalidate(&key),
                                1 => cache.invalidate_all(),
                                2 => cache.insert(key, key),
                                _ => assert!(cache.get(&key).is_none_or(|value| value == key)),
                            }
                        }
                    }
                };
                storm(0, act, move |mut dice| {
                    for _ in 0..ROUNDS {
                        let key = dice.roll(KEYS);
                        let load = || if key == 0 { Err(key) } else { Ok(key) };
                        let outcome = match dice.roll(2) {
                            0 => there.get_or_load_blocking_timeout(&key, dice.patience(), load),
                            _ => there.get_or_load_blocking(&key, load),
                        };
                        match outcome {
                            Ok(value) | Err(LoadError::Failed(value)) => assert_eq!(value, key),
                            Err(error) => assert_eq!(error, LoadError::TimedOut),
                        }
                    }
                });
                // What was spawned comes to its end, with or without anybody who waits.
                while cache.in_flight() > 0 || inside.load(Ordering::SeqCst) > 0 {
                    thread::yield_now();
                }
                assert!(cache.len() as u64 <= KEYS);
            });
        }
    )* };
}

caches! {
    values_are_had_or_computed_and_no_flight_is_left: Cache::<u64, u64, u64>::new(64)
    values_that_expire_are_computed_anew: TtlCache::<u64, u64, u64>::with_ttl(64, Duration::from_micros(200))
}

/// Keys come and go beyond the capacity: never more keys than that, and never more tokens than each quota has.
#[test]
fn keys_are_limited_each_and_bounded_in_number() {
    const CAPACITY: usize = 8;
    watched(|| {
        let quota =
            Quota::per(1, Duration::from_hours(1)).and_then(|quota| quota.burst(100)).expect("it is sound");
        let limiter = Arc::new(KeyedRateLimiter::<u64>::new(quota, CAPACITY).expect("it is sound"));
        let had = Arc::new([const { AtomicU64::new(0) }; 12]);
        let (here, counted) = (Arc::clone(&limiter), Arc::clone(&had));
        let visit = move |dice: &mut Dice| {
            let place = dice.count(12);
            let key = place as u64;
            if here.try_acquire(&key, 1).is_ok() {
                counted[place].fetch_add(1, Ordering::SeqCst);
                if dice.roll(4) == 0 {
                    counted[place].fetch_sub(1, Ordering::SeqCst);
                    here.refund(&key, 1);
                }
            }
            assert!(here.len() <= CAPACITY);
        };
        let blocking = visit.clone();
        let act = move |mut dice: Dice| {
            let visit = visit.clone();
            async move { (0..ROUNDS).for_each(|_| visit(&mut dice)) }
        };
        storm(0, act, move |mut dice| (0..ROUNDS).for_each(|_| blocking(&mut dice)));
        assert!(had.iter().all(|had| had.load(Ordering::SeqCst) <= 100));
    });
}
