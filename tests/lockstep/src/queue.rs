//! Queues of all three disciplines, and a list of items beside lists of those who wait.

use core::cell::Cell;
use std::rc::Rc;

use tidegate_core::queue::{
    ByPriority, Discipline, Entry, Fifo, For, Lifo, Machine, Progress, Refused, TryGetError, TryPutError,
    TryReserveError,
};
use tidegate_core::{Inline, Priority, WaiterKey, WakeList};

use crate::bell::Bell;
use crate::bytes::Bytes;

/// Room for items, and for waiters in each line: few enough to be full at times.
const ROOM: usize = 6;
const SEATS: usize = 5;

/// Compared by the key alone, so that many are equal.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    key: u8,
    number: u32,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

/// Which discipline is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Fifo,
    Lifo,
    ByPriority,
}

/// An operation.
#[derive(Clone, Debug)]
pub enum Step {
    TryPut(u8),
    ForcePut(u8),
    TryGet,
    Reserve,
    Fill(u8),
    Release,
    Wait(What, i32),
    /// Waits for room, and leaves an item with the place in line if there is no capacity.
    Offer(u8, i32),
    Poll(usize, bool),
    Cancel(usize),
    Capacity(usize),
    Done,
    Close,
    Discard,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Room,
    Item,
    Done,
}

impl From<What> for For {
    fn from(what: What) -> Self {
        match what {
            What::Room => Self::Room,
            What::Item => Self::Item,
            What::Done => Self::Done,
        }
    }
}

/// How a waiter of the reference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Waiting,
    Granted,
    Refused,
}

struct Waiter {
    what: What,
    key: WaiterKey,
    priority: i32,
    arrival: usize,
    bell: Rc<Cell<bool>>,
    standing: Standing,
    /// What it offers, or has offered.
    offer: Option<Item>,
}

/// The naive queue.
struct Model {
    kind: Kind,
    capacity: usize,
    items: Vec<Item>,
    reserved: usize,
    claimed: usize,
    unfinished: usize,
    closed: bool,
    discarded: bool,
    waiters: Vec<Waiter>,
    arrivals: usize,
}

impl Model {
    fn in_line(&self, what: What) -> usize {
        self.waiters.iter().filter(|waiter| waiter.what == what && waiter.standing == Standing::Waiting).count()
    }

    fn has_room(&self) -> bool {
        let limit =
            if self.capacity == 0 { (self.in_line(What::Item) + self.claimed).min(ROOM) } else { self.capacity };
        self.items.len() + self.reserved < limit
    }

    fn has_item(&self) -> bool {
        !self.discarded && self.items.len() > self.claimed
    }

    /// The place of the item that comes out next.
    fn next(&self) -> Option<usize> {
        match self.kind {
            Kind::Fifo => (!self.items.is_empty()).then_some(0),
            Kind::Lifo => self.items.len().checked_sub(1),
            Kind::ByPriority => (0..self.items.len()).min_by_key(|&at| self.items[at].key),
        }
    }

    fn pop(&mut self) -> Option<Item> {
        self.next().map(|at| self.items.remove(at))
    }

    fn push(&mut self, item: Item) {
        self.items.push(item);
        self.unfinished += 1;
    }

    fn first(&mut self, what: What) -> Option<&mut Waiter> {
        let waiting = |waiter: &&mut Waiter| waiter.what == what && waiter.standing == Standing::Waiting;
        self.waiters.iter_mut().filter(waiting).min_by_key(|waiter| (waiter.priority, waiter.arrival))
    }

    fn serve(&mut self) {
        while self.has_item()
            && let Some(first) = self.first(What::Item)
        {
            first.standing = Standing::Granted;
            self.claimed += 1;
        }
    }

    /// What the first in line offers, if a newcomer may have it.
    fn offered(&mut self) -> Option<Item> {
        if self.closed || self.has_item() || self.in_line(What::Item) > 0 {
            return None;
        }
        self.first(What::Room)?.offer
    }

    /// Takes what the first in line offers, behind what is inside.
    fn accept(&mut self) {
        if let Some(first) = self.first(What::Room)
            && let Some(item) = first.offer
        {
            first.standing = Standing::Granted;
            self.push(item);
        }
    }

    fn settle(&mut self) {
        self.serve();
        // An offer that goes in may be what somebody waits for, and makes room for the next then.
        while !self.closed
            && self.has_room()
            && let Some(first) = self.first(What::Room)
        {
            first.standing = Standing::Granted;
            match first.offer {
                Some(item) => self.push(item),
                None => self.reserved += 1,
            }
            self.serve();
        }
        while self.unfinished == 0
            && let Some(first) = self.first(What::Done)
        {
            first.standing = Standing::Granted;
        }
        if self.closed {
            for waiter in &mut self.waiters {
                if waiter.standing == Standing::Waiting && waiter.what != What::Done {
                    waiter.standing = Standing::Refused;
                }
            }
        }
    }
}

