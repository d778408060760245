//! Tasks of embassy's own, on a Cortex-M4.
#![no_std]
#![no_main]

use embassy_executor::Spawner;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    mps2_an386::start();
    firmware_common::tasks::run(spawner).await
}
