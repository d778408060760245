//! Work that has a thread only while there is something to do, against those who wake it.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test turns
//! ```
#![cfg(loom)]
#![forbid(unsafe_code)]

#[path = "../../../adapters/threads/src/generator/turns.rs"]
mod turns;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;
use tidegate_loom::model;

use turns::Turns;

/// Work that takes what is demanded, on threads of a pool that has as many as it likes.
struct Work {
    turns: Turns,
    /// Demanded and not done; whether a wake has been asked for, as a consumer's demand answers the producer's waker.
    demanded: Mutex<(usize, bool)>,
    /// How many threads are inside, and how many items they have made: guarded by turns alone.
    inside: AtomicUsize,
    done: AtomicUsize,
    /// How often it has to be run by somebody.
    submitted: AtomicUsize,
}

impl Work {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            turns: Turns::new(),
            demanded: Mutex::new((0, true)),
            inside: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            submitted: AtomicUsize::new(0),
        })
    }

    /// Wants one more, and wakes whoever has asked for it.
    fn demand(&self) {
        let asked = {
            let mut demanded = self.demanded.lock().unwrap();
            demanded.0 += 1;
            core::mem::take(&mut demanded.1)
        };
        if asked {
            self.wake();
        }
    }

    fn wake(&self) {
        if self.turns.wake() {
            self.submit();
        }
    }

    /// Hands it to the pool; what was done before is known to the thread that comes.
    fn submit(&self) {
        self.submitted.fetch_add(1, Ordering::Release);
    }

    /// What a thread of the pool does with it. `Work::run` of the generators in short.
    fn run(&self, gives_way: bool) {
        self.turns.run();
        assert_eq!(self.inside.fetch_add(1, Ordering::Relaxed), 0, "one thread at a time");
        loop {
            let wanted = {
                let mut demanded = self.demanded.lock().unwrap();
                demanded.1 = demanded.0 == 0;
                demanded.0.checked_sub(1).inspect(|&left| demanded.0 = left).is_some()
            };
            if wanted {
                self.done.fetch_add(1, Ordering::Relaxed);
                if gives_way {
                    self.inside.fetch_sub(1, Ordering::Relaxed);
                    self.turns.give_way();
                    self.submit();
                    return;
                }
                continue;
            }
            self.inside.fetch_sub(1, Ordering::Relaxed);
            if self.turns.rest() {
                return;
            }
            self.turns.run();
            assert_eq!(self.inside.fetch_add(1, Ordering::Relaxed), 0, "one thread at a time");
        }
    }

    /// Runs it if that has been asked for.
    fn serve(&self, gives_way: bool) {
        let claim = |submitted: usize| submitted.checked_sub(1);
        while self.submitted.fetch_update(Ordering::AcqRel, Ordering::Acquire, claim).is_ok() {
            self.run(gives_way);
        }
    }
}

/// Whatever is demanded is done, by whichever thread comes, and by one at a time.
fn all_that_is_demanded_is_done(gives_way: bool) {
    model(move || {
        let work = Work::new();
        let other = {
            let work = Arc::clone(&work);
            thread::spawn(move || {
                work.demand();
                // A waker may be woken for nothing.
                work.wake();
                work.serve(gives_way);
            })
        };
        work.demand();
        work.serve(gives_way);
        work.demand();
        work.serve(gives_way);
        other.join().unwrap();
        // What the one has submitted at last, after the other had looked.
        work.serve(gives_way);
        assert_eq!((work.demanded.lock().unwrap().0, work.done.load(Ordering::Relaxed)), (0, 3));
        // It rests; and once it is over, it is never submitted again.
        assert!(work.turns.discard() && !work.turns.wake());
        work.turns.end();
        assert!(!work.turns.discard() && !work.turns.wake());
    });
}

#[test]
fn all_that_is_demanded_is_done_in_one_go() {
    all_that_is_demanded_is_done(false);
}

#[test]
fn all_that_is_demanded_is_done_in_turns() {
    all_that_is_demanded_is_done(true);
}
