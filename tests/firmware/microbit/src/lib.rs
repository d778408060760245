//! The board: a Cortex-M0 with 16 KiB of RAM, which has no compare-and-swap.
#![no_std]
#![forbid(unsafe_code)]

/// What the nRF51822 runs at.
const CORE_HZ: u32 = 16_000_000;

/// Starts the time driver. To be called once, first of all.
pub fn start() {
    if let Some(core) = cortex_m::Peripherals::take() {
        systick::start(core.SYST, CORE_HZ);
    }
}
