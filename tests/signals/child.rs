//! What children do.

use core::error::Error;
use core::fmt::Display;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{self, Write};
use std::sync::Arc;
use std::thread;

use tidegate_tests::{Hook, poll_with};
use tidegate_threads::shutdown::{Phase, SecondSignal};
use tidegate_threads::{Service, Shutdown, signal};
use tidegate_tokio as on_tokio;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal as tokio_signal};

const SIGNALS: [i32; 3] = [signal::SIGINT, signal::SIGTERM, signal::SIGHUP];

fn say(what: impl Display) {
    let mut out = io::stdout().lock();
    writeln!(out, "{what}").and_then(|()| out.flush()).expect("the parent listens");
}

/// Waits until the parent says so.
fn wait() {
    io::stdin().read_line(&mut String::new()).expect("the parent speaks plain text");
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be had")
}

/// Plays a role to its end.
pub(crate) fn play(role: &str) {
    let played = match role {
        "threads" => threads(SecondSignal::ForceExit),
        "threads, ignoring" => threads(SecondSignal::Ignore),
        "tokio" => tokio(SecondSignal::ForceExit),
        "tokio, ignoring" => tokio(SecondSignal::Ignore),
        "slow start" => slow_start(),
        "slow start on tokio" => slow_start_on_tokio(),
        "triggered" => triggered(),
        "chained" => chained(),
        "chained on tokio" => chained_on_tokio(),
        "again" => again(),
        "nested" => nested(),
        "crowd" => crowd(),
        "bad waker" => bad_waker(),
        _ => Err(format!("there is no role {role}").into()),
    };
    if let Err(error) = played {
        say(format_args!("error: {error}"));
    }
}

type Played = Result<(), Box<dyn Error>>;

/// A join that waits for the parent, and then the time after the run.
fn threads(second: SecondSignal) -> Played {
    let report = Service::new(Arc::new(Shutdown::with_second_signal(second)))
        .signals(SIGNALS)
        .start_up("start", || say("started"))
        .callback("stop", |reason| say(format_args!("stopping: {reason}")))
        .join("parent", Duration::MAX, || {
            say("joining");
            wait();
        })
        .join("last", Duration::from_secs(30), || say("joined"))
        .run()?;
    say(report);
    wait();
    Ok(())
}

fn tokio(second: SecondSignal) -> Played {
    one_thread().block_on(async {
        let report = on_tokio::Service::new(Arc::new(on_tokio::Shutdown::with_second_signal(second)))
            .signals(SIGNALS)
            .start_up("start", async || say("started"))
            .callback("stop", async |reason| say(format_args!("stopping: {reason}")))
            .join("parent", Duration::MAX, async {
                say("joining");
                tokio::task::spawn_blocking(wait).await
            })
            .join("last", Duration::from_secs(30), async { say("joined") })
            .run()
            .await?;
        say(report);
        wait();
        Ok(())
    })
}

/// A signal comes while things are being started.
fn slow_start() -> Played {
    static SHUTDOWN: Shutdown = Shutdown::new();

    let report = Service::new(&SHUTDOWN)
        .signals(SIGNALS)
        .start_up("slow", || {
            say("starting");
            SHUTDOWN.triggered_blocking()?;
            say("heard");
            Ok::<(), tidegate_threads::shutdown::WaitError>(())
        })
        .start_up("next", || say("started"))
        .callback("stop", |reason| say(format_args!("stopping: {reason}")))
        .run()?;
    say(report);
    Ok(())
}

fn slow_start_on_tokio() -> Played {
    static SHUTDOWN: on_tokio::Shutdown = on_tokio::Shutdown::new();

    let report = one_thread().block_on(
        on_tokio::Service::new(&SHUTDOWN)
            .signals(SIGNALS)
            .start_up("slow", async || {
                say("starting");
                SHUTDOWN.triggered().await?;
                say("heard");
                Ok::<(), on_tokio::shutdown::WaitError>(())
            })
            .start_up("next", async || say("started"))
            .callback("stop", async |reason| say(format_args!("stopping: {reason}")))
            .run(),
    )?;
    say(report);
    Ok(())
}

/// It ends of itself, and then a first signal comes.
fn triggered() -> Played {
    static SHUTDOWN: Shutdown = Shutdown::new();

    SHUTDOWN.trigger();
    let report = Service::new(&SHUTDOWN)
        .signals(SIGNALS)
        .join("parent", None, || {
            say("joining");
            wait();
        })
        .run()?;
    say(report);
    Ok(())
}

/// Another handler was there before, and is called during the run and after it.
fn chained() -> Played {
    let heard = Arc::new(AtomicUsize::new(0));
    let mut earlier = signal_hook::iterator::Signals::new([signal::SIGINT])?;
    let counter = Arc::clone(&heard);
    thread::spawn(move || {
        for _ in earlier.forever() {
            say(format_args!("heard {}", counter.fetch_add(1, Ordering::SeqCst) + 1));
        }
    });
    let shutdown = Arc::new(Shutdown::new());
    let report = Service::new(shutdown).signals(SIGNALS).start_up("start", || say("started")).run()?;
    wait();
    say(report);
    wait();
    Ok(())
}

