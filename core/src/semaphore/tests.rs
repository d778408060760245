//! What only the insides show: which paths take the lock, and that the words of the fast path may wrap.

use core::task::{Context, Poll, Waker};
use std::boxed::Box;
use std::format;

use super::machine::Admission;
use super::word::{Drawn, MAX_PERMITS, Take, Word};
use super::*;
use crate::wait_queue::WaitQueue;
use crate::{Inline, Local, Priority};

/// A platform with the atomic word, for one thread: taking the lock twice at once panics.
struct Fast;

impl Platform for Fast {
    type RawMutex = <Local as Platform>::RawMutex;
    type CrowdedMutex = Self::RawMutex;
    const FAST_PATH: bool = true;
}

type FastSemaphore = Semaphore<Fast, Inline<4>>;

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    core::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

impl<P: Platform> Semaphore<P, Inline<4>> {
    /// Runs `uncontended` under the lock: whatever in it takes the lock too, panics.
    fn without_the_lock<U>(&self, uncontended: impl FnOnce() -> U) -> U {
        self.locked.with(|_| uncontended())
    }
}

/// Acquires and gives back in every way, at least two permits being free.
fn come_and_go<P: Platform>(semaphore: &Semaphore<P, Inline<4>>) {
    let mut one = semaphore.try_acquire().unwrap();
    let Poll::Ready(Ok(another)) = poll(&mut semaphore.acquire()) else { panic!("it is free") };
    one.merge(another).unwrap();
    drop(one.split(1));
    drop(one);
    drop(semaphore.acquire());
}

#[test]
fn no_lock_is_taken_while_nobody_waits() {
    fn on<P: Platform>() {
        let semaphore = Semaphore::<P, Inline<4>>::new(2);
        semaphore.without_the_lock(|| {
            come_and_go(&semaphore);
            let both = semaphore.try_acquire_many(2).unwrap();
            assert_eq!(semaphore.try_acquire().err(), Some(TryAcquireError::NoPermits));
            assert!(!semaphore.is_closed());
            drop(both);
        });
    }

    on::<Fast>();
    on::<Local>();
}

#[test]
fn no_lock_is_taken_again_once_the_line_is_empty() {
    fn on<P: Platform>() {
        let semaphore = Semaphore::<P, Inline<4>>::new(2);
        let both = semaphore.try_acquire_many(2).unwrap();
        let mut served = semaphore.acquire();
        let mut cancelled = semaphore.acquire_many(2);
        assert!(poll(&mut served).is_pending());
        assert!(poll(&mut cancelled).is_pending());
        drop(both);
        assert!(poll(&mut served).is_ready());
        drop(cancelled);
        semaphore.without_the_lock(|| come_and_go(&semaphore));

        // A deficit needs the lock until it has been paid.
        let both = semaphore.try_acquire_many(2).unwrap();
        assert_eq!(semaphore.reduce_permits(1), 1);
        drop(both);
        semaphore.add_permits(1).unwrap();
        semaphore.without_the_lock(|| come_and_go(&semaphore));
    }

    on::<Fast>();
    on::<Local>();
}

#[test]
fn who_was_first_in_line_need_not_take_the_lock_to_hear_of_it() {
    let semaphore = FastSemaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let mut waiting = [(); 3].map(|()| semaphore.acquire());
    for acquire in &mut waiting {
        assert!(poll(acquire).is_pending());
    }
    drop(held);
    for acquire in &mut waiting {
        let polled = semaphore.without_the_lock(|| poll(acquire));
        assert!(matches!(polled, Poll::Ready(Ok(_))));
        drop(polled);
    }
}

#[test]
fn the_word_is_never_mistaken_about_who_is_served() {
    // The urgent one comes later and is served first: no bound on tickets could say so.
    let semaphore = FastSemaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let mut plain = semaphore.acquire();
    let mut urgent = semaphore.acquire().priority(Priority(-1));
    assert!(poll(&mut plain).is_pending());
    assert!(poll(&mut urgent).is_pending());
    drop(held);
    assert!(poll(&mut plain).is_pending());
    let Poll::Ready(Ok(held)) = poll(&mut urgent) else { panic!("it was first") };
    assert!(poll(&mut plain).is_pending());
    drop(held);
    assert!(poll(&mut plain).is_ready());
}

