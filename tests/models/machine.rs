//! The semaphore's machine against the [`Reference`].

use core::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use tidegate_core::semaphore::{AcquireError, Admission, Config, HeadOfLine, Machine, Progress, TryAcquireError};
use tidegate_core::{Inline, Priority, WaiterKey, Wake, WakeList};

use crate::reference::{Reference, Rules, Told};

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

#[derive(Clone, Debug)]
enum Step {
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

fn permits() -> impl Strategy<Value = usize> {
    let most = Machine::<Bell, Inline<0>>::MAX_PERMITS;
    prop_oneof![
        30 => 1..5_usize,
        1 => prop_oneof![Just(0), Just(most - 1), Just(most), Just(most + 1), Just(usize::MAX)],
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop_oneof![8 => -1..2_i32, 1 => prop_oneof![Just(i32::MIN), Just(i32::MAX)]];
    let index = any::<usize>();
    prop_oneof![
        4 => (permits(), priority.clone()).prop_map(|(permits, priority)| Step::TryAcquire { permits, priority }),
        8 => (permits(), priority.clone()).prop_map(|(permits, priority)| Step::Acquire { permits, priority }),
        1 => (1..20_usize, priority).prop_map(|(size, priority)| Step::Crowd { size, priority }),
        8 => (index, any::<bool>(), any::<bool>())
            .prop_map(|(who, moved, registers)| Step::Poll { who, moved, registers }),
        3 => index.prop_map(|who| Step::Cancel { who }),
        8 => (index, 1..4_usize).prop_map(|(which, part)| Step::Release { which, part }),
        2 => prop_oneof![6 => 0..20_usize, 1 => permits()].prop_map(|permits| Step::Add { permits }),
        2 => permits().prop_map(|permits| Step::Reduce { permits }),
        1 => index.prop_map(|which| Step::Forget { which }),
        // Rarely: little happens afterwards.
        1 => prop_oneof![15 => Just(Step::Add { permits: 1 }), 1 => Just(Step::Close)],
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let bound = || prop_oneof![Just(None), (0..4_u32).prop_map(Some)];
    (bound(), bound(), prop::bool::weighted(0.25)).prop_map(|(bypass, max_bypass, barging)| Rules {
        bypass,
        max_bypass,
        barging,
    })
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

type Check = Result<(), TestCaseError>;

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

    fn run(&mut self, step: &Step) -> Check {
        match *step {
            Step::TryAcquire { permits, priority } => self.try_acquire(permits, priority),
            Step::Acquire { permits, priority } => self.acquire(permits, priority),
            Step::Crowd { size, priority } => (0..size).try_for_each(|_| {
                self.acquire(1, priority)?;
                // Each is an operation of its own.
                self.settle(usize::MAX)
            }),
            Step::Poll { who, moved, registers } => self.poll(who, moved, registers),
            Step::Cancel { who } => self.cancel(who),
            Step::Release { which, part } => {
                self.release(which, part);
                Ok(())
            }
            Step::Add { permits } => {
                let added = self.machine.add_permits(permits).is_ok();
                prop_assert_eq!(added, self.reference.add(permits));
                Ok(())
            }
            Step::Reduce { permits } => {
                prop_assert_eq!(self.machine.reduce_permits(permits), self.reference.reduce(permits));
                Ok(())
            }
            Step::Forget { which } => {
                if !self.held.is_empty() {
                    let permits = self.held.swap_remove(which % self.held.len());
                    self.machine.forget(permits);
                    self.reference.forget(permits);
                }
                Ok(())
            }
            Step::Close => {
                self.machine.close();
                self.reference.close();
                Ok(())
            }
        }
    }

    /// Before it has settled the machine may keep newcomers waiting; whom it lets in must lead.
    fn is_admitted(&mut self, permits: usize, priority: i32, settled: bool, admitted: bool) -> Check {
        if !settled && !self.reference.barges() {
            let (free, may_take) = (self.reference.free, self.reference.may_take(permits, priority));
            let leads = permits <= free && self.reference.would_lead(priority);
            prop_assert!(leads || may_take || !admitted, "nobody gets in between");
        } else {
            prop_assert_eq!(admitted, self.reference.may_take(permits, priority));
        }
        if admitted {
            self.reference.take(permits, priority);
            self.held.push(permits);
        }
        Ok(())
    }

    fn try_acquire(&mut self, permits: usize, priority: i32) -> Check {
        let settled = !self.machine.is_unsettled();
        let result = self.machine.try_acquire(permits, Priority(priority));
        if let Some(error) = self.reference.check(permits) {
            prop_assert_eq!(result, Err(error));
            return Ok(());
        }
        prop_assert!(matches!(result, Ok(()) | Err(TryAcquireError::NoPermits)));
        self.is_admitted(permits, priority, settled, result.is_ok())
    }

    fn acquire(&mut self, permits: usize, priority: i32) -> Check {
        let bell = self.bell();
        let waker = bell.number;
        let settled = !self.machine.is_unsettled();
        let result = self.machine.acquire(permits, Priority(priority), bell);
        if let Some(error) = self.reference.check(permits) {
            let refusal = result.map_err(|(error, bell)| (error, bell.number)).err();
            prop_assert_eq!(refusal, Reference::refusal(error).map(|error| (error, waker)));
            return Ok(());
        }
        match result {
            Ok(Admission::Granted(unused)) => {
                prop_assert_eq!(unused.number, waker);
                self.is_admitted(permits, priority, settled, true)
            }
            Ok(Admission::Queued(key)) => {
                self.is_admitted(permits, priority, settled, false)?;
                prop_assert!(self.reference.has_room());
                let id = self.next_id;
                self.next_id += 1;
                self.reference.queue(id, permits, priority, waker);
                self.requests.push(Request { id, key, permits, waker });
                Ok(())
            }
            Err((error, unused)) => {
                prop_assert_eq!((error, unused.number), (AcquireError::Full, waker));
                self.is_admitted(permits, priority, settled, false)?;
                prop_assert!(!self.reference.has_room());
                Ok(())
            }
        }
    }

    fn poll(&mut self, who: usize, moved: bool, registers: bool) -> Check {
        if self.requests.is_empty() {
            return Ok(());
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
                prop_assert_eq!(error, AcquireError::Closed);
                Told::Closed
            }
        };
        if told == Told::Closed && self.reference.is_in_line(id) {
            // It hears of the close before it has been woken for it, which is as well.
            prop_assert!(self.reference.closed);
            self.reference.leave(id);
        } else {
            prop_assert_eq!(told, self.reference.poll(id, shown.number));
        }
        match told {
            Told::Granted => self.held.push(permits),
            Told::Waiting | Told::Closed => {}
            Told::WakerDiffers => {
                if registers {
                    self.requests[who].waker = shown.number;
                    let replaced = self.machine.register(key, shown).map(|bell| bell.map(|bell| bell.number));
                    prop_assert_eq!(replaced.ok(), Some(self.reference.register(id, self.requests[who].waker)));
                }
            }
        }
        if matches!(told, Told::Granted | Told::Closed) {
            self.requests.swap_remove(who);
        }
        Ok(())
    }

    fn cancel(&mut self, who: usize) -> Check {
        if self.requests.is_empty() {
            return Ok(());
        }
        let Request { id, key, permits, .. } = self.requests.swap_remove(who % self.requests.len());
        let unused = self.machine.cancel(key, permits).map(|bell| bell.number);
        prop_assert_eq!(unused, self.reference.cancel(id));
        Ok(())
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
    fn settle(&mut self, batches: usize) -> Check {
        let mut more = true;
        let mut done = 0;
        while more && done < batches {
            done += 1;
            let mut wakes = WakeList::new();
            more = self.machine.settle(&mut wakes);
            prop_assert!(self.log.borrow().is_empty(), "nobody is woken before the list is dropped");
            drop(wakes);
            let woken = self.reference.settle(WakeList::<Bell>::CAPACITY);
            prop_assert_eq!(&*self.log.borrow(), &woken);
            self.log.borrow_mut().clear();
            if !more {
                prop_assert!(!self.reference.unsettled(), "it says that it is settled");
            }
        }
        Ok(())
    }

    fn agree(&self) -> Check {
        prop_assert_eq!(self.machine.available_permits(), self.reference.free);
        prop_assert_eq!(self.machine.waiters(), self.reference.waiters());
        prop_assert_eq!(self.machine.is_closed(), self.reference.closed);
        if self.reference.unsettled() {
            prop_assert!(self.machine.is_unsettled(), "it must say that somebody is to be served");
        }
        let Reference { free, deficit, total, .. } = self.reference;
        let elsewhere = self.held.iter().sum::<usize>() + self.reference.on_their_way();
        prop_assert_eq!(free + elsewhere, total + deficit, "no permit is lost and none is made");
        prop_assert!(free == 0 || deficit == 0, "what is free has been paid for");
        if !self.reference.barges() {
            prop_assert!(self.reference.bound_holds(), "nobody is bypassed more often than may be");
        }
        Ok(())
    }

    /// Everybody goes home, and all permits are there.
    fn wind_up(mut self) -> Check {
        while !self.requests.is_empty() {
            self.cancel(0)?;
            self.settle(usize::MAX)?;
        }
        while !self.held.is_empty() {
            self.release(0, usize::MAX);
            self.settle(usize::MAX)?;
        }
        self.agree()?;
        prop_assert_eq!(self.machine.available_permits(), self.reference.total);
        Ok(())
    }
}

fn agrees<const ROOM: usize>(permits: usize, rules: Rules, steps: &[(Step, usize)]) -> Check {
    let mut bench = Bench::<ROOM>::new(permits, rules);
    bench.agree()?;
    for (step, batches) in steps {
        bench.run(step)?;
        bench.agree()?;
        bench.settle(*batches)?;
        bench.agree()?;
    }
    bench.settle(usize::MAX)?;
    bench.wind_up()
}

/// Steps, each settled for good, as a handle does it when nobody interferes.
fn settled_steps() -> impl Strategy<Value = Vec<(Step, usize)>> {
    prop::collection::vec((step(), Just(usize::MAX)), 0..60)
}

/// Steps that are settled by a batch or not at all before the next one comes.
fn unsettled_steps() -> impl Strategy<Value = Vec<(Step, usize)>> {
    prop::collection::vec((step(), prop_oneof![Just(0), Just(1), Just(usize::MAX)]), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn agrees_with_the_reference(permits in 0..6_usize, rules in rules(), steps in settled_steps()) {
        agrees::<48>(permits, rules, &steps)?;
    }

    #[test]
    fn agrees_with_the_reference_where_room_is_short(
        permits in 0..4_usize, rules in rules(), steps in settled_steps(),
    ) {
        agrees::<3>(permits, rules, &steps)?;
    }

    #[test]
    fn agrees_with_the_reference_between_batches(
        permits in 0..6_usize, rules in rules(), steps in unsettled_steps(),
    ) {
        agrees::<48>(permits, rules, &steps)?;
    }

    #[test]
    fn agrees_with_the_reference_near_the_most_permits(
        less in 0..4_usize, rules in rules(), steps in settled_steps(),
    ) {
        agrees::<8>(Machine::<Bell, Inline<8>>::MAX_PERMITS - less, rules, &steps)?;
    }
}

/// A machine that is told nonsense stays within its bounds: it never has more permits than it was given.
#[test]
fn more_than_exist_cannot_come_back() {
    let mut machine = Machine::<Bell, Inline<2>>::new(2, Config::new());
    machine.release(usize::MAX);
    assert_eq!(machine.available_permits(), 2);
    machine.try_acquire(1, Priority(0)).unwrap();
    machine.release(5);
    assert_eq!(machine.available_permits(), 2);
    machine.forget(usize::MAX);
    let _ = machine.settle(&mut WakeList::new());
    assert_eq!(machine.reduce_permits(1), 0);
}
