//! The waterfall's machine, with and without keys, against plain lists.

use core::cell::Cell;
use core::hash::BuildHasherDefault;
use core::time::Duration;
use std::collections::VecDeque;
use std::hash::DefaultHasher;
use std::rc::Rc;

use tidegate_core::waterfall::{
    Config, Entered, Entry, Flushing, Gather, Idle, Lot, Machine, PerKey, Putting, Refused, Single, Taking, Units,
};
use tidegate_core::{Buffer, Heap, Inline, Instant, WaiterKey, WakeList};

use crate::bell::Bell;
use crate::bytes::Bytes;

/// Few enough for it to be full at times.
const ROOM: usize = 5;

/// How it is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub quantity: usize,
    pub interval: u64,
    pub capacity: usize,
    pub in_flight: usize,
}

/// An operation.
#[derive(Clone, Debug)]
pub enum Step {
    Put { key: u8 },
    Wait { key: u8 },
    PollPut { who: usize, moved: bool },
    CancelPut { who: usize },
    Take,
    WaitToTake,
    PollTake { who: usize, moved: bool },
    CancelTake { who: usize },
    Finish { which: usize, well: bool },
    FlushNow,
    Flush,
    PollFlush { who: usize },
    CancelFlush { who: usize },
    Advance { span: u64 },
    HandleTimeout,
    Close,
}

struct Waiter<X> {
    key: WaiterKey,
    woken: Rc<Cell<bool>>,
    what: X,
}

/// A key, which means something only where there are keys, and a number.
type Pair = (u8, u64);

/// What can be batched by this test.
pub trait Kind: Gather<Input = Pair, Value = Pair> {
    /// What prepares items.
    const WITH: Self::Prepare;
    /// Whether the key of a pair means something.
    const KEYS: bool;
}

impl Kind for Single<Pair, Inline<8>> {
    const WITH: () = ();
    const KEYS: bool = false;
}

impl Kind for Single<Pair, Heap> {
    const WITH: () = ();
    const KEYS: bool = false;
}

type Hasher = BuildHasherDefault<DefaultHasher>;

impl Kind for PerKey<u8, u64, Inline<4>, Inline<3>, Hasher> {
    const WITH: Hasher = BuildHasherDefault::new();
    const KEYS: bool = true;
}

impl Kind for PerKey<u8, u64, Heap, Heap, Hasher> {
    const WITH: Hasher = BuildHasherDefault::new();
    const KEYS: bool = true;
}

/// A batch that is being gathered, or waits to be taken.
struct Open {
    items: Vec<Pair>,
    since: Instant,
    /// It leaves as soon as it can.
    ready: bool,
}

struct Play<G: Kind> {
    machine: Machine<Bell, G, Inline<ROOM>>,
    config: Config,
    now: Instant,
    numbers: u64,
    closed: bool,
    /// In the order in which they are to leave, once they are ready.
    batches: Vec<Open>,
    flying: Vec<(Units, Vec<Pair>)>,
    putters: VecDeque<Waiter<Pair>>,
    /// Accepted on the way: their keys find nothing.
    accepted: Vec<Waiter<Pair>>,
    takers: Vec<Waiter<Option<Instant>>>,
    /// With the items whose end is waited for.
    flushers: Vec<Waiter<Vec<Pair>>>,
}

impl<G: Kind> Play<G> {
    fn new(setup: Setup) -> Self {
        let config = Config::new(setup.quantity, Duration::from_nanos(setup.interval)).expect("not zero");
        let config = config.capacity(setup.capacity).max_in_flight(setup.in_flight).max_keys(3);
        let machine = Machine::new(config);
        let config = machine.config();
        Self {
            machine,
            config,
            now: Instant::EPOCH,
            numbers: 0,
            closed: false,
            batches: Vec::new(),
            flying: Vec::new(),
            putters: VecDeque::new(),
            accepted: Vec::new(),
            takers: Vec::new(),
            flushers: Vec::new(),
        }
    }