struct Play<D: Discipline<Item>> {
    machine: Machine<Item, Bell, D, Inline<ROOM>, Inline<SEATS>>,
    model: Model,
    /// Slots in hand.
    slots: usize,
    numbers: u32,
}

impl<D: Discipline<Item>> Play<D> {
    fn new(kind: Kind, capacity: usize) -> Self {
        let machine = Machine::new(capacity);
        let model = Model {
            kind,
            capacity: machine.capacity(),
            items: Vec::new(),
            reserved: 0,
            claimed: 0,
            unfinished: 0,
            closed: false,
            discarded: false,
            waiters: Vec::new(),
            arrivals: 0,
        };
        Self { machine, model, slots: 0, numbers: 0 }
    }

    fn item(&mut self, key: u8) -> Item {
        self.numbers += 1;
        Item { key, number: self.numbers }
    }

    fn settle(&mut self) {
        loop {
            let mut wakes = WakeList::new();
            let more = self.machine.settle(&mut wakes);
            drop(wakes);
            if !more {
                break;
            }
        }
        self.model.settle();
    }

    fn expect_room(&self) -> Result<(), TryReserveError> {
        if self.model.closed {
            return Err(TryReserveError::Closed);
        }
        if self.model.in_line(What::Room) > 0 || !self.model.has_room() {
            return Err(TryReserveError::Full);
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::TryPut(key) => {
                let item = self.item(key);
                let put = self.machine.try_put(item).map_err(|error| match error {
                    TryPutError::Closed(back) => (TryReserveError::Closed, back.number),
                    other => (TryReserveError::Full, other.into_inner().number),
                });
                let expected = self.expect_room();
                assert_eq!(put, expected.map_err(|error| (error, item.number)));
                if expected.is_ok() {
                    self.model.push(item);
                }
            }
            Step::ForcePut(key) => {
                let item = self.item(key);
                let put = self.machine.force_put(item);
                let displaced = put.map(|oldest| oldest.map(|item| item.number)).map_err(|error| match error {
                    TryPutError::Closed(back) => (TryReserveError::Closed, back.number),
                    other => (TryReserveError::Full, other.into_inner().number),
                });
                let expected = match self.expect_room() {
                    Ok(()) => Ok(None),
                    // Items are listed as they came.
                    Err(TryReserveError::Full) if !self.model.items.is_empty() => {
                        self.model.unfinished = self.model.unfinished.saturating_sub(1);
                        Ok(Some(self.model.items.remove(0).number))
                    }
                    Err(error) => Err((error, item.number)),
                };
                assert_eq!(displaced, expected);
                if expected.is_ok() {
                    self.model.push(item);
                }
            }
            Step::TryGet => {
                let got = self.machine.try_get().map(|item| item.number);
                let expected = if self.model.offered().is_some() {
                    self.model.accept();
                    Ok(self.model.pop().map_or(0, |item| item.number))
                } else if self.model.has_item() && self.model.in_line(What::Item) == 0 {
                    Ok(self.model.pop().map_or(0, |item| item.number))
                } else if self.model.closed && !self.model.has_item() {
                    Err(TryGetError::Closed)
                } else {
                    Err(TryGetError::Empty)
                };
                assert_eq!(got, expected);
            }
            Step::Reserve => {
                let expected = self.expect_room();
                assert_eq!(self.machine.try_reserve(), expected);
                if expected.is_ok() {
                    self.model.reserved += 1;
                    self.slots += 1;
                }
            }
            Step::Fill(key) if self.slots > 0 => {
                self.slots -= 1;
                self.fill(key);
            }
            Step::Release if self.slots > 0 => {
                self.slots -= 1;
                self.machine.release(For::Room);
                self.model.reserved -= 1;
            }
            Step::Wait(what, priority) => self.wait(what, priority, None),
            Step::Offer(key, priority) => {
                let item = self.item(key);
                self.wait(What::Room, priority, Some(item));
            }
            Step::Poll(who, moved) if !self.model.waiters.is_empty() => {
                self.poll(who % self.model.waiters.len(), moved);
            }
            Step::Cancel(who) if !self.model.waiters.is_empty() => self.cancel(who % self.model.waiters.len()),
            Step::Capacity(capacity) => {
                let least = usize::from(self.model.kind != Kind::Fifo);
                let valid = (least..=ROOM).contains(&capacity);
                assert_eq!(self.machine.set_capacity(capacity).is_ok(), valid);
                if valid {
                    self.model.capacity = capacity;
                }
            }
            Step::Done => {
                assert_eq!(self.machine.task_done().is_ok(), self.model.unfinished > 0);
                self.model.unfinished = self.model.unfinished.saturating_sub(1);
            }
            Step::Close => {
                self.machine.close();
                self.model.closed = true;
            }
            Step::Discard => {
                self.machine.close_and_discard();
                if !self.model.discarded {
                    (self.model.closed, self.model.discarded, self.model.claimed) = (true, true, 0);
                    // What was taken and not reported is still to be done; `done` too often makes it fewer.
                    self.model.unfinished = self.model.unfinished.saturating_sub(self.model.items.len());
                }
                let taken = self.machine.take_discarded().map(|item| item.number);
                assert_eq!(taken, self.model.pop().map(|item| item.number));
            }
            Step::Fill(_) | Step::Release | Step::Poll(..) | Step::Cancel(_) => {}
        }
    }

