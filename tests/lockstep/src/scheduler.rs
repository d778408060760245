//! The scheduler's machine against a list of payloads, with consumers, a wall clock that is set, and time that passes.

use core::cell::Cell;
use core::cmp::Reverse;
use core::time::Duration;
use std::rc::Rc;

use tidegate_core::scheduler::{
    Config, Deadline, Expired, InsertError, Joining, Key, Machine, MissedTickBehavior, Now, Progress,
};
use tidegate_core::{Heap, Inline, Instant, Priority, Storage, WaiterKey, WakeList, WallTime};

use crate::bell::Bell;
use crate::bytes::Bytes;

/// Few enough for it to be full at times.
const ROOM: usize = 6;
const RECHECK: u64 = 10;
/// Where the wall clock stands at first.
const NOON: u64 = 1_000;

/// An operation.
#[derive(Clone, Debug)]
pub enum Step {
    InsertAt { deadline: u64 },
    InsertAfter { span: u64 },
    InsertWall { span: u64 },
    InsertEvery { period: u64, behavior: MissedTickBehavior },
    Cancel { which: usize },
    Reset { which: usize, span: u64 },
    ResetWall { which: usize, span: u64 },
    Advance { span: u64 },
    SetWall { to: u64 },
    HandleTimeout,
    Pop,
    Enter { priority: i32 },
    Poll { who: usize, moved: bool },
    Leave { who: usize },
    Join,
    PollJoin { who: usize },
    LeaveJoin { who: usize },
    Close,
}

struct Entry {
    payload: u64,
    deadline: Deadline,
    arrival: u64,
    repeat: Option<(u64, MissedTickBehavior)>,
}

struct Waiter {
    key: WaiterKey,
    priority: i32,
    arrival: u64,
    woken: Rc<Cell<bool>>,
    alarm: Option<Instant>,
    /// When it was polled last.
    polled: u64,
}

impl Waiter {
    fn rank(&self) -> (i32, u64) {
        (self.priority, self.arrival)
    }
}

struct Joiner {
    key: WaiterKey,
    woken: Rc<Cell<bool>>,
    done: bool,
}

struct Play<S: Storage> {
    machine: Machine<u64, Bell, S>,
    room: usize,
    now: u64,
    wall: u64,
    arrivals: u64,
    closed: bool,
    /// Every key that ever was, by payload.
    keys: Vec<Key>,
    entries: Vec<Entry>,
    waiters: Vec<Waiter>,
    joiners: Vec<Joiner>,
}

impl<S: Storage> Play<S> {
    fn new(room: usize) -> Self {
        let config = Config::new().wall_recheck(Duration::from_nanos(RECHECK));
        Self {
            machine: Machine::with_config(config),
            room,
            now: 0,
            wall: NOON,
            arrivals: 0,
            closed: false,
            keys: Vec::new(),
            entries: Vec::new(),
            waiters: Vec::new(),
            joiners: Vec::new(),
        }
    }

    fn told(&self) -> Now {
        Now::from((Instant::from_nanos(self.now), WallTime::from_unix_nanos(self.wall)))
    }