    fn unfinished(&self) -> usize {
        let gathered: usize = self.batches.iter().map(|batch| batch.items.len()).sum();
        gathered + self.flying.iter().map(|(_, items)| items.len()).sum::<usize>()
    }

    /// The batch that an item would join.
    fn open_for(&self, pair: Pair) -> Option<usize> {
        let quantity = self.config.max_quantity();
        self.batches.iter().position(|batch| {
            let same = !G::KEYS || batch.items[0].0 == pair.0;
            // Without keys what is ready still takes more.
            same && batch.items.len() < quantity && (!batch.ready || !G::KEYS)
        })
    }

    fn has_room(&self, pair: Pair) -> bool {
        let place = !G::KEYS || self.batches.len() < 3 || self.open_for(pair).is_some();
        self.unfinished() < self.config.room() && place
    }

    fn accept(&mut self, pair: Pair) {
        let quantity = self.config.max_quantity();
        let place = self.open_for(pair).unwrap_or(self.batches.len());
        if place == self.batches.len() {
            self.batches.push(Open { items: Vec::new(), since: self.now, ready: false });
        }
        let batch = &mut self.batches[place];
        batch.items.push(pair);
        if batch.items.len() == quantity && !batch.ready {
            batch.ready = true;
            self.sort(place);
        }
    }

    /// With keys, what has become ready stands behind those that were before.
    fn sort(&mut self, place: usize) {
        if G::KEYS {
            let batch = self.batches.remove(place);
            let behind = self.batches.iter().take_while(|batch| batch.ready).count();
            self.batches.insert(behind, batch);
        }
    }

    fn flush(&mut self) {
        for place in 0..self.batches.len() {
            if !self.batches[place].ready {
                self.batches[place].ready = true;
                self.sort(place);
            }
        }
    }

    fn ripen(&mut self) {
        let interval = self.config.interval();
        for place in 0..self.batches.len() {
            if !self.batches[place].ready && self.batches[place].since + interval <= self.now {
                self.batches[place].ready = true;
                self.sort(place);
            }
        }
    }

    fn may_take(&self) -> bool {
        self.flying.len() < self.config.in_flight() && self.batches.first().is_some_and(|batch| batch.ready)
    }

    fn has_ended(&self) -> bool {
        self.closed && self.batches.is_empty()
    }

    fn taken(&mut self, lot: &Lot<G::Buffer>) {
        let expected = self.batches.remove(0).items;
        assert_eq!(lot.items.as_slice(), expected);
        self.flying.push((lot.units, expected));
    }

    /// What the machine does by itself once it has changed: whoever there is room for is accepted.
    fn admit(&mut self) {
        while let Some(first) = self.putters.front() {
            let pair = first.what;
            if self.closed {
                return;
            }
            if self.has_room(pair) {
                let waiter = self.putters.pop_front().expect("it was the front");
                assert!(waiter.woken.get(), "whoever is accepted hears of it");
                self.accepted.push(waiter);
                self.accept(pair);
                continue;
            }
            let pressed = self.unfinished() < self.config.room() || self.flying.is_empty();
            if G::KEYS
                && pressed
                && !self.batches.iter().any(|batch| batch.ready)
                && let Some(oldest) = self.batches.first_mut()
            {
                oldest.ready = true;
            }
            return;
        }
    }

    fn next_pair(&mut self, key: u8) -> Pair {
        self.numbers += 1;
        (key % 5, self.numbers)
    }

    fn put(&mut self, key: u8) {
        let pair = self.next_pair(key);
        let expected = if self.closed {
            Err(Refused::Closed(pair))
        } else if self.putters.is_empty() && self.has_room(pair) {
            Ok(())
        } else {
            Err(Refused::Full(pair))
        };
        let prepare = || G::prepare(&G::WITH, pair);
        let restore = |refused| match refused {
            Refused::NeedsTime(item) => Refused::NeedsTime(G::restore(item)),
            Refused::Full(item) => Refused::Full(G::restore(item)),
            Refused::Closed(item) => Refused::Closed(G::restore(item)),
        };
        let mut outcome = self.machine.put(None, prepare()).map_err(restore);
        if outcome == Err(Refused::NeedsTime(pair)) {
            outcome = self.machine.put(Some(self.now), prepare()).map_err(restore);
        }
        assert_eq!(outcome, expected);
        if expected.is_ok() {
            self.accept(pair);
        }
    }

