//! The semaphore's machine and a `Reference`.

mod reference;

use core::cell::RefCell;
use std::rc::Rc;

use tidegate_core::semaphore::{AcquireError, Admission, Config, HeadOfLine, Machine, Progress, TryAcquireError};
use tidegate_core::{Inline, Priority, WaiterKey, Wake, WakeList};

use crate::bytes::Bytes;
use reference::{Reference, Told};

pub use reference::Rules;

type Log = Rc<RefCell<Vec<u32>>>;

/// A waker with a number, which notes that it was woken.
#[derive(Debug)]
struct Bell {
    number: u32,
    log: Log,
}

impl Wake for Bell {
    fn wake(self) {
        self.log.borrow_mut().push(self.number);
    }

    fn will_wake(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

/// An operation.
#[derive(Clone, Debug)]
pub enum Step {
    TryAcquire {
        permits: usize,
        priority: i32,
    },
    Acquire {
        permits: usize,
        priority: i32,
    },
    /// Several at once, one permit each.
    Crowd {
        size: usize,
        priority: i32,
    },
    /// `moved`: by another task than before. `registers`: and it stays there.
    Poll {
        who: usize,
        moved: bool,
        registers: bool,
    },
    Cancel {
        who: usize,
    },
    Release {
        which: usize,
        part: usize,
    },
    Add {
        permits: usize,
    },
    Reduce {
        permits: usize,
    },
    Forget {
        which: usize,
    },
    Close,
}

fn config(rules: Rules) -> Config {
    let mut config = Config::new().barging(rules.barging);
    if let Some(at_most) = rules.bypass {
        config = config.head_of_line(HeadOfLine::Bypass { at_most });
    }
    if let Some(bound) = rules.max_bypass {
        config = config.max_bypass(bound);
    }
    config
}

/// One who waits, or has been granted what it waited for and does not know yet.
struct Request {
    id: usize,
    key: WaiterKey,
    permits: usize,
    waker: u32,
}

/// The machine, the reference, and who holds what.
struct Bench<const ROOM: usize> {
    machine: Machine<Bell, Inline<ROOM>>,
    reference: Reference,
    log: Log,
    requests: Vec<Request>,
    held: Vec<usize>,
    next_id: usize,
    next_waker: u32,
}

impl<const ROOM: usize> Bench<ROOM> {
    fn new(permits: usize, rules: Rules) -> Self {
        let most = Machine::<Bell, Inline<ROOM>>::MAX_PERMITS;
        Self {
            machine: Machine::new(permits, config(rules)),
            reference: Reference::new(permits.min(most), most, ROOM, rules),
            log: Log::default(),
            requests: Vec::new(),
            held: Vec::new(),
            next_id: 0,
            next_waker: 0,
        }
    }

    fn bell(&mut self) -> Bell {
        self.next_waker += 1;
        Bell { number: self.next_waker, log: Rc::clone(&self.log) }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::TryAcquire { permits, priority } => self.try_acquire(permits, priority),
            Step::Acquire { permits, priority } => self.acquire(permits, priority),
            Step::Crowd { size, priority } => {
                for _ in 0..size {
                    self.acquire(1, priority);
                    // Each is an operation of its own.
                    self.settle(usize::MAX);
                }
            }
            Step::Poll { who, moved, registers } => self.poll(who, moved, registers),
            Step::Cancel { who } => self.cancel(who),
            Step::Release { which, part } => self.release(which, part),
            Step::Add { permits } => {
                let added = self.machine.add_permits(permits).is_ok();
                assert_eq!(added, self.reference.add(permits));
            }
            Step::Reduce { permits } => {
                assert_eq!(self.machine.reduce_permits(permits), self.reference.reduce(permits));
            }
            Step::Forget { which } => {
                if !self.held.is_empty() {
                    let permits = self.held.swap_remove(which % self.held.len());
                    self.machine.forget(permits);
                    self.reference.forget(permits);
                }
            }
            Step::Close => {
                self.machine.close();
                self.reference.close();
            }
        }
    }

    /// Before it has settled the machine may keep newcomers waiting; whom it lets in must lead.
    fn is_admitted(&mut self, permits: usize, priority: i32, settled: bool, admitted: bool) {
        if !settled && !self.reference.barges() {
            let (free, may_take) = (self.reference.free, self.reference.may_take(permits, priority));
            let leads = permits <= free && self.reference.would_lead(priority);
            assert!(leads || may_take || !admitted, "nobody gets in between");
        } else {
            assert_eq!(admitted, self.reference.may_take(permits, priority));
        }
        if admitted {
            self.reference.take(permits, priority);
            self.held.push(permits);
        }
    }

    fn try_acquire(&mut self, permits: usize, priority: i32) {
        let settled = !self.machine.is_unsettled();
        let result = self.machine.try_acquire(permits, Priority(priority));
        if let Some(error) = self.reference.check(permits) {
            assert_eq!(result, Err(error));
            return;
        }
        assert!(matches!(result, Ok(()) | Err(TryAcquireError::NoPermits)));
        self.is_admitted(permits, priority, settled, result.is_ok());
    }

    fn acquire(&mut self, permits: usize, priority: i32) {
        let bell = self.bell();
        let waker = bell.number;
        let settled = !self.machine.is_unsettled();
        let result = self.machine.acquire(permits, Priority(priority), bell);
        if let Some(error) = self.reference.check(permits) {
            let refusal = result.map_err(|(error, bell)| (error, bell.number)).err();
            assert_eq!(refusal, Reference::refusal(error).map(|error| (error, waker)));
            return;
        }
        match result {
            Ok(Admission::Granted(unused)) => {
                assert_eq!(unused.number, waker);
                self.is_admitted(permits, priority, settled, true);
            }
            Ok(Admission::Queued(key)) => {
                self.is_admitted(permits, priority, settled, false);
                assert!(self.reference.has_room());
                let id = self.next_id;
                self.next_id += 1;
                self.reference.queue(id, permits, priority, waker);
                self.requests.push(Request { id, key, permits, waker });
            }
            Err((error, unused)) => {
                assert_eq!((error, unused.number), (AcquireError::Full, waker));
                self.is_admitted(permits, priority, settled, false);
                assert!(!self.reference.has_room());
            }
        }
    }

    fn poll(&mut self, who: usize, moved: bool, registers: bool) {
        if self.requests.is_empty() {
            return;
        }
        let who = who % self.requests.len();
        let fresh = self.bell();
        let Request { id, key, permits, waker } = self.requests[who];
        let shown = if moved { fresh } else { Bell { number: waker, ..fresh } };
        let told = match self.machine.poll(key, &shown) {
            Ok(Progress::Granted) => Told::Granted,
            Ok(Progress::Waiting) => Told::Waiting,
            Ok(Progress::WakerDiffers) => Told::WakerDiffers,
            Err(error) => {
                assert_eq!(error, AcquireError::Closed);
                Told::Closed
            }
        };
        if told == Told::Closed && self.reference.is_in_line(id) {
            // It hears of the close before it has been woken for it, which is as well.
            assert!(self.reference.closed);
            self.reference.leave(id);
        } else {
            assert_eq!(told, self.reference.poll(id, shown.number));
        }
        match told {
            Told::Granted => self.held.push(permits),
            Told::Waiting | Told::Closed => {}
            Told::WakerDiffers => {
                if registers {
                    self.requests[who].waker = shown.number;
                    let replaced = self.machine.register(key, shown).map(|bell| bell.map(|bell| bell.number));
                    assert_eq!(replaced.ok(), Some(self.reference.register(id, self.requests[who].waker)));
                }
            }
        }
        if matches!(told, Told::Granted | Told::Closed) {
            self.requests.swap_remove(who);
        }
    }

    fn cancel(&mut self, who: usize) {
        if self.requests.is_empty() {
            return;
        }
        let Request { id, key, permits, .. } = self.requests.swap_remove(who % self.requests.len());
        let unused = self.machine.cancel(key, permits).map(|bell| bell.number);
        assert_eq!(unused, self.reference.cancel(id));
    }

    fn release(&mut self, which: usize, part: usize) {
        if self.held.is_empty() {
            return;
        }
        let which = which % self.held.len();
        let part = part.min(self.held[which]);
        self.held[which] -= part;
        self.held.retain(|&permits| permits > 0);
        self.machine.release(part);
        self.reference.give(part);
    }

    /// Settles by so many batches at most.
    fn settle(&mut self, batches: usize) {
        let mut more = true;
        let mut done = 0;
        while more && done < batches {
            done += 1;
            let mut wakes = WakeList::new();
            more = self.machine.settle(&mut wakes);
            assert!(self.log.borrow().is_empty(), "nobody is woken before the list is dropped");
            drop(wakes);
            let woken = self.reference.settle(WakeList::<Bell>::CAPACITY);
            assert_eq!(&*self.log.borrow(), &woken);
            self.log.borrow_mut().clear();
            if !more {
                assert!(!self.reference.unsettled(), "it says that it is settled");
            }
        }
    }

    fn agree(&self) {
        assert_eq!(self.machine.available_permits(), self.reference.free);
        assert_eq!(self.machine.waiters(), self.reference.waiters());
        assert_eq!(self.machine.is_closed(), self.reference.closed);
        if self.reference.unsettled() {
            assert!(self.machine.is_unsettled(), "it must say that somebody is to be served");
        }
        let Reference { free, deficit, total, .. } = self.reference;
        let elsewhere = self.held.iter().sum::<usize>() + self.reference.on_their_way();
        assert_eq!(free + elsewhere, total + deficit, "no permit is lost and none is made");
        assert!(free == 0 || deficit == 0, "what is free has been paid for");
        if !self.reference.barges() {
            assert!(self.reference.bound_holds(), "nobody is bypassed more often than may be");
        }
    }

    /// Everybody goes home, and all permits are there.
    fn wind_up(mut self) {
        while !self.requests.is_empty() {
            self.cancel(0);
            self.settle(usize::MAX);
        }
        while !self.held.is_empty() {
            self.release(0, usize::MAX);
            self.settle(usize::MAX);
        }
        self.agree();
        assert_eq!(self.machine.available_permits(), self.reference.total);
    }
}

/// Does the steps in lockstep, each settled by so many batches at most.
pub fn play<const ROOM: usize>(permits: usize, rules: Rules, steps: &[(Step, usize)]) {
    let mut bench = Bench::<ROOM>::new(permits, rules);
    bench.agree();
    for (step, batches) in steps {
        bench.run(step);
        bench.agree();
        bench.settle(*batches);
        bench.agree();
    }
    bench.settle(usize::MAX);
    bench.wind_up();
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let kind = bytes.below(16);
        match kind {
            0 | 1 => Self::TryAcquire { permits: permits(bytes), priority: priority(bytes) },
            2..5 => Self::Acquire { permits: permits(bytes), priority: priority(bytes) },
            5 => Self::Crowd { size: usize::from(bytes.below(20)), priority: priority(bytes) },
            6..9 => {
                let how = bytes.byte();
                Self::Poll { who: usize::from(how >> 2), moved: how & 1 != 0, registers: how & 2 != 0 }
            }
            9 => Self::Cancel { who: usize::from(bytes.byte()) },
            10 | 11 => Self::Release { which: usize::from(bytes.byte()), part: 1 + usize::from(bytes.below(3)) },
            12 => Self::Add { permits: permits(bytes) },
            13 => Self::Reduce { permits: permits(bytes) },
            14 => Self::Forget { which: usize::from(bytes.byte()) },
            _ => Self::Close,
        }
    }
}

