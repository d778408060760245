//! The semaphore's fast path against its slow one, thread against thread.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml
//! ```
//!
//! A waiter that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::task::Poll;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use tidegate_core::Priority;
use tidegate_core::semaphore::{AcquireError, Config, HeadOfLine, TryAcquireError};
use tidegate_loom::{Room, Semaphore, model, model_with_preemptions, poll_once};

/// A semaphore to be shared.
fn shared(permits: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(permits))
}

/// All is over: so many permits are free, nobody waits, and the fast path is open again.
fn at_rest(semaphore: &Semaphore, permits: usize) {
    assert_eq!((semaphore.available_permits(), semaphore.waiters()), (permits, 0));
    if permits > 0 {
        let all = semaphore.try_acquire_many(permits).expect("all are free");
        assert_eq!(semaphore.try_acquire().err(), Some(TryAcquireError::NoPermits));
        drop(all);
        assert_eq!(semaphore.available_permits(), permits);
    }
}

/// Waits for a permit and visits the room.
fn wait_and_visit(semaphore: &Arc<Semaphore>, room: &Arc<Room>) -> thread::JoinHandle<()> {
    let (semaphore, room) = (Arc::clone(semaphore), Arc::clone(room));
    thread::spawn(move || room.visit(block_on(semaphore.acquire()).expect("nobody closes it")))
}

/// Waits for permits, and answers whether it had them.
fn wait_for(semaphore: &Arc<Semaphore>, permits: usize) -> thread::JoinHandle<bool> {
    let semaphore = Arc::clone(semaphore);
    thread::spawn(move || match block_on(semaphore.acquire_many(permits)) {
        Ok(permit) => permit.count() == permits,
        Err(error) => {
            assert_eq!(error, AcquireError::Closed);
            false
        }
    })
}

#[test]
fn one_permit_keeps_three_who_try_apart() {
    model(|| {
        let (semaphore, room) = (shared(1), Room::new());
        let threads = [(); 2].map(|()| {
            let (semaphore, room) = (Arc::clone(&semaphore), Arc::clone(&room));
            thread::spawn(move || match semaphore.try_acquire() {
                Ok(permit) => {
                    room.visit(permit);
                    1
                }
                Err(error) => {
                    assert_eq!(error, TryAcquireError::NoPermits);
                    0
                }
            })
        });
        let mut visits = 0;
        if let Ok(permit) = semaphore.try_acquire() {
            room.visit(permit);
            visits += 1;
        }
        visits += threads.map(|thread| thread.join().unwrap()).into_iter().sum::<usize>();
        assert!(visits >= 1, "the first to try has it");
        assert_eq!(room.visits(), visits);
        at_rest(&semaphore, 1);
    });
}

#[test]
fn a_permit_goes_from_the_fast_path_to_a_waiter() {
    model(|| {
        let (semaphore, room) = (shared(1), Room::new());
        let waiter = wait_and_visit(&semaphore, &room);
        if let Ok(permit) = semaphore.try_acquire() {
            room.visit(permit);
            room.visit(block_on(semaphore.acquire()).unwrap());
        } else {
            room.visit(block_on(semaphore.acquire()).unwrap());
            room.visit(block_on(semaphore.acquire()).unwrap());
        }
        waiter.join().unwrap();
        assert_eq!(room.visits(), 3);
        at_rest(&semaphore, 1);
    });
}

#[test]
fn two_waiters_and_one_permit() {
    model(|| {
        let (semaphore, room) = (shared(1), Room::new());
        let held = semaphore.try_acquire().unwrap();
        let first = wait_and_visit(&semaphore, &room);
        let second = wait_and_visit(&semaphore, &room);
        room.visit(held);
        first.join().unwrap();
        second.join().unwrap();
        assert_eq!(room.visits(), 3);
        at_rest(&semaphore, 1);
    });
}

#[test]
fn two_waiters_of_different_urgency() {
    model(|| {
        let (semaphore, room) = (shared(1), Room::new());
        let held = semaphore.try_acquire().unwrap();
        let threads = [3, -3].map(|priority| {
            let (semaphore, room) = (Arc::clone(&semaphore), Arc::clone(&room));
            thread::spawn(move || {
                room.visit(block_on(semaphore.acquire().priority(Priority(priority))).unwrap());
            })
        });
        room.visit(held);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(room.visits(), 3);
        at_rest(&semaphore, 1);
    });
}

#[test]
fn two_permits_and_waiters_for_one_and_for_both() {
    model(|| {
        let semaphore = shared(2);
        let both = wait_for(&semaphore, 2);
        let one = wait_for(&semaphore, 1);
        if let Ok(permit) = semaphore.try_acquire() {
            drop(permit);
        }
        assert!(both.join().unwrap() && one.join().unwrap());
        at_rest(&semaphore, 2);
    });
}