    fn wait_to_put(&mut self, key: u8) {
        let pair = self.next_pair(key);
        let woken = Rc::new(Cell::new(false));
        let entered = self.machine.wait_to_put(self.now, G::prepare(&G::WITH, pair), Bell(Rc::clone(&woken)));
        match entered {
            Ok(Entry::Done(_)) => {
                assert!(!self.closed && self.putters.is_empty() && self.has_room(pair));
                self.accept(pair);
            }
            Ok(Entry::Queued(key)) => {
                assert!(!self.closed && self.putters.len() < ROOM);
                assert!(!self.putters.is_empty() || !self.has_room(pair));
                self.putters.push_back(Waiter { key, woken, what: pair });
            }
            Err((Refused::Closed(_), _)) => assert!(self.closed),
            Err((Refused::Full(_), _)) => assert_eq!(self.putters.len(), ROOM),
            Err((Refused::NeedsTime(_), _)) => panic!("it has been told the time"),
        }
    }

    fn poll_put(&mut self, who: usize, moved: bool) {
        if let Some(waiter) = self.accepted.pop() {
            let (putting, _) = self.machine.poll_put(waiter.key, &Bell(waiter.woken));
            assert!(matches!(putting, Putting::Accepted));
            return;
        }
        let who = who % self.putters.len().max(1);
        let closed = self.closed;
        let Some(waiter) = self.putters.get_mut(who) else { return };
        if moved {
            waiter.woken = Rc::new(Cell::new(false));
        }
        match self.machine.poll_put(waiter.key, &Bell(Rc::clone(&waiter.woken))).0 {
            Putting::Accepted => panic!("there is no room for it"),
            Putting::Closed(item) => {
                assert!(closed && G::restore(item) == waiter.what);
                self.putters.remove(who);
            }
            Putting::Waiting => assert!(!closed && !moved),
            Putting::WakerDiffers => {
                assert!(moved && !closed);
                assert!(self.machine.register_put(waiter.key, Bell(Rc::clone(&waiter.woken))).is_ok());
            }
        }
    }

