//! Groups of simulated tasks: every seed, and cancellation at every poll.

use core::future::pending;
use core::time::Duration;
use std::rc::Rc;

use tidegate_sim::task_group::{JoinError, ShutdownError, SpawnError};
use tidegate_sim::{Clock, Priority, priority};
use tidegate_sim::{Sim, SimTimer, TaskGroup, cancel_after, explore, for_each_seed, sleep, spawn, yield_now};

const HOUR: Duration = Duration::from_hours(1);

/// Plants a task that plants two, and so on.
fn plant(group: &TaskGroup, depth: u32, planted: &Rc<core::cell::Cell<u32>>) {
    let (inner, planted) = (group.clone(), Rc::clone(planted));
    let task = async move {
        yield_now().await;
        planted.set(planted.get() + 1);
        for _ in 0..2 * depth.min(1) {
            plant(&inner, depth - 1, &planted);
        }
    };
    drop(group.spawn(task).expect("a member is here"));
}

#[test]
fn tasks_of_tasks_are_waited_for_in_every_order() {
    let run = for_each_seed(0..300, |_seed| async {
        let group = TaskGroup::new();
        let planted = Rc::default();
        plant(&group, 3, &planted);
        let others = [spawn(group.close()), spawn(group.close())];
        assert!(group.close().await.is_clean());
        assert_eq!((planted.get(), group.len()), (15, 0));
        for other in others {
            assert!(other.await.expect("nobody aborts it").is_clean());
        }
        assert!(group.spawn(async {}).is_err_and(|error| error.is_closed()));
    });
    assert_eq!(run, Ok(()));
}

#[test]
fn whoever_waits_may_give_up_at_any_poll() {
    for polls in 0..4 {
        let explored = explore(10_000, || async move {
            let group = TaskGroup::new();
            drop(group.spawn(yield_now()).expect("it is open"));
            let fickle = spawn(cancel_after(polls, group.close()));
            let steady = spawn(group.close());
            let _ = fickle.await;
            assert!(steady.await.expect("nobody aborts it").is_clean());
            assert!(group.is_empty());
        });
        assert!(explored.is_ok());
    }
}

#[test]
fn panics_are_delivered_or_counted_and_end_nothing() {
    let run = Sim::new(5).run(async {
        let group = TaskGroup::new();
        let failing = group.spawn(async { panic!("on purpose") }).expect("it is open");
        drop(group.spawn(async { panic!("unheard") }).expect("it is open"));
        let fine = group.spawn(yield_now()).expect("it is open");
        assert_eq!(group.close().await.unobserved_failures, 2);
        let result: Result<(), JoinError> = failing.await;
        let message = result.map_err(|error| error.into_panic().ok().and_then(|panic| panic.message()));
        assert_eq!(message, Err(Some("on purpose".into())));
        assert!(fine.await.is_ok());
        group.close().await.unobserved_failures
    });
    assert_eq!(run, Ok(1));
}

#[test]
fn an_exit_timeout_aborts_and_waits_for_the_aborted() {
    let run = for_each_seed(0..50, |_seed| async {
        for timeout in [Duration::ZERO, HOUR] {
            let group = TaskGroup::new().with_exit_timeout(timeout);
            let stuck = group.spawn(pending::<()>()).expect("it is open");
            let long = group.spawn(sleep(2 * HOUR)).expect("it is open");
            let before = SimTimer.now();
            let summary = group.close().await;
            assert_eq!(SimTimer.now().duration_since(before), timeout);
            assert_eq!((summary.aborted, group.len()), (2, 0));
            assert!(matches!(stuck.await, Err(JoinError::Aborted)));
            assert!(matches!(long.await, Err(JoinError::Aborted)));
        }
        let patient = TaskGroup::new().with_exit_timeout(Duration::MAX);
        let long = patient.spawn(sleep(1_000 * HOUR)).expect("it is open");
        assert_eq!(patient.close_timeout(HOUR).await, Err(ShutdownError::TimedOut));
        assert!(patient.close().await.is_clean() && long.await.is_ok());
    });
    assert_eq!(run, Ok(()));
}

#[test]
fn the_priority_follows_and_outside_of_a_run_there_is_an_error() {
    let seen = Sim::new(1).run(async {
        let group = TaskGroup::new();
        let inner = group.clone();
        priority::scope(Priority(4), async move {
            inner.spawn(async { priority::current() }).expect("it is open").await.expect("it does not panic")
        })
        .await
    });
    assert_eq!(seen, Ok(Priority(4)));
    assert!(matches!(TaskGroup::new().spawn(async {}), Err(SpawnError::NoRuntime(_))));
}