/// Few as a rule; the byte's upper end stands for what is too much or nearly so.
fn permits(bytes: &mut Bytes<'_>) -> usize {
    let most = Machine::<Bell, Inline<0>>::MAX_PERMITS;
    match bytes.byte() {
        255 => usize::MAX,
        254 => most + 1,
        253 => most,
        252 => most - 1,
        few => usize::from(few % 5),
    }
}

fn priority(bytes: &mut Bytes<'_>) -> i32 {
    match bytes.byte() {
        255 => i32::MAX,
        254 => i32::MIN,
        other => i32::from(other % 5) - 2,
    }
}

/// Interprets bytes as a semaphore and what is done with it.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let bound = |byte: u8| (byte > 0).then(|| u32::from(byte - 1));
    let bypass = bound(bytes.below(5));
    let max_bypass = bound(bytes.below(5));
    let choices = bytes.byte();
    let rules = Rules { bypass, max_bypass, barging: choices & 3 == 3 };
    let permits = permits(&mut bytes);
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        let step = Step::read(&mut bytes);
        // Settled for good as a rule; sometimes by a batch or not at all before the next step comes.
        let batches = if choices & 4 == 0 { usize::MAX } else { usize::from(bytes.below(3)) };
        steps.push((step, batches));
    }
    if choices & 8 == 0 { play::<48>(permits, rules, &steps) } else { play::<3>(permits, rules, &steps) }
}
