//! Batches: exact on a clock that is set by hand, and in the platform's own time.
#![expect(clippy::missing_errors_doc, reason = "the error is what does not hold")]

use core::future::{Future, poll_fn};
use core::hash::{BuildHasherDefault, Hasher};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use tidegate_core::batcher::{Batcher, CallError};
use tidegate_core::waterfall::{
    Config, FlushError, KeyedWaterfall, PutError, Single, TryPutError, Verdict, Waterfall,
};
use tidegate_core::{Blocking, Clock, Elapsed, Inline, Instant, ManualClock, Platform, Storage, Timed};

use crate::outcome::{check, demand};
use crate::{Check, Outcome, World};

/// Long enough for every timer to tell from nothing.
const SHORT: Duration = Duration::from_millis(2);
/// Nobody waits for that long.
const LONG: Duration = Duration::from_hours(1);

type Timer<'a, P> = &'a ManualClock<P, Inline<2>>;
type Of<'a, P> = Waterfall<Single<u8, Inline<6>>, P, Inline<3>, Timer<'a, P>>;
type Keyed<'a, P> =
    KeyedWaterfall<u8, u8, P, Inline<2>, Inline<2>, Inline<2>, BuildHasherDefault<Plain>, Timer<'a, P>>;

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// Batches of two or three, ten nanoseconds after the first.
const fn config(quantity: usize) -> Config {
    match Config::new(quantity, Duration::from_nanos(10)) {
        Ok(config) => config,
        Err(_) => panic!("the quantity is not zero"),
    }
}

/// Full or due, whichever comes first, and at no other time; the interval begins with the batch's first item.
pub fn a_batch_leaves_full_or_due_to_the_nanosecond<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::new();
        let waterfall: Of<P> = Waterfall::with_timer(config(3), &clock);
        clock.set(at(100));
        {
            let mut next = pin!(waterfall.next_batch());
            check!(poll(next.as_mut()).is_pending());
            check!(clock.next_deadline().is_none());
            for item in 0..2 {
                demand!(waterfall.try_put(item));
                check!(poll(next.as_mut()).is_pending());
                clock.advance(Duration::from_nanos(4));
            }
            check!(clock.next_deadline() == Some(at(110)));
            clock.set(at(109));
            check!(poll(next.as_mut()).is_pending());
            clock.set(at(110));
            let Poll::Ready(Some(batch)) = poll(next) else {
                check!(false);
                return Ok(());
            };
            check!(*batch == [0, 1]);
            batch.done();
        }
        for item in 2..6 {
            clock.advance(Duration::from_nanos(1));
            demand!(waterfall.try_put(item));
        }
        let Some(batch) = waterfall.try_next_batch() else {
            check!(false);
            return Ok(());
        };
        check!(*batch == [2, 3, 4]);
        batch.done();
        clock.set(at(123));
        check!(waterfall.try_next_batch().is_none());
        clock.set(at(124));
        let Some(batch) = waterfall.try_next_batch() else {
            check!(false);
            return Ok(());
        };
        check!(*batch == [5]);
        batch.done();
        check!(clock.next_deadline().is_none());
        Ok(())
    }
    scenario::<P>().into()
}

/// Whoever finds no room waits, in order; an item that is withdrawn is given back; a closed door turns all away.
pub fn items_wait_for_room_in_order<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::new();
        let waterfall: Of<P> = Waterfall::with_timer(config(2).capacity(2), &clock);
        demand!(waterfall.try_put(0));
        demand!(waterfall.try_put(1));
        check!(waterfall.try_put(9) == Err(TryPutError::Full(9)));
        let (mut second, mut third, mut fourth) = (waterfall.put(2), waterfall.put(3), waterfall.put(4));
        for put in [&mut second, &mut third, &mut fourth] {
            check!(poll(Pin::new(put)).is_pending());
        }
        check!(poll(pin!(waterfall.put(9))) == Poll::Ready(Err(PutError::Full(9))));
        check!(third.withdraw() == Some(3));
        let Some(batch) = waterfall.try_next_batch() else {
            check!(false);
            return Ok(());
        };
        check!(*batch == [0, 1]);
        check!(poll(Pin::new(&mut second)).is_pending());
        batch.done();
        check!(poll(Pin::new(&mut fourth)) == Poll::Ready(Ok(())));
        check!(second.withdraw().is_none());
        let mut fifth = waterfall.put(5);
        check!(poll(Pin::new(&mut fifth)).is_pending());
        waterfall.close();
        check!(poll(Pin::new(&mut fifth)) == Poll::Ready(Err(PutError::Closed(5))));
        check!(waterfall.try_put(9) == Err(TryPutError::Closed(9)));
        let Some(batch) = waterfall.try_next_batch() else {
            check!(false);
            return Ok(());
        };
        check!(*batch == [2, 4]);
        batch.done();
        check!(matches!(poll(pin!(waterfall.next_batch())), Poll::Ready(None)));
        Ok(())
    }
    scenario::<P>().into()
}

