//! The conformance run on a Cortex-M4: the fast path is native there.
#![no_std]
#![no_main]

use embassy_executor::Spawner;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    mps2_an386::start();
    match firmware_common::conformance::run(spawner) {
        Ok(run) => spawner.spawn(run),
        Err(_) => firmware_common::finish(false),
    }
}
