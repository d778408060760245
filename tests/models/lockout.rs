//! The lockouts' machine, in both orders, against a list of ends and a list of waiters.

use core::cell::Cell;
use core::cmp::Reverse;
use core::fmt;
use core::pin::Pin;
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use tidegate_core::lockout::{Entry, InOrder, Key, Lockout, Machine, Order, Progress, Together, Wait};
use tidegate_core::{
    Clock, Heap, Inline, Instant, Local, ManualClock, Platform, Priority, WaiterKey, Wake, WakeList,
};
use tidegate_tests::{Count, poll_with};
use tidegate_threads::Threads;

/// Few enough for it to be full at times.
const ROOM: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    Lock { span: u64 },
    LockForever,
    Lift { which: usize },
    Advance { span: u64 },
    HandleTimeout,
    TryPass { priority: i32 },
    Enter { priority: i32 },
    Poll { who: usize, moved: bool },
    Cancel { who: usize },
}

/// Notes that it was woken. A clone is another waker.
struct Bell(Rc<Cell<bool>>);

impl Wake for Bell {
    fn wake(self) {
        self.0.set(true);
    }

    fn will_wake(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bell").field(&self.0.get()).finish()
    }
}

struct Waiter {
    key: WaiterKey,
    priority: i32,
    arrival: usize,
    woken: Rc<Cell<bool>>,
    alarm: Option<Instant>,
}

impl Waiter {
    fn rank(&self) -> (i32, usize) {
        (self.priority, self.arrival)
    }
}

struct Play<O: Order> {
    machine: Machine<Bell, Inline<ROOM>, O>,
    now: Instant,
    arrivals: usize,
    /// Every lockout that ever was, with its end; `None` once it has been lifted.
    lockouts: Vec<(Key, Option<Instant>)>,
    waiters: Vec<Waiter>,
}

impl<O: Order> Play<O> {
    fn new() -> Self {
        Self {
            machine: Machine::new(),
            now: Instant::EPOCH,
            arrivals: 0,
            lockouts: Vec::new(),
            waiters: Vec::new(),
        }
    }

    fn live(&self) -> impl Iterator<Item = Instant> {
        let now = self.now;
        self.lockouts.iter().filter_map(|&(_, end)| end).filter(move |&end| end > now || end == Instant::MAX)
    }

    fn first(&self) -> Option<&Waiter> {
        self.waiters.iter().min_by_key(|waiter| waiter.rank())
    }

    fn newcomer_may_pass(&self, priority: i32) -> bool {
        self.live().next().is_none()
            && (!O::IN_ORDER || self.waiters.iter().all(|waiter| priority < waiter.priority))
    }

    fn run(&mut self, step: &Step) {
        let now = self.now;
        let polled = !self.waiters.is_empty();
        match *step {
            Step::Lock { span } => self.lock(Instant::from_nanos(now.as_nanos() + span)),
            Step::LockForever => self.lock(Instant::MAX),
            Step::Lift { which } if !self.lockouts.is_empty() => self.lift(which % self.lockouts.len()),
            Step::Advance { span } => self.now = Instant::from_nanos(now.as_nanos() + span),
            Step::HandleTimeout => self.machine.handle_timeout(now),
            Step::TryPass { priority } => {
                let passed = self.machine.try_pass(now, Priority(priority));
                assert_eq!(passed.is_ok(), self.newcomer_may_pass(priority));
                if let Err(locked) = passed {
                    assert_eq!(locked.until, self.live().max().unwrap_or(now));
                }
            }
            Step::Enter { priority } => self.enter(priority),
            Step::Poll { who, moved } if !self.waiters.is_empty() => {
                self.poll(who % self.waiters.len(), moved);
            }
            Step::Cancel { who } if !self.waiters.is_empty() => {
                let waiter = self.waiters.swap_remove(who % self.waiters.len());
                drop(self.machine.cancel(waiter.key));
            }
            _ => {}
        }
        self.settle();
        let told = match step {
            Step::Advance { .. } | Step::Cancel { .. } => false,
            Step::Lift { .. } => !self.lockouts.is_empty(),
            Step::Poll { .. } => polled,
            _ => true,
        };
        self.check(told);
    }

    fn lock(&mut self, end: Instant) {
        match self.machine.lock_until(self.now, end) {
            Ok(key) => {
                assert!(self.live().count() < ROOM || end <= self.now);
                self.lockouts.push((key, Some(end)));
            }
            Err(_) => assert_eq!(self.live().count(), ROOM),
        }
    }

    fn lift(&mut self, which: usize) {
        let (key, end) = self.lockouts[which];
        let in_force = end.is_some_and(|end| end > self.now || end == Instant::MAX);
        assert_eq!(self.machine.lift(self.now, key), in_force);
        self.lockouts[which].1 = None;
    }

