//! Hand-over on demand, beneath generators; and iterators that give way.
#![expect(clippy::missing_errors_doc, reason = "the error is what does not hold")]

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use tidegate_core::generator::{Handover, PushError, Stopped, Yielding};
use tidegate_core::{Blocking, Inline, Platform, Storage};

use crate::outcome::{check, demand};
use crate::{Check, Outcome, World};

type Of<P> = Handover<P, Inline<3>, u8, &'static str>;

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Nothing is produced before it is demanded, and never more than the capacity allows.
pub fn a_producer_is_never_ahead_of_its_demand<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        check!(Of::<P>::with_capacity(0).is_err());
        check!(Of::<P>::with_capacity(4).is_err());
        for capacity in 1..=3_u8 {
            let handover = demand!(Of::<P>::with_capacity(capacity.into()));
            let Some((mut producer, mut consumer)) = Handover::halves(&handover) else { continue };
            check!(Handover::halves(&handover).is_none());
            check!(producer.try_yield(0) == Err(PushError::NotDemanded(0)));
            check!(poll(pin!(producer.demanded())).is_pending());
            let mut produced = 0;
            for received in 0..20 {
                // A demand stays when its future is dropped.
                let asked = poll(pin!(consumer.next()));
                while producer.try_yield(produced).is_ok() {
                    produced += 1;
                }
                check!(produced <= received + capacity);
                let item = if asked.is_ready() { asked } else { poll(pin!(consumer.next())) };
                check!(item == Poll::Ready(Some(Ok(received))));
            }
        }
        Ok(())
    }
    scenario::<P>().into()
}

/// The end and the failure come after the last item; a consumer that goes gives items back.
pub fn both_ends_of_a_handover_hear_of_the_other<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let handover = demand!(Of::<P>::with_capacity(2));
        let Some((mut producer, mut consumer)) = Handover::halves(&handover) else { return Ok(()) };
        check!(consumer.try_next().is_pending());
        check!(producer.try_yield(1).is_ok());
        producer.fail("broken");
        check!(consumer.try_next() == Poll::Ready(Some(Ok(1))));
        check!(consumer.try_next() == Poll::Ready(Some(Err("broken"))));
        check!(consumer.try_next() == Poll::Ready(None));
        let handover = Of::<P>::new();
        let Some((mut producer, mut consumer)) = Handover::halves(&handover) else { return Ok(()) };
        check!(consumer.try_next().is_pending());
        {
            let mut yielded = pin!(producer.yield_(1));
            check!(poll(yielded.as_mut()).is_pending());
            check!(poll(pin!(consumer.close())).is_pending());
            check!(poll(yielded.as_mut()) == Poll::Ready(Err(Stopped(None))));
        }
        check!(poll(pin!(producer.yield_(2))) == Poll::Ready(Err(Stopped(Some(2)))));
        producer.end();
        check!(poll(pin!(consumer.close())) == Poll::Ready(Ok(())));
        Ok(())
    }
    scenario::<P>().into()
}

/// An iterator in a task gives way between its items, and loses none.
pub fn a_yielding_iterator_gives_way<P: Platform, S: Storage>() -> Outcome {
    fn scenario() -> Check {
        let mut items = Yielding::new([1, 2]);
        check!(poll(pin!(items.next())) == Poll::Ready(Some(1)));
        check!(poll(pin!(items.next())).is_pending());
        check!(items.size_hint() == (1, Some(1)));
        check!(poll(pin!(items.next())) == Poll::Ready(Some(2)));
        check!(poll(pin!(items.next())).is_pending());
        check!(poll(pin!(items.next())) == Poll::Ready(None));
        Ok(())
    }
    scenario().into()
}

/// Both sides block, in turn, on what is there already.
pub async fn threads_hand_over<'a, W: World<'a, Platform: Blocking>>(_: &W) -> Check {
    let handover = demand!(Of::<W::Platform>::with_capacity(2));
    let Some((mut producer, mut consumer)) = Handover::halves(&handover) else { return Ok(()) };
    check!(consumer.try_next().is_pending());
    check!(producer.demanded_blocking());
    check!(producer.yield_blocking(1).is_ok());
    check!(consumer.next_blocking() == Some(Ok(1)));
    consumer.stop();
    check!(!producer.demanded_blocking());
    check!(producer.yield_blocking(2) == Err(Stopped(Some(2))));
    producer.end();
    check!(consumer.close_blocking().is_ok());
    check!(consumer.next_blocking().is_none());
    Ok(())
}
