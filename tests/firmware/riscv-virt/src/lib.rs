//! The board `virt` of QEMU: a RISC-V core with a core-local interruptor.
#![no_std]

mod clint;

/// Starts the time driver. To be called once, first of all.
pub fn start() {
    clint::start();
}
