//! The image with a semaphore, to be measured: it differs from the other one in nothing else.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use tidegate_embassy::{Priority, Semaphore};

static TURN: Semaphore<4> = Semaphore::new(1);

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
    for _ in 0..3 {
        let _turn = TURN.acquire().priority(Priority(priority)).await;
        footprint::work().await;
    }
}
