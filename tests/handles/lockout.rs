//! Lockouts under crowds: nobody hangs, whoever was there first passes first, wakers are foreign code.

use core::cell::RefCell;
use core::future::poll_fn;
use core::panic::AssertUnwindSafe;
use core::pin::pin;
use core::task::{Poll, Waker};
use core::time::Duration;
use std::panic;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use tidegate_core::lockout::{InOrder, Lockout, Order, Together};
use tidegate_core::{Heap, Timed};
use tidegate_sim::{
    FifoLockout, Instant, LockoutKey, Priority, Sim, cancel_after, cancel_before, explore, for_each_seed, sleep,
    spawn, yield_now,
};
use tidegate_tests::{Count, Hook, poll_with};
use tidegate_threads::{ManualClock, Threads};

use crate::dice::Dice;

type Simulated<O> = Lockout<Sim, Heap, <Sim as Timed>::Timer, O>;

const SEEDS: u64 = 1_500;

/// Who stands in line, in the order of arrival.
#[derive(Default)]
struct Line(RefCell<Vec<u64>>);

impl Line {
    fn leave(&self, who: u64) {
        self.0.borrow_mut().retain(|&other| other != who);
    }
}

/// Leaves the line also if it is dropped while it waits.
struct Place<'a>(&'a Line, u64);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.leave(self.1);
    }
}

/// Waits, and checks that nobody who came before waits still when it passes.
async fn pass<O: Order>(lockout: &Simulated<O>, line: &Line, who: u64) {
    let place = Place(line, who);
    let mut wait = pin!(lockout.wait());
    let mut arrived = false;
    poll_fn(|cx| {
        let polled = wait.as_mut().poll(cx);
        let mut line = line.0.borrow_mut();
        if polled.is_pending() && !arrived {
            line.push(who);
        }
        arrived = true;
        if polled.is_ready() && O::IN_ORDER {
            assert!(line.iter().all(|&first| first == who) || line.first() == Some(&who), "{who} before {line:?}");
        }
        polled
    })
    .await
    .expect("there is room on the heap");
    drop(place);
}

/// Lockouts that come, end in any order and are lifted, and visitors that come and go meanwhile.
async fn traffic<O: Order>(seed: u64) {
    let dice = Rc::new(Dice::new(seed));
    let (lockout, line) = (Rc::new(Simulated::<O>::new()), Rc::new(Line::default()));
    let lockers = [(); 3].map(|()| {
        let (dice, lockout) = (Rc::clone(&dice), Rc::clone(&lockout));
        spawn(async move {
            let mut key: Option<LockoutKey> = None;
            for _ in 0..4 {
                let locked = lockout.lock_for(Duration::from_nanos(dice.roll(30))).expect("there is room");
                if dice.roll(3) == 0 {
                    key = Some(locked);
                }
                dice.nap(25).await;
                if let Some(key) = key.take_if(|_| dice.roll(2) == 0) {
                    lockout.lift(key);
                }
            }
            let forever = lockout.lock_for(Duration::MAX).expect("there is room");
            dice.nap(5).await;
            assert!(lockout.lift(forever));
        })
    });
    let visitors: Vec<_> = (0..10)
        .map(|who| {
            let (dice, lockout, line) = (Rc::clone(&dice), Rc::clone(&lockout), Rc::clone(&line));
            spawn(async move {
                dice.nap(60).await;
                match dice.roll(4) {
                    0 => drop(cancel_after(dice.roll(4), pass(&lockout, &line, who)).await),
                    1 => {
                        let fickle = cancel_before(dice.roll(3), pass(&lockout, &line, who));
                        let _ = tidegate_sim::timeout(Duration::from_nanos(dice.roll(40)), fickle).await;
                    }
                    _ => pass(&lockout, &line, who).await,
                }
                if O::IN_ORDER && lockout.try_pass().is_ok() {
                    assert!(line.0.borrow().is_empty(), "a newcomer got ahead of {:?}", line.0.borrow());
                }
            })
        })
        .collect();
    for locker in lockers {
        locker.await.expect("no locker panics");
    }
    for visitor in visitors {
        visitor.await.expect("no visitor panics");
    }
    assert_eq!(lockout.waiters(), 0);
    sleep(Duration::from_nanos(30)).await;
    assert!(lockout.try_pass().is_ok());
}

#[test]
fn nobody_hangs_whatever_the_seed() {
    for_each_seed(0..SEEDS, traffic::<Together>).expect("all visitors get through");
}

#[test]
fn nobody_hangs_and_nobody_overtakes_whatever_the_seed() {
    for_each_seed(0..SEEDS, traffic::<InOrder>).expect("all visitors get through");
}

