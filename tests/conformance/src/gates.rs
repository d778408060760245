//! Gates: semaphore, limiter and lockout entered as one, on a clock that is set by hand.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use tidegate_core::gate::{Gate, GateError, TryEnterError};
use tidegate_core::lockout::Lockout;
use tidegate_core::rate_limiter::{Quota, RateLimiter};
use tidegate_core::semaphore::Semaphore;
use tidegate_core::{Inline, Instant, ManualClock, Platform, Storage};

use crate::outcome::{check, demand};
use crate::{Check, Outcome};

const SECOND: Duration = Duration::from_secs(1);

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A gate refuses for each of its parts, and what it had of the others by then comes back.
pub fn a_gate_is_entered_whole_or_not_at_all<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::<P, Inline<4>>::new();
        let semaphore = Semaphore::<P, Inline<2>>::new(1);
        let lockout: Lockout<P, Inline<2>, _> = Lockout::with_timer(&clock);
        let gate = Gate::<P>::new().semaphore(&semaphore).lockout(&lockout);
        let pass = demand!(gate.try_enter());
        check!(matches!(gate.try_enter(), Err(TryEnterError::NoPermits)));
        demand!(lockout.lock_for(SECOND));
        drop(pass);
        check!(matches!(gate.try_enter(), Err(TryEnterError::Locked(_))));
        check!(semaphore.available_permits() == 1);
        let mut behind = pin!(gate.enter());
        {
            let mut dropped = pin!(gate.enter());
            check!(poll(dropped.as_mut()).is_pending());
            check!(poll(behind.as_mut()).is_pending());
            check!((lockout.waiters(), semaphore.waiters()) == (1, 1));
        }
        check!(poll(behind.as_mut()).is_pending());
        clock.advance(SECOND);
        check!(matches!(poll(behind.as_mut()), Poll::Ready(Ok(_))));
        check!(semaphore.available_permits() == 1);
        semaphore.close();
        check!(matches!(poll(pin!(gate.enter())), Poll::Ready(Err(GateError::Closed))));
        Ok(())
    }
    scenario::<P>().into()
}

/// The limiter is asked last: whoever waits for a token has a permit, and a lockout that begins meanwhile is waited
/// out before a token is taken.
pub fn a_gate_takes_its_token_last<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let clock = ManualClock::<P, Inline<4>>::new();
        let semaphore = Semaphore::<P, Inline<2>>::new(1);
        let quota = demand!(Quota::per(1, 2 * SECOND));
        let limiter: RateLimiter<P, Inline<2>, _> = RateLimiter::with_timer(quota, &clock);
        let lockout: Lockout<P, Inline<2>, _> = Lockout::with_timer(&clock);
        let gate = Gate::<P>::new().semaphore(&semaphore).limiter(&limiter).lockout(&lockout);

        let pass = demand!(gate.try_enter());
        check!(matches!(gate.try_enter(), Err(TryEnterError::NoPermits)));
        drop(pass);
        let refused = gate.try_enter().err();
        check!(matches!(refused, Some(TryEnterError::NotUntil(until))
            if until.earliest == Instant::EPOCH + 2 * SECOND));
        check!(semaphore.available_permits() == 1);

        let mut entering = pin!(gate.enter());
        check!(poll(entering.as_mut()).is_pending());
        check!((semaphore.available_permits(), limiter.waiters()) == (0, 1));
        demand!(lockout.lock_for(3 * SECOND));
        clock.advance(2 * SECOND);
        check!(poll(entering.as_mut()).is_pending());
        check!((limiter.available(), limiter.waiters(), lockout.waiters()) == (1, 0, 1));
        clock.advance(SECOND);
        check!(matches!(poll(entering.as_mut()), Poll::Ready(Ok(_))));
        check!((semaphore.available_permits(), limiter.available()) == (1, 0));
        Ok(())
    }
    scenario::<P>().into()
}
