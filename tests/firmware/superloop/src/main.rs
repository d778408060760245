//! Example: `tidegate-core` alone, without an executor: a superloop and an interrupt handler share semaphores.
//!
//! ```text
//! cargo xtask firmware superloop
//! ```
//!
//! Two ways of use. The *handle*, a `static`: the handler takes a permit here and now, or does without. The
//! *machine*, for those who bring their own lock and have their own idea of what it means to wake somebody.
#![no_std]
#![no_main]

mod power;
mod samples;

use core::cell::Cell;

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::{entry, exception};
use critical_section::Mutex;
use semihosting::{print, println, process};

/// Ten milliseconds, at 16 MHz.
const TICK: u32 = 160_000;
const TICKS: u32 = 12;

static NOW: Mutex<Cell<u32>> = Mutex::new(Cell::new(0));

#[exception]
fn SysTick() {
    let now = critical_section::with(|cs| {
        let now = NOW.borrow(cs);
        now.set(now.get() + 1);
        now.get()
    });
    samples::on_tick(now);
    power::on_tick(now);
}

#[entry]
fn main() -> ! {
    let mut jobs = power::Job::all();
    if let Some(core) = cortex_m::Peripherals::take() {
        let mut syst = core.SYST;
        syst.set_clock_source(SystClkSource::Core);
        syst.set_reload(TICK - 1);
        syst.clear_current();
        syst.enable_interrupt();
        syst.enable_counter();
    }
    // One pass per tick.
    loop {
        cortex_m::asm::wfi();
        let now = critical_section::with(|cs| NOW.borrow(cs).get());
        print!("{now:2}:");
        samples::pass(now);
        for job in &mut jobs {
            job.pass();
        }
        println!();
        if now == TICKS {
            process::exit(i32::from(!(samples::all_back() && power::all_back())));
        }
    }
}
