//! Background loops.

use core::future::pending;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use tidegate_threads::{JoinError, OnExit};

use super::{Loops, fail, job, until, yields};

pub(super) async fn results_reach_any_thread<L: Loops>() {
    let background = L::new(OnExit::Wait);
    thread::scope(|scope| {
        for place in 0..3 {
            let background = &background;
            scope.spawn(move || {
                let mut handle = background
                    .schedule(job(async move {
                        yields(2).await;
                        place
                    }))
                    .expect("it is open");
                assert_eq!(handle().expect("it does not panic"), place);
            });
        }
    });
    assert!(background.wait());
    assert!(background.leave().is_clean());
}

pub(super) async fn a_panic_does_not_end_the_loop<L: Loops>() {
    let background = L::new(OnExit::Wait);
    let mut failing = background.schedule(job(async { fail("on purpose") })).expect("it is open");
    drop(background.schedule(job(async { fail("unheard") })));
    assert!(failing().expect_err("it panicked").into_panic().is_ok());
    let mut fine = background.schedule(job(async { 3 })).expect("it is open");
    assert_eq!(fine().expect("it does not panic"), 3);
    assert_eq!(background.leave().unobserved_failures, 1);
}

pub(super) async fn who_waits_within_is_told_so<L: Loops>() {
    let background = Arc::new(L::new(OnExit::Cancel));
    let inside = Arc::clone(&background);
    let (done, told) = mpsc::channel();
    let within = job(async move {
        let mut never = inside.schedule(job(pending())).expect("it is open");
        let handle = matches!((never(), never()), (Err(JoinError::WouldDeadlock), Err(JoinError::WouldDeadlock)));
        let wait = !inside.wait();
        drop(inside);
        done.send((handle, wait)).expect("somebody listens");
        0
    });
    let mut within = background.schedule(within).expect("it is open");
    assert_eq!(told.recv(), Ok((true, true)));
    within().expect("it does not panic");
    let background = Arc::into_inner(background).expect("the other one has been dropped");
    assert_eq!(background.leave().aborted, 1);
}

pub(super) async fn left_it_waits_or_cancels_as_configured<L: Loops>() {
    let background = L::new(OnExit::Cancel);
    let mut stuck = background.schedule(job(pending())).expect("it is open");
    assert_eq!(background.leave().aborted, 1);
    assert!(matches!(stuck(), Err(JoinError::Aborted)));

    let background = L::new(OnExit::Wait);
    let gate = Arc::new(AtomicU32::new(0));
    let opened = Arc::clone(&gate);
    let mut late = background
        .schedule(job(async move {
            until(|| opened.load(Ordering::Acquire) > 0).await;
            7
        }))
        .expect("it is open");
    let opener = thread::spawn(move || gate.store(1, Ordering::Release));
    assert!(background.leave().is_clean());
    opener.join().expect("it does not panic");
    assert_eq!(late().expect("it was waited for"), 7);
}
