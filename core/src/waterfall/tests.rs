//! Step by step, on a clock that is set by hand.

use core::future::Future;
use core::hash::BuildHasherDefault;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::hash::DefaultHasher;

use super::*;
use crate::testing::{count, poll};
use crate::{Inline, Local, ManualClock, Storage};

const MILLI: Duration = Duration::from_millis(1);

type Clock = ManualClock<Local, Inline<4>>;
type Of<'a, S> = Waterfall<Single<u32, S>, Local, Inline<4>, &'a Clock>;
type Keyed<'a, S, B> =
    KeyedWaterfall<char, u32, Local, S, B, Inline<4>, BuildHasherDefault<DefaultHasher>, &'a Clock>;

fn config(quantity: usize) -> Config {
    Config::new(quantity, 10 * MILLI).unwrap()
}

fn take<S: Storage>(waterfall: &Of<'_, S>) -> Vec<u32> {
    waterfall.try_next_batch().map_or(Vec::new(), |batch| {
        let items = batch.to_vec();
        batch.done();
        items
    })
}

/// Runs a test on both storages.
macro_rules! both {
    ($($name:ident($storage:ident) $body:block)*) => {
        $(
            #[test]
            fn $name() {
                fn test<$storage: Storage>() $body
                test::<Inline<8>>();
                #[cfg(feature = "alloc")]
                test::<crate::Heap>();
            }
        )*
    };
}

