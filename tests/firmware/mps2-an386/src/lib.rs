//! The board: a Cortex-M4, where the fast path is native.
#![no_std]
#![forbid(unsafe_code)]

/// What the board's FPGA image runs at.
const CORE_HZ: u32 = 25_000_000;

/// Starts the time driver. To be called once, first of all.
pub fn start() {
    if let Some(core) = cortex_m::Peripherals::take() {
        systick::start(core.SYST, CORE_HZ);
    }
}
