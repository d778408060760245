//! Tasks of embassy's own, on RISC-V.
#![no_std]
#![no_main]

use embassy_executor::Spawner;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    riscv_virt::start();
    firmware_common::tasks::run(spawner).await
}
