//! What the boards' images share: the console, the way out, the conformance run, and tasks of embassy's own.
#![no_std]
#![forbid(unsafe_code)]

pub mod conformance;
pub mod tasks;

pub use semihosting::println;

/// Ends the emulator, as a success or as a failure.
pub fn finish(ok: bool) -> ! {
    semihosting::process::exit(i32::from(!ok))
}