#[test]
fn halves_given_back_by_two_threads_serve_a_waiter_for_both() {
    model(|| {
        let semaphore = shared(2);
        let mut one = Semaphore::try_acquire_owned(Arc::clone(&semaphore), 2).unwrap();
        let other = one.split(1).unwrap();
        let threads = [one, other].map(|half| thread::spawn(move || drop(half)));
        let both = block_on(semaphore.acquire_many(2)).unwrap();
        for thread in threads {
            thread.join().unwrap();
        }
        drop(both);
        at_rest(&semaphore, 2);
    });
}

#[test]
fn a_waiter_cancelled_while_its_permit_comes_loses_nothing() {
    model(|| {
        let semaphore = shared(1);
        let held = semaphore.try_acquire().unwrap();
        let cancelled = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                let mut acquire = semaphore.acquire();
                let polled = poll_once(&mut acquire).is_ready();
                drop(acquire);
                polled
            })
        };
        drop(held);
        cancelled.join().unwrap();
        at_rest(&semaphore, 1);
    });
}

#[test]
fn a_granted_waiter_cancelled_wakes_the_next() {
    model(|| {
        let (semaphore, room) = (shared(1), Room::new());
        let held = semaphore.try_acquire().unwrap();
        let mut head = Semaphore::acquire_owned(Arc::clone(&semaphore), 1);
        assert!(poll_once(&mut head).is_pending());
        let next = wait_and_visit(&semaphore, &room);
        let cancelled = thread::spawn(move || drop(head));
        room.visit(held);
        next.join().unwrap();
        cancelled.join().unwrap();
        assert_eq!(room.visits(), 2);
        at_rest(&semaphore, 1);
    });
}

#[test]
fn a_large_head_cancelled_wakes_those_behind() {
    model(|| {
        let semaphore = shared(1);
        let mut head = Semaphore::acquire_owned(Arc::clone(&semaphore), 2);
        assert!(poll_once(&mut head).is_pending());
        let next = wait_for(&semaphore, 1);
        drop(head);
        assert!(next.join().unwrap());
        at_rest(&semaphore, 1);
    });
}

#[test]
fn close_reaches_who_waits_and_who_is_about_to() {
    model(|| {
        let semaphore = shared(0);
        let waiters = [wait_for(&semaphore, 1), wait_for(&semaphore, 1)];
        semaphore.close();
        assert_eq!(waiters.map(|waiter| waiter.join().unwrap()), [false, false]);
        assert_eq!(semaphore.try_acquire().err(), Some(TryAcquireError::Closed));
        assert_eq!(semaphore.waiters(), 0);
    });
}

#[test]
fn close_against_a_permit_that_comes_back() {
    model(|| {
        let semaphore = shared(1);
        let held = semaphore.try_acquire().unwrap();
        let waiter = wait_for(&semaphore, 1);
        let closer = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.close())
        };
        drop(held);
        let _either = waiter.join().unwrap();
        closer.join().unwrap();
        assert!(semaphore.is_closed());
        assert_eq!((semaphore.available_permits(), semaphore.waiters()), (1, 0));
        assert_eq!(semaphore.try_acquire().err(), Some(TryAcquireError::Closed));
    });
}

#[test]
fn close_wakes_more_than_one_batch() {
    model(|| {
        let semaphore = shared(0);
        let mut queued = [(); 3].map(|()| Semaphore::acquire_owned(Arc::clone(&semaphore), 1));
        for acquire in &mut queued {
            assert!(poll_once(acquire).is_pending());
        }
        let [mut first, mut second, third] = queued;
        // The last of them is in the second batch.
        let last = thread::spawn(move || block_on(third).is_err());
        semaphore.close();
        assert!(last.join().unwrap());
        for acquire in [&mut first, &mut second] {
            assert!(matches!(poll_once(acquire), Poll::Ready(Err(AcquireError::Closed))));
        }
    });
}

#[test]
fn added_permits_wake_more_than_one_batch() {
    model_with_preemptions(2, || {
        let semaphore = shared(0);
        let mut queued = [(); 3].map(|()| Semaphore::acquire_owned(Arc::clone(&semaphore), 1));
        for acquire in &mut queued {
            assert!(poll_once(acquire).is_pending());
        }
        let [first, second, third] = queued;
        // The last of them is in the second batch.
        let last = thread::spawn(move || block_on(third).is_ok());
        let newcomer = wait_for(&semaphore, 1);
        semaphore.add_permits(3).unwrap();
        assert!(last.join().unwrap());
        drop((first, second));
        assert!(newcomer.join().unwrap());
        at_rest(&semaphore, 3);
    });
}

