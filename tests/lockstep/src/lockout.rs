//! The lockouts' machine, in both orders, against a list of ends and a list of waiters.

use core::cell::Cell;
use core::cmp::Reverse;
use std::rc::Rc;

use tidegate_core::lockout::{Entry, InOrder, Key, Machine, Order, Progress, Together};
use tidegate_core::{Inline, Instant, Priority, WaiterKey, WakeList};

use crate::bell::Bell;
use crate::bytes::Bytes;

/// Few enough for it to be full at times.
const ROOM: usize = 6;

/// An operation.
#[derive(Clone, Debug)]
pub enum Step {
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

/// Does the steps in lockstep, then ends everything.
pub fn play<O: Order>(steps: &[Step]) {
    let mut play = Play::<O>::new();
    for step in steps {
        play.run(step);
    }
    play.drain();
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let (kind, detail) = (bytes.below(16), bytes.byte());
        let priority = match detail % 8 {
            6 => -1,
            7 => 1,
            _ => 0,
        };
        match kind {
            0..3 => Self::Lock { span: u64::from(detail % 20) },
            3 => Self::LockForever,
            4 | 5 => Self::Lift { which: usize::from(detail) },
            6 | 7 => Self::Advance { span: u64::from(detail % 12) },
            8 => Self::HandleTimeout,
            9 => Self::TryPass { priority },
            10..12 => Self::Enter { priority },
            12..15 => Self::Poll { who: usize::from(detail >> 1), moved: detail & 1 != 0 },
            _ => Self::Cancel { who: usize::from(detail) },
        }
    }
}

/// Interprets bytes as what is done with lockouts of either order.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let in_order = bytes.byte() & 1 != 0;
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        steps.push(Step::read(&mut bytes));
    }
    if in_order { play::<InOrder>(&steps) } else { play::<Together>(&steps) }
}
