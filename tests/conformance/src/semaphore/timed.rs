//! Timeouts.
#![expect(clippy::missing_errors_doc, reason = "the error is what does not hold")]

use core::pin::pin;
use core::time::Duration;

use tidegate_core::Timed;
use tidegate_core::semaphore::{AcquireError, Config};

use crate::outcome::{check, demand, ready};
use crate::world::{act, until};
use crate::{Check, Stage, Visitor, World, poll_once};

/// Long enough for every timer to tell from nothing.
const SHORT: Duration = Duration::from_millis(2);
/// Nobody waits for that long: it ends because a permit comes.
const LONG: Duration = Duration::from_hours(1);

/// Who runs out of time leaves the line.
pub async fn a_timeout_gives_the_place_up<'a, W: World<'a, Platform: Timed>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let held = demand!(stage.semaphore.try_acquire());
    check!(stage.semaphore.acquire_timeout(SHORT).await.err() == Some(AcquireError::TimedOut));
    check!(stage.semaphore.acquire_timeout(Duration::ZERO).await.err() == Some(AcquireError::TimedOut));
    check!(stage.semaphore.waiters() == 0);
    drop(held);
    check!(stage.semaphore.available_permits() == 1);
    Ok(())
}

/// A permit that comes before the time is up is had, in the order of the line.
pub async fn a_permit_in_time_is_had<'a, W: World<'a, Platform: Timed>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let held = demand!(stage.semaphore.try_acquire());
    let mut visitors = [Some(Visitor::new(stage).stay(3).queued())];
    let tickets = act(world, stage, &mut visitors, async {
        until(|| stage.arrived() == 1).await;
        drop(held);
        let permit = demand!(stage.semaphore.acquire_timeout(LONG).await);
        check!(stage.enter(permit.count()) == 1);
        stage.exit(permit.count());
        Ok(())
    })
    .await?;
    check!(tickets == [Ok(0)]);
    check!(stage.semaphore.available_permits() == 1);
    Ok(())
}

/// A permit that is free is had, though there be no time at all.
pub async fn a_free_permit_is_had_without_time<'a, W: World<'a, Platform: Timed>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let permit = demand!(stage.semaphore.acquire_timeout(Duration::ZERO).await);
    check!(stage.semaphore.available_permits() == 0);
    drop(permit);
    stage.semaphore.close();
    check!(stage.semaphore.acquire_timeout(Duration::ZERO).await.err() == Some(AcquireError::Closed));
    Ok(())
}

/// A timeout beyond the end of time is none.
pub async fn the_longest_timeout_is_no_limit<'a, W: World<'a, Platform: Timed>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let held = demand!(stage.semaphore.try_acquire());
    let mut acquire = pin!(stage.semaphore.acquire_timeout(Duration::MAX));
    check!(core::future::poll_fn(|cx| core::task::Poll::Ready(acquire.as_mut().poll(cx).is_pending())).await);
    drop(held);
    drop(demand!(acquire.await));
    check!(stage.semaphore.available_permits() == 1);
    Ok(())
}

/// When a request that held up the line runs out of time, those behind it that can be served are.
pub async fn a_head_timed_out_lets_the_next_through<'a, W: World<'a, Platform: Timed>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let permit = demand!(stage.semaphore.try_acquire());
    {
        let mut head = pin!(stage.semaphore.acquire_timeout(SHORT));
        check!(core::future::poll_fn(|cx| core::task::Poll::Ready(head.as_mut().poll(cx).is_pending())).await);
        let mut next = stage.semaphore.acquire();
        check!(poll_once(&mut next).is_pending());
        check!(head.await.err() == Some(AcquireError::TimedOut));
        drop(permit);
        drop(ready!(poll_once(&mut next)));
    }
    check!(stage.semaphore.available_permits() == 1);
    Ok(())
}
