//! Task groups: who is waited for, who is let in, who is told.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use tidegate_core::task_group::{CloseError, EnterError, TaskGroup};
use tidegate_core::{Blocking, Inline, Platform, Storage, Timed};

use crate::outcome::{check, demand};
use crate::{Check, Outcome, World};

/// Long enough for every timer to tell from nothing.
const SHORT: Duration = Duration::from_millis(2);

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A closed group waits for its members and for those whom they let in; then it takes nobody.
pub fn a_group_waits_for_all_its_members<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let group = TaskGroup::<P, Inline<2>>::new();
        let first = demand!(group.track());
        let mut closed = pin!(group.close());
        check!(poll(closed.as_mut()).is_pending());
        check!(group.is_closed() && !group.is_finished());
        let second = demand!(first.fork());
        drop(first);
        let third = demand!(group.track());
        check!(group.len() == 2);
        drop(second);
        check!(poll(closed.as_mut()).is_pending());
        drop(third);
        check!(poll(closed.as_mut()) == Poll::Ready(Ok(())));
        check!(poll(pin!(group.join())) == Poll::Ready(Ok(())));
        check!(group.track().err() == Some(EnterError::Closed));
        check!(group.is_empty() && group.is_finished());
        Ok(())
    }
    scenario::<P>().into()
}

/// Whoever waits for a moment without members hears of it, be the group closed or not; there is room for so many.
pub fn a_group_tells_when_nobody_is_left<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let group = TaskGroup::<P, Inline<2>>::new();
        check!(poll(pin!(group.idle())) == Poll::Ready(Ok(())));
        let member = demand!(group.track());
        {
            let (mut idle, mut end) = (pin!(group.idle()), pin!(group.join()));
            check!(poll(idle.as_mut()).is_pending());
            check!(poll(end.as_mut()).is_pending());
            check!(poll(pin!(group.join())) == Poll::Ready(Err(CloseError::Full)));
            drop(member);
            let _next = demand!(group.track());
            check!(poll(idle.as_mut()) == Poll::Ready(Ok(())));
            check!(poll(end.as_mut()).is_pending());
        }
        drop(group.close());
        check!(poll(pin!(group.join())) == Poll::Ready(Ok(())));
        Ok(())
    }
    scenario::<P>().into()
}

/// A future that has been wrapped is a member until it has ended or is dropped; failures count until they are seen.
pub fn a_tracked_future_is_a_member_until_its_end<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let group = TaskGroup::<P, Inline<1>>::new();
        {
            let mut ends = pin!(demand!(group.track()).wrap(async { 7 }));
            let mut stays = pin!(demand!(group.track()).wrap(core::future::pending::<()>()));
            check!(poll(stays.as_mut()).is_pending());
            check!(group.len() == 2);
            check!(poll(ends.as_mut()) == Poll::Ready(7));
            check!(group.len() == 1);
            check!(poll(ends.as_mut()).is_pending());
        }
        check!(group.is_empty());
        let seen = TaskGroup::fail_owned(&group);
        drop(TaskGroup::fail_owned(&group));
        seen.observe();
        check!(group.unobserved_failures() == 1);
        Ok(())
    }
    scenario::<P>().into()
}

/// Whoever waits for too long gives up, and the group is closed all the same; what is finished is never too late.
///
/// # Errors
///
/// What does not hold.
pub async fn a_wait_for_a_group_can_time_out<'a, W: World<'a, Platform: Timed>>(_world: &W) -> Check {
    let group = TaskGroup::<W::Platform, Inline<1>>::new();
    let member = demand!(group.track());
    for timeout in [SHORT, Duration::ZERO] {
        check!(group.close_timeout(timeout).await == Err(CloseError::TimedOut));
    }
    check!(group.is_closed() && !group.is_finished());
    drop(member);
    check!(group.close_timeout(Duration::ZERO).await == Ok(()));
    check!(group.close_timeout(Duration::MAX).await == Ok(()));
    Ok(())
}

/// The same for a thread.
///
/// # Errors
///
/// What does not hold.
pub async fn a_thread_waits_for_a_group<'a, W: World<'a, Platform: Blocking>>(_world: &W) -> Check {
    let group = TaskGroup::<W::Platform, Inline<1>>::new();
    let member = demand!(group.track());
    for timeout in [SHORT, Duration::ZERO] {
        check!(group.close_blocking_timeout(timeout) == Err(CloseError::TimedOut));
    }
    drop(member);
    check!(group.close_blocking() == Ok(()));
    check!(group.close_blocking_timeout(Duration::ZERO) == Ok(()));
    Ok(())
}
