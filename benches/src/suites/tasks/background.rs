//! A ready future, handed to a loop on another thread, and its result waited for.

use core::future::pending;
use std::thread;

use tidegate_tokio::BackgroundLoop;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::harness::{Contenders, Group, Row, leak, repeat};

pub(super) fn group() -> Group {
    Group {
        name: "tasks/background",
        about: "a ready future run by a loop on a thread of its own, while the caller blocks",
        rows: vec![Row::new("schedule and wait", contenders).cores(2).at_most(1.1, "by hand")],
    }
}

fn contenders(row: &mut Contenders) {
    let background = leak(BackgroundLoop::new("tidegate").expect("a thread can be had"));
    let runtime = Builder::new_current_thread().enable_all().build().expect("threads can be had");
    let by_hand = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(pending::<()>()));
    row.add(
        "tidegate",
        repeat(|| {
            let mut handle = background.schedule(async { 7 }).expect("it is open");
            assert_eq!(handle.join_blocking().expect("it does not panic"), 7);
        }),
    )
    .add(
        "by hand",
        repeat(move || {
            let (sender, receiver) = oneshot::channel();
            by_hand.spawn(async move { sender.send(async { 7 }.await) });
            assert_eq!(receiver.blocking_recv(), Ok(7));
        }),
    );
}