    fn arrive(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    /// The first by the clock or by the wall clock: which, and its deadline.
    fn first(&self, by_wall: bool) -> Option<(usize, u64)> {
        let deadline = |entry: &Entry| match entry.deadline {
            Deadline::At(at) if !by_wall => Some(at.as_nanos()),
            Deadline::Wall(at) if by_wall => Some(at.as_unix_nanos()),
            _ => None,
        };
        let timed = self.entries.iter().enumerate().filter_map(|(which, entry)| Some((which, deadline(entry)?)));
        timed.filter(|&(_, at)| at != u64::MAX).min_by_key(|&(which, at)| (at, self.entries[which].arrival))
    }

    /// Which is to come out now.
    fn due(&self) -> Option<usize> {
        if self.closed {
            return None;
        }
        let overdue = |first: Option<(usize, u64)>, now: u64| {
            first.and_then(|(which, at)| Some((which, now.checked_sub(at)?)))
        };
        match (overdue(self.first(false), self.now), overdue(self.first(true), self.wall)) {
            (Some((_, by_clock)), Some((which, by_wall))) if by_wall > by_clock => Some(which),
            (None, Some((which, _))) | (Some((which, _)), _) => Some(which),
            (None, None) => None,
        }
    }

    /// What the reference makes of a payload that has come out.
    fn came_out(&mut self, which: usize, expired: &Expired<u64>) {
        let arrival = self.arrive();
        let entry = &mut self.entries[which];
        assert_eq!((*expired.get_ref(), expired.deadline()), (entry.payload, entry.deadline));
        assert_eq!(Some(&expired.key()), self.keys.get(usize::try_from(entry.payload).expect("few")));
        let Some((period, behavior)) = entry.repeat else {
            self.entries.remove(which);
            self.emptied();
            return;
        };
        let from = match entry.deadline {
            Deadline::At(at) => at.as_nanos(),
            Deadline::Wall(_) => self.now,
        };
        let next = match behavior {
            MissedTickBehavior::Burst => from.saturating_add(period),
            MissedTickBehavior::Delay => self.now.saturating_add(period),
            MissedTickBehavior::Skip => {
                from.saturating_add(((self.now - from) / period + 1).saturating_mul(period))
            }
        };
        (entry.deadline, entry.arrival) = (Deadline::At(Instant::from_nanos(next)), arrival);
    }

    fn emptied(&mut self) {
        if self.entries.is_empty() {
            for joiner in &mut self.joiners {
                joiner.done = true;
            }
        }
    }

    fn insert(&mut self, deadline: Deadline, repeat: Option<(u64, MissedTickBehavior)>) {
        let payload = self.keys.len() as u64;
        let inserted = match (deadline, repeat) {
            (Deadline::At(first), Some((period, behavior))) => {
                self.machine.insert_every(first, Duration::from_nanos(period), behavior, payload)
            }
            (Deadline::At(at), None) => self.machine.insert_at(at, payload),
            (Deadline::Wall(at), _) => self.machine.insert_at_wall(at, payload),
        };
        match inserted {
            Ok(key) => {
                assert!(
                    !self.closed && self.entries.len() < self.room && repeat.is_none_or(|(period, _)| period > 0)
                );
                assert_eq!(self.machine.deadline(key), Some(deadline));
                self.keys.push(key);
                let arrival = self.arrive();
                self.entries.push(Entry { payload, deadline, arrival, repeat });
            }
            Err(InsertError::ZeroPeriod(back)) => {
                assert_eq!((back, repeat.map(|(period, _)| period)), (payload, Some(0)));
            }
            Err(InsertError::Closed(back)) => assert!(self.closed && back == payload),
            Err(InsertError::Full(back)) => assert!(self.entries.len() == self.room && back == payload),
            Err(other) => panic!("{other}"),
        }
    }

    fn at(&self, span: u64) -> Deadline {
        Deadline::At(Instant::from_nanos(self.now.saturating_add(span)))
    }

    fn at_wall(&self, span: u64) -> Deadline {
        Deadline::Wall(WallTime::from_unix_nanos(self.wall.saturating_add(span)))
    }

    fn find(&self, which: usize) -> (Key, Option<usize>) {
        let payload = which % self.keys.len();
        (self.keys[payload], self.entries.iter().position(|entry| entry.payload == payload as u64))
    }

    fn reset(&mut self, which: usize, deadline: Deadline) {
        let (key, entry) = self.find(which);
        let was_there = match deadline {
            Deadline::At(at) => self.machine.reset_at(key, at),
            Deadline::Wall(at) => self.machine.reset_at_wall(key, at),
        };
        assert_eq!(was_there, entry.is_some());
        if let Some(entry) = entry {
            let arrival = self.arrive();
            (self.entries[entry].deadline, self.entries[entry].arrival) = (deadline, arrival);
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::InsertAt { deadline } => self.insert(Deadline::At(Instant::from_nanos(deadline)), None),
            Step::InsertAfter { span } => self.insert(self.at(span), None),
            Step::InsertWall { span } => self.insert(self.at_wall(span), None),
            Step::InsertEvery { period, behavior } => self.insert(self.at(period), Some((period, behavior))),
            Step::Cancel { which } if !self.keys.is_empty() => {
                let (key, entry) = self.find(which);
                let cancelled = entry.map(|entry| self.entries.remove(entry).payload);
                assert_eq!(self.machine.cancel(key), cancelled);
                if cancelled.is_some() {
                    self.emptied();
                }
            }
            Step::Reset { which, span } if !self.keys.is_empty() => self.reset(which, self.at(span)),
            Step::ResetWall { which, span } if !self.keys.is_empty() => self.reset(which, self.at_wall(span)),
            Step::Advance { span } => {
                (self.now, self.wall) = (self.now.saturating_add(span), self.wall.saturating_add(span));
            }
            Step::SetWall { to } => self.wall = to,
            Step::HandleTimeout => self.machine.handle_timeout(self.told()),
            Step::Pop => _ = self.pop(),
            Step::Enter { priority } => self.enter(priority),
            Step::Poll { who, moved } if !self.waiters.is_empty() => {
                _ = self.poll(who % self.waiters.len(), moved);
            }
            Step::Leave { who } if !self.waiters.is_empty() => {
                let waiter = self.waiters.swap_remove(who % self.waiters.len());
                drop(self.machine.leave(waiter.key));
            }
            Step::Join => self.join(),
            Step::PollJoin { who } if !self.joiners.is_empty() => self.poll_join(who % self.joiners.len()),
            Step::LeaveJoin { who } if !self.joiners.is_empty() => {
                let joiner = self.joiners.swap_remove(who % self.joiners.len());
                drop(self.machine.leave_join(joiner.key));
            }
            Step::Close => {
                self.closed = true;
                self.machine.close();
            }
            _ => {}
        }
        self.settle();
        self.check();
    }

    fn pop(&mut self) -> bool {
        let due = self.due();
        let popped = self.machine.pop(self.told());
        assert_eq!(popped.is_some(), due.is_some());
        if let (Some(which), Some(expired)) = (due, &popped) {
            self.came_out(which, expired);
        }
        popped.is_some()
    }

    fn enter(&mut self, priority: i32) {
        let due = self.due();
        let woken = Rc::new(Cell::new(false));
        loop {
            match self.machine.enter(self.told(), Priority(priority), Bell(Rc::clone(&woken))) {
                Err((Progress::Busy, _)) => continue,
                Err((Progress::Expired(expired), _)) => {
                    self.came_out(due.expect("something came out"), &expired);
                }
                Ok(Progress::Waiting { key, alarm }) => {
                    assert!(due.is_none() && !self.closed && self.waiters.len() < self.room);
                    let arrival = self.arrive();
                    self.waiters.push(Waiter { key, priority, arrival, woken, alarm, polled: self.now });
                }
                Err((Progress::Full, _)) => assert!(due.is_none() && self.waiters.len() == self.room),
                Err((Progress::Closed, _)) => assert!(self.closed),
                other => panic!("{other:?}"),
            }
            return;
        }
    }

    /// Answers whether the consumer is served, or has been sent home.
    fn poll(&mut self, who: usize, moved: bool) -> bool {
        let (due, told) = (self.due(), self.told());
        let waiter = &mut self.waiters[who];
        if moved {
            waiter.woken = Rc::new(Cell::new(false));
        }
        waiter.woken.set(false);
        loop {
            match self.machine.poll(told, waiter.key, &Bell(Rc::clone(&waiter.woken))) {
                Progress::Busy => {}
                Progress::Expired(expired) => {
                    drop(self.machine.leave(waiter.key));
                    self.waiters.remove(who);
                    self.came_out(due.expect("something came out"), &expired);
                    return true;
                }
                Progress::Waiting { key, alarm } => {
                    assert!(due.is_none() && key == waiter.key);
                    (waiter.alarm, waiter.polled) = (alarm, self.now);
                    return false;
                }
                Progress::WakerDiffers => {
                    let bell = Bell(Rc::clone(&waiter.woken));
                    drop(self.machine.register(waiter.key, bell).expect("it is in line"));
                }
                Progress::Closed => {
                    assert!(self.closed);
                    self.waiters.remove(who);
                    return true;
                }
                Progress::Full => panic!("it has its place"),
            }
        }
    }

    fn join(&mut self) {
        let woken = Rc::new(Cell::new(false));
        match self.machine.join(Bell(Rc::clone(&woken))) {
            Ok(Joining::Waiting(key)) => {
                assert!(!self.entries.is_empty() && !self.closed && self.joining() < self.room);
                self.joiners.push(Joiner { key, woken, done: false });
            }
            Err((Joining::Empty, _)) => assert!(self.entries.is_empty()),
            Err((Joining::Closed, _)) => assert!(self.closed),
            Err((Joining::Full, _)) => assert_eq!(self.joining(), self.room),
            other => panic!("{other:?}"),
        }
        if self.joiners.len() >= self.room {
            self.joiners.retain(|joiner| !joiner.done);
        }
    }

    /// How many have a place: those who are done have left the storage, polled or not.
    fn joining(&self) -> usize {
        self.joiners.iter().filter(|joiner| !joiner.done).count()
    }

    fn poll_join(&mut self, who: usize) {
        let joiner = &self.joiners[who];
        joiner.woken.set(false);
        match self.machine.poll_join(joiner.key, Bell(Rc::clone(&joiner.woken))) {
            Ok(_) => assert!(!joiner.done && !self.closed),
            Err((Joining::Empty | Joining::Closed, _)) => {
                assert!(joiner.done || self.closed);
                self.joiners.remove(who);
            }
            Err(other) => panic!("{other:?}"),
        }
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
        assert_eq!(self.machine.len(), self.entries.len());
        let (by_clock, by_wall) = (self.first(false).map(|(_, at)| at), self.first(true).map(|(_, at)| at));
        let (clock, wall) = self.machine.peek_deadline();
        assert_eq!((clock.map(Instant::as_nanos), wall.map(WallTime::as_unix_nanos)), (by_clock, by_wall));
        let timeout = self.machine.poll_timeout().map(Instant::as_nanos);
        assert!(timeout.is_some() == (by_clock.is_some() || by_wall.is_some()));
        assert!(by_clock.is_none_or(|first| timeout <= Some(first)));
        for entry in &self.entries {
            let key = self.keys[usize::try_from(entry.payload).expect("few")];
            assert_eq!(self.machine.deadline(key), Some(entry.deadline));
        }
        for joiner in &self.joiners {
            assert!(!(joiner.done || self.closed) || joiner.woken.get(), "one who waits for the end sleeps on");
        }
        if self.closed {
            assert!(self.waiters.iter().all(|waiter| waiter.woken.get()), "not all have heard of the close");
            return;
        }
        assert_eq!(self.machine.waiters(), self.waiters.len());
        let Some(first) = self.waiters.iter().min_by_key(|waiter| waiter.rank()) else { return };
        let alarm = first.alarm.map_or(u64::MAX, Instant::as_nanos);
        let keeps =
            by_clock.is_none_or(|first| alarm <= first) && by_wall.is_none_or(|_| alarm <= first.polled + RECHECK);
        assert!(first.woken.get() || keeps, "the first in line sleeps on");
    }

    /// All that has a deadline becomes due; polls only who was woken or set an alarm, the last to come first. Then
    /// whatever is left is taken.
    fn drain(&mut self) {
        self.entries.iter().filter(|entry| entry.repeat.is_some()).for_each(|entry| {
            let cancelled = self.machine.cancel(self.keys[usize::try_from(entry.payload).expect("few")]);
            assert_eq!(cancelled, Some(entry.payload));
        });
        self.entries.retain(|entry| entry.repeat.is_none());
        self.emptied();
        self.settle();
        (self.now, self.wall) = (u64::MAX - 1, u64::MAX - 1);
        loop {
            let now = Instant::from_nanos(self.now);
            let active = |waiter: &Waiter| waiter.woken.get() || waiter.alarm.is_some_and(|alarm| alarm <= now);
            let next = (0..self.waiters.len())
                .filter(|&who| active(&self.waiters[who]))
                .max_by_key(|&who| (Reverse(self.waiters[who].alarm.is_some()), self.waiters[who].arrival));
            let Some(who) = next else { break };
            self.poll(who, false);
            self.settle();
            self.check();
        }
        assert!(self.waiters.is_empty() || self.due().is_none(), "some wait though something is due");
        if self.arrivals.is_multiple_of(2) {
            while self.pop() {
                self.settle();
            }
        }
        let mut from = 0;
        while let Some(expired) = self.machine.take_any(&mut from) {
            let first = self.first(false).or_else(|| self.first(true)).map_or(0, |(which, _)| which);
            let which = if let Some((which, _)) = self.first(false).or_else(|| self.first(true)) {
                which
            } else {
                let is_it = |entry: &Entry| entry.payload == *expired.get_ref();
                self.entries.iter().position(is_it).unwrap_or(first)
            };
            let entry = self.entries.remove(which);
            assert_eq!((*expired.get_ref(), expired.deadline()), (entry.payload, entry.deadline));
            self.emptied();
            self.settle();
        }
        assert_eq!((self.entries.len(), self.machine.len()), (0, 0));
    }
}

fn play_on<S: Storage>(room: usize, steps: &[Step]) {
    let mut play = Play::<S>::new(room);
    for step in steps {
        play.run(step);
    }
    play.drain();
}

/// Does the steps in lockstep, on either storage, then lets everything come out.
pub fn play(steps: &[Step]) {
    play_on::<Inline<ROOM>>(ROOM, steps);
    play_on::<Heap>(usize::MAX, steps);
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let (kind, detail) = (bytes.below(32), bytes.byte());
        let which = usize::from(detail);
        let span = u64::from(detail % 50);
        match kind {
            0..4 => Self::InsertAfter { span },
            4 => Self::InsertAt { deadline: bytes.number() },
            5 => Self::InsertAfter { span: bytes.number() },
            6 | 7 => Self::InsertWall { span },
            8 => Self::InsertEvery {
                period: span % 12,
                behavior: match detail >> 6 {
                    0 => MissedTickBehavior::Burst,
                    1 => MissedTickBehavior::Delay,
                    _ => MissedTickBehavior::Skip,
                },
            },
            9 | 10 => Self::Cancel { which },
            11 => Self::Reset { which, span: u64::from(bytes.byte()) },
            12 => Self::ResetWall { which, span: u64::from(bytes.byte()) },
            13..16 => Self::Advance { span: span % 25 },
            16 => Self::Advance { span: bytes.number() >> 8 },
            17 => Self::SetWall { to: NOON - 100 + u64::from(detail) },
            18 => Self::HandleTimeout,
            19..21 => Self::Pop,
            21..24 => Self::Enter { priority: i32::from(detail % 3) - 1 },
            24..27 => Self::Poll { who: which >> 1, moved: detail & 1 != 0 },
            27 => Self::Leave { who: which },
            28 => Self::Join,
            29 => Self::PollJoin { who: which },
            30 => Self::LeaveJoin { who: which },
            _ if detail == 255 => Self::Close,
            _ => Self::HandleTimeout,
        }
    }
}

/// Interprets bytes as what is done with a scheduler.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        steps.push(Step::read(&mut bytes));
    }
    play(&steps);
}
