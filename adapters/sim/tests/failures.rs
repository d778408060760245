//! Runs that fail: deadlocks, steps without end, panics; and what they tell.

use core::cell::Cell;
use core::future::pending;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::env;
use std::panic::catch_unwind;
use std::process::Command;
use std::rc::Rc;

use tidegate_sim::{
    Schedule, Semaphore, Sim, SimError, explore, for_each_seed, sleep, spawn, spawn_named, yield_now,
};

#[test]
fn a_deadlock_names_the_stuck() {
    for seed in 0..50 {
        let run = Sim::new(seed).run(async {
            let forks = Rc::new([Semaphore::new(1), Semaphore::new(1)]);
            for (name, first) in [("left", 0), ("right", 1)] {
                let forks = Rc::clone(&forks);
                drop(spawn_named(name, async move {
                    let _one = forks[first].acquire().await;
                    sleep(Duration::from_secs(1)).await;
                    let _other = forks[1 - first].acquire().await;
                }));
            }
            drop(spawn(async {}));
            pending::<()>().await;
        });
        let error = run.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("deadlock at 1.000000000 s (seed {seed}): nothing can ever wake main, left, right"),
        );
        let SimError::Deadlock { schedule, tasks, .. } = error else { panic!("{error}") };
        assert_eq!((schedule, tasks.len()), (Schedule::Seed(seed), 3));
    }
}

#[test]
fn steps_without_end_are_an_error() {
    let mut sim = Sim::new(1).with_step_limit(10_000);
    let run = sim.run(async {
        drop(spawn_named("restless", async {
            loop {
                yield_now().await;
            }
        }));
        pending::<()>().await;
    });
    assert_eq!(sim.steps(), 10_000);
    let error = run.unwrap_err();
    assert_eq!(error.to_string(), "no end after 10000 steps, at 0.000000000 s (seed 1): still ready are restless");

    // Neither is time without end.
    let run = Sim::new(1).with_step_limit(1_000).run(async {
        loop {
            sleep(Duration::from_secs(1)).await;
        }
    });
    let error: Result<(), SimError> = run;
    assert!(matches!(error, Err(SimError::StepLimit { limit: 1_000, .. })), "{error:?}");

    // A run that needs just as many as allowed is fine.
    assert_eq!(Sim::new(1).with_step_limit(2).run(yield_now()), Ok(()));
    assert!(Sim::new(1).with_step_limit(1).run(yield_now()).is_err());
    assert!(Sim::new(1).with_step_limit(0).run(async {}).is_err());

    // Nobody is ready at the limit, so that nobody can go on is what there is to say.
    let stuck: Result<(), SimError> = Sim::new(1).with_step_limit(1).run(pending());
    assert!(matches!(stuck, Err(SimError::Deadlock { .. })), "{stuck:?}");
}

#[test]
fn a_panic_in_a_task_unwinds_out_of_the_run() {
    struct Tell(Rc<Cell<u32>>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let tell = || Tell(Rc::clone(&dropped));
        let (in_main, in_task) = (tell(), tell());
        Sim::new(1).run(async move {
            drop(spawn(async move {
                pending::<()>().await;
                drop(in_task);
            }));
            drop(spawn(async { panic!("on purpose") }));
            pending::<()>().await;
            drop(in_main);
        })
    }));
    assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"on purpose"));
    assert_eq!(dropped.get(), 2);
    // The thread is as it was.
    assert_eq!(Sim::new(1).run(async { 1 }), Ok(1));
    assert_eq!(tidegate_sim::now(), tidegate_sim::Instant::EPOCH);
}

#[test]
fn a_panic_while_tasks_are_dropped_is_not_lost_and_spares_the_others() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let alive = Rc::new(());
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        Sim::new(1).run(async {
            for _ in 0..2 {
                let bomb = Bomb;
                drop(spawn(async move {
                    let _bomb = bomb;
                    pending::<()>().await;
                }));
            }
            let alive = Rc::clone(&alive);
            drop(spawn(async move {
                pending::<()>().await;
                drop(alive);
            }));
        })
    }));
    assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"in drop"));
    assert_eq!(Rc::strong_count(&alive), 1);

    // The first panic is the one that is handed on.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        Sim::new(1).run(async {
            let bomb = Bomb;
            drop(spawn(async move {
                let _bomb = bomb;
                pending::<()>().await;
            }));
            yield_now().await;
            panic!("in main");
        })
    }));
    let outcome: Box<dyn core::any::Any + Send> = outcome.map(|run: Result<(), SimError>| run).unwrap_err();
    assert_eq!(outcome.downcast_ref(), Some(&"in main"));
}

