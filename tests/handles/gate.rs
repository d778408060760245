//! Gates under crowds: no more inside than may be, no faster than may be, none during a lockout, none stranded.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::rc::Rc;

use tidegate_core::lockout::{InOrder, Lockout, Order, Together};
use tidegate_core::{Heap, Timed};
use tidegate_sim::{
    Clock, Gate, Instant, Quota, RateLimiter, Semaphore, Sim, SimTimer, cancel_after, cancel_before, explore,
    for_each_seed, sleep, spawn, timeout,
};

use crate::dice::Dice;

const SEEDS: u64 = 1_000;
const PERMITS: usize = 3;
/// Two in ten nanoseconds, two at once.
const RATE: usize = 2;
const PERIOD: Duration = Duration::from_nanos(10);

struct Stage<O: Order> {
    dice: Dice,
    semaphore: Semaphore,
    limiter: RateLimiter,
    lockout: Lockout<Sim, Heap, <Sim as Timed>::Timer, O>,
    inside: Cell<usize>,
    entries: RefCell<Vec<Instant>>,
}

impl<O: Order> Stage<O> {
    fn new(seed: u64) -> Rc<Self> {
        Rc::new(Self {
            dice: Dice::new(seed),
            semaphore: Semaphore::new(PERMITS),
            limiter: RateLimiter::new(Quota::per(2, PERIOD).expect("it makes sense")),
            lockout: Lockout::new(),
            inside: Cell::new(0),
            entries: RefCell::default(),
        })
    }

    async fn visit(&self) {
        let gate = Gate::new().semaphore(&self.semaphore).limiter(&self.limiter).lockout(&self.lockout);
        let pass = gate.enter().await.expect("nobody closes it");
        assert_eq!(self.lockout.locked_until(), None, "nobody enters during a lockout");
        self.inside.set(self.inside.get() + 1);
        assert!(self.inside.get() <= PERMITS);
        self.entries.borrow_mut().push(SimTimer.now());
        self.dice.nap(8).await;
        self.inside.set(self.inside.get() - 1);
        drop(pass);
    }

    async fn enter_and_leave(&self) {
        let gate = Gate::new().semaphore(&self.semaphore).limiter(&self.limiter).lockout(&self.lockout);
        let pass = gate.enter().await;
        // It may be cancelled with the pass in hand; then it has entered.
        self.entries.borrow_mut().push(SimTimer.now());
        drop(pass);
    }

    /// A burst, and the rate: no more entries than both admit, in any span.
    fn within_the_rate(&self) {
        let entries = self.entries.borrow();
        for (index, &first) in entries.iter().enumerate() {
            for (more, &last) in entries[index..].iter().enumerate() {
                let span = last.duration_since(first).as_nanos();
                let most = RATE + usize::try_from(span * 2 / PERIOD.as_nanos()).unwrap();
                assert!(more < most, "{} entries in {span} ns", more + 1);
            }
        }
    }
}

async fn traffic<O: Order>(seed: u64) {
    let stage = Stage::<O>::new(seed);
    let locker = {
        let stage = Rc::clone(&stage);
        spawn(async move {
            for _ in 0..3 {
                stage.dice.nap(40).await;
                let key =
                    stage.lockout.lock_for(Duration::from_nanos(stage.dice.roll(60))).expect("there is room");
                if stage.dice.roll(3) == 0 {
                    stage.dice.nap(20).await;
                    stage.lockout.lift(key);
                }
            }
        })
    };
    let visitors: Vec<_> = (0..12)
        .map(|_| {
            let stage = Rc::clone(&stage);
            spawn(async move {
                stage.dice.nap(60).await;
                let polls = stage.dice.roll(4);
                match stage.dice.roll(5) {
                    // Those that are cancelled take nothing with them, and never get inside.
                    0 => drop(cancel_after(polls.min(1), stage.enter_and_leave()).await),
                    1 => {
                        let fickle = cancel_before(polls, stage.enter_and_leave());
                        let _ = timeout(Duration::from_nanos(50), fickle).await;
                    }
                    _ => stage.visit().await,
                }
            })
        })
        .collect();
    for visitor in visitors {
        visitor.await.expect("no visitor panics");
    }
    locker.await.expect("the locker does not panic");
    stage.within_the_rate();
    assert_eq!((stage.semaphore.available_permits(), stage.semaphore.waiters()), (PERMITS, 0));
    assert_eq!((stage.limiter.waiters(), stage.lockout.waiters()), (0, 0));
    sleep(Duration::from_nanos(200)).await;
    assert_eq!(stage.limiter.available(), 2);
}

#[test]
fn whatever_the_seed_a_gate_keeps_every_promise() {
    for_each_seed(0..SEEDS, traffic::<Together>).expect("all visitors get through");
}

#[test]
fn whatever_the_seed_a_gate_in_order_keeps_every_promise() {
    for_each_seed(0..SEEDS, traffic::<InOrder>).expect("all visitors get through");
}

/// One that is cancelled at any poll, in every order of all steps, while another waits and a lockout comes and goes.
#[test]
fn cancelled_at_any_poll_it_strands_nobody() {
    for polls in 0..4 {
        for before in [false, true] {
            let explored = explore(100_000, || async move {
                let stage = Stage::<InOrder>::new(0);
                stage.limiter.try_acquire(2).expect("it is fresh");
                let fickle = {
                    let stage = Rc::clone(&stage);
                    async move { stage.enter_and_leave().await }
                };
                let fickle =
                    if before { spawn(cancel_before(polls, fickle)) } else { spawn(cancel_after(polls, fickle)) };
                let steady = {
                    let stage = Rc::clone(&stage);
                    spawn(async move { stage.visit().await })
                };
                stage.lockout.lock_until(Instant::from_nanos(6)).expect("there is room");
                sleep(Duration::from_nanos(5)).await;
                let key = stage.lockout.lock_until(Instant::from_nanos(30)).expect("there is room");
                sleep(Duration::from_nanos(5)).await;
                stage.lockout.lift(key);
                steady.await.expect("it does not panic");
                let _ = fickle.await;
                assert_eq!(stage.semaphore.available_permits(), PERMITS);
                assert_eq!((stage.limiter.waiters(), stage.lockout.waiters()), (0, 0));
            });
            assert!(explored.expect("nobody hangs").complete);
        }
    }
}
