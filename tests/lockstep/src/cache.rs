//! The cache's machine against a list of values, a list of flights, and who does what in each.

use core::cell::Cell;
use std::rc::Rc;

use tidegate_core::cache::{Caller, Entered, Entry, FlightKey, JoinKey, Limits, Machine, Progress, Recent, Store};
use tidegate_core::{Inline, WakeList};

use crate::bell::Bell;
use crate::bytes::Bytes;

/// Few enough for flights and waiters to be too many at times.
const ROOM: usize = 5;
const LIMITS: Limits = Limits { capacity: 3, flights: 4 };
const KEYS: u8 = 6;

/// An operation.
#[derive(Clone, Debug)]
pub enum Step {
    Get { key: u8 },
    Enter { key: u8 },
    Poll { who: usize, moved: bool, drives: bool },
    Cancel { who: usize },
    Complete { which: usize, keep: bool },
    Abandon { which: usize },
    Rest { which: usize },
    Recurse { which: usize },
    Insert { key: u8 },
    Invalidate { key: u8 },
    InvalidateAll,
}

struct Waiter {
    joined: JoinKey,
    flight: usize,
    woken: Rc<Cell<bool>>,
}

/// A computation; its number is its place in the list of all that ever were.
struct Flight {
    key: u8,
    filed: bool,
    /// The name by which its driver knows it, and who that is.
    driver: Option<(FlightKey, Caller)>,
    outcome: Option<u32>,
}

struct Play {
    machine: Machine<u8, u32, Bell, Recent<u8, u32, Inline<3>>, Inline<ROOM>>,
    /// The most recent first.
    values: Vec<(u8, u32)>,
    flights: Vec<Flight>,
    waiters: Vec<Waiter>,
    /// Everybody is somebody else, and every value another.
    numbers: u32,
}

/// Half of the keys collide.
const fn hash(key: u8) -> u32 {
    (key / 2) as u32
}

impl Play {
    fn new() -> Self {
        Self { machine: Machine::new(), values: Vec::new(), flights: Vec::new(), waiters: Vec::new(), numbers: 0 }
    }

    fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    fn somebody(&mut self) -> Caller {
        Caller(self.number() as usize, 0)
    }

    fn touch(&mut self, key: u8) -> Option<u32> {
        let at = self.values.iter().position(|(there, _)| *there == key)?;
        let entry = self.values.remove(at);
        self.values.insert(0, entry);
        Some(entry.1)
    }

    fn keep(&mut self, key: u8, value: u32) {
        self.values.retain(|(there, _)| *there != key);
        self.values.insert(0, (key, value));
        self.values.truncate(LIMITS.capacity);
    }

    /// Whether the flight is in the table.
    fn lives(&self, flight: usize) -> bool {
        self.flights[flight].driver.is_some() || self.waiters.iter().any(|waiter| waiter.flight == flight)
    }

    fn living(&self) -> usize {
        (0..self.flights.len()).filter(|&flight| self.lives(flight)).count()
    }

    fn filed(&self, key: u8) -> Option<usize> {
        (0..self.flights.len())
            .find(|&flight| self.flights[flight].filed && self.flights[flight].key == key && self.lives(flight))
    }