    /// Uses room that is reserved.
    fn fill(&mut self, key: u8) {
        let item = self.item(key);
        let mut given = Some(item);
        assert_eq!(self.machine.fill(&mut given), !self.model.closed);
        assert_eq!(given.is_some(), self.model.closed, "it comes back or goes in");
        self.model.reserved -= 1;
        if !self.model.closed {
            self.model.push(item);
        }
    }

    /// Uses a claim.
    fn take(&mut self) {
        self.model.claimed -= 1;
        let taken = self.machine.take_claimed().map(|item| item.number);
        assert_eq!(taken, self.model.pop().map(|item| item.number));
    }

    fn wait(&mut self, what: What, priority: i32, item: Option<Item>) {
        let bell = Rc::new(Cell::new(false));
        let waited = self.machine.wait(what.into(), Priority(priority), Bell(Rc::clone(&bell)));
        let closed = self.model.closed;
        let granted = match what {
            What::Room => self.expect_room().is_ok(),
            // Somebody offers an item, and nobody has room for another one that is to come.
            What::Item
                if self.model.offered().is_some()
                    && self.model.capacity == 0
                    && self.model.items.len() + self.model.reserved < (self.model.claimed + 1).min(ROOM) =>
            {
                self.model.accept();
                true
            }
            What::Item => self.model.has_item() && self.model.in_line(what) == 0,
            What::Done => self.model.unfinished == 0,
        };
        let seats =
            self.model.waiters.iter().filter(|waiter| waiter.what == what && waiter.standing != Standing::Granted);
        let full = seats.count() == SEATS;
        match waited {
            Ok(Entry::Granted(_)) => {
                assert!(granted);
                match what {
                    What::Room => {
                        self.model.reserved += 1;
                        self.slots += 1;
                    }
                    What::Item => {
                        self.model.claimed += 1;
                        self.take();
                    }
                    What::Done => {}
                }
            }
            Ok(Entry::Queued(key)) => {
                assert!(!granted && !full && (what == What::Done || !closed));
                self.model.arrivals += 1;
                let arrival = self.model.arrivals;
                let standing = Standing::Waiting;
                let mut offer = item;
                if item.is_some() {
                    self.machine.offer(key, &mut offer);
                    assert_eq!(offer.is_none(), self.model.capacity == 0, "only a rendezvous takes offers");
                }
                let offer = item.filter(|_| offer.is_none());
                self.model.waiters.push(Waiter { what, key, priority, arrival, bell, standing, offer });
            }
            Err(Refused::Closed(_)) => assert!(closed && !granted && what != What::Done),
            Err(Refused::Full(_)) => assert!(full && !granted),
            Err(_) => unreachable!("there are no other reasons"),
        }
    }