#[test]
fn added_permits_show_what_was_done_before_them() {
    model(|| {
        let (semaphore, room) = (shared(0), Room::new());
        let threads = [false, true].map(|waits| {
            let (semaphore, room) = (Arc::clone(&semaphore), Arc::clone(&room));
            thread::spawn(move || {
                let permit = if waits { block_on(semaphore.acquire()).ok() } else { semaphore.try_acquire().ok() };
                assert!(permit.is_none() || room.visits() == 1);
            })
        });
        room.open();
        semaphore.add_permits(1).unwrap();
        for thread in threads {
            thread.join().unwrap();
        }
        at_rest(&semaphore, 1);
    });
}

#[test]
fn added_permits_and_returned_ones_serve_a_waiter_together() {
    model(|| {
        let semaphore = shared(1);
        let held = semaphore.try_acquire().unwrap();
        let both = wait_for(&semaphore, 2);
        let adder = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.add_permits(1).unwrap())
        };
        drop(held);
        adder.join().unwrap();
        assert!(both.join().unwrap());
        at_rest(&semaphore, 2);
    });
}

#[test]
fn a_permit_taken_out_of_existence_vanishes_once() {
    model(|| {
        let semaphore = shared(2);
        let held = Semaphore::try_acquire_owned(Arc::clone(&semaphore), 1).unwrap();
        let release = thread::spawn(move || drop(held));
        let reducer = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || assert_eq!(semaphore.reduce_permits(2), 2))
        };
        if let Ok(permit) = semaphore.try_acquire() {
            drop(permit);
        }
        release.join().unwrap();
        reducer.join().unwrap();
        at_rest(&semaphore, 0);
        semaphore.add_permits(1).unwrap();
        at_rest(&semaphore, 1);
    });
}

#[test]
fn a_forgotten_permit_stays_away() {
    model(|| {
        let semaphore = shared(2);
        let forgotten = Semaphore::try_acquire_owned(Arc::clone(&semaphore), 1).unwrap();
        let held = semaphore.try_acquire().unwrap();
        let forgetter = thread::spawn(move || forgotten.forget());
        let waiter = wait_for(&semaphore, 1);
        drop(held);
        forgetter.join().unwrap();
        assert!(waiter.join().unwrap());
        at_rest(&semaphore, 1);
    });
}

#[test]
fn who_barges_strands_nobody() {
    model(|| {
        let semaphore = Arc::new(Semaphore::with_config(1, Config::new().barging(true)));
        let held = semaphore.try_acquire().unwrap();
        let waiter = wait_for(&semaphore, 1);
        let barger = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(semaphore.try_acquire()))
        };
        drop(held);
        assert!(waiter.join().unwrap());
        barger.join().unwrap();
        at_rest(&semaphore, 1);
    });
}

#[test]
fn who_passes_a_large_request_strands_nobody() {
    model(|| {
        let config = Config::new().head_of_line(HeadOfLine::Bypass { at_most: 1 });
        let semaphore = Arc::new(Semaphore::with_config(2, config));
        let held = semaphore.try_acquire().unwrap();
        let large = wait_for(&semaphore, 2);
        let small = wait_for(&semaphore, 1);
        drop(held);
        assert!(large.join().unwrap() && small.join().unwrap());
        at_rest(&semaphore, 2);
    });
}

#[test]
fn figures_for_display_never_exceed_what_there_is() {
    model(|| {
        let semaphore = shared(2);
        let held = Semaphore::try_acquire_owned(Arc::clone(&semaphore), 2).unwrap();
        let release = thread::spawn(move || drop(held));
        let waiter = wait_for(&semaphore, 1);
        assert!(semaphore.available_permits() <= 2 && semaphore.waiters() <= 1);
        assert!(!semaphore.is_closed());
        release.join().unwrap();
        assert!(waiter.join().unwrap());
        at_rest(&semaphore, 2);
    });
}

/// The most permits go to and fro, so that their sum in the word has to be taken out in time.
#[test]
fn the_most_permits_there_can_be() {
    model(|| {
        let most = Semaphore::MAX_PERMITS;
        let semaphore = shared(most);
        let held = semaphore.try_acquire_many(most).unwrap();
        let threads = [(); 2].map(|()| wait_for(&semaphore, most));
        drop(held);
        assert!(threads.map(|thread| thread.join().unwrap()).into_iter().all(|had| had));
        at_rest(&semaphore, most);
    });
}
