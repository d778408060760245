//! A thread that parks against those who give it notice: no notice is lost, nor what was done before it.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test notice
//! ```
#![cfg(loom)]
#![forbid(unsafe_code)]

#[path = "../../../adapters/threads/src/notice.rs"]
mod notice;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread::{self, Thread};
use tidegate_loom::model;

use notice::Notice;

/// What the thread waits for, without any ordering of its own: that is the notice's.
struct Shared {
    done: [AtomicUsize; 2],
    notice: Notice,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self { done: [AtomicUsize::new(0), AtomicUsize::new(0)], notice: Notice::new() })
    }

    /// Does its part, and gives notice of it.
    fn act(&self, part: usize, waiting: &Thread) {
        self.done[part].store(1, Ordering::Relaxed);
        if self.notice.give() {
            waiting.unpark();
        }
    }

    fn parts(&self) -> usize {
        self.done.iter().map(|done| done.load(Ordering::Relaxed)).sum()
    }

    /// As `block_on` does: looks, and waits until it is told to look again.
    fn wait_for(&self, parts: usize, mut park: impl FnMut() -> bool) {
        while self.parts() < parts {
            self.notice.wait(&mut park);
            self.notice.take();
        }
    }
}

/// Parks without an end. If nobody unparks it, loom says so.
fn park() -> bool {
    thread::park();
    false
}

#[test]
fn no_notice_is_lost() {
    model(|| {
        let shared = Shared::new();
        let here = thread::current();
        let threads = [0, 1].map(|part| {
            let (shared, here) = (Arc::clone(&shared), here.clone());
            thread::spawn(move || shared.act(part, &here))
        });
        shared.wait_for(2, park);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// The time is up now and then: the thread looks, and parks again, perhaps with a token that came too late.
#[test]
fn a_wait_cut_short_loses_nothing() {
    model(|| {
        let shared = Shared::new();
        let here = thread::current();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.act(0, &here);
                shared.act(1, &here);
            })
        };
        let mut cut_short = 2_u32;
        shared.wait_for(2, || match cut_short.checked_sub(1) {
            Some(left) => {
                cut_short = left;
                true
            }
            None => park(),
        });
        other.join().unwrap();
    });
}

/// Whoever is told that the time was up first has not been given notice by then, or hears of it the next time.
#[test]
fn the_answer_is_true() {
    model(|| {
        let shared = Shared::new();
        let here = thread::current();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.act(0, &here))
        };
        let in_time = shared.notice.wait(|| true);
        if in_time {
            assert!(shared.notice.wait(|| panic!("there is notice")), "until it is taken");
            shared.notice.take();
            assert_eq!(shared.parts(), 1);
        } else {
            shared.wait_for(1, park);
        }
        other.join().unwrap();
    });
}