both! {
    by_volume_or_by_interval_whichever_comes_first(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(3), &clock);
        let mut next = Box::pin(waterfall.next_batch());
        assert!(poll(next.as_mut()).is_pending());
        assert_eq!(clock.next_deadline(), None, "nothing is armed while idle");
        waterfall.try_put(1).unwrap();
        assert!(poll(next.as_mut()).is_pending());
        assert_eq!(clock.next_deadline(), Some(Instant::EPOCH + 10 * MILLI));
        clock.advance(9 * MILLI);
        waterfall.try_put(2).unwrap();
        assert!(poll(next.as_mut()).is_pending());
        clock.advance(MILLI);
        let Poll::Ready(Some(batch)) = poll(next.as_mut()) else { panic!("it is due") };
        assert_eq!(*batch, [1, 2]);
        batch.done();
        drop(next);
        let mut next = Box::pin(waterfall.next_batch());
        assert!(poll(next.as_mut()).is_pending());
        assert_eq!(clock.next_deadline(), None);
        for item in 3..7 {
            waterfall.try_put(item).unwrap();
        }
        let Poll::Ready(Some(batch)) = poll(next.as_mut()) else { panic!("it is full") };
        assert_eq!(*batch, [3, 4, 5]);
        batch.done();
        // The interval of the next batch began with its first item.
        clock.advance(9 * MILLI);
        assert_eq!(take(&waterfall), []);
        clock.advance(MILLI);
        assert_eq!(take(&waterfall), [6]);
    }

    who_keeps_time_is_not_woken_before_anything_is_due(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(4), &clock);
        let (woken, waker) = count();
        let mut next = Box::pin(waterfall.next_batch());
        let mut poll = || next.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        assert!(!poll());
        waterfall.try_put(0).unwrap();
        assert_eq!(woken.get(), 1, "there is time to keep");
        assert!(!poll());
        waterfall.try_put(1).unwrap();
        waterfall.try_put(2).unwrap();
        let mut another = Box::pin(waterfall.next_batch());
        assert!(another.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(another);
        assert_eq!(woken.get(), 1, "until the same instant as before");
        waterfall.try_put(3).unwrap();
        assert_eq!(woken.get(), 2, "it is full");
        assert!(poll());
    }

    a_batch_in_flight_holds_up_the_next(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(2).max_in_flight(2), &clock);
        for item in 0..6 {
            waterfall.try_put(item).unwrap();
        }
        let (first, second) = (waterfall.try_next_batch().unwrap(), waterfall.try_next_batch().unwrap());
        assert!(waterfall.try_next_batch().is_none());
        let mut next = pin!(waterfall.next_batch());
        assert!(poll(next.as_mut()).is_pending());
        drop(second);
        let Poll::Ready(Some(third)) = poll(next.as_mut()) else { panic!("there is room in the air") };
        assert_eq!((&*first, &*third), (&[0, 1][..], &[4, 5][..]));
        first.done();
        third.done();
        let stats = waterfall.stats();
        assert_eq!((stats.accepted, stats.done, stats.failed, stats.unfinished), (6, 2, 1, 0));
    }

    those_who_wait_for_room_are_accepted_in_order(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(2).capacity(2), &clock);
        let mut puts: Vec<_> = (0..5).map(|item| Box::pin(waterfall.put(item))).collect();
        for (item, put) in puts.iter_mut().enumerate() {
            assert_eq!(poll(put.as_mut()).is_ready(), item < 2);
        }
        assert_eq!(waterfall.try_put(9), Err(TryPutError::Full(9)));
        drop(puts.remove(3));
        let batch = waterfall.try_next_batch().unwrap();
        assert_eq!(*batch, [0, 1]);
        assert!(poll(puts[2].as_mut()).is_pending(), "what is in flight counts");
        batch.done();
        assert!(poll(puts[2].as_mut()).is_ready() && poll(puts[3].as_mut()).is_ready());
        assert_eq!(take(&waterfall), [2, 4]);
    }

    an_item_is_withdrawn_or_accepted(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(2).capacity(2), &clock);
        waterfall.try_put(0).unwrap();
        waterfall.try_put(1).unwrap();
        let (mut second, mut third) = (waterfall.put(2), waterfall.put(3));
        assert!(poll(Pin::new(&mut second)).is_pending());
        assert!(poll(Pin::new(&mut third)).is_pending());
        assert_eq!(second.withdraw(), Some(2));
        assert_eq!(take(&waterfall), [0, 1]);
        assert_eq!(third.withdraw(), None);
        assert!(poll(Pin::new(&mut third)).is_pending(), "it is over");
        clock.advance(10 * MILLI);
        assert_eq!(take(&waterfall), [3]);
    }

    a_flush_lets_go_and_waits_for_the_end(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(3).max_in_flight(2), &clock);
        let mut empty = pin!(waterfall.flush());
        assert_eq!(poll(empty.as_mut()), Poll::Ready(Ok(())));
        for item in 0..4 {
            waterfall.try_put(item).unwrap();
        }
        let first = waterfall.try_next_batch().unwrap();
        let mut flush = pin!(waterfall.flush());
        assert!(poll(flush.as_mut()).is_pending());
        let second = waterfall.try_next_batch().unwrap();
        assert_eq!(*second, [3]);
        waterfall.try_put(4).unwrap();
        second.done();
        assert!(poll(flush.as_mut()).is_pending());
        first.done();
        assert_eq!(poll(flush.as_mut()), Poll::Ready(Ok(())));
        assert_eq!(take(&waterfall), [], "what came after it was not flushed");
    }

    stopped_in_time_it_hands_out_nothing(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(3), &clock);
        for item in 0..5 {
            waterfall.try_put(item).unwrap();
        }
        let mut stop = pin!(waterfall.stop(MILLI));
        assert!(poll(stop.as_mut()).is_pending());
        assert_eq!(waterfall.try_put(9), Err(TryPutError::Closed(9)));
        assert_eq!((take(&waterfall), take(&waterfall)), (vec![0, 1, 2], vec![3, 4]));
        assert!(matches!(poll(stop.as_mut()), Poll::Ready(Ok(()))));
        let mut next = pin!(waterfall.next_batch());
        assert!(matches!(poll(next.as_mut()), Poll::Ready(None)));
    }

    stopped_too_late_it_hands_out_what_is_left(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(2).capacity(5), &clock);
        for item in 0..5 {
            waterfall.try_put(item).unwrap();
        }
        let mut waiting = pin!(waterfall.put(5));
        assert!(poll(waiting.as_mut()).is_pending());
        let flying = waterfall.try_next_batch().unwrap();
        let mut next = pin!(waterfall.next_batch());
        assert!(poll(next.as_mut()).is_pending());
        let mut stop = pin!(waterfall.stop(MILLI));
        assert!(poll(stop.as_mut()).is_pending());
        assert_eq!(poll(waiting.as_mut()), Poll::Ready(Err(PutError::Closed(5))));
        clock.advance(MILLI);
        let Poll::Ready(Err(unfinished)) = poll(stop.as_mut()) else { panic!("the time is up") };
        assert_eq!((unfinished.waiting(), unfinished.in_flight()), (3, 1));
        assert!(matches!(poll(next.as_mut()), Poll::Ready(None)));
        flying.done();
        let rest: Vec<Vec<u32>> = unfinished.map(|batch| batch.to_vec()).collect();
        assert_eq!(rest, [vec![2, 3], vec![4]]);
        assert_eq!(waterfall.stats().unfinished, 0);
    }

    a_clock_that_goes_back_holds_nothing_up(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(3), &clock);
        clock.set(Instant::from_nanos(1 << 60));
        waterfall.try_put(1).unwrap();
        clock.set(Instant::EPOCH);
        assert_eq!(take(&waterfall), []);
        clock.advance(9 * MILLI);
        assert_eq!(take(&waterfall), []);
        clock.advance(MILLI);
        assert_eq!(take(&waterfall), [1]);
    }

    without_an_interval_whatever_is_there_leaves(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(Config::new(3, Duration::ZERO).unwrap(), &clock);
        let mut next = pin!(waterfall.next_batch());
        assert!(poll(next.as_mut()).is_pending());
        waterfall.try_put(1).unwrap();
        let Poll::Ready(Some(batch)) = poll(next.as_mut()) else { panic!("it is there") };
        waterfall.try_put(2).unwrap();
        waterfall.try_put(3).unwrap();
        batch.done();
        assert_eq!(take(&waterfall), [2, 3]);
    }

    with_an_endless_interval_only_volume_and_flushes_count(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(Config::new(2, Duration::MAX).unwrap(), &clock);
        let mut next = pin!(waterfall.next_batch());
        waterfall.try_put(1).unwrap();
        assert!(poll(next.as_mut()).is_pending());
        assert_eq!(clock.next_deadline(), None);
        clock.set(Instant::MAX);
        assert!(poll(next.as_mut()).is_pending());
        waterfall.flush_now();
        assert!(matches!(poll(next.as_mut()), Poll::Ready(Some(_))));
    }

    the_first_in_line_keeps_time_and_hands_it_on(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(3), &clock);
        let (mut first, mut second) = (Box::pin(waterfall.next_batch()), Box::pin(waterfall.next_batch()));
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        waterfall.try_put(1).unwrap();
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        assert_eq!(clock.next_deadline(), Some(Instant::EPOCH + 10 * MILLI));
        drop(first);
        assert_eq!(clock.next_deadline(), None);
        assert!(poll(second.as_mut()).is_pending());
        assert_eq!(clock.next_deadline(), Some(Instant::EPOCH + 10 * MILLI));
        clock.advance(10 * MILLI);
        assert!(matches!(poll(second.as_mut()), Poll::Ready(Some(_))));
    }

    a_batch_is_never_larger_than_there_is_room_for(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(100).capacity(4), &clock);
        assert_eq!((waterfall.config().max_quantity(), waterfall.config().room()), (4, 4));
        for item in 0..4 {
            waterfall.try_put(item).unwrap();
        }
        assert_eq!(take(&waterfall), [0, 1, 2, 3]);
    }

    a_callback_runs_over_all_batches_and_failures_are_asked_about(S) {
        let clock = Clock::new();
        let waterfall: Of<S> = Waterfall::with_timer(config(2), &clock);
        for item in 0..5 {
            waterfall.try_put(item).unwrap();
        }
        waterfall.close();
        let (mut seen, mut asked) = (Vec::new(), Vec::new());
        let run = waterfall.run_with(
            async |batch| {
                seen.push(batch.to_vec());
                if seen.len() < 3 { Err(seen.len()) } else { Ok(()) }
            },
            |failed| {
                asked.push((failed.error, failed.attempts));
                if failed.attempts < 2 { Verdict::Retry } else { Verdict::GiveUp }
            },
        );
        assert!(poll(pin!(run)).is_ready());
        assert_eq!(seen, [vec![0, 1], vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(asked, [(1, 1), (2, 2)]);
        assert_eq!((waterfall.stats().done, waterfall.stats().failed), (2, 1));
    }
}

/// Runs a test on both storages of keys and items.
macro_rules! keyed {
    ($($name:ident($storage:ident, $keys:ident) $body:block)*) => {
        $(
            #[test]
            fn $name() {
                fn test<$storage: Storage, $keys: Storage>() $body
                test::<Inline<8>, Inline<8>>();
                #[cfg(feature = "alloc")]
                test::<crate::Heap, crate::Heap>();
            }
        )*
    };
}

fn take_keyed<S: Storage, B: Storage>(waterfall: &Keyed<'_, S, B>) -> String {
    waterfall.try_next_batch().map_or(String::new(), |batch| {
        let key = batch.first().map_or('?', |(key, _)| *key);
        assert!(batch.iter().all(|(other, _)| *other == key));
        let items = batch.iter().fold(String::from(key), |text, (_, item)| text + &item.to_string());
        batch.done();
        items
    })
}

keyed! {
    each_key_has_a_batch_of_its_own(S, B) {
        let clock = Clock::new();
        let waterfall: Keyed<S, B> = Waterfall::with_parts(config(2), BuildHasherDefault::default(), &clock);
        for pair in [('a', 1), ('b', 2), ('a', 3), ('c', 4), ('b', 5), ('a', 6)] {
            waterfall.try_put(pair).unwrap();
            clock.advance(MILLI);
        }
        assert_eq!((take_keyed(&waterfall), take_keyed(&waterfall)), ("a13".into(), "b25".into()));
        assert_eq!(take_keyed(&waterfall), "");
        clock.set(Instant::EPOCH + 13 * MILLI);
        assert_eq!((take_keyed(&waterfall), take_keyed(&waterfall)), ("c4".into(), String::new()));
        clock.set(Instant::EPOCH + 15 * MILLI);
        assert_eq!(take_keyed(&waterfall), "a6");
    }

    who_waits_for_a_place_is_not_overtaken(S, B) {
        let clock = Clock::new();
        let config = config(4).max_keys(2);
        let waterfall: Keyed<S, B> = Waterfall::with_parts(config, BuildHasherDefault::default(), &clock);
        for pair in [('a', 1), ('b', 2), ('b', 3)] {
            waterfall.try_put(pair).unwrap();
        }
        assert_eq!(waterfall.len(), 3);
        let mut put = pin!(waterfall.put(('c', 4)));
        assert!(poll(put.as_mut()).is_pending());
        assert_eq!(waterfall.try_put(('a', 5)), Err(TryPutError::Full(('a', 5))));
        assert_eq!(waterfall.try_put(('b', 5)), Err(TryPutError::Full(('b', 5))));
        assert_eq!(take_keyed(&waterfall), "a1");
        assert_eq!(poll(put.as_mut()), Poll::Ready(Ok(())));
        assert_eq!((waterfall.try_put(('b', 6)), waterfall.len()), (Ok(()), 4));
        waterfall.flush_now();
        assert_eq!(take_keyed(&waterfall), "b236");
    }

    a_new_key_too_many_waits_until_the_oldest_batch_has_left(S, B) {
        let clock = Clock::new();
        let config = Config::new(2, Duration::MAX).unwrap().max_keys(2);
        let waterfall: Keyed<S, B> = Waterfall::with_parts(config, BuildHasherDefault::default(), &clock);
        waterfall.try_put(('a', 1)).unwrap();
        waterfall.try_put(('b', 2)).unwrap();
        assert_eq!(waterfall.try_put(('c', 3)), Err(TryPutError::Full(('c', 3))));
        let mut next = pin!(waterfall.next_batch());
        assert!(poll(next.as_mut()).is_pending());
        let mut put = pin!(waterfall.put(('c', 3)));
        assert!(poll(put.as_mut()).is_pending());
        let Poll::Ready(Some(batch)) = poll(next.as_mut()) else { panic!("it makes room") };
        assert_eq!(*batch, [('a', 1)]);
        assert_eq!(poll(put.as_mut()), Poll::Ready(Ok(())));
        batch.done();
        waterfall.try_put(('b', 4)).unwrap();
        assert_eq!(take_keyed(&waterfall), "b24");
    }

    a_flush_waits_for_the_batches_of_all_keys(S, B) {
        let clock = Clock::new();
        let config = config(2).max_in_flight(3);
        let waterfall: Keyed<S, B> = Waterfall::with_parts(config, BuildHasherDefault::default(), &clock);
        for pair in [('a', 1), ('b', 2), ('b', 3)] {
            waterfall.try_put(pair).unwrap();
        }
        let b = waterfall.try_next_batch().unwrap();
        let mut flush = pin!(waterfall.flush());
        assert!(poll(flush.as_mut()).is_pending());
        waterfall.try_put(('a', 4)).unwrap();
        let a = waterfall.try_next_batch().unwrap();
        assert_eq!(*a, [('a', 1)]);
        a.done();
        assert!(poll(flush.as_mut()).is_pending());
        b.done();
        assert_eq!(poll(flush.as_mut()), Poll::Ready(Ok(())));
        assert_eq!(take_keyed(&waterfall), "");
    }

    a_full_house_of_short_batches_does_not_stand_still(S, B) {
        let clock = Clock::new();
        let config = Config::new(3, Duration::MAX).unwrap().capacity(3);
        let waterfall: Keyed<S, B> = Waterfall::with_parts(config, BuildHasherDefault::default(), &clock);
        for pair in [('a', 1), ('b', 2), ('c', 3)] {
            waterfall.try_put(pair).unwrap();
        }
        let mut put = pin!(waterfall.put(('a', 4)));
        assert!(poll(put.as_mut()).is_pending());
        assert_eq!(take_keyed(&waterfall), "a1");
        assert_eq!(poll(put.as_mut()), Poll::Ready(Ok(())));
    }
}

#[test]
fn a_flush_waits_for_what_was_there_and_not_for_as_many() {
    let clock = Clock::new();
    let waterfall: Of<Inline<8>> = Waterfall::with_timer(config(2).max_in_flight(2), &clock);
    for item in 0..2 {
        waterfall.try_put(item).unwrap();
    }
    let mut flush = pin!(waterfall.flush());
    assert!(poll(flush.as_mut()).is_pending());
    for item in 2..4 {
        waterfall.try_put(item).unwrap();
    }
    let (before, after) = (waterfall.try_next_batch().unwrap(), waterfall.try_next_batch().unwrap());
    after.done();
    assert!(poll(flush.as_mut()).is_pending());
    before.done();
    assert!(poll(flush.as_mut()).is_ready());
}

/// Counts how often it is woken.
struct Bell(core::sync::atomic::AtomicUsize);

impl Bell {
    fn rung(&self) -> usize {
        self.0.load(core::sync::atomic::Ordering::Relaxed)
    }
}

impl std::task::Wake for Bell {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn whoever_keeps_time_is_woken_only_for_another_time_or_a_batch() {
    let clock = Clock::new();
    let waterfall: Of<Inline<8>> = Waterfall::with_timer(config(4), &clock);
    let bell = std::sync::Arc::new(Bell(0.into()));
    let waker = bell.clone().into();
    let mut next = pin!(waterfall.next_batch());
    for (item, rung) in [(0, 1), (1, 1), (2, 1), (3, 2)] {
        assert!(next.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        waterfall.try_put(item).unwrap();
        assert_eq!(bell.rung(), rung, "after {item}");
    }
    assert!(poll(next).is_ready());
}

#[test]
fn more_hear_of_the_end_than_are_woken_under_one_lock() {
    const WAIT: usize = 40;
    let clock = Clock::new();
    let waterfall: Waterfall<Single<u32, Inline<8>>, Local, Inline<WAIT>, &Clock> =
        Waterfall::with_timer(config(1).capacity(1), &clock);
    waterfall.try_put(0).unwrap();
    let bell = std::sync::Arc::new(Bell(0.into()));
    let waker = bell.clone().into();
    let mut puts: Vec<_> = (0..WAIT).map(|_| Box::pin(waterfall.put(1))).collect();
    for put in &mut puts {
        assert!(put.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    waterfall.close();
    assert_eq!(bell.rung(), WAIT);
}
