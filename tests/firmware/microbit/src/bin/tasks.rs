//! Tasks of embassy's own, on a Cortex-M0.
#![no_std]
#![no_main]

use embassy_executor::Spawner;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    microbit::start();
    firmware_common::tasks::run(spawner).await
}