/// Tasks `a`, `b` and `c` in the seed's order; panics if `c` goes first.
async fn fragile() {
    let first = Rc::new(Cell::new(""));
    let handles = ["a", "b", "c"].map(|name| {
        let first = Rc::clone(&first);
        spawn_named(name, async move {
            assert!(!first.get().is_empty() || name != "c", "c was first");
            first.set(name);
        })
    });
    for handle in handles {
        assert_eq!(handle.await, Ok(()));
    }
}

/// Runs one of the scenarios below in a process of its own; answers what it said on standard error.
fn child(scenario: &str, seed: Option<&str>) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "scenario_in_a_child_process", "--nocapture", "--test-threads", "1"]);
    command.env("TIDEGATE_TEST_SCENARIO", scenario).env("RUST_BACKTRACE", "0").env_remove("TIDEGATE_SEED");
    if let Some(seed) = seed {
        command.env("TIDEGATE_SEED", seed);
    }
    let output = command.output().unwrap();
    String::from_utf8(output.stderr).unwrap()
}

/// Does something only if [`child`] has started this process.
#[test]
fn scenario_in_a_child_process() {
    let outcome = match env::var("TIDEGATE_TEST_SCENARIO").as_deref() {
        Ok("fragile") => for_each_seed(0..1_000, |seed| {
            eprintln!("scenario with {seed}");
            fragile()
        }),
        Ok("explore") => explore(1_000, fragile).map(|explored| eprintln!("{explored:?}")),
        Ok("stuck") => for_each_seed(3..5, |_| pending()),
        _ => return,
    };
    eprintln!("outcome {}", outcome.map_or_else(|error| error.to_string(), |()| "fine".to_owned()));
}

fn fails(seed: u64) -> bool {
    catch_unwind(|| Sim::new(seed).run(fragile())).is_err()
}

fn failing_seed() -> u64 {
    (0..1_000).find(|&seed| fails(seed)).expect("one order in three fails")
}

#[test]
fn a_failing_seed_is_printed_with_the_task_and_how_to_replay_it() {
    let seed = failing_seed();
    let said = child("fragile", None);
    assert_eq!(said.matches("scenario with ").count() as u64, seed + 1, "{said}");
    assert!(
        said.contains(&format!("tidegate-sim: c panicked at 0.000000000 s, step 2 (seed {seed})\n")),
        "{said}"
    );
    let hint = format!("tidegate-sim: seed {seed} failed; TIDEGATE_SEED={seed} runs it alone\n");
    assert!(said.contains(&hint), "{said}");
    assert!(!said.contains("outcome"), "{said}");
}

#[test]
fn the_variable_replays_one_seed_alone() {
    let seed = failing_seed();
    let said = child("fragile", Some(&seed.to_string()));
    assert_eq!(said.matches("scenario with ").count(), 1, "{said}");
    assert!(said.contains(&format!("step 2 (seed {seed})\n")), "{said}");

    let passing = (0..1_000).find(|&seed| !fails(seed)).expect("two orders in three do not");
    let said = child("fragile", Some(&passing.to_string()));
    assert_eq!(said.matches("scenario with ").count(), 1, "{said}");
    assert!(said.contains(&format!("scenario with {passing}\n")) && said.contains("outcome fine\n"), "{said}");

    let said = child("fragile", Some("soon"));
    assert!(said.contains("outcome TIDEGATE_SEED is set to \"soon\", which is not a number of 64 bits"), "{said}");
}

#[test]
fn an_error_comes_with_its_seed() {
    let said = child("stuck", None);
    assert!(said.contains("tidegate-sim: seed 3 failed"), "{said}");
    assert!(said.contains("outcome deadlock at 0.000000000 s (seed 3): nothing can ever wake main"), "{said}");
}

#[test]
fn an_order_that_fails_is_printed_and_repeats() {
    let said = child("explore", None);
    let decisions = said.split("Sim::scripted([").nth(1).and_then(|rest| rest.split_once("])")).expect(&said).0;
    let decisions = decisions.split(", ").map(|decision| decision.parse().unwrap());
    let mut sim = Sim::scripted(decisions);
    let outcome = catch_unwind(AssertUnwindSafe(|| sim.run(fragile())));
    let payload = outcome.unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"c was first"), "{said}");
}