    /// One of those that have a driver.
    fn driven(&self, which: usize) -> Option<usize> {
        let driven: Vec<usize> =
            (0..self.flights.len()).filter(|&flight| self.flights[flight].driver.is_some()).collect();
        (!driven.is_empty()).then(|| driven[which % driven.len()])
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Get { key } => {
                let found = self.machine.lookup(hash(key), |there| *there == key, ()).copied();
                assert_eq!(found, self.touch(key));
            }
            Step::Enter { key } => self.enter(key),
            Step::Poll { who, moved, drives } if !self.waiters.is_empty() => {
                self.poll(who % self.waiters.len(), moved, drives);
            }
            Step::Cancel { who } if !self.waiters.is_empty() => {
                let waiter = self.waiters.remove(who % self.waiters.len());
                drop(self.machine.cancel(waiter.joined, &mut WakeList::new()));
            }
            Step::Complete { which, keep } => self.complete(which, keep),
            Step::Abandon { which } => {
                if let Some(flight) = self.driven(which)
                    && let Some((key, _)) = self.flights[flight].driver.take()
                {
                    drop(self.machine.abandon(key, &mut WakeList::new()));
                    drop(self.machine.abandon(key, &mut WakeList::new()));
                }
            }
            Step::Rest { which } => {
                if let Some(flight) = self.driven(which)
                    && let Some((key, caller)) = self.flights[flight].driver
                {
                    self.machine.rest(key);
                    self.machine.resume(key, caller);
                }
            }
            Step::Recurse { which } => self.recurse(which),
            Step::Insert { key } => {
                let value = self.number();
                let entry = Entry { hash: hash(key), key, value, span: () };
                let _ = self.machine.insert(entry, LIMITS, ());
                self.unfile(key);
                self.keep(key, value);
            }
            Step::Invalidate { key } => {
                let removed = self.machine.invalidate(hash(key), |there| *there == key);
                assert_eq!(removed, self.values.iter().find(|(there, _)| *there == key).copied());
                self.values.retain(|(there, _)| *there != key);
                self.unfile(key);
            }
            Step::InvalidateAll => {
                assert_eq!(self.machine.invalidate_all().count(), self.values.len());
                self.values.clear();
                for flight in &mut self.flights {
                    flight.filed = false;
                }
            }
            _ => {}
        }
        self.settle();
        self.check();
    }

    fn unfile(&mut self, key: u8) {
        if let Some(flight) = self.filed(key) {
            self.flights[flight].filed = false;
        }
    }

    fn enter(&mut self, key: u8) {
        let (caller, woken) = (self.somebody(), Rc::new(Cell::new(false)));
        let filed = self.filed(key);
        let entered = self.machine.enter(hash(key), key, Bell(Rc::clone(&woken)), caller, LIMITS, ());
        match entered {
            Entered::Ready(value, _, _) => assert_eq!(self.touch(key), Some(value)),
            Entered::Joined(joined, _) => {
                let flight = filed.expect("there is something to join");
                assert!(self.flights[flight].driver.is_some() && self.waiters.len() < ROOM);
                self.waiters.push(Waiter { joined, flight, woken });
            }
            Entered::Drive(driven, _, _) => {
                let driver = Some((driven, caller));
                if let Some(flight) = filed {
                    assert!(self.flights[flight].driver.is_none());
                    self.flights[flight].driver = driver;
                } else {
                    assert!(self.living() < LIMITS.flights);
                    self.flights.push(Flight { key, filed: true, driver, outcome: None });
                }
            }
            Entered::Full(_, _) if filed.is_some() => assert_eq!(self.waiters.len(), ROOM),
            Entered::Full(_, _) => assert_eq!(self.living(), LIMITS.flights),
            Entered::Recursive(_, _) => panic!("everybody is somebody else"),
        }
        assert!(
            !self.values.iter().any(|(there, _)| *there == key)
                || matches!(self.values[0], (there, _) if there == key)
        );
    }

    fn recurse(&mut self, which: usize) {
        let Some(flight) = self.driven(which) else { return };
        let Flight { key, filed, driver: Some((_, caller)), .. } = self.flights[flight] else { return };
        if !filed || self.touch(key).is_some() {
            return;
        }
        let bell = Bell(Rc::default());
        let entered = self.machine.enter(hash(key), key, bell, caller, LIMITS, ());
        assert!(matches!(entered, Entered::Recursive(..)), "{entered:?}");
    }

    fn poll(&mut self, who: usize, moved: bool, drives: bool) {
        let caller = self.somebody();
        let waiter = &mut self.waiters[who];
        if moved {
            waiter.woken = Rc::new(Cell::new(false));
        }
        waiter.woken.set(false);
        let (joined, bell) = (waiter.joined, Bell(Rc::clone(&waiter.woken)));
        let flight = &mut self.flights[waiter.flight];
        match self.machine.poll(joined, &bell, caller, drives, &mut WakeList::new()) {
            Progress::Done(outcome, _) => assert_eq!(flight.outcome, Some(outcome)),
            Progress::Drive(driven, _) => {
                assert!(drives && flight.driver.is_none() && flight.outcome.is_none());
                flight.driver = Some((driven, caller));
            }
            Progress::Abandoned(_) => assert!(!drives && flight.driver.is_none() && flight.outcome.is_none()),
            waiting => {
                assert!(flight.driver.is_some() && flight.outcome.is_none());
                if matches!(waiting, Progress::WakerDiffers) {
                    assert!(self.machine.register(joined, bell).is_ok(), "somebody computes");
                }
                return;
            }
        }
        self.waiters.remove(who);
    }

    fn complete(&mut self, which: usize, keep: bool) {
        let Some(flight) = self.driven(which) else { return };
        let Some((driven, _)) = self.flights[flight].driver.take() else { return };
        let value = self.number();
        drop(self.machine.complete(driven, &value, keep.then_some((value, ())), LIMITS, ()));
        // A name that has gone stale does nothing.
        drop(self.machine.complete(driven, &0, Some((0, ())), LIMITS, ()));
        let Flight { key, filed, .. } = self.flights[flight];
        if keep && filed {
            self.keep(key, value);
        }
        self.flights[flight].filed = false;
        self.flights[flight].outcome = Some(value);
    }

    fn settle(&mut self) {
        loop {
            let mut wakes = WakeList::new();
            if !self.machine.settle(&mut wakes) {
                return;
            }
        }
    }

    /// What can be asked agrees, and nobody is forgotten.
    fn check(&self) {
        assert_eq!(self.machine.len(), self.values.len());
        assert_eq!(self.machine.flights(), self.living());
        for (number, flight) in self.flights.iter().enumerate() {
            let mut waiters = self.waiters.iter().filter(|waiter| waiter.flight == number).peekable();
            if flight.outcome.is_some() {
                assert!(waiters.all(|waiter| waiter.woken.get()), "some sleep though the outcome is there");
            } else if flight.driver.is_none() && waiters.peek().is_some() {
                assert!(waiters.any(|waiter| waiter.woken.get()), "nobody computes, and nobody was woken");
            }
        }
    }

    /// All computations end; polls only who was woken, the last to come before the others.
    fn drain(&mut self) {
        loop {
            while self.driven(0).is_some() {
                self.complete(0, true);
                self.settle();
                self.check();
            }
            let Some(who) = self.waiters.iter().rposition(|waiter| waiter.woken.get()) else { break };
            self.poll(who, false, true);
            self.settle();
            self.check();
        }
        assert_eq!((self.waiters.len(), self.machine.flights()), (0, 0), "some wait though all is computed");
        for key in 0..KEYS {
            let found = self.machine.get(hash(key), |there| *there == key, ()).copied();
            assert_eq!(found, self.touch(key));
        }
    }
}

/// Does the steps in lockstep, then ends everything.
pub fn play(steps: &[Step]) {
    let mut play = Play::new();
    for step in steps {
        play.run(step);
    }
    play.drain();
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let (kind, detail) = (bytes.below(24), bytes.byte());
        let (key, which) = (detail % KEYS, usize::from(detail));
        match kind {
            0 => Self::Get { key },
            1..8 => Self::Enter { key },
            8..13 => Self::Poll { who: usize::from(detail >> 2), moved: detail & 1 != 0, drives: detail & 2 == 0 },
            13 => Self::Cancel { who: which },
            14..17 => Self::Complete { which: which >> 1, keep: detail & 1 == 0 },
            17 | 18 => Self::Abandon { which },
            19 => Self::Rest { which },
            20 => Self::Recurse { which },
            21 => Self::Insert { key },
            22 => Self::Invalidate { key },
            _ => Self::InvalidateAll,
        }
    }
}

/// Interprets bytes as what is done with a cache.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        steps.push(Step::read(&mut bytes));
    }
    play(&steps);
}
