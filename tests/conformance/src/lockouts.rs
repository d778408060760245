//! Lockouts: outcomes and order on a clock that is set by hand, and the platform's own time.
#![expect(clippy::missing_errors_doc, reason = "the error is what does not hold")]

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use tidegate_core::gate::{Gate, GateError};
use tidegate_core::lockout::{FifoLockout, Full, InOrder, Lockout, Order, Together, WaitError};
use tidegate_core::semaphore::Semaphore;
use tidegate_core::{Blocking, Clock, Inline, Instant, ManualClock, Platform, Storage, Timed};

use crate::outcome::{check, demand};
use crate::{Check, Outcome, World};

const SECOND: Duration = Duration::from_secs(1);
/// Long enough for every timer to tell from nothing.
const SHORT: Duration = Duration::from_millis(2);

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once, with the waker of the task that awaits it.
async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Several lockouts hold until the last of them has ended, whatever the order; one that is lifted counts no more.
pub fn lockouts_hold_until_the_last_end<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::<P, Inline<2>>::new();
        let lockout: Lockout<P, Inline<3>, _> = Lockout::with_timer(&clock);
        check!(lockout.try_pass().is_ok());
        let long = demand!(lockout.lock_for(3 * SECOND));
        demand!(lockout.lock_for(SECOND));
        demand!(lockout.lock_for(2 * SECOND));
        check!(matches!(lockout.lock_for(SECOND), Err(Full { .. })));
        check!(lockout.locked_until() == Some(Instant::EPOCH + 3 * SECOND));
        check!(lockout.lift(long));
        check!(!lockout.lift(long));
        check!(lockout.locked_until() == Some(Instant::EPOCH + 2 * SECOND));
        clock.set(Instant::from_nanos(1_999_999_999));
        check!(lockout.try_pass().is_err());
        clock.set(Instant::EPOCH + 2 * SECOND);
        check!(lockout.try_pass().is_ok());
        let forever = demand!(lockout.lock_for(Duration::MAX));
        clock.set(Instant::MAX);
        check!(lockout.try_pass().is_err());
        check!(lockout.lift(forever));
        check!(lockout.try_pass().is_ok());
        Ok(())
    }
    scenario::<P>().into()
}

/// At the end all who wait pass, in whatever order they are polled; whoever gave up is in nobody's way.
pub fn after_a_lockout_all_pass<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::<P, Inline<4>>::new();
        let lockout: Lockout<P, Inline<3>, _> = Lockout::with_timer(&clock);
        demand!(lockout.lock_for(SECOND));
        let (mut first, mut third) = (pin!(lockout.wait()), pin!(lockout.wait()));
        check!(poll(first.as_mut()).is_pending());
        {
            let mut second = pin!(lockout.wait());
            check!(poll(second.as_mut()).is_pending());
            check!(poll(third.as_mut()).is_pending());
            check!(poll(pin!(lockout.wait())) == Poll::Ready(Err(WaitError::Full)));
        }
        check!(lockout.waiters() == 2);
        demand!(lockout.lock_for(2 * SECOND));
        clock.advance(SECOND);
        check!(poll(third.as_mut()).is_pending());
        clock.advance(SECOND);
        check!(poll(third.as_mut()) == Poll::Ready(Ok(())));
        check!(poll(first.as_mut()) == Poll::Ready(Ok(())));
        check!(lockout.waiters() == 0);
        Ok(())
    }
    scenario::<P>().into()
}

/// In order, each passes when all before it have passed or are gone, and newcomers stand behind them.
pub fn after_a_fifo_lockout_each_passes_in_turn<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::<P, Inline<4>>::new();
        let lockout: FifoLockout<P, Inline<3>, _> = FifoLockout::with_timer(&clock);
        demand!(lockout.lock_for(SECOND));
        let (mut second, mut third) = (pin!(lockout.wait()), pin!(lockout.wait()));
        {
            let mut first = pin!(lockout.wait());
            check!(poll(first.as_mut()).is_pending());
            check!(poll(second.as_mut()).is_pending());
            clock.advance(SECOND);
            check!(poll(second.as_mut()).is_pending());
        }
        check!(lockout.try_pass().is_err());
        check!(poll(third.as_mut()).is_pending());
        check!(poll(second.as_mut()) == Poll::Ready(Ok(())));
        check!(poll(third.as_mut()) == Poll::Ready(Ok(())));
        check!(lockout.try_pass().is_ok());
        Ok(())
    }
    scenario::<P>().into()
}

/// Three wait, the first gives up, and the others pass when the platform's time has come, not before.
async fn by_the_platforms_time<'a, W: World<'a, Platform: Timed>, O: Order>() -> Check {
    let lockout = Lockout::<W::Platform, Inline<3>, <W::Platform as Timed>::Timer, O>::new();
    // However slow the board is, the time is not up before all are in line.
    let forever = demand!(lockout.lock_for(Duration::MAX));
    let (mut second, mut third) = (pin!(lockout.wait()), pin!(lockout.wait()));
    let mut first = pin!(Some(lockout.wait()));
    check!(first.as_mut().as_pin_mut().is_some_and(|first| poll(first).is_pending()));
    check!(once(second.as_mut()).await.is_pending());
    check!(once(third.as_mut()).await.is_pending());
    let end = lockout.timer().now() + SHORT;
    demand!(lockout.lock_until(end));
    check!(lockout.lift(forever));
    first.set(None);
    demand!(second.await);
    check!(lockout.timer().now() >= end);
    demand!(third.await);
    demand!(lockout.lock_for(Duration::MAX));
    check!(lockout.wait_timeout(SHORT).await == Err(WaitError::TimedOut));
    check!(lockout.waiters() == 0);
    Ok(())
}

/// A lockout ends by the platform's own time, for all at once.
pub async fn a_lockout_ends_by_itself<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    by_the_platforms_time::<W, Together>().await
}

/// A lockout ends by the platform's own time, for one after the other.
pub async fn a_fifo_lockout_ends_by_itself<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    by_the_platforms_time::<W, InOrder>().await
}

/// A thread waits a lockout out, gives up in time, and enters a gate.
pub async fn a_thread_waits_a_lockout_out<'a, W: World<'a, Platform: Blocking + Timed>>(_: &W) -> Check {
    let lockout = FifoLockout::<W::Platform, Inline<2>>::new();
    let end = lockout.timer().now() + SHORT;
    demand!(lockout.lock_until(end));
    demand!(lockout.wait_blocking());
    check!(lockout.timer().now() >= end);
    let forever = demand!(lockout.lock_for(Duration::MAX));
    check!(lockout.wait_blocking_timeout(SHORT) == Err(WaitError::TimedOut));
    let semaphore = Semaphore::<W::Platform, Inline<2>>::new(1);
    let gate = Gate::<W::Platform>::new().semaphore(&semaphore).lockout(&lockout);
    check!(matches!(gate.enter_blocking_timeout(SHORT), Err(GateError::TimedOut)));
    check!((lockout.waiters(), semaphore.available_permits()) == (0, 1));
    check!(lockout.lift(forever));
    demand!(lockout.wait_blocking());
    check!(gate.enter_blocking().is_ok());
    Ok(())
}
