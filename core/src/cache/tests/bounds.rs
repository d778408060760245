//! Capacities, full tables, and keys that contradict themselves.

use super::*;

#[test]
fn the_value_that_was_not_used_for_longest_goes_first() {
    let cache = Small::new(3);
    for key in 0..3 {
        assert_eq!(now(cache.get_or_load(&key, || async move { key })), Ok(key));
    }
    assert_eq!(cache.get(&0), Some(0));
    assert_eq!(now(cache.get_or_load(&1, || async { 9 })), Ok(1));
    assert_eq!(now(cache.get_or_load(&3, || async { 3 })), Ok(3));
    assert_eq!([0, 1, 2, 3].map(|key| cache.get(&key)), [Some(0), Some(1), None, Some(3)]);
    assert_eq!((cache.len(), cache.stats().evicted), (3, 1));
}

/// A hit is noted, and notes are worked off when there is no room for another.
#[cfg(feature = "alloc")]
#[test]
fn however_many_hits_there_were_the_order_of_use_is_exact() {
    type OnHeap = Cache<u32, u32, Local, crate::Heap, Infallible, Forever, DefaultHashBuilder, 1>;
    const ALL: u32 = 60;
    for hits in 1..ALL {
        for gone in [1, hits / 2, hits - 1] {
            let cache = OnHeap::new(ALL as usize);
            for key in 0..ALL {
                cache.insert(key, key);
            }
            for key in 0..hits {
                assert_eq!(cache.get(&key), Some(key));
            }
            // Those that were not hit go first, and then the others in the order of their hits.
            for newcomer in 0..ALL - hits + gone {
                cache.insert(ALL + newcomer, 0);
            }
            let kept: Vec<u32> = (0..ALL).filter(|key| cache.get(key).is_some()).collect();
            assert!(kept.into_iter().eq(gone..hits), "{hits} hits, {gone} of them gone");
        }
    }
}

#[test]
fn a_capacity_of_zero_keeps_nothing_and_computes_once_for_all_who_ask() {
    let cache = Small::new(0);
    let source = Source::new();
    let mut first = Box::pin(cache.get_or_load(&1, source.loader()));
    let mut second = Box::pin(cache.get_or_load(&1, source.loader()));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    source.set(1);
    assert_eq!(poll(&mut first), Poll::Ready(Ok(1)));
    assert_eq!(poll(&mut second), Poll::Ready(Ok(1)));
    cache.insert(1, 1);
    assert_eq!((source.begun.get(), cache.len(), cache.get(&1)), (1, 0, None));
    assert_eq!(cache.stats().evicted, 0);
}

#[test]
fn eviction_does_not_take_the_value_from_those_who_wait() {
    let cache = Small::new(1);
    let source = Source::new();
    let mut first = Box::pin(cache.get_or_load(&1, source.loader()));
    let mut second = Box::pin(cache.get_or_load(&1, source.loader()));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    source.set(1);
    assert_eq!(poll(&mut first), Poll::Ready(Ok(1)));
    assert_eq!(now(cache.get_or_load(&2, || async { 2 })), Ok(2));
    assert_eq!(cache.get(&1), None);
    assert_eq!(poll(&mut second), Poll::Ready(Ok(1)));
}

#[test]
fn no_room_for_another_flight_is_an_outcome() {
    for when_full in [WhenFull::Refuse, WhenFull::Unshared] {
        let config = Config::new(8).max_flights(2).when_full(when_full);
        let cache: Small<u32> = Cache::with_parts(config, Forever, DefaultHashBuilder);
        let source = Source::new();
        let mut calls = [&1, &2].map(|key| Box::pin(cache.get_or_load(key, source.loader())));
        for call in &mut calls {
            assert!(poll(call).is_pending());
        }
        let third = now(cache.get_or_load(&3, || async { 3 }));
        match when_full {
            WhenFull::Refuse => assert_eq!((third, cache.stats().misses), (Err(LoadError::Full), 2)),
            WhenFull::Unshared => assert_eq!((third, cache.stats().misses), (Ok(3), 3)),
        }
        assert_eq!((cache.get(&3), cache.in_flight()), (None, 2), "not kept");
        source.set(0);
        for call in &mut calls {
            assert_eq!(poll(call), Poll::Ready(Ok(0)));
        }
        assert_eq!(now(cache.get_or_load(&3, || async { 3 })), Ok(3));
        assert_eq!(cache.get(&3), Some(3));
    }
}

