//! The order of steps: drawn from the seed, the same each time, fair in the long run.

use core::cell::{Cell, RefCell};
use core::task::{Poll, Waker};
use core::time::Duration;
use std::collections::HashSet;
use std::rc::Rc;

use tidegate_sim::{JoinError, Priority, Sim, SimError, priority, sleep, spawn, spawn_named, yield_now};

/// Five tasks with three steps each, some of them asleep in between; answers who did what when.
async fn bustle() -> Vec<(u32, u32)> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let mut handles = Vec::new();
    for task in 0..5 {
        let seen = Rc::clone(&seen);
        handles.push(spawn(async move {
            for step in 0..3 {
                seen.borrow_mut().push((task, step));
                if task % 2 == 0 { yield_now().await } else { sleep(Duration::from_millis(1)).await }
            }
        }));
    }
    for handle in handles {
        assert_eq!(handle.await, Ok(()));
    }
    seen.take()
}

#[test]
fn the_same_seed_takes_the_same_steps() {
    for seed in 0..50 {
        let run = |mut sim: Sim| (sim.run(bustle()), sim.steps(), sim.order_hash(), sim.trace().to_vec());
        let first = run(Sim::new(seed).with_trace());
        assert_eq!(first, run(Sim::new(seed).with_trace()));
        assert_eq!(first.1, first.3.len() as u64);
        // The trace is only looked on.
        assert_eq!(first.2, run(Sim::new(seed)).2);
    }
}

#[test]
fn a_simulator_starts_over_with_each_run() {
    let mut sim = Sim::new(9).with_trace();
    let first = (sim.run(bustle()), sim.order_hash(), sim.trace().to_vec());
    assert_eq!(sim.run(async {}), Ok(()));
    assert_eq!(sim.steps(), 1);
    assert_eq!(first, (sim.run(bustle()), sim.order_hash(), sim.trace().to_vec()));
}

#[test]
fn other_seeds_take_other_steps() {
    let mut hashes = HashSet::new();
    let mut orders = HashSet::new();
    for seed in 0..200 {
        let mut sim = Sim::new(seed);
        orders.insert(sim.run(bustle()).unwrap());
        hashes.insert(sim.order_hash());
    }
    // Far more orders than seeds are possible.
    assert!(orders.len() > 190, "{}", orders.len());
    assert!(hashes.len() >= orders.len());
}

#[test]
fn every_order_of_four_is_drawn_sooner_or_later() {
    let mut orders = HashSet::new();
    for seed in 0..1_000 {
        let order = Sim::new(seed).run(async {
            let seen = Rc::new(RefCell::new(Vec::new()));
            let handles = [0, 1, 2, 3].map(|task| {
                let seen = Rc::clone(&seen);
                spawn(async move { seen.borrow_mut().push(task) })
            });
            for handle in handles {
                assert_eq!(handle.await, Ok(()));
            }
            seen.take()
        });
        orders.insert(order.unwrap());
    }
    assert_eq!(orders.len(), 24);
}

#[test]
fn with_no_decisions_everybody_takes_turns() {
    let mut sim = Sim::scripted([]).with_trace();
    let run = sim.run(async {
        let laps = |name| {
            spawn_named(name, async {
                yield_now().await;
                yield_now().await;
            })
        };
        let handles = [laps("a"), laps("b")];
        for handle in handles {
            assert_eq!(handle.await, Ok(()));
        }
    });
    assert_eq!(run, Ok(()));
    let names: Vec<&str> = sim.trace().iter().map(|step| &*step.task).collect();
    assert_eq!(names, ["main", "a", "b", "a", "b", "a", "b", "main"]);
    assert_eq!(sim.trace()[0].to_string(), "0.000000000 s main");
}

#[test]
fn tasks_that_are_left_are_dropped_in_order() {
    struct Tell(u32, Rc<RefCell<Vec<u32>>>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
            // Too late for this one: it must neither run nor be kept.
            let (name, told) = (self.0 + 10, Rc::clone(&self.1));
            if self.0 < 10 {
                let late = Tell(name, told);
                drop(spawn(async move { drop(late) }));
            }
        }
    }
    for seed in 0..20 {
        let dropped = Rc::new(RefCell::new(Vec::new()));
        let run = Sim::new(seed).run(async {
            for name in 0..3 {
                let tell = Tell(name, Rc::clone(&dropped));
                drop(spawn(async move {
                    core::future::pending::<()>().await;
                    drop(tell);
                }));
            }
        });
        assert_eq!(run, Ok(()));
        assert_eq!(dropped.take(), [0, 10, 1, 11, 2, 12]);
        assert_eq!(Rc::strong_count(&dropped), 1);
    }
}

