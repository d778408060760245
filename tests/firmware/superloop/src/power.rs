//! The machine: three motors, and power for one of them to start at a time. To be woken is to find a bit set.

use core::cell::{Cell, RefCell};

use critical_section::Mutex;
use semihosting::print;
use tidegate_core::semaphore::{Admission, Config, Machine, Progress};
use tidegate_core::{Inline, Priority, WaiterKey, Wake, WakeList};

/// Wakes a job by setting its bit.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Flag(u8);

static RAISED: Mutex<Cell<u8>> = Mutex::new(Cell::new(0));

impl Flag {
    fn take(self) -> bool {
        critical_section::with(|cs| {
            let raised = RAISED.borrow(cs);
            let before = raised.get();
            raised.set(before & !self.0);
            before & self.0 != 0
        })
    }
}

impl Wake for Flag {
    fn wake(self) {
        critical_section::with(|cs| {
            let raised = RAISED.borrow(cs);
            raised.set(raised.get() | self.0);
        });
    }

    fn will_wake(&self, other: &Self) -> bool {
        self == other
    }
}

type Power = Machine<Flag, Inline<2>>;

static POWER: Mutex<RefCell<Power>> = Mutex::new(RefCell::new(Machine::new(1, Config::new())));
/// The tick at which the motor that is starting runs, and gives the power back.
static RUNS_AT: Mutex<Cell<Option<u32>>> = Mutex::new(Cell::new(None));

/// How long a motor takes to start, in ticks.
const START: u32 = 3;

/// Runs one operation under the lock, lets the machine settle, and wakes outside of the lock.
fn power<T>(operation: impl FnOnce(&mut Power) -> T) -> T {
    let mut wakes = WakeList::new();
    let (output, mut more) = critical_section::with(|cs| {
        let mut machine = POWER.borrow_ref_mut(cs);
        (operation(&mut machine), machine.settle(&mut wakes))
    });
    drop(wakes);
    while more {
        let mut wakes = WakeList::new();
        more = critical_section::with(|cs| POWER.borrow_ref_mut(cs).settle(&mut wakes));
    }
    output
}

/// In the interrupt handler: the motor that was starting runs now.
pub(crate) fn on_tick(now: u32) {
    let runs = critical_section::with(|cs| {
        let runs_at = RUNS_AT.borrow(cs);
        let runs = runs_at.get() == Some(now);
        if runs {
            runs_at.set(None);
        }
        runs
    });
    if runs {
        power(|machine| machine.release(1));
    }
}

/// One motor's part of the superloop.
pub(crate) struct Job {
    name: &'static str,
    priority: Priority,
    flag: Flag,
    state: State,
}

enum State {
    Off,
    Waiting(WaiterKey),
    On,
}

impl Job {
    pub(crate) fn all() -> [Self; 3] {
        let job = |name, priority, flag| Self { name, priority, flag: Flag(flag), state: State::Off };
        [job("fan", Priority(0), 1), job("door", Priority(5), 2), job("pump", Priority(-5), 4)]
    }

    pub(crate) fn pass(&mut self) {
        match self.state {
            State::Off => match power(|machine| machine.acquire(1, self.priority, self.flag)) {
                Ok(Admission::Granted(_flag)) => self.start(),
                Ok(Admission::Queued(key)) => {
                    print!(", {} waits", self.name);
                    self.state = State::Waiting(key);
                }
                Err((error, _flag)) => print!(", {}: {error}", self.name),
            },
            State::Waiting(key) if self.flag.take() => match power(|machine| machine.poll(key, &self.flag)) {
                Ok(Progress::Granted) => self.start(),
                Ok(_) => {}
                Err(error) => print!(", {}: {error}", self.name),
            },
            State::Waiting(_) | State::On => {}
        }
    }

    fn start(&mut self) {
        print!(", {} starts", self.name);
        self.state = State::On;
        critical_section::with(|cs| {
            let now = crate::NOW.borrow(cs).get();
            RUNS_AT.borrow(cs).set(Some(now + START));
        });
    }
}

/// Whether the power is free again.
pub(crate) fn all_back() -> bool {
    power(|machine| machine.available_permits()) == 1
}
