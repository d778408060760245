//! The blocking colour, beside the async one. The director blocks its thread; visitors must be on others.
#![expect(clippy::missing_errors_doc, reason = "the error is what does not hold")]

use core::time::Duration;

use tidegate_core::Blocking;
use tidegate_core::semaphore::{AcquireError, Config};

use crate::outcome::{check, demand};
use crate::world::{act, until};
use crate::{Check, Stage, Visitor, World};

/// Long enough to be waited for.
const SHORT: Duration = Duration::from_millis(2);
/// Nobody waits for that long: it ends because a permit comes.
const LONG: Duration = Duration::from_hours(1);

/// A thread takes what is free without waiting, also without time, and hears of a close.
#[expect(clippy::unused_async, reason = "all scenarios of a kind look alike")]
pub async fn a_free_permit_is_had_at_once<'a, W: World<'a, Platform: Blocking>>(world: &W) -> Check {
    let stage = world.place(Stage::new(2, Config::new()));
    let one = demand!(stage.semaphore.acquire_blocking());
    let two = demand!(stage.semaphore.acquire_blocking_timeout(Duration::ZERO));
    let both = stage.semaphore.acquire_many(2).blocking_timeout(Duration::ZERO);
    check!(both.err() == Some(AcquireError::TimedOut));
    check!(stage.semaphore.available_permits() == 0);
    drop((one, two));
    drop(demand!(stage.semaphore.acquire_many(2).blocking()));
    check!(stage.semaphore.available_permits() == 2);
    stage.semaphore.close();
    check!(stage.semaphore.acquire_blocking().err() == Some(AcquireError::Closed));
    check!(stage.semaphore.acquire_blocking_timeout(LONG).err() == Some(AcquireError::Closed));
    Ok(())
}

/// A permit that a task gives back wakes the thread that waits for it.
pub async fn a_thread_is_woken_by_a_task<'a, W: World<'a, Platform: Blocking>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let mut visitors = [Some(Visitor::new(stage).rounds(W::ROUNDS).stay_until_waiters(1))];
    let tickets = act(world, stage, &mut visitors, async {
        for round in 0..W::ROUNDS {
            until(|| stage.semaphore.available_permits() == 0).await;
            let permit = if round % 2 == 0 {
                demand!(stage.semaphore.acquire_blocking())
            } else {
                demand!(stage.semaphore.acquire_blocking_timeout(LONG))
            };
            drop(permit);
        }
        Ok(())
    })
    .await?;
    check!(tickets == [Ok(W::ROUNDS - 1)]);
    check!(stage.semaphore.available_permits() == 1);
    Ok(())
}

/// A thread that runs out of time leaves the line.
#[expect(clippy::unused_async, reason = "all scenarios of a kind look alike")]
pub async fn a_blocking_timeout_gives_the_place_up<'a, W: World<'a, Platform: Blocking>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let held = demand!(stage.semaphore.try_acquire());
    for timeout in [SHORT, Duration::ZERO] {
        let refused = stage.semaphore.acquire_blocking_timeout(timeout).err();
        check!(refused == Some(AcquireError::TimedOut));
        check!(stage.semaphore.waiters() == 0);
    }
    drop(held);
    check!(stage.semaphore.available_permits() == 1);
    Ok(())
}

/// A thread that comes after a task is served after it.
pub async fn both_colours_stand_in_one_line<'a, W: World<'a, Platform: Blocking>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let held = demand!(stage.semaphore.try_acquire());
    // The first stays until a thread waits behind the second.
    let mut visitors =
        [Some(Visitor::new(stage).stay_until_waiters(2).queued()), Some(Visitor::new(stage).stay(3).queued())];
    let tickets = act(world, stage, &mut visitors, async {
        until(|| stage.arrived() == 2).await;
        drop(held);
        let permit = demand!(stage.semaphore.acquire_blocking());
        check!(stage.enter(permit.count()) == 2);
        stage.exit(permit.count());
        drop(permit);
        Ok(())
    })
    .await?;
    check!(tickets == [Ok(0), Ok(1)]);
    check!(stage.within_limit());
    check!(stage.semaphore.available_permits() == 1);
    Ok(())
}

/// A thread that waits hears of a close.
pub async fn close_wakes_a_blocked_thread<'a, W: World<'a, Platform: Blocking>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let mut visitors = [Some(Visitor::new(stage).stay_until_waiters(1).closes())];
    let tickets = act(world, stage, &mut visitors, async {
        until(|| stage.semaphore.available_permits() == 0).await;
        check!(stage.semaphore.acquire_blocking().err() == Some(AcquireError::Closed));
        Ok(())
    })
    .await?;
    check!(tickets == [Ok(0)]);
    check!(stage.semaphore.available_permits() == 1);
    Ok(())
}
