use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::{Arc, mpsc};
use std::thread;

use super::*;
use crate::block_on;

type Log = Arc<parking_lot::Mutex<Vec<&'static str>>>;

fn log() -> (Log, impl Fn(&'static str) -> Box<dyn FnOnce() + Send>) {
    let log = Log::default();
    let shared = Arc::clone(&log);
    let note = move |what| {
        let log = Arc::clone(&shared);
        Box::new(move || log.lock().push(what)) as Box<dyn FnOnce() + Send>
    };
    (log, note)
}

fn panics() {
    panic!("on purpose");
}

fn shutdown() -> Arc<Shutdown> {
    Arc::new(Shutdown::new())
}

#[test]
fn steps_are_run_in_the_order_in_which_they_are_given() {
    let (log, note) = log();
    let shutdown = shutdown();
    let (one, two, three, four) = (note("callback 1"), note("callback 2"), note("join 1"), note("join 2"));
    let trigger = Arc::clone(&shutdown);
    let mut service = Service::new(Arc::clone(&shutdown))
        .join("first", None, three)
        .callback("first", |_| one())
        .start_up("first", note("start-up 1"))
        .start_up("second", note("start-up 2"))
        .start_up("trigger", move || {
            trigger.trigger();
        })
        .start_up("all the same", note("start-up 3"))
        .callback("second", |_| two())
        .join_future("future", Duration::from_mins(1), async {})
        .join("second", Duration::from_mins(1), four);
    let report = service.run().unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::Requested);
    let expected = ["start-up 1", "start-up 2", "start-up 3", "callback 1", "callback 2", "join 1", "join 2"];
    assert_eq!(*log.lock(), expected);
}

#[test]
fn a_failed_start_up_is_the_last_and_what_was_started_is_stopped() {
    for panics in [false, true] {
        let (log, note) = log();
        let shutdown = shutdown();
        let stop = note("callback");
        let report = Service::new(Arc::clone(&shutdown))
            .start_up("good", note("good"))
            .start_up("bad", move || if panics { panic!("on purpose") } else { Err("on purpose") })
            .start_up("never", note("never"))
            .callback("stop", |_| stop())
            .join("join", None, note("join"))
            .run()
            .unwrap();
        assert_eq!(report.reason, Reason::StartUpFailed);
        assert_eq!(*log.lock(), ["good", "callback", "join"]);
        let [problem] = &report.problems[..] else { panic!("one problem") };
        assert_eq!((problem.phase, problem.name), (Phase::StartUps, "bad"));
        let verb = if panics { "panicked" } else { "failed" };
        assert_eq!(report.to_string(), format!("a start-up failed; start-up bad: {verb}: on purpose"));
    }
}

#[test]
fn what_goes_wrong_is_reported_and_keeps_nobody_from_being_run() {
    let (log, note) = log();
    let shutdown = shutdown();
    shutdown.trigger();
    let (go, wait) = mpsc::channel::<()>();
    let report = Service::new(Arc::clone(&shutdown))
        .callback("panics", |_| panics())
        .callback("fails", |_| Err("on purpose"))
        .join("hangs", Duration::from_millis(1), move || wait.recv())
        .join_thread("panicked", None, thread::spawn(panics))
        .join_future("never", Duration::ZERO, core::future::pending::<()>())
        .join_future("panics, too", None, async { panics() })
        .join("last", Duration::MAX, note("last"))
        .run()
        .unwrap();
    drop(go);
    assert_eq!(*log.lock(), ["last"]);
    let names: Vec<_> = report.problems.iter().map(|problem| problem.name).collect();
    assert_eq!(names, ["panics", "fails", "hangs", "panicked", "never", "panics, too"]);
    assert!(report.late().eq(["hangs", "never"]));
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "on purpose");
    }
}

#[test]
fn a_destructor_that_panics_keeps_nobody_from_being_run() {
    let (log, note) = log();
    let shutdown = shutdown();
    shutdown.trigger();
    let (late, ends) = (Bomb, Bomb);
    let report = Service::new(Arc::clone(&shutdown))
        .join_future("late", Duration::ZERO, async move {
            let _bomb = late;
            core::future::pending::<()>().await;
        })
        .join_future("ends", None, async move { drop(ends) })
        .join_thread("thread", None, thread::spawn(|| Bomb))
        .join("last", None, note("last"))
        .run()
        .unwrap();
    assert_eq!(*log.lock(), ["last"]);
    let names: Vec<_> = report.problems.iter().map(|problem| problem.name).collect();
    assert_eq!(names, ["late", "ends", "thread"]);
    assert!(report.late().eq(["late"]));
}

#[test]
fn any_name_will_do() {
    let (log, note) = log();
    let shutdown = shutdown();
    shutdown.trigger();
    let name = "a name with a \0 in it";
    let report = Service::new(Arc::clone(&shutdown)).join(name, Duration::from_mins(1), note(name)).run().unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(*log.lock(), [name]);
}