/// The head is dropped at any of its polls, in every order of all steps, while the lockout ends by itself.
#[test]
fn a_head_cancelled_at_any_poll_strands_nobody() {
    for polls in 0..4 {
        for before in [false, true] {
            let explored = explore(100_000, || async move {
                let lockout = Rc::new(FifoLockout::new());
                lockout.lock_until(Instant::from_nanos(10)).expect("there is room on the heap");
                let waiter = |lockout: Rc<FifoLockout>| async move { lockout.wait().await };
                let fickle = waiter(Rc::clone(&lockout));
                let fickle =
                    if before { spawn(cancel_before(polls, fickle)) } else { spawn(cancel_after(polls, fickle)) };
                let steady = [(); 2].map(|()| spawn(waiter(Rc::clone(&lockout))));
                let extended = lockout.lock_until(Instant::from_nanos(20)).expect("there is room on the heap");
                yield_now().await;
                lockout.lift(extended);
                for task in steady {
                    assert_eq!(task.await, Ok(Ok(())));
                }
                drop(fickle);
            });
            assert!(explored.expect("nobody hangs").complete);
        }
    }
}

/// A crowd of threads and of lifts, until all have passed often enough.
fn threads_get_through<O: Order>() {
    let lockout = Arc::new(Lockout::<Threads, Heap, <Threads as Timed>::Timer, O>::new());
    let visitors: Vec<_> = (0..4)
        .map(|who| {
            let lockout = Arc::clone(&lockout);
            thread::spawn(move || {
                for round in 0..200 {
                    if round % 5 == who {
                        let _ = lockout.wait_blocking_timeout(Duration::from_micros(50));
                    } else if round % 2 == 0 {
                        lockout.wait_blocking().expect("there is room on the heap");
                    } else {
                        tidegate_threads::block_on(lockout.wait()).expect("there is room on the heap");
                    }
                    if round % 20 == who {
                        lockout.lock_for(Duration::from_micros(30)).expect("there is room on the heap");
                    }
                }
            })
        })
        .collect();
    for _ in 0..200 {
        let forever = lockout.lock_for(Duration::MAX).expect("there is room on the heap");
        thread::yield_now();
        assert!(lockout.lift(forever));
    }
    for visitor in visitors {
        visitor.join().expect("no visitor panics");
    }
    assert_eq!(lockout.waiters(), 0);
}

#[test]
fn threads_get_through_together() {
    threads_get_through::<Together>();
}

#[test]
fn threads_get_through_in_order() {
    threads_get_through::<InOrder>();
}

/// A wake that panics keeps nobody else from being woken, past one batch and in either order.
#[test]
fn a_wake_that_panics_strands_nobody() {
    fn in_either<O: Order>() {
        let clock = ManualClock::new();
        let lockout = Lockout::<Threads, Heap, _, O>::with_timer(&clock);
        let key = lockout.lock_for(Duration::MAX).unwrap();
        let mut bad = Box::pin(lockout.wait().priority(Priority(-1)));
        assert!(poll_with(&mut bad, &Hook::waker(|| panic!("on purpose"), || ())).is_pending());
        let (woken, waker) = Count::new();
        let mut others: Vec<_> = (0..40).map(|_| Box::pin(lockout.wait())).collect();
        assert!(others.iter_mut().all(|wait| poll_with(wait, &waker).is_pending()));
        assert!(panic::catch_unwind(AssertUnwindSafe(|| lockout.lift(key))).is_err());
        assert_eq!(woken.get(), if O::IN_ORDER { 0 } else { 40 });
        drop(bad);
        for wait in &mut others {
            assert_eq!(poll_with(wait, &waker), Poll::Ready(Ok(())));
        }
        assert_eq!(lockout.waiters(), 0);
    }
    in_either::<Together>();
    in_either::<InOrder>();
}

/// A waker that uses the lockout in every way while it is woken and while it is dropped.
#[test]
fn wakers_are_woken_and_dropped_outside_the_lock() {
    let clock: &ManualClock = Box::leak(Box::new(ManualClock::new()));
    let lockout: &tidegate_core::lockout::FifoLockout<Threads, Heap, _> =
        Box::leak(Box::new(Lockout::with_timer(clock)));
    let meddle = || {
        let _ = lockout.try_pass();
        let key = lockout.lock_for(Duration::from_secs(1)).unwrap();
        assert!(poll_with(&mut Box::pin(lockout.wait()), Waker::noop()).is_pending());
        assert!(lockout.lift(key));
        let _ = (lockout.waiters(), lockout.locked_until());
    };
    let key = lockout.lock_for(Duration::MAX).unwrap();
    let mut wait = Box::pin(lockout.wait());
    assert!(poll_with(&mut wait, &Hook::waker(meddle, meddle)).is_pending());
    let (woken, waker) = Count::new();
    // The meddler in line is replaced, and dropped for good.
    assert!(poll_with(&mut wait, &waker).is_pending());
    let mut second = Box::pin(lockout.wait());
    assert!(poll_with(&mut second, &Hook::waker(meddle, meddle)).is_pending());
    drop(second);
    let mut third = Box::pin(lockout.wait());
    assert!(poll_with(&mut third, &Hook::waker(meddle, meddle)).is_pending());
    assert!(lockout.lift(key));
    assert!(woken.get() > 0);
    assert!(poll_with(&mut wait, &waker).is_ready());
    assert!(poll_with(&mut third, &waker).is_ready());
    assert!(lockout.try_pass().is_ok());
}
