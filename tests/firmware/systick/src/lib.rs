//! A time driver for embassy on the one timer that every Cortex-M has.
//!
//! The counter is 24 bits wide and has no compare register, so it interrupts once per tick, whatever the tick
//! rate is that the image chose with a `tick-hz-*` feature of embassy-time.
#![no_std]

use core::cell::{Cell, RefCell};
use core::task::Waker;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use critical_section::Mutex;
use embassy_time_driver::{Driver, TICK_HZ};
use embassy_time_queue_utils::Queue;

struct SysTickDriver {
    ticks: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static DRIVER: SysTickDriver = SysTickDriver {
    ticks: Mutex::new(Cell::new(0)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

impl Driver for SysTickDriver {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.ticks.borrow(cs).get())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let mut queue = self.queue.borrow_ref_mut(cs);
            if queue.schedule_wake(at, waker) {
                queue.next_expiration(self.now());
            }
        });
    }
}

/// Starts the ticking, on a core that runs at `core_hz`.
pub fn start(mut syst: SYST, core_hz: u32) {
    let Ok(tick_hz) = u32::try_from(TICK_HZ) else { return };
    syst.set_clock_source(SystClkSource::Core);
    syst.set_reload(core_hz / tick_hz - 1);
    syst.clear_current();
    syst.enable_interrupt();
    syst.enable_counter();
}

#[exception]
fn SysTick() {
    critical_section::with(|cs| {
        let now = DRIVER.ticks.borrow(cs).get() + 1;
        DRIVER.ticks.borrow(cs).set(now);
        DRIVER.queue.borrow_ref_mut(cs).next_expiration(now);
    });
}