    fn poll_take(&mut self, who: usize, moved: bool) {
        let who = who % self.takers.len().max(1);
        let Some(waiter) = self.takers.get_mut(who) else { return };
        if moved {
            waiter.woken = Rc::new(Cell::new(false));
        }
        waiter.woken.set(false);
        let (key, bell) = (waiter.key, Bell(Rc::clone(&waiter.woken)));
        self.ripen();
        let alarm = match self.machine.poll_take(self.now, key, &bell).0 {
            Taking::Taken(lot) => {
                assert!(self.may_take());
                self.takers.remove(who);
                return self.taken(&lot);
            }
            Taking::Ended => {
                assert!(self.has_ended());
                self.takers.remove(who);
                return;
            }
            Taking::Waiting { alarm } => alarm,
            Taking::WakerDiffers => self.machine.register_take(key, bell).expect("there is none yet").1,
        };
        assert!(!self.may_take() && !self.has_ended());
        self.takers[who].what = alarm;
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Put { key } => self.put(key),
            Step::Wait { key } => self.wait_to_put(key),
            Step::PollPut { who, moved } => self.poll_put(who, moved),
            Step::CancelPut { who } if !self.putters.is_empty() => {
                let waiter = self.putters.remove(who % self.putters.len()).expect("it is one of them");
                let (item, _) = self.machine.cancel_put(waiter.key);
                assert_eq!(item.map(G::restore), Some(waiter.what));
            }
            Step::Take => {
                self.ripen();
                match self.machine.take(self.now) {
                    Ok(lot) => {
                        assert!(self.may_take());
                        self.taken(&lot);
                    }
                    Err(Idle::Ended) => assert!(self.has_ended()),
                    Err(Idle::NotYet) => assert!(!self.may_take() && !self.has_ended()),
                }
            }
            Step::WaitToTake => {
                self.ripen();
                let woken = Rc::new(Cell::new(false));
                match self.machine.wait_to_take(self.now, Bell(Rc::clone(&woken))) {
                    Ok(Entered::Taken(lot, _)) => {
                        assert!(self.may_take());
                        self.taken(&lot);
                    }
                    Ok(Entered::Ended(_)) => assert!(self.has_ended()),
                    Ok(Entered::Queued { key, alarm }) => {
                        assert!(!self.may_take() && !self.has_ended() && self.takers.len() < ROOM);
                        self.takers.push(Waiter { key, woken, what: alarm });
                    }
                    Err(_) => assert_eq!(self.takers.len(), ROOM),
                }
            }
            Step::PollTake { who, moved } => self.poll_take(who, moved),
            Step::CancelTake { who } if !self.takers.is_empty() => {
                let waiter = self.takers.remove(who % self.takers.len());
                drop(self.machine.cancel_take(waiter.key));
            }
            Step::Finish { which, well } if !self.flying.is_empty() => {
                let (units, items) = self.flying.remove(which % self.flying.len());
                self.machine.finish(units, items.len(), well);
                for flusher in &mut self.flushers {
                    flusher.what.retain(|item| !items.contains(item));
                }
            }
            Step::FlushNow => {
                self.machine.flush();
                self.flush();
            }
            Step::Flush => self.wait_to_flush(),
            Step::PollFlush { who } if !self.flushers.is_empty() => {
                let who = who % self.flushers.len();
                let waiter = &self.flushers[who];
                let finished = waiter.what.is_empty();
                assert_eq!(waiter.woken.get(), finished, "who waits for the end hears of it, and not before");
                let flushing = self.machine.poll_flush(waiter.key, &Bell(Rc::clone(&waiter.woken))).0;
                assert_eq!(flushing, if finished { Flushing::Finished } else { Flushing::Waiting });
                if finished {
                    self.flushers.remove(who);
                }
            }
            Step::CancelFlush { who } if !self.flushers.is_empty() => {
                let waiter = self.flushers.remove(who % self.flushers.len());
                drop(self.machine.cancel_flush(waiter.key));
            }
            Step::Advance { span } => self.now = Instant::from_nanos(self.now.as_nanos() + span),
            Step::HandleTimeout => {
                self.machine.handle_timeout(self.now);
                self.ripen();
            }
            Step::Close => {
                self.machine.close();
                self.closed = true;
                self.flush();
            }
            _ => {}
        }
        self.settle();
        self.admit();
        self.check();
    }

    fn wait_to_flush(&mut self) {
        let woken = Rc::new(Cell::new(false));
        self.flush();
        let gathered = self.batches.iter().flat_map(|batch| batch.items.iter().copied());
        let all: Vec<_> =
            gathered.chain(self.flying.iter().flat_map(|(_, items)| items.iter().copied())).collect();
        let waiting = self.flushers.iter().filter(|flusher| !flusher.what.is_empty()).count();
        match self.machine.wait_to_flush(Bell(Rc::clone(&woken))) {
            Ok(Entry::Done(_)) => assert!(all.is_empty()),
            Ok(Entry::Queued(key)) => {
                assert!(!all.is_empty() && waiting < ROOM);
                self.flushers.push(Waiter { key, woken, what: all });
            }
            Err(_) => assert_eq!(waiting, ROOM),
        }
    }

    fn settle(&mut self) {
        loop {
            let mut wakes = WakeList::new();
            if !self.machine.settle(self.now, &mut wakes) {
                return;
            }
        }
    }

    fn check(&self) {
        let stats = self.machine.stats();
        assert_eq!(stats.unfinished, self.unfinished());
        assert_eq!(stats.in_flight, self.flying.len());
        assert!(stats.unfinished <= self.config.room());
        let gathered: usize = self.batches.iter().map(|batch| batch.items.len()).sum();
        assert_eq!(self.machine.len(), gathered);
        for waiter in &self.putters {
            assert_eq!(waiter.woken.get(), self.closed, "whoever is turned away hears of it");
        }
        let Some(first) = self.takers.first() else { return };
        let interval = self.config.interval();
        let earliest = self.batches.iter().filter(|batch| !batch.ready).map(|batch| batch.since + interval).min();
        let due = if self.flying.len() < self.config.in_flight() { earliest } else { None };
        let alarmed = first.what.is_some_and(|alarm| due.is_some_and(|due| alarm <= due));
        let nothing_to_hear = !self.may_take() && !self.has_ended() && due.is_none();
        assert!(
            first.woken.get() || alarmed && !self.may_take() || nothing_to_hear,
            "the first in line sleeps on"
        );
    }

    /// Closes it, and takes and ends all that is left.
    fn drain(&mut self) {
        self.run(&Step::Close);
        while !self.has_ended() || !self.flying.is_empty() {
            self.run(&Step::Finish { which: 0, well: true });
            self.run(&Step::Take);
        }
        while !self.putters.is_empty() || !self.accepted.is_empty() {
            self.run(&Step::PollPut { who: 0, moved: false });
        }
        while !self.flushers.is_empty() {
            self.run(&Step::PollFlush { who: 0 });
        }
        // They are called one after the other.
        while let Some(who) = self.takers.iter().position(|taker| taker.woken.get()) {
            self.run(&Step::PollTake { who, moved: false });
        }
        assert_eq!(self.takers.len(), 0, "some wait though all has ended");
        assert_eq!(self.machine.stats().unfinished, 0);
    }
}