#[test]
fn a_thread_that_has_ended_is_in_time_without_any() {
    let shutdown = shutdown();
    shutdown.trigger();
    let thread = thread::spawn(|| 7);
    while !thread.is_finished() {
        thread::yield_now();
    }
    let report = Service::new(Arc::clone(&shutdown)).join_thread("there", Duration::ZERO, thread).run().unwrap();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn two_runs_at_once_and_a_second_one_are_errors() {
    let shutdown = shutdown();
    let (second, trigger) = (Arc::clone(&shutdown), Arc::clone(&shutdown));
    let (sender, receiver) = mpsc::channel();
    let mut service = Service::new(Arc::clone(&shutdown)).start_up("another run", move || {
        sender.send(Service::new(second).run().unwrap_err()).unwrap();
        trigger.trigger();
    });
    assert!(service.run().unwrap().is_clean());
    assert!(matches!(receiver.recv().unwrap(), ServiceError::Begin(BeginError::AlreadyRunning)));
    assert!(matches!(service.run(), Err(ServiceError::Begin(BeginError::Ended))));
    assert!(shutdown.rearm());
    shutdown.trigger();
    assert!(service.run().unwrap().is_clean());
}

#[cfg(unix)]
#[test]
fn signals_that_cannot_be_caught_are_errors_and_nothing_is_run() {
    let (log, note) = log();
    let shutdown = shutdown();
    let mut service = Service::new(Arc::clone(&shutdown)).start_up("start", note("start"));
    for forbidden in signal_hook::consts::FORBIDDEN {
        service = service.signals([signal::SIGUSR1, *forbidden]);
        assert!(
            matches!(service.run(), Err(ServiceError::Signal(SignalError::Forbidden { signal })) if signal == *forbidden)
        );
        service.forget_signals();
    }
    for unknown in [0, -1, 40, 4_000, i32::MAX, i32::MIN] {
        service = service.signals([unknown]);
        let refused = service.run();
        assert!(
            matches!(refused, Err(ServiceError::Signal(SignalError::Refused { signal, .. })) if signal == unknown)
        );
        service.forget_signals();
    }
    assert!(log.lock().is_empty());
    shutdown.trigger();
    assert!(service.run().unwrap().is_clean());
    assert_eq!(*log.lock(), ["start"]);
}

#[test]
fn a_nested_service_ends_first_and_with_the_outer() {
    let (log, note) = log();
    let (outer, inner) = (shutdown(), shutdown());
    let (inside, begun) = mpsc::channel();
    let (inner_stops, outer_stops) = (note("inner"), note("outer"));
    let around = Arc::clone(&outer);
    let thread = thread::spawn(move || {
        Service::new(inner)
            .within(around)
            .start_up("tell", move || inside.send(()))
            .callback("stop", |_| {
                thread::yield_now();
                inner_stops();
            })
            .run()
            .unwrap()
    });
    begun.recv().unwrap();
    outer.trigger_by(Reason::Signal(7));
    let report = Service::new(Arc::clone(&outer)).callback("stop", |_| outer_stops()).run().unwrap();
    assert!(report.is_clean());
    assert_eq!(thread.join().unwrap().reason, Reason::Signal(7));
    assert_eq!(*log.lock(), ["inner", "outer"]);
}

#[test]
fn a_start_up_within_sees_that_the_outer_one_has_been_triggered() {
    let (outer, inner) = (shutdown(), shutdown());
    outer.trigger();
    let seen = Arc::new(AtomicUsize::new(0));
    let (sees, within) = (Arc::clone(&seen), Arc::clone(&inner));
    let look = move || sees.store(1 + usize::from(within.is_triggered()), Ordering::Relaxed);
    let report = Service::new(inner).within(outer).start_up("look", look).run().unwrap();
    assert!(report.is_clean());
    assert_eq!(seen.load(Ordering::Relaxed), 2);
}

#[test]
fn a_trigger_reaches_threads_and_tasks() {
    let shutdown = shutdown();
    let heard = Arc::new(AtomicUsize::new(0));
    let waiting: Vec<_> = (0..6)
        .map(|place| {
            let (shutdown, heard) = (Arc::clone(&shutdown), Arc::clone(&heard));
            thread::spawn(move || {
                let reason = match place % 3 {
                    0 => shutdown.triggered_blocking(),
                    1 => block_on(shutdown.triggered()),
                    _ => shutdown.triggered_blocking_timeout(Duration::MAX),
                };
                assert_eq!(reason, Ok(Reason::Requested));
                heard.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    assert_eq!(shutdown.triggered_blocking_timeout(Duration::ZERO), Err(WaitError::TimedOut));
    shutdown.trigger();
    for thread in waiting {
        thread.join().unwrap();
    }
    assert_eq!(heard.load(Ordering::SeqCst), 6);
}
