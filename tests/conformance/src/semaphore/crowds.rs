//! What takes tasks of their own to see: that everybody is woken, and that races harm nobody.
#![expect(clippy::missing_errors_doc, reason = "the error is what does not hold")]

use core::array;

use tidegate_core::semaphore::{AcquireError, Config, HeadOfLine};
use tidegate_core::{Platform, Priority, Storage};

use crate::outcome::{check, demand};
use crate::world::{act, until, yield_times};
use crate::{CROWD, Check, Stage, Visitor, World};

/// A number that differs from round to round and from visitor to visitor.
const fn mix(number: usize) -> usize {
    number.wrapping_mul(7919) >> 2
}

fn priority(number: usize, classes: i32) -> Priority {
    Priority(i32::try_from(mix(number)).unwrap_or(0) % classes)
}

/// Ends well if all visitors have had their permits and all permits are back.
fn all_is_well<P: Platform, S: Storage>(
    stage: &Stage<P, S>,
    tickets: &[Result<usize, AcquireError>],
    permits: usize,
) -> Check {
    check!(tickets.iter().all(Result::is_ok));
    check!(stage.within_limit());
    check!(stage.semaphore.available_permits() == permits);
    check!(stage.semaphore.waiters() == 0);
    Ok(())
}

/// One permit goes from hand to hand in the order of arrival.
pub async fn permits_are_handed_over_in_order_of_arrival<'a, W: World<'a>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let held = demand!(stage.semaphore.try_acquire());
    let mut visitors: [_; CROWD] = array::from_fn(|place| Some(Visitor::new(stage).stay(place % 3).queued()));
    let tickets = act(world, stage, &mut visitors, async {
        until(|| stage.arrived() == CROWD).await;
        check!(stage.semaphore.waiters() == CROWD);
        drop(held);
        Ok(())
    })
    .await?;
    check!(tickets.iter().enumerate().all(|(place, &ticket)| ticket == Ok(place)));
    all_is_well(stage, &tickets, 1)
}

/// One permit goes from hand to hand by priority, and among equals in the order of arrival.
pub async fn permits_are_handed_over_by_priority<'a, W: World<'a>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let held = demand!(stage.semaphore.try_acquire());
    let mut visitors: [_; CROWD] =
        array::from_fn(|place| Some(Visitor::new(stage).priority(priority(place, 5)).queued()));
    let tickets = act(world, stage, &mut visitors, async {
        until(|| stage.arrived() == CROWD).await;
        drop(held);
        Ok(())
    })
    .await?;
    for (place, &ticket) in tickets.iter().enumerate() {
        let before = |&other: &usize| (priority(other, 5), other) < (priority(place, 5), place);
        check!(ticket == Ok((0..CROWD).filter(before).count()));
    }
    all_is_well(stage, &tickets, 1)
}

/// Somebody who was woken for a permit, and is dropped before it polls, passes it on.
pub async fn a_woken_head_dropped_wakes_the_next<'a, W: World<'a>>(world: &W) -> Check {
    let stage = world.place(Stage::new(1, Config::new()));
    let held = demand!(stage.semaphore.try_acquire());
    let mut visitors = [Some(Visitor::new(stage).quits().queued()), Some(Visitor::new(stage).queued())];
    let tickets = act(world, stage, &mut visitors, async {
        until(|| stage.arrived() == 2).await;
        drop(held);
        check!(stage.semaphore.waiters() == 1);
        stage.tell_to_leave();
        Ok(())
    })
    .await?;
    check!(tickets == [Ok(0), Ok(0)]);
    all_is_well(stage, &tickets, 1)
}

/// When a request that nothing could satisfy is dropped, those behind it are woken, all that can be served.
pub async fn a_large_head_dropped_wakes_those_behind<'a, W: World<'a>>(world: &W) -> Check {
    let stage = world.place(Stage::new(2, Config::new()));
    let mut visitors = [
        Some(Visitor::new(stage).permits(3).quits().queued()),
        Some(Visitor::new(stage).stay(5).queued()),
        Some(Visitor::new(stage).stay(5).queued()),
        Some(Visitor::new(stage).permits(2).queued()),
    ];
    let tickets = act(world, stage, &mut visitors, async {
        until(|| stage.arrived() == 4).await;
        check!(stage.semaphore.waiters() == 4);
        check!(stage.semaphore.available_permits() == 2);
        stage.tell_to_leave();
        Ok(())
    })
    .await?;
    check!(tickets[3] == Ok(2));
    all_is_well(stage, &tickets, 2)
}

/// A close wakes all who wait, more than fit under one lock.
pub async fn close_wakes_everybody<'a, W: World<'a>>(world: &W) -> Check {
    let stage = world.place(Stage::new(2, Config::new()));
    let held = demand!(stage.semaphore.try_acquire_many(2));
    let mut visitors: [_; CROWD] = array::from_fn(|place| {
        Some(Visitor::new(stage).permits(1 + place % 2).priority(priority(place, 3)).queued())
    });
    let tickets = act(world, stage, &mut visitors, async {
        until(|| stage.arrived() == CROWD).await;
        stage.semaphore.close();
        check!(stage.semaphore.waiters() == 0);
        Ok(())
    })
    .await?;
    check!(tickets.iter().all(|&ticket| ticket == Err(AcquireError::Closed)));
    check!(held.count() == 2);
    drop(held);
    check!(stage.semaphore.available_permits() == 2);
    Ok(())
}