#[test]
fn the_latest_grants_are_listed_and_no_others() {
    let grants = Grants::<Fast, LISTED>::new();
    let mut line = WaitQueue::<(), Inline<12>>::new();
    let keys: [_; 12] = core::array::from_fn(|_| line.push(Priority(0), ()).unwrap());
    for key in keys {
        assert!(!grants.lists(key));
        grants.list(key);
        assert!(grants.lists(key));
    }
    assert_eq!(keys.map(|key| grants.lists(key)), core::array::from_fn(|place| place >= 4));

    // A place used again leaves the list alone; one whose generations begin anew clears what is listed there.
    line.remove(keys[11]);
    grants.queued(line.push(Priority(0), ()).unwrap());
    assert!(grants.lists(keys[11]));
    grants.queued(keys[11]);
    assert!(!grants.lists(keys[11]));
    assert!(grants.lists(keys[10]));
}

#[test]
fn the_sum_in_the_shut_word_is_taken_out_in_time() {
    fn on<P: Platform>() {
        let word = Word::<P>::new(MAX_PERMITS);
        let mut drawn = Drawn::NONE;
        assert_eq!(word.draw(&mut drawn), MAX_PERMITS);
        // The permits go round while the word stays shut.
        for _ in 0..20 {
            assert!(!word.give(MAX_PERMITS));
            assert_eq!(word.permits(&drawn), MAX_PERMITS);
            assert_eq!(word.draw(&mut drawn), MAX_PERMITS);
            assert_eq!(word.draw(&mut drawn), 0);
        }
        assert!(!word.give(3));
        word.open(MAX_PERMITS - 5, &mut drawn);
        assert!(!word.is_shut());
        assert_eq!(word.permits(&drawn), MAX_PERMITS - 2);
        assert_eq!(word.take(MAX_PERMITS - 1), Take::Short);
        assert_eq!(word.take(MAX_PERMITS - 2), Take::Taken);
        assert!(word.give(1));
    }

    on::<Fast>();
    on::<Local>();
}

#[test]
fn the_most_permits_change_hands_many_times_while_somebody_waits() {
    let semaphore = FastSemaphore::new(usize::MAX);
    let mut held = semaphore.try_acquire_many(MAX_PERMITS).unwrap();
    let mut next = Box::new(semaphore.acquire_many(MAX_PERMITS));
    assert!(poll(&mut next).is_pending());
    for _ in 0..20 {
        let mut behind = Box::new(semaphore.acquire_many(MAX_PERMITS));
        assert!(poll(&mut behind).is_pending());
        drop(held);
        let Poll::Ready(Ok(permit)) = poll(&mut next) else { panic!("it is next") };
        held = permit;
        next = behind;
    }
    drop(next);
    drop(held);
    assert_eq!(semaphore.available_permits(), MAX_PERMITS);
    semaphore.without_the_lock(|| come_and_go(&semaphore));
}

#[test]
fn a_machine_says_when_it_is_to_be_settled() {
    #[derive(Debug, PartialEq)]
    struct Quiet;

    impl crate::Wake for Quiet {
        fn wake(self) {}
        fn will_wake(&self, _: &Self) -> bool {
            true
        }
    }

    let mut machine = Machine::<Quiet, Inline<2>>::new(1, Config::new());
    let settle = |machine: &mut Machine<Quiet, Inline<2>>| {
        assert!(machine.is_unsettled());
        assert!(!machine.settle(&mut WakeList::new()));
        assert!(!machine.is_unsettled());
    };
    assert_eq!(machine.acquire(1, Priority(0), Quiet), Ok(Admission::Granted(Quiet)));
    machine.release(1);
    assert!(!machine.is_unsettled(), "nobody waits");
    assert!(machine.try_acquire(1, Priority(0)).is_ok());
    let Ok(Admission::Queued(first)) = machine.acquire(2, Priority(0), Quiet) else { panic!("none is free") };
    let Ok(Admission::Queued(second)) = machine.acquire(1, Priority(0), Quiet) else { panic!("none is free") };
    assert!(!machine.is_unsettled(), "no permit is free");
    machine.release(1);
    settle(&mut machine);
    assert_eq!(machine.cancel(first, 2), Some(Quiet));
    settle(&mut machine);
    assert_eq!(machine.poll(second, &Quiet), Ok(Progress::Granted));
    machine.close();
    settle(&mut machine);
}

#[test]
fn everything_can_be_shown() {
    let semaphore = FastSemaphore::new(2);
    let permit = semaphore.try_acquire().unwrap();
    let mut acquire = semaphore.acquire_many(2);
    assert!(poll(&mut acquire).is_pending());
    assert_eq!(format!("{semaphore:?}"), "Semaphore { available_permits: 1, waiters: 1, .. }");
    assert_eq!(format!("{permit:?}"), "Permit { count: 1, .. }");
    assert_eq!(format!("{acquire:?}"), "Acquire { permits: 2, waits: true, .. }");
}
