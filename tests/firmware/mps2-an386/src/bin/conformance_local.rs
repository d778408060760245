//! The conformance run on a Cortex-M4, without a lock.
#![no_std]
#![no_main]

use embassy_executor::Spawner;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    mps2_an386::start();
    match firmware_common::conformance::run_local() {
        Ok(run) => spawner.spawn(run),
        Err(_) => firmware_common::finish(false),
    }
}