#[test]
fn no_room_for_another_who_waits_is_an_outcome() {
    let cache = Small::new(8);
    let source = Source::new();
    let mut calls: Vec<_> = (0..5).map(|_| Box::pin(cache.get_or_load(&1, source.loader()))).collect();
    for call in &mut calls {
        assert!(poll(call).is_pending());
    }
    assert_eq!(now(cache.get_or_load(&1, source.loader())), Err(LoadError::Full));
    drop(calls.pop());
    let mut late = Box::pin(cache.get_or_load(&1, source.loader()));
    assert!(poll(&mut late).is_pending());
    source.set(4);
    for call in calls.iter_mut().chain([&mut late]) {
        assert_eq!(poll(call), Poll::Ready(Ok(4)));
    }
}

#[cfg(feature = "alloc")]
#[test]
fn shards_share_the_capacity_out() {
    type Sharded = Cache<u32, u32, Local, crate::Heap, Infallible, Forever, DefaultHashBuilder, 4>;
    for capacity in [0, 1, 63, 64, 127, 128, 200, 255, 256, 1_000] {
        let cache = Sharded::new(capacity);
        let used = cache.used();
        assert!(used == 1 || capacity / used >= SHARD, "{capacity}");
        let all: usize = (0..).take(used).map(|shard| cache.limits(shard).capacity).sum();
        assert_eq!(all, capacity);
        for key in 0..4_000 {
            assert_eq!(now(cache.get_or_load(&key, || async move { key })), Ok(key));
        }
        assert_eq!(cache.len(), capacity, "all shards are full");
    }
    assert_eq!(Sharded::new(1_000).used(), 4);
}

/// Gives the number back that it is given: a hasher whose upper bits say nothing.
#[cfg(feature = "alloc")]
#[derive(Default)]
struct Plain(u64);

#[cfg(feature = "alloc")]
impl core::hash::Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {}

    fn write_u32(&mut self, number: u32) {
        self.0 = number.into();
    }
}

#[cfg(feature = "alloc")]
#[test]
fn a_hasher_whose_upper_bits_say_nothing_fills_all_shards_evenly() {
    type Hashers = core::hash::BuildHasherDefault<Plain>;
    let cache: Cache<u32, u32, Local, crate::Heap, Infallible, Forever, Hashers, 8> =
        Cache::with_parts(Config::new(1_000), Forever, Hashers::default());
    for key in 0..800 {
        cache.insert(key, key);
    }
    let here = (0..800).filter(|key| cache.get(key).is_some()).count();
    assert!(here > 750, "{here} of 800 found room for 1000");
}

/// Keys that are all one, and have different hashes; or differ, and have one hash; or never equal themselves.
#[derive(Clone, Debug)]
struct Contradictory {
    hash: u32,
    number: u32,
    equals: bool,
}

impl PartialEq for Contradictory {
    fn eq(&self, other: &Self) -> bool {
        self.equals && self.number == other.number
    }
}

impl Eq for Contradictory {}

impl Hash for Contradictory {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        state.write_u32(self.hash);
    }
}

#[test]
fn keys_that_contradict_themselves_cost_values_and_nothing_else() {
    let cache: Cache<Contradictory, u32, Local, Room> = Cache::new(8);
    for round in 0..500_u32 {
        let key = Contradictory { hash: round % 7, number: round % 5, equals: round % 3 > 0 };
        let source = Source::new();
        let mut first = Box::pin(cache.get_or_load(&key, source.loader()));
        let mut second = Box::pin(cache.get_or_load(&key, source.loader()));
        let ready = [poll(&mut first).is_ready(), poll(&mut second).is_ready()];
        source.set(round);
        assert!(ready[0] || poll(&mut first).is_ready());
        assert!(ready[1] || poll(&mut second).is_ready());
        if round % 11 == 0 {
            cache.invalidate(&key);
        }
        assert!(cache.len() <= 8 && cache.in_flight() == 0);
    }
}
