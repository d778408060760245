//! Who computes, who waits, and who takes over.

use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use super::*;

#[test]
fn all_who_ask_meanwhile_get_the_one_value() {
    let cache = Small::new(8);
    let source = Source::new();
    let (woken, waker) = Count::new();
    let mut first = Box::pin(cache.get_or_load(&1, source.loader()));
    let mut second = Box::pin(cache.get_or_load(&1, source.loader()));
    let mut third = Box::pin(cache.get_or_load(&1, source.loader()));
    assert!(poll(&mut first).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    assert!(poll_with(&mut third, &waker).is_pending());
    assert_eq!((source.begun.get(), cache.in_flight(), cache.len()), (1, 1, 0));
    source.set(7);
    assert_eq!(poll(&mut first), Poll::Ready(Ok(7)));
    assert_eq!((woken.get(), cache.in_flight()), (2, 1), "the flight is there until all have read");
    assert_eq!(poll(&mut second), Poll::Ready(Ok(7)));
    assert_eq!(poll(&mut third), Poll::Ready(Ok(7)));
    assert_eq!((cache.in_flight(), cache.get(&1)), (0, Some(7)));
    assert_eq!(now(cache.get_or_load(&1, source.loader())), Ok(7));
    assert_eq!(source.begun.get(), 1);
    assert_eq!(cache.stats(), Stats { hits: 2, misses: 1, joined: 2, evicted: 0 });
}

#[test]
fn keys_are_computed_beside_each_other() {
    let cache = Small::new(8);
    let (one, two) = (Source::new(), Source::new());
    let mut first = Box::pin(cache.get_or_load(&1, one.loader()));
    let mut second = Box::pin(cache.get_or_load(&2, two.loader()));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    two.set(2);
    assert_eq!(poll(&mut second), Poll::Ready(Ok(2)));
    assert!(poll(&mut first).is_pending());
    one.set(1);
    assert_eq!(poll(&mut first), Poll::Ready(Ok(1)));
}

#[test]
fn when_the_driver_is_dropped_the_first_in_line_takes_over() {
    let cache = Small::new(8);
    let sources: [_; 3] = core::array::from_fn(|_| Source::new());
    let wakes: [_; 3] = core::array::from_fn(|_| Count::new());
    let mut calls: Vec<_> =
        sources.iter().map(|source| Some(Box::pin(cache.get_or_load(&1, source.loader())))).collect();
    for (call, wake) in calls.iter_mut().zip(&wakes) {
        assert!(poll_with(call.as_mut().unwrap(), &wake.1).is_pending());
    }
    calls[0] = None;
    assert_eq!(wakes.each_ref().map(|wake| wake.0.get()), [0, 1, 0]);
    assert!(poll_with(calls[1].as_mut().unwrap(), &wakes[1].1).is_pending());
    assert_eq!(sources.each_ref().map(|source| source.begun.get()), [1, 1, 0]);
    calls[1] = None;
    assert_eq!(wakes.each_ref().map(|wake| wake.0.get()), [0, 1, 1]);
    sources[2].set(3);
    assert_eq!(poll(calls[2].as_mut().unwrap()), Poll::Ready(Ok(3)), "by a loader of its own");
    assert_eq!(cache.in_flight(), 0);
}

#[test]
fn whoever_was_to_take_over_and_is_dropped_passes_it_on() {
    let cache = Small::new(8);
    let source = Source::<u32>::new();
    let wakes: [_; 3] = core::array::from_fn(|_| Count::new());
    let mut calls: Vec<_> = (0..3).map(|_| Some(Box::pin(cache.get_or_load(&1, source.loader())))).collect();
    for (call, wake) in calls.iter_mut().zip(&wakes) {
        assert!(poll_with(call.as_mut().unwrap(), &wake.1).is_pending());
    }
    calls[0] = None;
    calls[1] = None;
    assert_eq!(wakes.each_ref().map(|wake| wake.0.get()), [0, 1, 1]);
    calls[2] = None;
    assert_eq!((cache.in_flight(), source.begun.get()), (0, 1), "nobody cares any more");
}

#[test]
fn a_newcomer_does_what_nobody_does_and_the_first_in_line_waits_on() {
    let cache = Small::new(8);
    let source = Source::new();
    let (woken, waker) = Count::new();
    let mut first = Some(Box::pin(cache.get_or_load(&1, source.loader())));
    let mut second = Box::pin(cache.get_or_load(&1, source.loader()));
    let mut third = Some(Box::pin(cache.get_or_load(&1, source.loader())));
    assert!(poll(first.as_mut().unwrap()).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    first = None;
    assert_eq!(woken.get(), 1);
    assert!(poll(third.as_mut().unwrap()).is_pending());
    assert_eq!(source.begun.get(), 2);
    assert!(poll_with(&mut second, &waker).is_pending());
    assert_eq!(source.begun.get(), 2, "the newcomer was faster");
    third = None;
    assert_eq!(woken.get(), 2);
    source.set(5);
    assert_eq!(poll_with(&mut second, &waker), Poll::Ready(Ok(5)));
    drop((first, third));
}

#[test]
fn a_driver_that_panics_is_followed_by_the_next_however_often() {
    let cache = Small::new(8);
    let begin = || {
        let mut polled = false;
        Box::pin(cache.get_or_load(&1, move || {
            poll_fn(move |_| {
                assert!(!core::mem::replace(&mut polled, true), "on purpose");
                Poll::<u32>::Pending
            })
        }))
    };
    let mut calls: Vec<_> = (0..4).map(|_| begin()).collect();
    for call in &mut calls {
        assert!(poll(call).is_pending());
    }
    for call in &mut calls {
        // All but the first have to take over before.
        let ends = (0..2).any(|_| catch_unwind(AssertUnwindSafe(|| poll(call))).is_err());
        assert!(ends);
    }
    assert_eq!(cache.in_flight(), 0);
    drop(calls);
    assert_eq!(now(cache.get_or_load(&1, || async { 1 })), Ok(1));
}

#[test]
fn a_loader_that_panics_before_it_is_polled_strands_nobody() {
    let cache = Small::<u32>::new(8);
    let source = Source::new();
    let mut panics = Box::pin(cache.get_or_load(&1, || -> core::future::Ready<u32> { panic!("on purpose") }));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut panics))).is_err());
    assert_eq!(cache.in_flight(), 0);
    source.set(1);
    assert_eq!(now(cache.get_or_load(&1, source.loader())), Ok(1));
}