/// Does the steps in lockstep, then ends everything.
pub fn play<G: Kind>(setup: Setup, steps: &[Step]) {
    let mut play = Play::<G>::new(setup);
    for step in steps {
        play.run(step);
    }
    play.drain();
}

/// The same on both storages, with and without keys.
pub fn play_all(setup: Setup, steps: &[Step]) {
    play::<Single<Pair, Inline<8>>>(setup, steps);
    play::<Single<Pair, Heap>>(setup, steps);
    play::<PerKey<u8, u64, Inline<4>, Inline<3>, Hasher>>(setup, steps);
    play::<PerKey<u8, u64, Heap, Heap, Hasher>>(setup, steps);
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let (kind, detail) = (bytes.below(24), bytes.byte());
        let who = usize::from(detail >> 1);
        let moved = detail & 1 != 0;
        match kind {
            0..5 => Self::Put { key: detail },
            5..8 => Self::Wait { key: detail },
            8 | 9 => Self::PollPut { who, moved },
            10 => Self::CancelPut { who },
            11 | 12 => Self::Take,
            13 => Self::WaitToTake,
            14 | 15 => Self::PollTake { who, moved },
            16 => Self::CancelTake { who },
            17 | 18 => Self::Finish { which: who, well: moved },
            19 if moved => Self::FlushNow,
            19 => Self::Flush,
            20 => Self::PollFlush { who },
            21 if moved => Self::CancelFlush { who },
            21 => Self::HandleTimeout,
            22 => Self::Advance { span: u64::from(detail % 12) },
            _ if detail == 0 => Self::Close,
            _ => Self::Advance { span: u64::from(detail % 5) },
        }
    }
}

/// Interprets bytes as what is done with a waterfall.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let setup = Setup {
        quantity: usize::from(1 + bytes.below(5)),
        interval: u64::from(bytes.below(20)),
        capacity: usize::from(1 + bytes.below(10)),
        in_flight: usize::from(1 + bytes.below(3)),
    };
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        steps.push(Step::read(&mut bytes));
    }
    play_all(setup, &steps);
}
