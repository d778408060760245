//! The image without a semaphore, to be measured.
#![no_std]
#![no_main]

use embassy_executor::Spawner;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    footprint::start();
    for priority in [1, -1] {
        if let Ok(task) = worker(priority) {
            spawner.spawn(task);
        }
    }
    footprint::finish(6).await
}

#[embassy_executor::task(pool_size = 2)]
async fn worker(priority: i32) {
    let _ = priority;
    for _ in 0..3 {
        footprint::work().await;
    }
}
