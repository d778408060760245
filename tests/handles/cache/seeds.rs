//! Callers who come, wait, compute, fail and go away in an order that is drawn from a seed.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::collections::HashMap;
use std::rc::Rc;

use tidegate_core::cache::{Cache as AnyCache, Config, LoadError, WhenFull};
use tidegate_core::lru::DefaultHashBuilder;
use tidegate_sim::{
    Cache, Expiring, Forever, SimTimer, TtlCache, cancel_after, cancel_before, explore, for_each_seed, sleep,
    spawn, yield_now,
};

const KEYS: u64 = 3;

/// What is being computed, and how often it has been.
#[derive(Default)]
struct Work {
    busy: RefCell<HashMap<u64, u32>>,
    computed: Cell<u64>,
    /// Whether a key may be computed twice at a time.
    twice: Cell<bool>,
}

struct Busy(Rc<Work>, u64);

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.busy.borrow_mut().entry(self.1).or_default() -= 1;
    }
}

impl Work {
    /// Fails every fifth time.
    async fn compute(self: Rc<Self>, key: u64, steps: u64) -> Result<u64, u64> {
        {
            let mut busy = self.busy.borrow_mut();
            let busy = busy.entry(key).or_default();
            *busy += 1;
            assert!(*busy == 1 || self.twice.get(), "{key} is computed twice at a time");
        }
        let _busy = Busy(Rc::clone(&self), key);
        for step in 0..steps {
            if step.is_multiple_of(2) {
                yield_now().await;
            } else {
                sleep(Duration::from_millis(1)).await;
            }
        }
        self.computed.set(self.computed.get() + 1);
        if self.computed.get().is_multiple_of(5) { Err(key) } else { Ok(key) }
    }
}

/// Numbers that look drawn.
const fn mix(number: u64) -> u64 {
    let bits = (number ^ (number >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits ^ (bits >> 29)
}

/// A caller that asks for several keys, one after the other, and gives up at times.
async fn caller(cache: Rc<Cache<u64, u64, u64>>, work: Rc<Work>, seed: u64, invalidates: bool) -> u64 {
    let mut served = 0;
    for round in 0..4 {
        let drawn = mix(seed.wrapping_mul(31).wrapping_add(round));
        let (key, polls) = (drawn % KEYS, drawn >> 8 & 3);
        let work = Rc::clone(&work);
        let call = cache.get_or_load(&key, || work.compute(key, drawn >> 16 & 3));
        let outcome = match drawn >> 24 & 3 {
            0 => cancel_after(polls, call).await,
            1 => cancel_before(polls.max(1), call).await,
            _ => Some(call.await),
        };
        match outcome {
            Some(Ok(value)) => assert_eq!(value, key),
            Some(Err(LoadError::Failed(failed))) => assert_eq!(failed, key),
            Some(Err(error)) => panic!("{error}"),
            None => continue,
        }
        served += 1;
        if invalidates && (drawn >> 32).is_multiple_of(4) {
            cache.invalidate(&key);
        }
        if invalidates && (drawn >> 40).is_multiple_of(16) {
            cache.invalidate_all();
        }
    }
    served
}

async fn crowd(seed: u64, capacity: usize, invalidates: bool) {
    let cache = Rc::new(Cache::new(capacity));
    let work = Rc::new(Work::default());
    work.twice.set(invalidates);
    let callers: Vec<_> = (0..8)
        .map(|number| spawn(caller(Rc::clone(&cache), Rc::clone(&work), mix(seed) ^ number, invalidates)))
        .collect();
    let mut served = 0;
    for caller in callers {
        served += caller.await.expect("nobody aborts a caller");
    }
    let stats = cache.stats();
    assert_eq!(cache.in_flight(), 0, "whoever is gone leaves nothing behind");
    assert!(cache.len() <= capacity);
    assert!(work.computed.get() <= stats.misses);
    assert!(served <= stats.hits + stats.joined + stats.misses);
}

#[test]
fn one_computation_at_a_time_and_nobody_left_behind() {
    for_each_seed(0..1_000, |seed| crowd(seed, 2, false)).unwrap();
    for_each_seed(0..300, |seed| crowd(seed, 0, false)).unwrap();
}

#[test]
fn invalidation_leaves_nobody_behind() {
    for_each_seed(0..1_000, |seed| crowd(seed, 2, true)).unwrap();
}

#[test]
fn with_lifetimes_and_stale_values_it_is_one_at_a_time_too() {
    for_each_seed(0..500, |seed| async move {
        let lifetimes = Expiring::with_clock(Duration::from_millis(2), SimTimer)
            .stale_while_revalidate(Duration::from_millis(if seed.is_multiple_of(2) { 2 } else { 0 }));
        let cache: Rc<TtlCache<u64, u64, u64>> =
            Rc::new(AnyCache::with_parts(Config::new(2), lifetimes, DefaultHashBuilder));
        let work = Rc::new(Work::default());
        let callers: Vec<_> = (0..6)
            .map(|number| {
                let (cache, work) = (Rc::clone(&cache), Rc::clone(&work));
                spawn(async move {
                    for round in 0..6 {
                        let drawn = mix(seed ^ number << 8 ^ round);
                        let key = drawn % KEYS;
                        let work = Rc::clone(&work);
                        let call = cache.get_or_load(&key, || work.compute(key, drawn >> 16 & 7));
                        match cancel_after(drawn >> 24 & 15, call).await {
                            Some(Ok(value)) => assert_eq!(value, key),
                            Some(Err(error)) => assert_eq!(error, LoadError::Failed(key)),
                            None => {}
                        }
                        sleep(Duration::from_millis(drawn >> 32 & 3)).await;
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.expect("nobody aborts a caller");
        }
        assert_eq!(cache.in_flight(), 0);
    })
    .unwrap();
}

#[test]
fn a_bounded_table_of_flights_is_never_in_the_way_for_good() {
    for_each_seed(0..300, |seed| async move {
        let config = Config::new(2).max_flights(1).when_full(WhenFull::Unshared);
        let cache: Rc<Cache<u64, u64, u64>> = Rc::new(AnyCache::with_parts(config, Forever, DefaultHashBuilder));
        let work = Rc::new(Work::default());
        work.twice.set(true);
        let callers: Vec<_> = (0..6)
            .map(|number| spawn(caller(Rc::clone(&cache), Rc::clone(&work), mix(seed) ^ number, false)))
            .collect();
        for caller in callers {
            caller.await.expect("nobody aborts a caller");
        }
        assert_eq!(cache.in_flight(), 0);
    })
    .unwrap();
}

/// The driver is dropped at any of its polls, in every order there is.
#[test]
fn three_callers_in_every_order() {
    for polls in 0..4 {
        let explored = explore(200_000, || async move {
            let cache = Rc::new(Cache::<u64, u64>::new(1));
            let call = |polls: Option<u64>| {
                let cache = Rc::clone(&cache);
                spawn(async move {
                    let call = cache.get_or_load(&1, || async {
                        yield_now().await;
                        7
                    });
                    match polls {
                        Some(polls) => cancel_before(polls.max(1), call).await,
                        None => Some(call.await),
                    }
                })
            };
            let (leaves, second, third) = (call(Some(polls)), call(None), call(None));
            assert!(matches!(leaves.await, Ok(None | Some(Ok(7)))));
            assert_eq!((second.await, third.await), (Ok(Some(Ok(7))), Ok(Some(Ok(7)))));
            assert_eq!((cache.in_flight(), cache.get(&1)), (0, Some(7)));
        })
        .unwrap();
        assert!(explored.complete, "{explored:?}");
    }
}
