//! The conformance run on a Cortex-M0 with 16 KiB of RAM, without a lock.
#![no_std]
#![no_main]

use embassy_executor::Spawner;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    microbit::start();
    match firmware_common::conformance::run_local() {
        Ok(run) => spawner.spawn(run),
        Err(_) => firmware_common::finish(false),
    }
}