    fn enter(&mut self, priority: i32) {
        let may_pass = self.newcomer_may_pass(priority);
        let woken = Rc::new(Cell::new(false));
        match self.machine.enter(self.now, Priority(priority), Bell(Rc::clone(&woken))) {
            Ok(Entry::Passed(_)) => assert!(may_pass),
            Ok(Entry::Queued { key, alarm }) => {
                assert!(!may_pass && self.waiters.len() < ROOM);
                self.arrivals += 1;
                self.waiters.push(Waiter { key, priority, arrival: self.arrivals, woken, alarm });
            }
            Err(_) => assert!(!may_pass && self.waiters.len() == ROOM),
        }
    }

    /// Answers whether the waiter has passed, and is gone.
    fn poll(&mut self, who: usize, moved: bool) -> bool {
        let is_first = self.first().map(Waiter::rank) == Some(self.waiters[who].rank());
        let may_pass = self.live().next().is_none() && (!O::IN_ORDER || is_first);
        let waiter = &mut self.waiters[who];
        if moved {
            waiter.woken = Rc::new(Cell::new(false));
        }
        waiter.woken.set(false);
        let alarm = match self.machine.poll(self.now, waiter.key, &Bell(Rc::clone(&waiter.woken))) {
            Progress::Passed(_) => {
                assert!(may_pass);
                self.waiters.remove(who);
                return true;
            }
            Progress::Waiting { alarm } => alarm,
            Progress::WakerDiffers => {
                let bell = Bell(Rc::clone(&waiter.woken));
                self.machine.register(waiter.key, bell).expect("it may not pass yet").alarm
            }
        };
        assert!(!may_pass);
        waiter.alarm = alarm;
        false
    }

    fn settle(&mut self) {
        loop {
            let mut wakes = WakeList::new();
            if !self.machine.settle(&mut wakes) {
                return;
            }
        }
    }

    /// What can be asked agrees, and nobody is forgotten; `told` if the machine has been told the time.
    fn check(&self, told: bool) {
        let last = self.live().max();
        assert_eq!(self.machine.locked_until(self.now), last);
        assert_eq!(self.machine.waiters(), self.waiters.len());
        if told {
            assert_eq!(self.machine.poll_timeout(), last.filter(|&last| last != Instant::MAX));
        }
        let Some(first) = self.first() else { return };
        let looks_again = first.alarm.is_some_and(|alarm| alarm <= last.unwrap_or(self.now));
        assert!(first.woken.get() || looks_again && (last.is_some() || !told), "the first in line sleeps on");
        if told && last.is_none() && !O::IN_ORDER {
            assert!(self.waiters.iter().all(|waiter| waiter.woken.get()), "not all have been called");
        }
    }

    /// Everything ends; polls only who was woken or set an alarm, the last to come before the others.
    fn drain(&mut self) {
        for which in 0..self.lockouts.len() {
            if self.lockouts[which].1 == Some(Instant::MAX) {
                self.lift(which);
                self.settle();
            }
        }
        self.now = self.live().max().unwrap_or(self.now);
        loop {
            let now = self.now;
            let active = |waiter: &Waiter| waiter.woken.get() || waiter.alarm.is_some_and(|alarm| alarm <= now);
            let next = (0..self.waiters.len())
                .filter(|&who| active(&self.waiters[who]))
                .max_by_key(|&who| (Reverse(self.waiters[who].alarm.is_some()), self.waiters[who].arrival));
            let Some(who) = next else { break };
            self.poll(who, false);
            self.settle();
        }
        assert_eq!(self.waiters.len(), 0, "some wait though everything has ended");
        assert!(self.machine.try_pass(self.now, Priority(i32::MAX)).is_ok());
    }
}

fn step() -> impl Strategy<Value = Step> {
    let any = any::<usize>;
    let priority = || prop_oneof![4 => Just(0), 1 => -1..2_i32];
    prop_oneof![
        6 => (0..20_u64).prop_map(|span| Step::Lock { span }),
        1 => Just(Step::LockForever),
        3 => any().prop_map(|which| Step::Lift { which }),
        4 => (0..12_u64).prop_map(|span| Step::Advance { span }),
        2 => Just(Step::HandleTimeout),
        2 => priority().prop_map(|priority| Step::TryPass { priority }),
        8 => priority().prop_map(|priority| Step::Enter { priority }),
        8 => (any(), prop::bool::ANY).prop_map(|(who, moved)| Step::Poll { who, moved }),
        4 => any().prop_map(|who| Step::Cancel { who }),
    ]
}

/// What happens to a handle whose clock does what it likes.
#[derive(Clone, Debug)]
enum Mischief {
    Lock { span: u64 },
    SetClock { to: u64 },
    Enter,
    Poll { who: usize },
    Cancel { who: usize },
}

