use core::future::pending;
use core::time::Duration;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use tokio::runtime::Builder;

use super::*;

type Log = Arc<Mutex<Vec<&'static str>>>;

fn note(log: &Log, what: &'static str) -> impl Future<Output = ()> + Send + 'static {
    let log = Arc::clone(log);
    async move {
        tokio::task::yield_now().await;
        log.lock().push(what);
    }
}

#[tokio::test]
async fn steps_are_run_in_the_order_in_which_they_are_given() {
    let (log, shutdown) = (Log::default(), Arc::new(Shutdown::new()));
    let steps = ["start 1", "start 2", "call 1", "call 2", "join 1", "join 2"].map(|what| note(&log, what));
    let [start_1, start_2, call_1, call_2, join_1, join_2] = steps;
    let mut service = Service::new(Arc::clone(&shutdown))
        .join("1", None, join_1)
        .callback("1", |_| call_1)
        .start_up("1", || start_1)
        .join("2", Duration::MAX, join_2)
        .callback("2", |_| call_2)
        .start_up("2", || start_2);
    let running = tokio::spawn(async move { service.run().await });
    while shutdown.phase() != Phase::Waiting {
        tokio::task::yield_now().await;
    }
    assert_eq!(*log.lock(), ["start 1", "start 2"]);
    shutdown.trigger();
    let report = running.await.unwrap().unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(*log.lock(), ["start 1", "start 2", "call 1", "call 2", "join 1", "join 2"]);
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_is_reported_and_keeps_nobody_from_being_run() {
    let (log, shutdown) = (Log::default(), Arc::new(Shutdown::new()));
    let aborted = tokio::spawn(pending::<()>());
    aborted.abort();
    let report = Service::new(Arc::clone(&shutdown))
        .start_up("fails", async || Err("on purpose"))
        .callback("panics", async |_| panics())
        .join("hour", Duration::from_hours(1), pending::<()>())
        .join("panics, too", None, async { panics() })
        .join_task("task", None, tokio::spawn(async { panics() }))
        .join_task("aborted", None, aborted)
        .join_thread("thread", None, thread::spawn(panics))
        .join("last", Duration::ZERO, async { Ok::<(), String>(()) })
        .join("noted", None, note(&log, "noted"))
        .run()
        .await
        .unwrap();
    assert_eq!(report.reason, Reason::StartUpFailed);
    let names: Vec<_> = report.problems.iter().map(|problem| problem.name).collect();
    assert_eq!(names, ["fails", "panics", "hour", "panics, too", "task", "aborted", "thread"]);
    assert!(report.late().eq(["hour"]));
    for problem in &report.problems {
        let panicked = ["panics", "panics, too", "task", "thread"].contains(&problem.name);
        assert_eq!(matches!(problem.trouble, Trouble::Panicked(_)), panicked, "{problem:?}");
    }
    assert_eq!(*log.lock(), ["noted"]);
}

fn panics() {
    panic!("on purpose");
}

#[tokio::test]
async fn a_run_that_is_dropped_gives_up_and_restores() {
    let shutdown = Arc::new(Shutdown::new());
    let mut service = Service::new(Arc::clone(&shutdown)).signals([signal::SIGUSR2]);
    {
        let mut run = core::pin::pin!(service.run());
        tokio::select! {
            biased;
            _ = &mut run => panic!("nothing has been triggered"),
            () = async {} => {}
        }
        assert_eq!(shutdown.phase(), Phase::Waiting);
        let second = Service::new(Arc::clone(&shutdown)).run().await;
        assert!(matches!(second, Err(ServiceError::Begin(BeginError::AlreadyRunning))));
    }
    assert_eq!(shutdown.phase(), Phase::Ended);
    assert!(matches!(service.run().await, Err(ServiceError::Begin(BeginError::Ended))));
    assert!(shutdown.rearm());
    shutdown.trigger();
    assert!(service.run().await.unwrap().is_clean());
}

#[test]
fn one_trigger_reaches_two_runtimes_and_plain_threads() {
    let shutdown = Arc::new(Shutdown::new());
    let runtimes = [(); 2].map(|()| Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap());
    let tasks: Vec<_> =
        runtimes.iter().map(|runtime| runtime.spawn(Shutdown::triggered_owned(Arc::clone(&shutdown)))).collect();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let shutdown = Arc::clone(&shutdown);
            thread::spawn(move || shutdown.triggered_blocking())
        })
        .collect();
    while shutdown.waiters() < 5 {
        thread::yield_now();
    }
    shutdown.trigger();
    for (task, runtime) in tasks.into_iter().zip(&runtimes) {
        assert_eq!(runtime.block_on(task).unwrap(), Ok(Reason::Requested));
    }
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(Reason::Requested));
    }
}

#[tokio::test]
async fn a_service_of_one_adapter_within_one_of_another() {
    let outer = Arc::new(tidegate_threads::Shutdown::new());
    let around = Arc::clone(&outer);
    let mut service = Service::new(Arc::new(Shutdown::new())).within(around);
    let inner = tokio::spawn(async move { service.run().await });
    let thread = thread::spawn(move || {
        outer.trigger_by(Reason::Signal(3));
        tidegate_threads::Service::new(outer).run()
    });
    assert_eq!(inner.await.unwrap().unwrap().reason, Reason::Signal(3));
    assert!(thread.join().unwrap().unwrap().is_clean());
}
