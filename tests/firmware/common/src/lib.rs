//! What the boards' images share: the console, the way out, and the conformance run.
#![no_std]
#![forbid(unsafe_code)]

pub mod conformance;

pub use semihosting::println;

/// Ends the emulator, as a success or as a failure.
pub fn finish(ok: bool) -> ! {
    semihosting::process::exit(i32::from(!ok))
}