#[test]
fn handles_report_how_a_task_ended() {
    for seed in 0..50 {
        let (finished, outlived) = Sim::new(seed)
            .run(async {
                let endless = spawn(core::future::pending::<()>());
                let brief = spawn(async { 5 });
                sleep(Duration::from_secs(1)).await;
                assert!(brief.is_finished() && !endless.is_finished());
                brief.abort();
                assert_eq!(brief.await, Ok(5));
                endless.abort();
                assert!(endless.is_finished());
                assert_eq!(endless.await, Err(JoinError::Aborted));

                let own: Rc<RefCell<Option<tidegate_sim::JoinHandle<()>>>> = Rc::default();
                let slot = Rc::clone(&own);
                *own.borrow_mut() = Some(spawn(async move {
                    slot.borrow().as_ref().unwrap().abort();
                    yield_now().await;
                    unreachable!("it was aborted");
                }));
                let own = loop {
                    yield_now().await;
                    if own.borrow().as_ref().is_some_and(tidegate_sim::JoinHandle::is_finished) {
                        break own.take().unwrap();
                    }
                };
                (own.await, spawn(core::future::pending::<()>()))
            })
            .unwrap();
        assert_eq!(finished, Err(JoinError::Aborted));
        // Not even a handle that leaves its run is left hanging.
        assert_eq!(Sim::new(0).run(outlived), Ok(Err(JoinError::Aborted)));
    }
}

#[test]
fn a_task_aborted_before_its_turn_takes_no_step() {
    let mut sim = Sim::new(0).with_trace();
    let run = sim.run(async {
        let task = spawn(async { unreachable!("it was aborted") });
        task.abort();
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(run, Ok(()));
    assert!(sim.trace().iter().all(|step| &*step.task == "main"), "{:?}", sim.trace());
    assert_eq!(sim.steps(), 3);
}

#[test]
fn a_handle_from_another_run_aborts_nobody_in_this() {
    let earlier = RefCell::new(None);
    let run = Sim::new(0).run(async {
        earlier.replace(Some(spawn(core::future::pending::<()>())));
    });
    assert_eq!(run, Ok(()));
    let run = Sim::new(0).run(async move {
        let task = spawn(async { 3 });
        earlier.take().unwrap().abort();
        task.await
    });
    assert_eq!(run, Ok(Ok(3)));
}

#[test]
fn a_task_that_is_woken_twice_takes_one_step() {
    let mut sim = Sim::new(0);
    let mut polls = 0;
    let run = sim.run(core::future::poll_fn(|cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        cx.waker().wake_by_ref();
        if polls < 4 { Poll::Pending } else { Poll::Ready(()) }
    }));
    assert_eq!((run, sim.steps()), (Ok(()), 4));
    let run = sim.run(async {
        let waker = Rc::new(RefCell::new(None::<Waker>));
        let (polls, theirs) = (Rc::new(Cell::new(0)), Rc::clone(&waker));
        let counted = Rc::clone(&polls);
        let task = spawn(core::future::poll_fn(move |cx| {
            *theirs.borrow_mut() = Some(cx.waker().clone());
            counted.set(counted.get() + 1);
            Poll::<()>::Pending
        }));
        while waker.borrow().is_none() {
            yield_now().await;
        }
        for _ in 0..3 {
            waker.borrow().as_ref().unwrap().wake_by_ref();
        }
        sleep(Duration::from_secs(1)).await;
        task.abort();
        polls.get()
    });
    assert_eq!(run, Ok(2));
}

#[test]
fn runs_may_be_nested() {
    let run = Sim::new(1).run(async {
        sleep(Duration::from_secs(1)).await;
        let inner = Sim::new(2).run(async {
            sleep(Duration::from_secs(5)).await;
            tidegate_sim::now()
        });
        (tidegate_sim::now(), inner)
    });
    let (outer, inner) = run.unwrap();
    assert_eq!((outer.as_nanos(), inner.unwrap().as_nanos()), (1_000_000_000, 5_000_000_000));
}

#[test]
fn outside_of_a_run_nothing_starts() {
    let ran = Rc::new(Cell::new(false));
    let handle = spawn({
        let ran = Rc::clone(&ran);
        async move { ran.set(true) }
    });
    assert!(handle.is_finished());
    assert_eq!(Sim::new(0).run(handle), Ok(Err(JoinError::NotRunning)));
    assert!(!ran.get());
    assert_eq!(tidegate_sim::now(), tidegate_sim::Instant::EPOCH);
}

#[test]
fn a_priority_scope_goes_with_its_task() {
    for seed in 0..20 {
        let run = Sim::new(seed).run(async {
            let scoped = |urgency| {
                spawn(priority::scope(Priority(urgency), async move {
                    for _ in 0..5 {
                        assert_eq!(priority::current(), Priority(urgency));
                        yield_now().await;
                    }
                }))
            };
            let handles = [scoped(1), scoped(2)];
            for handle in handles {
                assert_eq!(priority::current(), Priority(0));
                assert_eq!(handle.await, Ok(()));
            }
        });
        assert_eq!(run, Ok::<(), SimError>(()));
    }
}
