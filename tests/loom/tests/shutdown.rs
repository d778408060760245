//! Shutdown, thread against thread: the trigger against those who wait, the end of nested scopes against the run.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test shutdown
//! ```
//!
//! A waiter that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::future::{Future, pending};
use core::pin::pin;
use core::task::{Context, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use tidegate_core::Heap;
use tidegate_core::shutdown::{Reason, Shutdown};
use tidegate_loom::{Loom, Step, model};

type Shared = Arc<Shutdown<Loom, Heap, Step>>;

fn shared() -> Shared {
    Arc::new(Shutdown::with_timer(Step::new()))
}

#[test]
fn a_trigger_reaches_who_waits_and_the_run() {
    model(|| {
        let shutdown = shared();
        let waiting = Arc::clone(&shutdown);
        let waiter = thread::spawn(move || block_on(waiting.triggered()));
        let running = Arc::clone(&shutdown);
        let run = thread::spawn(move || {
            let run = running.begin().expect("it is the only one");
            block_on(run.triggered()).joins().finish().is_clean()
        });
        shutdown.trigger();
        assert_eq!(waiter.join().unwrap(), Ok(Reason::Requested));
        assert!(run.join().unwrap());
    });
}

/// Who sees the trigger without the lock sees what was done before it.
#[test]
fn what_was_done_before_the_trigger_is_seen_after_it() {
    model(|| {
        let (shutdown, work) = (shared(), Arc::new(AtomicUsize::new(0)));
        let (looking, done) = (Arc::clone(&shutdown), Arc::clone(&work));
        let looker = thread::spawn(move || !looking.is_triggered() || done.load(Ordering::Relaxed) == 1);
        work.store(1, Ordering::Relaxed);
        shutdown.trigger();
        assert!(looker.join().unwrap());
    });
}

#[test]
fn one_who_gives_up_keeps_nobody_from_hearing() {
    model(|| {
        let shutdown = shared();
        let fickle = Arc::clone(&shutdown);
        let gone = thread::spawn(move || {
            let _ = pin!(fickle.triggered()).poll(&mut Context::from_waker(Waker::noop()));
        });
        let waiting = Arc::clone(&shutdown);
        let waiter = thread::spawn(move || block_on(waiting.triggered()));
        shutdown.trigger();
        assert!(waiter.join().unwrap().is_ok());
        gone.join().unwrap();
        assert_eq!(shutdown.waiters(), 0);
    });
}

#[test]
fn the_end_of_a_nested_scope_lets_the_run_go_on() {
    model(|| {
        let (shutdown, ended) = (shared(), Arc::new(AtomicUsize::new(0)));
        let run = shutdown.begin().expect("it is the only one");
        let within = Shutdown::nest_owned(Arc::clone(&shutdown));
        let (inner, end) = (Arc::clone(&shutdown), Arc::clone(&ended));
        let nested = thread::spawn(move || {
            block_on(inner.triggered_reason());
            end.store(1, Ordering::Relaxed);
            drop(within);
        });
        shutdown.trigger();
        let callbacks = block_on(run.triggered());
        assert_eq!(ended.load(Ordering::Relaxed), 1);
        drop(callbacks);
        nested.join().unwrap();
    });
}

#[test]
fn a_second_signal_cuts_a_join_short() {
    model(|| {
        let shutdown = shared();
        let run = shutdown.begin().expect("it is the only one");
        shutdown.trigger_by(Reason::Signal(2));
        let mut joins = block_on(run.triggered()).joins();
        let second = Arc::clone(&shutdown);
        let signal = thread::spawn(move || second.trigger_by(Reason::Signal(2)));
        let late = block_on(joins.join("join", None, pending::<()>()));
        assert!(late.is_err_and(|late| late.forced));
        signal.join().unwrap();
    });
}