/// Tokio's own handler was there before.
fn chained_on_tokio() -> Played {
    one_thread().block_on(async {
        let mut earlier = tokio_signal(SignalKind::interrupt())?;
        let report = on_tokio::Service::new(Arc::new(on_tokio::Shutdown::new()))
            .signals(SIGNALS)
            .start_up("start", async || say("started"))
            .run()
            .await?;
        earlier.recv().await;
        say("tokio heard");
        say(report);
        earlier.recv().await;
        say("tokio heard");
        Ok(())
    })
}

/// Two runs, one after the other, and signals in between.
fn again() -> Played {
    let shutdown = Arc::new(Shutdown::new());
    for run in 1..=2 {
        let report = Service::new(Arc::clone(&shutdown))
            .signals([signal::SIGTERM])
            .start_up("start", move || say(format_args!("run {run}")))
            .run()?;
        say(report);
        shutdown.rearm();
    }
    wait();
    Ok(())
}

/// One signal, two scopes that hear of it.
fn nested() -> Played {
    static OUTER: Shutdown = Shutdown::new();
    static INNER: on_tokio::Shutdown = on_tokio::Shutdown::new();

    let inner = thread::spawn(|| {
        one_thread().block_on(async {
            let report = on_tokio::Service::new(&INNER)
                .signals(SIGNALS)
                .within(&OUTER)
                .start_up("start", async || say("inner started"))
                .callback("stop", async |_| {
                    tokio::task::yield_now().await;
                    say("inner stops");
                })
                .run()
                .await;
            report.is_ok_and(|report| report.is_clean())
        })
    });
    // The outer one starts once the inner one has.
    while INNER.phase() != Phase::Waiting {
        thread::yield_now();
    }
    let report = Service::new(&OUTER)
        .signals(SIGNALS)
        .start_up("start", || say("outer started"))
        .callback("stop", |_| say("outer stops"))
        .join_thread("inner", Duration::from_secs(30), inner)
        .run()?;
    say(report);
    Ok(())
}

/// Two runtimes and three plain threads, of which three run services of their own, and all hear of it.
fn crowd() -> Played {
    static SHARED: Shutdown = Shutdown::new();

    let runtimes = [(); 2].map(|()| Builder::new_multi_thread().worker_threads(1).enable_time().build());
    let owns = [(); 2].map(|()| Arc::new(on_tokio::Shutdown::new()));
    let services: Vec<_> = runtimes
        .into_iter()
        .zip(owns.clone())
        .map(|(runtime, own)| {
            thread::spawn(move || -> Option<(bool, bool)> {
                let runtime = runtime.ok()?;
                let shared = runtime.spawn(Shutdown::triggered_owned(&SHARED));
                let report =
                    runtime.block_on(on_tokio::Service::new(own).signals([signal::SIGTERM]).run()).ok()?;
                Some((report.is_clean(), runtime.block_on(shared).ok()?.is_ok()))
            })
        })
        .collect();
    let plain = thread::spawn(|| SHARED.triggered_blocking());
    let own = Arc::new(Shutdown::new());
    let other = Arc::clone(&own);
    let listening = thread::spawn(move || Service::new(other).signals(SIGNALS).run().is_ok());
    let looking = thread::spawn(|| {
        while !SHARED.is_triggered() {
            thread::yield_now();
        }
    });
    let mut main = Service::new(&SHARED)
        .signals(SIGNALS)
        .start_up("all wait", move || {
            let all_listen = || {
                let tasks = owns.iter().all(|own| own.phase() == Phase::Waiting);
                tasks && own.phase() == Phase::Waiting
            };
            while SHARED.waiters() < 3 || !all_listen() {
                thread::yield_now();
            }
            say("all wait");
        })
        .join_thread("plain", Duration::from_secs(30), plain)
        .join_thread("listening", Duration::from_secs(30), listening)
        .join_thread("looking", Duration::from_secs(30), looking);
    let report = main.run()?;
    say(report);
    for service in services {
        say(format_args!("{:?}", service.join().ok().flatten()));
    }
    Ok(())
}

/// Somebody waits for the end whose waker panics.
fn bad_waker() -> Played {
    static SHUTDOWN: Shutdown = Shutdown::new();

    let mut waiting = Box::pin(SHUTDOWN.triggered());
    let bad = Hook::waker(
        || {
            say("panicking");
            panic!("on purpose");
        },
        || (),
    );
    assert!(poll_with(&mut waiting, &bad).is_pending());
    let report = Service::new(&SHUTDOWN)
        .signals(SIGNALS)
        .start_up("start", || say("started"))
        .callback("stop", |reason| say(format_args!("stopping: {reason}")))
        .join("parent", Duration::MAX, wait)
        .run()?;
    say(report);
    Ok(())
}