/// A flush lets go what is there, and ends with it, not with what came later.
pub fn a_flush_ends_with_what_was_put_before<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::new();
        let waterfall: Of<P> = Waterfall::with_timer(config(2).max_in_flight(2), &clock);
        for item in 0..3 {
            demand!(waterfall.try_put(item));
        }
        let Some(first) = waterfall.try_next_batch() else {
            check!(false);
            return Ok(());
        };
        check!(waterfall.try_next_batch().is_none());
        let mut flush = pin!(waterfall.flush());
        check!(poll(flush.as_mut()).is_pending());
        let Some(second) = waterfall.try_next_batch() else {
            check!(false);
            return Ok(());
        };
        check!(*second == [2]);
        demand!(waterfall.try_put(3));
        drop(second);
        check!(poll(flush.as_mut()).is_pending());
        first.done();
        check!(poll(flush) == Poll::Ready(Ok(())));
        let stats = waterfall.stats();
        check!((stats.accepted, stats.done, stats.failed, stats.unfinished) == (4, 1, 1, 1));
        Ok(())
    }
    scenario::<P>().into()
}

/// What has not left when the time of a stop is up is handed out by it, and what is in flight goes on.
pub fn a_stop_hands_out_what_is_left<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::new();
        let waterfall: Of<P> = Waterfall::with_timer(config(2), &clock);
        for item in 0..5 {
            demand!(waterfall.try_put(item));
        }
        let Some(flying) = waterfall.try_next_batch() else {
            check!(false);
            return Ok(());
        };
        let mut flush = pin!(waterfall.flush());
        check!(poll(flush.as_mut()).is_pending());
        let mut stop = pin!(waterfall.stop(Duration::from_nanos(5)));
        check!(poll(stop.as_mut()).is_pending());
        clock.set(at(5));
        let Poll::Ready(Err(mut unfinished)) = poll(stop) else {
            check!(false);
            return Ok(());
        };
        check!((unfinished.waiting(), unfinished.in_flight()) == (3, 1));
        check!(poll(flush) == Poll::Ready(Err(FlushError::Stopped)));
        check!(matches!(poll(pin!(waterfall.next_batch())), Poll::Ready(None)));
        flying.done();
        check!(unfinished.next().is_some_and(|batch| *batch == [2, 3]));
        check!(unfinished.next().is_some_and(|batch| *batch == [4]));
        check!(unfinished.next().is_none());
        check!(waterfall.stats().unfinished == 0);
        Ok(())
    }
    scenario::<P>().into()
}

/// As good a hasher as three keys need.
#[derive(Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }
}

/// Every key has a batch; a new key too many lets the oldest leave early.
pub fn keys_are_batched_each_and_bounded_in_number<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::new();
        let waterfall: Keyed<P> = Waterfall::with_parts(config(2), BuildHasherDefault::default(), &clock);
        demand!(waterfall.try_put((1, 10)));
        demand!(waterfall.try_put((2, 20)));
        check!(waterfall.try_put((3, 30)) == Err(TryPutError::Full((3, 30))));
        let mut put = waterfall.put((3, 30));
        check!(poll(Pin::new(&mut put)).is_pending());
        let Some(batch) = waterfall.try_next_batch() else {
            check!(false);
            return Ok(());
        };
        check!(*batch == [(1, 10)]);
        check!(poll(Pin::new(&mut put)) == Poll::Ready(Ok(())));
        batch.done();
        demand!(waterfall.try_put((3, 31)));
        let Some(batch) = waterfall.try_next_batch() else {
            check!(false);
            return Ok(());
        };
        check!(*batch == [(3, 30), (3, 31)]);
        batch.done();
        check!(waterfall.try_next_batch().is_none());
        clock.set(at(10));
        let Some(batch) = waterfall.try_next_batch() else {
            check!(false);
            return Ok(());
        };
        check!(*batch == [(2, 20)]);
        batch.done();
        Ok(())
    }
    scenario::<P>().into()
}