#[test]
fn errors_are_heard_by_all_who_wait_and_kept_only_if_asked_for() {
    for keep in [false, true] {
        let cache: Small<u32, &str> =
            Cache::with_parts(Config::new(8).keep_errors(keep), Forever, DefaultHashBuilder);
        let source = Source::new();
        let mut first = Box::pin(cache.get_or_load(&1, source.loader()));
        let mut second = Box::pin(cache.get_or_load(&1, source.loader()));
        assert!(poll(&mut first).is_pending());
        assert!(poll(&mut second).is_pending());
        source.set(Err("no"));
        assert_eq!(poll(&mut first), Poll::Ready(Err(LoadError::Failed("no"))));
        source.set(Ok(1));
        let later = now(cache.get_or_load(&1, source.loader()));
        assert_eq!(later, if keep { Err(LoadError::Failed("no")) } else { Ok(1) });
        assert_eq!(poll(&mut second), Poll::Ready(Err(LoadError::Failed("no"))), "the one it waited for");
        assert_eq!(cache.get(&1), if keep { None } else { Some(1) });
    }
}

#[test]
fn who_waits_gets_what_is_invalidated_and_who_comes_later_computes_anew() {
    type Act = fn(&Small<u32>);
    let acts: [Act; 2] = [|cache| cache.invalidate(&1), |cache| cache.invalidate_all()];
    for act in acts {
        let cache = Small::new(8);
        let (old, new) = (Source::new(), Source::new());
        let mut first = Box::pin(cache.get_or_load(&1, old.loader()));
        let mut second = Box::pin(cache.get_or_load(&1, old.loader()));
        assert!(poll(&mut first).is_pending());
        assert!(poll(&mut second).is_pending());
        act(&cache);
        let mut third = Box::pin(cache.get_or_load(&1, new.loader()));
        assert!(poll(&mut third).is_pending());
        assert_eq!((cache.in_flight(), new.begun.get()), (2, 1));
        new.set(2);
        assert_eq!(poll(&mut third), Poll::Ready(Ok(2)));
        old.set(1);
        assert_eq!(poll(&mut first), Poll::Ready(Ok(1)));
        assert_eq!(poll(&mut second), Poll::Ready(Ok(1)));
        assert_eq!((cache.get(&1), cache.in_flight()), (Some(2), 0), "the old one is not kept");
    }
}

#[test]
fn a_driver_of_what_was_invalidated_can_be_followed() {
    let cache = Small::new(8);
    let source = Source::new();
    let mut first = Some(Box::pin(cache.get_or_load(&1, source.loader())));
    let mut second = Box::pin(cache.get_or_load(&1, source.loader()));
    assert!(poll(first.as_mut().unwrap()).is_pending());
    assert!(poll(&mut second).is_pending());
    cache.invalidate(&1);
    first = None;
    source.set(1);
    assert_eq!(poll(&mut second), Poll::Ready(Ok(1)));
    assert_eq!((cache.get(&1), cache.in_flight()), (None, 0));
    drop(first);
}

#[test]
fn a_value_from_outside_is_not_overwritten_by_an_older_one() {
    let cache = Small::new(8);
    let source = Source::new();
    let mut call = Box::pin(cache.get_or_load(&1, source.loader()));
    assert!(poll(&mut call).is_pending());
    cache.insert(1, 2);
    assert_eq!(now(cache.get_or_load(&1, source.loader())), Ok(2));
    source.set(1);
    assert_eq!(poll(&mut call), Poll::Ready(Ok(1)));
    assert_eq!(cache.get(&1), Some(2));
    cache.invalidate(&1);
    assert_eq!(cache.get(&1), None);
}

#[test]
fn a_call_that_is_never_polled_does_nothing() {
    let cache = Small::<u32>::new(8);
    drop(cache.get_or_load(&1, || async { 1 }));
    assert_eq!(cache.stats(), Stats::default());
}

#[cfg(feature = "alloc")]
#[test]
fn more_flights_than_the_index_had_room_for() {
    let cache: Cache<u32, u32, Local, crate::Heap> = Cache::new(1_000);
    let source = Source::new();
    let keys: Vec<u32> = (0..200).collect();
    let mut drivers: Vec<_> = keys.iter().map(|key| Box::pin(cache.get_or_load(key, source.loader()))).collect();
    let mut waiters: Vec<_> = keys.iter().map(|key| Box::pin(cache.get_or_load(key, source.loader()))).collect();
    for call in drivers.iter_mut().chain(&mut waiters) {
        assert!(poll(call).is_pending());
    }
    assert_eq!((source.begun.get(), cache.in_flight()), (200, 200));
    // Every third goes away, and is taken over.
    for (place, call) in drivers.drain(..).enumerate() {
        if place % 3 > 0 {
            waiters.push(call);
        }
    }
    source.set(1);
    // Those who computed all along first.
    for call in waiters.iter_mut().rev() {
        assert_eq!(poll(call), Poll::Ready(Ok(1)));
    }
    assert_eq!((cache.in_flight(), cache.len()), (0, 200));
}