/// Added permits wake all whom they suffice for, more than fit under one lock.
pub async fn added_permits_wake_more_than_one_batch<'a, W: World<'a>>(world: &W) -> Check {
    let stage = world.place(Stage::new(CROWD, Config::new()));
    demand!(stage.semaphore.try_acquire_many(CROWD)).forget();
    let mut visitors: [_; CROWD] = array::from_fn(|place| Some(Visitor::new(stage).stay(place % 4).queued()));
    let tickets = act(world, stage, &mut visitors, async {
        until(|| stage.arrived() == CROWD).await;
        check!(stage.semaphore.waiters() == CROWD);
        demand!(stage.semaphore.add_permits(CROWD));
        check!(stage.semaphore.waiters() == 0);
        Ok(())
    })
    .await?;
    all_is_well(stage, &tickets, CROWD)
}

/// While a deficit stands, permits that come back admit nobody; those after it do.
pub async fn a_reduced_semaphore_wakes_nobody_early<'a, W: World<'a>>(world: &W) -> Check {
    let stage = world.place(Stage::new(3, Config::new()));
    let mut held = demand!(stage.semaphore.try_acquire_many(3));
    let mut visitors = [Some(Visitor::new(stage).queued()), Some(Visitor::new(stage).queued())];
    let tickets = act(world, stage, &mut visitors, async {
        until(|| stage.arrived() == 2).await;
        check!(stage.semaphore.reduce_permits(2) == 2);
        drop(held.split(2));
        yield_times(5).await;
        check!(stage.semaphore.waiters() == 2);
        drop(held);
        Ok(())
    })
    .await?;
    check!(tickets == [Ok(0), Ok(1)]);
    all_is_well(stage, &tickets, 1)
}

/// Rounds of visitors with different requests, who all get their permits in the end.
async fn rounds<'a, W: World<'a>>(world: &W, permits: usize, config: Config, weights: usize) -> Check {
    const VISITORS: usize = 6;
    let stage = world.place(Stage::new(permits, config));
    let mut visitors: [_; VISITORS] = array::from_fn(|place| {
        Some(
            Visitor::new(stage)
                .permits(1 + place % weights)
                .priority(priority(place, 3))
                .stay(place % 3)
                .rounds(W::ROUNDS),
        )
    });
    let tickets = act(world, stage, &mut visitors, async { Ok(()) }).await?;
    let last = tickets.iter().flatten().max();
    check!(last == Some(&(VISITORS * W::ROUNDS - 1)));
    all_is_well(stage, &tickets, permits)
}

/// In a barging semaphore everybody still gets permits in the end.
pub async fn barging_loses_no_wake_up<'a, W: World<'a>>(world: &W) -> Check {
    rounds(world, 2, Config::new().barging(true), 2).await
}

/// Whatever the mix of requests, no more permits are in use than there are, and all come back.
pub async fn a_weighted_mix_never_exceeds_the_permits<'a, W: World<'a>>(world: &W) -> Check {
    rounds(world, 4, Config::new(), 4).await
}

/// The same where small requests pass large ones.
pub async fn a_bypassing_mix_never_exceeds_the_permits<'a, W: World<'a>>(world: &W) -> Check {
    rounds(world, 4, Config::new().head_of_line(HeadOfLine::Bypass { at_most: 2 }), 4).await
}

/// The same where nobody is bypassed for long.
pub async fn a_bounded_mix_never_exceeds_the_permits<'a, W: World<'a>>(world: &W) -> Check {
    rounds(world, 3, Config::new().max_bypass(2), 3).await
}

/// Visitors who give up after none, one or more polls take nothing with them, and strand nobody.
pub async fn cancelled_at_any_poll_nothing_is_lost<'a, W: World<'a>>(world: &W) -> Check {
    const VISITORS: usize = 6;
    let stage = world.place(Stage::new(2, Config::new()));
    let mut visitors: [_; VISITORS] = array::from_fn(|place| {
        let visitor = Visitor::new(stage).permits(1 + place % 2).stay(place % 3).rounds(W::ROUNDS);
        Some(if place < VISITORS / 2 { visitor.patience(place + 1) } else { visitor })
    });
    let tickets = act(world, stage, &mut visitors, async { Ok(()) }).await?;
    all_is_well(stage, &tickets, 2)
}

/// A close while visitors come and go turns the rest of them down; all permits come back.
pub async fn close_amid_a_crowd_loses_no_permit<'a, W: World<'a>>(world: &W) -> Check {
    const VISITORS: usize = 6;
    let stage = world.place(Stage::new(2, Config::new()));
    let mut visitors: [_; VISITORS] = array::from_fn(|place| {
        let visitor = Visitor::new(stage).permits(1 + place % 2).stay(1).rounds(usize::MAX);
        Some(if place % 3 == 2 { visitor.patience(2) } else { visitor })
    });
    let tickets = act(world, stage, &mut visitors, async {
        yield_times(W::ROUNDS).await;
        stage.semaphore.close();
        Ok(())
    })
    .await?;
    check!(tickets.iter().all(|&ticket| ticket == Err(AcquireError::Closed)));
    check!(stage.within_limit());
    check!(stage.semaphore.available_permits() == 2);
    check!(stage.semaphore.waiters() == 0);
    Ok(())
}
