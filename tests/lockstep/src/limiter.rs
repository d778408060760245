//! The rate limiter's machine against a naive one: buckets as fractions, windows as logs, a sorted list of waiters.

use core::cell::RefCell;
use core::time::Duration;
use std::collections::BTreeMap;
use std::rc::Rc;

use tidegate_core::rate_limiter::{AcquireError, Admission, Machine, Progress, Quota, TryAcquireError};
use tidegate_core::{Inline, Instant, Priority, WaiterKey, Wake, WakeList};

use crate::bytes::Bytes;

/// A waker with a number, which notes that it was woken.
struct Bell(usize, Rc<RefCell<Vec<usize>>>);

impl Wake for Bell {
    fn wake(self) {
        self.1.borrow_mut().push(self.0);
    }

    fn will_wake(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// One quota, the slow way.
#[derive(Clone, Debug)]
pub enum Naive {
    /// The level in units of `1 / period` of a token.
    Bucket {
        tokens: u32,
        period: u64,
        burst: u32,
        level: u64,
    },
    Window {
        limit: u32,
        period: u64,
        log: Vec<u64>,
    },
}

impl Naive {
    /// A full bucket.
    #[must_use]
    pub fn bucket(tokens: u32, period: u64, burst: u32) -> Self {
        Self::Bucket { tokens, period, burst, level: u64::from(burst) * period }
    }

    pub(crate) fn quota(&self) -> Quota {
        let nanos = Duration::from_nanos;
        match *self {
            Self::Bucket { tokens, period, burst, .. } => {
                let quota = Quota::per(tokens, nanos(period)).expect("it makes sense");
                quota.burst(burst).expect("it makes sense")
            }
            Self::Window { limit, period, .. } => Quota::sliding(limit, nanos(period)).expect("it makes sense"),
        }
    }

    pub(crate) fn most(&self) -> u32 {
        match *self {
            Self::Bucket { burst, .. } => burst,
            Self::Window { limit, .. } => limit,
        }
    }

    pub(crate) fn pass(&mut self, nanos: u64) {
        if let Self::Bucket { tokens, period, burst, level } = self {
            *level = (*level + u64::from(*tokens) * nanos).min(u64::from(*burst) * *period);
        }
    }

    pub(crate) fn fits(&self, wanted: u32, now: u64) -> bool {
        match self {
            Self::Bucket { period, level, .. } => u64::from(wanted) * period <= *level,
            Self::Window { limit, period, log } => {
                log.iter().filter(|&&time| time + period > now).count() + wanted as usize <= *limit as usize
            }
        }
    }

    pub(crate) fn take(&mut self, wanted: u32, now: u64) {
        match self {
            Self::Bucket { period, level, .. } => *level -= u64::from(wanted) * *period,
            Self::Window { log, period, .. } => {
                log.retain(|time| time + *period > now);
                log.extend((0..wanted).map(|_| now));
            }
        }
    }

    pub(crate) fn refund(&mut self, returned: u32) {
        match self {
            Self::Bucket { period, burst, level, .. } => {
                *level = (*level + u64::from(returned) * *period).min(u64::from(*burst) * *period);
            }
            Self::Window { log, .. } => log.truncate(log.len().saturating_sub(returned as usize)),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Model {
    quotas: Vec<Naive>,
    now: u64,
    /// By priority, then arrival: who, and how many tokens.
    line: BTreeMap<(i32, usize), u32>,
}

impl Model {
    fn fits(&self, wanted: u32) -> bool {
        self.quotas.iter().all(|quota| quota.fits(wanted, self.now))
    }

    fn take(&mut self, wanted: u32) -> bool {
        let fits = self.fits(wanted);
        if fits {
            self.quotas.iter_mut().for_each(|quota| quota.take(wanted, self.now));
        }
        fits
    }

    fn pass(&mut self, nanos: u64) {
        self.now += nanos;
        self.quotas.iter_mut().for_each(|quota| quota.pass(nanos));
    }

    /// When so many tokens could be had: nanosecond by nanosecond.
    fn earliest(&self, wanted: u32) -> u64 {
        let mut later = self.clone();
        while !later.fits(wanted) {
            later.pass(1);
        }
        later.now
    }

    fn serve(&mut self) {
        while let Some((&first, &wanted)) = self.line.first_key_value() {
            if !self.take(wanted) {
                return;
            }
            self.line.remove(&first);
        }
    }
}

/// An operation.
#[derive(Clone, Debug)]
pub enum Step {
    Pass(u64),
    ToDeadline,
    TryAcquire { tokens: u32, priority: i32 },
    Acquire { tokens: u32, priority: i32 },
    Poll { who: usize },
    Cancel { who: usize },
    Refund(u32),
}

struct Asker {
    key: WaiterKey,
    place: (i32, usize),
    tokens: u32,
}

struct Run {
    machine: Machine<Bell, Inline<8>>,
    model: Model,
    rung: Rc<RefCell<Vec<usize>>>,
    askers: Vec<Asker>,
    /// Whom the machine has told when to come, or woken to be told: by number.
    told: BTreeMap<usize, Option<Instant>>,
}

impl Run {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.model.now)
    }

    fn settle(&mut self) {
        while self.machine.is_unsettled() {
            let mut wakes = WakeList::new();
            let more = self.machine.settle(&mut wakes);
            assert_eq!(more, self.machine.is_unsettled());
        }
        for who in self.rung.borrow_mut().drain(..) {
            self.told.insert(who, None);
        }
        self.model.serve();
    }

    /// Polls as a future would, and drops who is served.
    fn poll(&mut self, nth: usize) {
        let Asker { key, place, .. } = self.askers[nth];
        let now = self.now();
        self.model.serve();
        let bell = Bell(place.1, Rc::clone(&self.rung));
        let mut progress = self.machine.poll(now, key, &bell).expect("no quota is changed");
        if progress == Progress::WakerDiffers {
            let (_, until) = self.machine.register(key, bell).unwrap_or_else(|_| panic!("it waits"));
            progress = Progress::Waiting { until };
        }
        let waits = self.model.line.contains_key(&place);
        match progress {
            Progress::Granted => {
                assert!(!waits, "early");
                self.askers.remove(nth);
                self.told.remove(&place.1);
            }
            Progress::Waiting { until } => {
                assert!(waits, "late");
                let first = self.model.line.keys().next() == Some(&place);
                assert_eq!(until.is_some(), first, "the first, and nobody else, holds a timer");
                match until {
                    Some(_) => self.told.insert(place.1, until),
                    None => self.told.remove(&place.1),
                };
            }
            Progress::WakerDiffers => unreachable!("it was registered above"),
        }
        self.settle();
    }

    fn check(&self) {
        assert_eq!(self.machine.waiters(), self.model.line.len());
        let first = self.model.line.first_key_value();
        let due = first.map(|(_, &tokens)| Instant::from_nanos(self.model.earliest(tokens)));
        assert_eq!(self.machine.poll_timeout(), due);
        // Nobody is stranded: the first knows its time, or has been woken to hear of it.
        if let Some((place, _)) = first {
            let told = self.told.get(&place.1);
            assert!(told.is_some_and(|until| until.is_none() || *until == due), "{told:?} for {due:?}");
        }
        // Whoever else holds a timer has been woken to let it go.
        for (who, until) in &self.told {
            assert!(until.is_none() || first.is_some_and(|(place, _)| place.1 == *who), "two timers");
        }
    }

    fn step(&mut self, number: usize, step: &Step) {
        let most = self.model.quotas.iter().map(Naive::most).min().unwrap_or(0);
        match *step {
            Step::Pass(nanos) => self.pass(nanos),
            Step::ToDeadline => {
                if let Some(due) = self.machine.poll_timeout() {
                    self.pass(due.as_nanos().saturating_sub(self.model.now));
                }
            }
            Step::TryAcquire { tokens, priority } => {
                let now = self.now();
                let answer = self.machine.try_acquire(now, tokens, Priority(priority));
                let leads = self.model.line.keys().next().is_none_or(|first| priority < first.0);
                let expected = match tokens {
                    0 => Err(TryAcquireError::ZeroTokens),
                    _ if tokens > most => Err(TryAcquireError::ExceedsBurst),
                    _ if leads && self.model.take(tokens) => Ok(()),
                    _ => {
                        let own = self.model.earliest(tokens);
                        let first = self.model.line.values().next().map_or(0, |&first| self.model.earliest(first));
                        let expected = if leads { own } else { own.max(first) };
                        assert_eq!(answer.unwrap_err().earliest(), Some(Instant::from_nanos(expected)));
                        answer
                    }
                };
                assert_eq!(answer, expected);
            }
            Step::Acquire { tokens, priority } => {
                let bell = Bell(number, Rc::clone(&self.rung));
                let room = self.model.line.len() < 8;
                let leads = self.model.line.keys().next().is_none_or(|first| priority < first.0);
                let now = self.now();
                match self.machine.acquire(now, tokens, Priority(priority), bell) {
                    Ok(Admission::Granted(_)) => assert!(leads && self.model.take(tokens)),
                    Ok(Admission::Queued { key, until }) => {
                        assert!(!(leads && self.model.fits(tokens)));
                        assert_eq!(until.is_some(), leads);
                        self.model.line.insert((priority, number), tokens);
                        self.askers.push(Asker { key, place: (priority, number), tokens });
                        if leads {
                            self.told.insert(number, until);
                        }
                    }
                    Err((AcquireError::Full, _)) => assert!(!room),
                    Err((AcquireError::ZeroTokens, _)) => assert_eq!(tokens, 0),
                    Err((error, _)) => assert!(tokens > most && error == AcquireError::ExceedsBurst),
                }
            }
            Step::Poll { who } => {
                if let Some(nth) = who.checked_rem(self.askers.len()) {
                    self.poll(nth);
                }
            }
            Step::Cancel { who } => {
                if let Some(nth) = who.checked_rem(self.askers.len()) {
                    let Asker { key, place, tokens } = self.askers.remove(nth);
                    drop(self.machine.cancel(key, tokens));
                    self.told.remove(&place.1);
                    if self.model.line.remove(&place).is_none() {
                        self.model.quotas.iter_mut().for_each(|quota| quota.refund(tokens));
                    }
                }
            }
            Step::Refund(tokens) => {
                self.machine.refund(tokens);
                self.model.quotas.iter_mut().for_each(|quota| quota.refund(tokens));
            }
        }
        self.settle();
        self.check();
    }

    fn pass(&mut self, nanos: u64) {
        self.model.pass(nanos);
        self.machine.handle_timeout(self.now());
    }
}

/// Does the steps in lockstep.
pub fn play(quotas: Vec<Naive>, steps: &[Step]) {
    let described: Vec<Quota> = quotas.iter().map(Naive::quota).collect();
    let mut run = Run {
        machine: Machine::with_quotas(&described).expect("they make sense"),
        model: Model { quotas, ..Model::default() },
        rung: Rc::default(),
        askers: Vec::new(),
        told: BTreeMap::new(),
    };
    for (number, step) in steps.iter().enumerate() {
        run.step(number, step);
    }
}

impl Naive {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let kind = bytes.byte();
        let (few, period) = (1 + u32::from(bytes.below(5)), 1 + u64::from(bytes.below(39)));
        if kind & 1 == 0 {
            let burst = 1 + u32::from(bytes.below(4));
            Self::Bucket { tokens: few, period, burst, level: u64::from(burst) * period }
        } else {
            Self::Window { limit: few, period, log: Vec::new() }
        }
    }
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let (kind, detail) = (bytes.below(16), bytes.byte());
        let (tokens, priority) = (u32::from(detail % 5), i32::from(detail / 5 % 3) - 1);
        let who = usize::from(detail);
        match kind {
            0 | 1 => Self::Pass(u64::from(detail % 32)),
            2 | 3 => Self::ToDeadline,
            4..6 => Self::TryAcquire { tokens, priority },
            6..10 => Self::Acquire { tokens, priority },
            10..13 => Self::Poll { who },
            13 | 14 => Self::Cancel { who },
            _ => Self::Refund(1 + tokens % 2),
        }
    }
}

/// Interprets bytes as up to four quotas and what is done with a limiter that has them.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let quotas = (0..=bytes.below(4)).map(|_| Naive::read(&mut bytes)).collect();
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        steps.push(Step::read(&mut bytes));
    }
    play(quotas, &steps);
}