/// Runs both to their ends.
async fn both<A: Future<Output = ()>, B: Future<Output = Check>>(
    mut first: Pin<&mut A>,
    mut second: Pin<&mut B>,
) -> Check {
    let (mut first_ended, mut outcome) = (false, None);
    poll_fn(|cx| {
        if !first_ended {
            first_ended = first.as_mut().poll(cx).is_ready();
        }
        if outcome.is_none()
            && let Poll::Ready(ended) = second.as_mut().poll(cx)
        {
            outcome = Some(ended);
        }
        if first_ended && let Some(outcome) = outcome { Poll::Ready(outcome) } else { Poll::Pending }
    })
    .await
}

/// A batch that does not fill up leaves by itself, no earlier than its interval.
pub async fn a_batch_leaves_with_the_platforms_time<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    let config = demand!(Config::new(3, SHORT));
    let waterfall = Waterfall::<Single<u8, Inline<6>>, W::Platform, Inline<2>>::new(config);
    let start = waterfall.timer().now();
    demand!(waterfall.put(0).await);
    demand!(waterfall.put(1).await);
    let Some(batch) = waterfall.next_batch().await else {
        check!(false);
        return Ok(());
    };
    check!(*batch == [0, 1]);
    check!(waterfall.timer().now() >= start + SHORT);
    batch.done();
    check!(waterfall.put_timeout(2, Duration::ZERO).await.is_ok());
    for item in 3..8 {
        check!(waterfall.put_timeout(item, LONG).await.is_ok());
    }
    check!(waterfall.put_timeout(8, SHORT).await == Err(PutError::TimedOut(8)));
    check!(waterfall.flush_timeout(SHORT).await == Err(FlushError::TimedOut));
    check!(waterfall.stop(SHORT).await.is_err_and(|unfinished| unfinished.waiting() == 6));
    Ok(())
}

/// Who waits for a batch in vain leaves the line in time; what is there, and the end, are told without time.
pub async fn a_wait_for_a_batch_can_time_out<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    let config = demand!(Config::new(2, LONG));
    let waterfall = Waterfall::<Single<u8, Inline<2>>, W::Platform, Inline<1>>::new(config);
    let start = waterfall.timer().now();
    check!(waterfall.next_batch_timeout(SHORT).await.is_err());
    check!(waterfall.timer().now() >= start + SHORT);
    demand!(waterfall.try_put(0));
    check!(waterfall.next_batch_timeout(SHORT).await.is_err());
    // The place in line is free again, and the item is still there.
    demand!(waterfall.try_put(1));
    let Ok(Some(batch)) = waterfall.next_batch_timeout(Duration::ZERO).await else {
        check!(false);
        return Ok(());
    };
    check!(*batch == [0, 1]);
    batch.done();
    waterfall.close();
    check!(matches!(waterfall.next_batch_timeout(Duration::ZERO).await, Ok(None)));
    Ok(())
}

/// A call that is not answered in time says whether its request has left; one that is answered does not.
pub async fn a_call_can_time_out<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    let config = demand!(Config::new(1, LONG)).capacity(1);
    let batcher = Batcher::<u8, u8, W::Platform, Inline<3>, Inline<2>>::new(config);
    check!(batcher.next_timeout(SHORT).await.is_err());
    check!(batcher.call_timeout(1, SHORT).await == Err(CallError::TimedOut(None)));
    check!(batcher.call_timeout(2, SHORT).await == Err(CallError::TimedOut(Some(2))));
    let Ok(Some(requests)) = batcher.next_timeout(Duration::ZERO).await else {
        check!(false);
        return Ok(());
    };
    check!(requests.inputs().eq([&1]));
    requests.answer([1]);
    let call = async {
        let answer = batcher.call_timeout(3, LONG).await;
        batcher.close();
        check!(answer == Ok(9));
        check!(batcher.call_timeout(4, LONG).await == Err(CallError::Closed(4)));
        Ok(())
    };
    let run = batcher.run(async |requests| requests.inputs().map(|n| n * n).next());
    both(pin!(run), pin!(call)).await
}