    fn poll(&mut self, who: usize, moved: bool) {
        let waiter = &mut self.model.waiters[who];
        let shown = if moved { Rc::new(Cell::new(false)) } else { Rc::clone(&waiter.bell) };
        let (what, key, standing) = (waiter.what, waiter.key, waiter.standing);
        let rung = waiter.bell.get();
        assert_eq!(
            rung,
            standing != Standing::Waiting,
            "who has something to hear has been woken, and nobody else"
        );
        let offer = waiter.offer;
        let mut back = None;
        let progress = match offer {
            Some(_) => self.machine.poll_offer(key, &Bell(Rc::clone(&shown)), &mut back),
            None => self.machine.poll(what.into(), key, &Bell(Rc::clone(&shown))),
        };
        let expected = offer.filter(|_| standing == Standing::Refused).map(|item| item.number);
        assert_eq!(back.map(|item: Item| item.number), expected, "what is refused comes back");
        match progress {
            Progress::Waiting => assert!(standing == Standing::Waiting && !moved),
            Progress::WakerDiffers => {
                assert!(standing == Standing::Waiting && moved);
                let replaced = self.machine.register(what.into(), key, Bell(Rc::clone(&shown)));
                assert!(replaced.is_ok_and(|replaced| replaced.is_some()));
                self.model.waiters[who].bell = shown;
            }
            Progress::Granted => {
                assert_eq!(standing, Standing::Granted);
                self.model.waiters.remove(who);
                match what {
                    What::Room if offer.is_some() => {}
                    What::Room => self.fill(1),
                    What::Item => self.take(),
                    What::Done => {}
                }
            }
            Progress::Closed => {
                self.model.waiters.remove(who);
                match standing {
                    Standing::Granted if what == What::Room => {
                        assert!(self.model.closed);
                        self.model.reserved -= 1;
                    }
                    Standing::Granted => assert!(self.model.discarded && what == What::Item),
                    Standing::Refused => {}
                    Standing::Waiting => unreachable!("it was not refused"),
                }
            }
        }
    }

    fn cancel(&mut self, who: usize) {
        let waiter = self.model.waiters.remove(who);
        if let Some(item) = waiter.offer {
            let mut back = None;
            let waker = self.machine.withdraw(waiter.key, &mut back);
            assert_eq!(waker.is_some(), waiter.standing == Standing::Waiting);
            let expected = (waiter.standing != Standing::Granted).then_some(item.number);
            assert_eq!(back.map(|item: Item| item.number), expected, "what has not been taken comes back");
            return;
        }
        let waker = self.machine.cancel(waiter.what.into(), waiter.key);
        assert_eq!(waker.is_some(), waiter.standing == Standing::Waiting);
        if waiter.standing == Standing::Granted {
            match waiter.what {
                What::Room => self.model.reserved -= 1,
                What::Item if !self.model.discarded => self.model.claimed -= 1,
                What::Item | What::Done => {}
            }
        }
    }

    fn compare(&self) {
        let model = &self.model;
        assert_eq!(self.machine.len(), if model.discarded { 0 } else { model.items.len() });
        assert_eq!(self.machine.is_full(), !model.has_room());
        assert_eq!(self.machine.unfinished(), model.unfinished);
        assert_eq!(self.machine.capacity(), model.capacity);
        assert_eq!(self.machine.is_closed(), model.closed);
        for what in [What::Room, What::Item, What::Done] {
            assert_eq!(self.machine.waiters(what.into()), model.in_line(what));
        }
        for waiter in &model.waiters {
            assert_eq!(waiter.bell.get(), waiter.standing != Standing::Waiting);
        }
    }
}

/// Does the steps in lockstep.
pub fn play(kind: Kind, capacity: usize, steps: &[Step]) {
    fn with<D: Discipline<Item>>(kind: Kind, capacity: usize, steps: &[Step]) {
        let mut play = Play::<D>::new(kind, capacity);
        for step in steps {
            play.step(step);
            play.settle();
            play.compare();
        }
    }
    match kind {
        Kind::Fifo => with::<Fifo>(kind, capacity, steps),
        Kind::Lifo => with::<Lifo>(kind, capacity, steps),
        Kind::ByPriority => with::<ByPriority>(kind, capacity, steps),
    }
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let (kind, detail) = (bytes.below(32), bytes.byte());
        let (who, priority) = (usize::from(detail / 2), i32::from(detail % 3));
        match kind {
            0..5 => Self::TryPut(detail % 4),
            5 => Self::ForcePut(detail % 4),
            6 | 7 => Self::Offer(detail % 4, priority),
            9 => Self::Reserve,
            10 => Self::Fill(detail % 4),
            11 => Self::Release,
            12..15 => Self::Wait(What::Room, priority),
            15..18 => Self::Wait(What::Item, priority),
            18 => Self::Wait(What::Done, priority),
            19..24 => Self::Poll(who, detail % 2 != 0),
            24..27 => Self::Cancel(who),
            27 => Self::Capacity(usize::from(detail % 8)),
            28 | 29 => Self::Done,
            30 if detail > 128 => Self::Close,
            31 if detail > 192 => Self::Discard,
            // 8, and what is done seldom.
            _ => Self::TryGet,
        }
    }
}

/// Interprets bytes as what is done with a queue.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let kind = [Kind::Fifo, Kind::Lifo, Kind::ByPriority][usize::from(bytes.below(3))];
    let capacity = usize::from(bytes.below(5));
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        steps.push(Step::read(&mut bytes));
    }
    play(kind, capacity, &steps);
}
