//! Schedulers in simulated crowds, with consumers that give up at any poll: each payload comes out once, none early, and
//! in order.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::rc::Rc;

use tidegate_core::scheduler::{Config, Deadline};
use tidegate_sim::{
    Instant, ManualWallClock, MissedTickBehavior, Scheduler, SimTimer, WallClock, WallTime, cancel_after,
    cancel_before, for_each_seed, now, sleep, spawn, yield_now,
};

use crate::dice::Dice;

const SEEDS: u64 = 600;

/// What has come out: payload, deadline and time.
type Out = Rc<RefCell<Vec<(u64, Instant, Instant)>>>;

fn at(deadline: Deadline) -> Instant {
    match deadline {
        Deadline::At(at) => at,
        Deadline::Wall(_) => panic!("nothing goes by the wall clock"),
    }
}

#[test]
fn each_payload_comes_out_once_on_time_whoever_gives_up() {
    for_each_seed(0..SEEDS, |seed| async move {
        const PAYLOADS: u64 = 24;
        let (dice, scheduler, out) = (Rc::new(Dice::new(seed)), Rc::new(Scheduler::<u64>::new()), Out::default());
        for consumer in 0..4_u64 {
            let (dice, scheduler, out) = (Rc::clone(&dice), Rc::clone(&scheduler), Rc::clone(&out));
            drop(spawn(async move {
                loop {
                    let polls = dice.roll(4);
                    // The last one never gives up for good, so that there is always somebody.
                    let next = match dice.roll(3) {
                        0 if consumer > 0 => cancel_after(polls, scheduler.next()).await,
                        1 if consumer > 0 => cancel_before(polls, scheduler.next()).await,
                        _ => Some(scheduler.next().await),
                    };
                    match next {
                        Some(Ok(expired)) => {
                            let deadline = at(expired.deadline());
                            assert!(deadline <= now(), "early");
                            out.borrow_mut().push((expired.into_inner(), deadline, now()));
                        }
                        Some(Err(_closed)) => return,
                        None => sleep(Duration::from_nanos(dice.roll(10))).await,
                    }
                }
            }));
        }
        let mut cancelled = Vec::new();
        let mut keys = Vec::new();
        for payload in 0..PAYLOADS {
            let key = scheduler.insert_after(Duration::from_nanos(dice.roll(40)), payload).expect("there is room");
            keys.push((key, payload));
            match dice.roll(6) {
                0 => yield_now().await,
                1 | 2 => sleep(Duration::from_nanos(dice.roll(30))).await,
                3 => {
                    let (key, payload) = keys[usize::try_from(dice.roll(payload + 1)).expect("few")];
                    if let Some(back) = scheduler.cancel(key) {
                        assert_eq!(back, payload);
                        cancelled.push(payload);
                    }
                }
                4 => {
                    let (key, _) = keys[usize::try_from(dice.roll(payload + 1)).expect("few")];
                    scheduler.reset_after(key, Duration::from_nanos(dice.roll(50)));
                }
                _ => {}
            }
        }
        scheduler.join().await.expect("nobody has closed it");
        scheduler.close();
        yield_now().await;
        while scheduler.waiters() > 0 {
            yield_now().await;
        }
        let mut all: Vec<u64> = out.borrow().iter().map(|&(payload, ..)| payload).chain(cancelled).collect();
        all.sort_unstable();
        assert_eq!(all, (0..PAYLOADS).collect::<Vec<_>>());
        // There is always somebody who waits, so none is late.
        assert!(out.borrow().iter().all(|&(_, deadline, time)| deadline == time), "late");
    })
    .expect("every seed comes to its end");
}

#[test]
fn recurring_payloads_keep_their_rate_among_several_consumers() {
    for_each_seed(0..SEEDS / 4, |seed| async move {
        let (dice, scheduler, ticks) = (Rc::new(Dice::new(seed)), Rc::new(Scheduler::<u8>::new()), Out::default());
        for _ in 0..3 {
            let (scheduler, ticks) = (Rc::clone(&scheduler), Rc::clone(&ticks));
            drop(spawn(async move {
                while let Ok(expired) = scheduler.next().await {
                    ticks.borrow_mut().push((0, at(expired.deadline()), now()));
                }
            }));
        }
        let period = Duration::from_nanos(5 + dice.roll(20));
        let key = scheduler.insert_every(period, MissedTickBehavior::Burst, 1).expect("there is room");
        sleep(period * 20 + Duration::from_nanos(1)).await;
        assert!(scheduler.cancel(key).is_some());
        scheduler.close();
        let ticks = ticks.borrow();
        assert_eq!(ticks.len(), 20);
        for (tick, &(_, deadline, time)) in (1..).zip(&*ticks) {
            assert_eq!((deadline, time), (Instant::EPOCH + period * tick, Instant::EPOCH + period * tick));
        }
    })
    .expect("every seed comes to its end");
}

/// A wall clock that others set.
struct Shown(Rc<ManualWallClock>);

impl WallClock for Shown {
    fn wall(&self) -> WallTime {
        self.0.wall()
    }
}

#[test]
fn the_wall_clock_steps_both_ways_and_nothing_is_early_nor_later_than_the_recheck() {
    const RECHECK: u64 = 10;
    for_each_seed(0..SEEDS, |seed| async move {
        let dice = Rc::new(Dice::new(seed));
        let noon = WallTime::from_unix(Duration::from_hours(12));
        let wall = Rc::new(ManualWallClock::new(noon));
        let config = Config::new().wall_recheck(Duration::from_nanos(RECHECK));
        let shown = Shown(Rc::clone(&wall));
        let scheduler = Rc::new(Scheduler::<WallTime, SimTimer, Shown>::with_clocks(SimTimer, shown, config));
        let left = Rc::new(Cell::new(0_u32));
        {
            let (scheduler, left) = (Rc::clone(&scheduler), Rc::clone(&left));
            drop(spawn(async move {
                while let Ok(expired) = scheduler.next().await {
                    let deadline = expired.into_inner();
                    assert!(deadline <= scheduler.wall_clock().wall(), "early");
                    left.set(left.get() - 1);
                }
            }));
        }
        for _ in 0..12 {
            let deadline = wall.wall() + Duration::from_nanos(dice.roll(100));
            scheduler.insert_at_system_time(deadline, deadline).expect("there is room");
            left.set(left.get() + 1);
            let span = Duration::from_nanos(dice.roll(40));
            sleep(span).await;
            wall.advance(span);
            match dice.roll(4) {
                0 => wall.advance(Duration::from_nanos(dice.roll(60))),
                1 => wall.set(noon + Duration::from_nanos(dice.roll(50))),
                _ => {}
            }
        }
        // A step beyond all of them: within the recheck they are out, and it goes on no longer.
        wall.set(noon + Duration::from_secs(1));
        sleep(Duration::from_nanos(RECHECK + 1)).await;
        assert_eq!(left.get(), 0, "late");
        scheduler.close();
    })
    .expect("every seed comes to its end");
}
