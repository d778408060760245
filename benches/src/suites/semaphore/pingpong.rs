//! Two threads that wait for each other in turn.

use core::hint;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::harness::{Batch, Contenders, Group, Placement, Row, leak, race_threads};

pub(super) fn group() -> Group {
    let row = |label, placement: Placement| {
        Row::new(label, move |row| contenders(row, placement))
            .cores(placement.cores())
            .at_most(1.2, "kanal bounded(1)")
    };
    Group {
        name: "semaphore/ping-pong",
        about: "two threads that block for each other in turn, two semaphores; half of there and back",
        rows: vec![row("two cores", Placement::Apart), row("one core", Placement::Together)],
    }
}

fn contenders(row: &mut Contenders, placement: Placement) {
    row.add("tidegate", tidegate(placement))
        .add("kanal bounded(1)", kanal(placement))
        .add("std mpsc sync_channel(1)", std_mpsc(placement))
        .add("async-lock", async_lock(placement));
    match placement {
        Placement::Apart => row.add("atomics, spinning", atomics(placement, hint::spin_loop)),
        Placement::Together => row.add("atomics, yielding", atomics(placement, thread::yield_now)),
    };
}

fn tidegate(placement: Placement) -> impl FnMut(u64) -> Batch + 'static {
    type Semaphore = tidegate_threads::Semaphore;

    fn pass(to: &Semaphore) {
        to.add_permits(1).expect("one at a time");
    }

    fn take(from: &Semaphore) {
        from.acquire_blocking().expect("open").forget();
    }

    let (there, back) = (leak(Semaphore::new(0)), leak(Semaphore::new(0)));
    rally(
        placement,
        || {
            pass(there);
            take(back);
        },
        || {
            take(there);
            pass(back);
        },
    )
}

fn kanal(placement: Placement) -> impl FnMut(u64) -> Batch + 'static {
    let (there, back) = (kanal::bounded::<()>(1), kanal::bounded::<()>(1));
    rally(
        placement,
        move || {
            there.0.send(()).expect("open");
            back.1.recv().expect("open");
        },
        move || {
            there.1.recv().expect("open");
            back.0.send(()).expect("open");
        },
    )
}

fn std_mpsc(placement: Placement) -> impl FnMut(u64) -> Batch + 'static {
    let (there, back) = (mpsc::sync_channel::<()>(1), mpsc::sync_channel::<()>(1));
    rally(
        placement,
        move || {
            there.0.send(()).expect("open");
            back.1.recv().expect("open");
        },
        move || {
            there.1.recv().expect("open");
            back.0.send(()).expect("open");
        },
    )
}

fn async_lock(placement: Placement) -> impl FnMut(u64) -> Batch + 'static {
    type Semaphore = async_lock::Semaphore;

    let (there, back) = (leak(Semaphore::new(0)), leak(Semaphore::new(0)));
    rally(
        placement,
        || {
            there.add_permits(1);
            back.acquire_blocking().forget();
        },
        || {
            there.acquire_blocking().forget();
            back.add_permits(1);
        },
    )
}

/// The floor: two words, and no way to sleep.
fn atomics(placement: Placement, pause: fn()) -> impl FnMut(u64) -> Batch + 'static {
    let (there, back) = (leak(AtomicUsize::new(0)), leak(AtomicUsize::new(0)));
    let take = move |from: &AtomicUsize| {
        while from.compare_exchange_weak(1, 0, Ordering::Acquire, Ordering::Relaxed).is_err() {
            pause();
        }
    };
    rally(
        placement,
        move || {
            there.store(1, Ordering::Release);
            take(back);
        },
        move || {
            take(there);
            back.store(1, Ordering::Release);
        },
    )
}

/// Batches in which one thread repeats `serve` and another `answer`; an operation is one way.
fn rally(
    placement: Placement,
    mut serve: impl FnMut() + Send + 'static,
    mut answer: impl FnMut() + Send + 'static,
) -> impl FnMut(u64) -> Batch + 'static {
    move |operations| {
        let turns = operations.div_ceil(2);
        let serve = || (0..turns).for_each(|_| serve());
        let answer = || (0..turns).for_each(|_| answer());
        Batch { operations: 2 * turns, elapsed: race_threads(placement, serve, answer) }
    }
}
