//! Lockouts, thread against thread: the fast path against the lock path, the end against those who leave.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test lockout
//! ```
//!
//! A waiter that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};
use core::time::Duration;

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use tidegate_core::Heap;
use tidegate_core::lockout::{InOrder, Lockout, Order, Together};
use tidegate_loom::{Loom, Step, model};

type Shared<O> = Arc<Lockout<Loom, Heap, Step, O>>;

fn shared<O: Order>(clock: &Step) -> Shared<O> {
    Arc::new(Lockout::with_timer(clock.clone()))
}

fn waiter<O: Order>(lockout: &Shared<O>) -> thread::JoinHandle<()> {
    let lockout = Arc::clone(lockout);
    thread::spawn(move || block_on(lockout.wait()).expect("there is room on the heap"))
}

/// Takes a place in line, and gives it up.
fn fickle<O: Order>(lockout: &Shared<O>) -> thread::JoinHandle<()> {
    let lockout = Arc::clone(lockout);
    thread::spawn(move || {
        let mut wait = pin!(lockout.wait());
        let _ = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    })
}

fn at_rest<O: Order>(lockout: &Shared<O>) {
    assert_eq!(lockout.waiters(), 0);
    assert!(lockout.try_pass().is_ok());
}

/// Whoever is there when the last lockout ends gets through, though the first in line gives up meanwhile.
fn cancel_against_the_end<O: Order>() {
    model(|| {
        let clock = Step::new();
        let lockout = shared::<O>(&clock);
        lockout.lock_until(Step::END).unwrap();
        let threads = [fickle(&lockout), waiter(&lockout)];
        clock.advance();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        at_rest(&lockout);
    });
}

#[test]
fn cancel_against_the_end_together() {
    cancel_against_the_end::<Together>();
}

#[test]
fn cancel_against_the_end_in_order() {
    cancel_against_the_end::<InOrder>();
}

fn two_wait_for_the_end<O: Order>() {
    model(|| {
        let clock = Step::new();
        let lockout = shared::<O>(&clock);
        lockout.lock_until(Step::END).unwrap();
        let threads = [waiter(&lockout), waiter(&lockout)];
        clock.advance();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        at_rest(&lockout);
    });
}

#[test]
fn two_wait_for_the_end_together() {
    two_wait_for_the_end::<Together>();
}

#[test]
fn two_wait_for_the_end_in_order() {
    two_wait_for_the_end::<InOrder>();
}

/// A lift, of the longer of two lockouts or of the only one, against those who wait.
fn lift_against_wait<O: Order>(other: bool) {
    model(move || {
        let clock = Step::new();
        let lockout = shared::<O>(&clock);
        let key = lockout.lock_for(Duration::MAX).unwrap();
        if other {
            lockout.lock_until(Step::END).unwrap();
        }
        let threads = [waiter(&lockout), waiter(&lockout)];
        assert!(lockout.lift(key));
        clock.advance();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        at_rest(&lockout);
    });
}

#[test]
fn lift_against_wait_together() {
    lift_against_wait::<Together>(false);
    lift_against_wait::<Together>(true);
}

#[test]
fn lift_against_wait_in_order() {
    lift_against_wait::<InOrder>(false);
    lift_against_wait::<InOrder>(true);
}

/// A lockout that is extended and lifted while somebody waits and somebody gives up.
fn everything_at_once<O: Order>() {
    model(|| {
        let clock = Step::new();
        let lockout = shared::<O>(&clock);
        let key = lockout.lock_for(Duration::MAX).unwrap();
        let threads = [fickle(&lockout), waiter(&lockout)];
        assert!(lockout.lift(key));
        let again = lockout.lock_for(Duration::MAX).unwrap();
        assert!(lockout.lift(again));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        at_rest(&lockout);
    });
}

#[test]
fn lifted_and_locked_again_together() {
    everything_at_once::<Together>();
}

#[test]
fn lifted_and_locked_again_in_order() {
    everything_at_once::<InOrder>();
}

/// Whoever knows of a lockout does not pass, and whoever passes sees what was done before the lift.
#[test]
fn the_fast_path_agrees_with_the_lock() {
    model(|| {
        let clock = Step::new();
        let lockout = shared::<Together>(&clock);
        let stage = Arc::new(AtomicUsize::new(0));
        let thread = {
            let (lockout, stage) = (Arc::clone(&lockout), Arc::clone(&stage));
            thread::spawn(move || {
                let key = lockout.lock_for(Duration::MAX).unwrap();
                stage.store(1, Ordering::Release);
                stage.store(2, Ordering::Relaxed);
                lockout.lift(key);
            })
        };
        let locked = stage.load(Ordering::Acquire) == 1;
        if lockout.try_pass().is_ok() && locked {
            assert_eq!(stage.load(Ordering::Relaxed), 2, "it passed before the lift");
        }
        thread.join().unwrap();
        at_rest(&lockout);
    });
}