/// A callback gets every item once and in order, also when it fails now and then, and ends with the last.
pub async fn a_callback_gets_every_item_once<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    const ITEMS: u8 = 50;
    let config = demand!(Config::new(3, SHORT));
    let waterfall = Waterfall::<Single<u8, Inline<4>>, W::Platform, Inline<2>>::new(config);
    let (mut next, mut calls, mut in_order) = (0, 0_u8, true);
    let run = waterfall.run_with(
        async |batch| {
            calls += 1;
            if calls % 4 == 1 {
                return Err(());
            }
            for item in batch.drain() {
                in_order &= item == next;
                next += 1;
            }
            Ok(())
        },
        |failed| if failed.attempts == 1 { Verdict::RetryAfter(SHORT / 2) } else { Verdict::GiveUp },
    );
    let produce = async {
        for item in 0..ITEMS {
            demand!(waterfall.put(item).await);
        }
        check!(waterfall.stop(LONG).await.is_ok());
        Ok(())
    };
    both(pin!(run), pin!(produce)).await?;
    check!(in_order && next == ITEMS);
    check!(waterfall.stats().failed == 0);
    Ok(())
}

/// Threads put, take, give up in time and stop.
pub async fn a_thread_puts_and_takes<'a, W: World<'a, Platform: Blocking + Timed>>(_: &W) -> Check {
    let config = demand!(Config::new(2, SHORT));
    let waterfall = Waterfall::<Single<u8, Inline<3>>, W::Platform, Inline<2>>::new(config);
    demand!(waterfall.put_blocking(0));
    let Some(batch) = waterfall.next_batch_blocking() else {
        check!(false);
        return Ok(());
    };
    check!(*batch == [0]);
    demand!(waterfall.put_blocking(1));
    demand!(waterfall.put_blocking_timeout(2, Duration::ZERO));
    check!(waterfall.put_blocking_timeout(3, SHORT) == Err(PutError::TimedOut(3)));
    check!(waterfall.flush_blocking_timeout(SHORT) == Err(FlushError::TimedOut));
    batch.done();
    demand!(waterfall.put_blocking_timeout(3, LONG));
    let Err(unfinished) = waterfall.stop_blocking(SHORT) else {
        check!(false);
        return Ok(());
    };
    check!(unfinished.waiting() == 3);
    check!(waterfall.put_blocking(4) == Err(PutError::Closed(4)));
    Ok(())
}

/// Threads ask, answer and give up in time.
pub async fn a_thread_calls_and_answers<'a, W: World<'a, Platform: Blocking + Timed>>(_: &W) -> Check {
    let config = demand!(Config::new(1, LONG)).capacity(1);
    let waterfall = Waterfall::<Single<u8, Inline<1>>, W::Platform, Inline<1>>::new(config);
    check!(matches!(waterfall.next_batch_blocking_timeout(SHORT), Err(Elapsed { .. })));
    demand!(waterfall.try_put(1));
    check!(matches!(waterfall.next_batch_blocking_timeout(Duration::ZERO), Ok(Some(batch)) if *batch == [1]));
    waterfall.close();
    check!(matches!(waterfall.next_batch_blocking_timeout(LONG), Ok(None)));

    let batcher = Batcher::<u8, u8, W::Platform, Inline<3>, Inline<2>>::new(config);
    check!(matches!(batcher.next_blocking_timeout(SHORT), Err(Elapsed { .. })));
    check!(batcher.call_blocking_timeout(1, SHORT) == Err(CallError::TimedOut(None)));
    check!(batcher.call_blocking_timeout(2, SHORT) == Err(CallError::TimedOut(Some(2))));
    let Ok(Some(requests)) = batcher.next_blocking_timeout(LONG) else {
        check!(false);
        return Ok(());
    };
    check!(requests.inputs().eq([&1]));
    requests.answer([1]);
    batcher.close();
    check!(batcher.call_blocking_timeout(3, LONG) == Err(CallError::Closed(3)));
    check!(matches!(batcher.next_blocking_timeout(LONG), Ok(None)));
    Ok(())
}