fn mischief() -> impl Strategy<Value = Mischief> {
    let year = 365 * 24 * 3_600_000_000_000_u64;
    let time = move || prop_oneof![6 => 0..50_u64, 1 => year..year + 50, 1 => Just(u64::MAX - 1), 1 => Just(0)];
    prop_oneof![
        3 => time().prop_map(|span| Mischief::Lock { span }),
        4 => time().prop_map(|to| Mischief::SetClock { to }),
        4 => Just(Mischief::Enter),
        5 => any::<usize>().prop_map(|who| Mischief::Poll { who }),
        2 => any::<usize>().prop_map(|who| Mischief::Cancel { who }),
    ]
}

/// One who waits, and how often it had been woken when it was polled last.
struct Sleeper<'a, P: Platform, O: Order> {
    wait: Pin<Box<Wait<&'a Clocked<'a, P, O>>>>,
    wakes: Arc<Count>,
    heard: usize,
}

type Clocked<'a, P, O> = Lockout<P, Heap, &'a ManualClock<Local, Heap>, O>;

impl<P: Platform, O: Order> Sleeper<'_, P, O> {
    fn poll(&mut self) -> bool {
        self.heard = self.wakes.get();
        poll_with(&mut self.wait, &Arc::clone(&self.wakes).into()).is_ready()
    }
}

/// Nobody passes before the clock has shown the end of each lockout since that began; all do once it has.
fn make_mischief<P: Platform, O: Order>(steps: &[Mischief]) {
    let clock = ManualClock::new();
    let lockout = Clocked::<P, O>::with_timer(&clock);
    // The end of each lockout, and the latest time that the clock has shown since it began.
    let mut lockouts: Vec<(Instant, Instant)> = Vec::new();
    let mut sleepers: Vec<Sleeper<'_, P, O>> = Vec::new();
    let have_ended = |lockouts: &[(Instant, Instant)]| lockouts.iter().all(|&(end, seen)| seen >= end);
    for step in steps {
        match *step {
            Mischief::Lock { span } => {
                let end = clock.now() + Duration::from_nanos(span);
                let key = lockout.lock_for(Duration::from_nanos(span)).expect("there is room on the heap");
                if end == Instant::MAX {
                    assert!(lockout.lift(key), "it never ends by itself");
                } else {
                    lockouts.push((end, clock.now()));
                }
            }
            Mischief::SetClock { to } => {
                clock.set(Instant::from_nanos(to));
                for (_, seen) in &mut lockouts {
                    *seen = clock.now().max(*seen);
                }
            }
            Mischief::Enter => {
                let mut sleeper = Sleeper { wait: Box::pin(lockout.wait()), wakes: Count::new().0, heard: 0 };
                if sleeper.poll() {
                    assert!(have_ended(&lockouts));
                } else {
                    sleepers.push(sleeper);
                }
            }
            Mischief::Poll { who } if !sleepers.is_empty() => {
                let who = who % sleepers.len();
                if sleepers[who].poll() {
                    assert!(have_ended(&lockouts));
                    drop(sleepers.remove(who));
                }
            }
            Mischief::Cancel { who } if !sleepers.is_empty() => drop(sleepers.swap_remove(who % sleepers.len())),
            _ => {}
        }
    }
    // Time goes on at last. Nobody is polled without having been woken.
    clock.set(Instant::from_nanos(u64::MAX - 1));
    while let Some(who) = sleepers.iter().position(|sleeper| sleeper.heard != sleeper.wakes.get()) {
        if sleepers[who].poll() {
            drop(sleepers.remove(who));
        }
    }
    assert_eq!(sleepers.len(), 0, "some wait though everything has ended");
    assert!(lockout.try_pass().is_ok());
}

fn play<O: Order>(steps: &[Step]) {
    let mut play = Play::<O>::new();
    for step in steps {
        play.run(step);
    }
    play.drain();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn waiters_pass_together_once_all_lockouts_have_ended(steps in prop::collection::vec(step(), 0..80)) {
        play::<Together>(&steps);
    }

    #[test]
    fn waiters_pass_in_order_once_all_lockouts_have_ended(steps in prop::collection::vec(step(), 0..80)) {
        play::<InOrder>(&steps);
    }
    #[test]
    fn whatever_the_clock_does_nobody_passes_early_and_nobody_hangs(
        steps in prop::collection::vec(mischief(), 0..60),
    ) {
        make_mischief::<Local, Together>(&steps);
        make_mischief::<Local, InOrder>(&steps);
        make_mischief::<Threads, Together>(&steps);
        make_mischief::<Threads, InOrder>(&steps);
    }
}
