//! What the maps cost on a Cortex-M0: instructions per operation, counted by QEMU.
//!
//! ```text
//! cargo xtask instructions
//! ```
//!
//! In the emulator every instruction takes 64 ns, whatever it does, and the timer counts at 16 MHz.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::time::Duration;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::entry;
use firmware_common::{finish, println};
use tidegate_embassy::{Instant, Lru, TtlLru};

/// Entries, all of them there.
const CAPACITY: u32 = 64;
/// Operations per figure.
const TIMES: u32 = 1_024;

/// One key after the other, scattered as they would be in earnest: an odd factor leaves none out.
const fn key(number: u32) -> u32 {
    number.wrapping_mul(0x9E37_79B1)
}

/// Keys that are there, each as often as any other.
const THERE: fn(u32) -> u32 = |number| key(number * 7 % CAPACITY);
/// A key that has not been there, or not for long.
const NEW: fn(u32) -> u32 = |number| key(CAPACITY + number);

/// Instructions per operation; those that go through the keys are not among them.
#[inline(never)]
fn count(key: fn(u32) -> u32, operation: &mut dyn FnMut(u32)) -> u32 {
    let ticks = |operation: &mut dyn FnMut(u32)| {
        let before = SYST::get_current();
        for number in 0..TIMES {
            operation(key(number));
        }
        before.wrapping_sub(SYST::get_current()) & 0x00FF_FFFF
    };
    let loop_alone = ticks(&mut |key| _ = black_box(key));
    let all = ticks(operation);
    // 62.5 ns per tick, and 64 per instruction.
    (all.saturating_sub(loop_alone) * 125 / 128 + TIMES / 2) / TIMES
}

fn show(title: &str, instructions: u32) {
    println!("{title:32}{instructions:5}");
}

#[entry]
fn main() -> ! {
    let Some(core) = cortex_m::Peripherals::take() else { finish(false) };
    let mut syst = core.SYST;
    syst.set_clock_source(SystClkSource::Core);
    syst.set_reload(0x00FF_FFFF);
    syst.clear_current();
    syst.enable_counter();

    // A loop of two instructions, two hundred times more: does the timer count as it should?
    let delay = |times| count(THERE, &mut |_| cortex_m::asm::delay(times));
    if delay(300) - delay(100) != 400 {
        println!("the timer does not count instructions: {} and {}", delay(300), delay(100));
        finish(false);
    }

    println!("instructions on a Cortex-M0, u32 to u32, 64 entries inline");
    let mut map: Lru<u32, u32, 64> = Lru::new(64);
    for number in 0..CAPACITY {
        map.insert(key(number), number);
    }
    show("Lru: get, there", count(THERE, &mut |key| _ = black_box(map.get(&key))));
    show("Lru: get, not there", count(NEW, &mut |key| _ = black_box(map.get(&key))));
    show("Lru: insert, there", count(THERE, &mut |key| _ = black_box(map.insert(key, key))));
    show("Lru: insert, evicting", count(NEW, &mut |key| _ = black_box(map.insert(key, key))));

    let now = Instant::EPOCH;
    let mut map: TtlLru<u32, u32, 64> = TtlLru::new(64, Duration::from_secs(60));
    for number in 0..CAPACITY {
        map.insert(key(number), number, now);
    }
    show("TtlLru: get, there", count(THERE, &mut |key| _ = black_box(map.get(&key, now))));
    show("TtlLru: insert, evicting", count(NEW, &mut |key| _ = black_box(map.insert(key, key, now))));
    finish(true)
}
