//! Example: embassy tasks that share one radio. Whoever is most urgent gets it next, whenever it came.
//!
//! ```text
//! cargo xtask firmware priorities
//! ```
#![no_std]
#![no_main]

use core::time::Duration;

use embassy_executor::Spawner;
use embassy_time::Timer;
use firmware_common::println;
use tidegate_embassy::{Priority, Semaphore, timeout};

/// There is one radio, and up to four tasks may wait for it.
static RADIO: Semaphore<4> = Semaphore::new(1);
/// Each task adds a permit when it has finished.
static FINISHED: Semaphore<1> = Semaphore::new(0);

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    microbit::start();

    // Nobody can have it before it has started up.
    let Ok(starting) = RADIO.try_acquire() else { firmware_common::finish(false) };
    println!("radio: starting up");
    for task in [sender("logs", Priority(20)), sender("telemetry", Priority(10)), sender("alarm", Priority(-10))] {
        match task {
            Ok(task) => spawner.spawn(task),
            Err(_) => firmware_common::finish(false),
        }
    }
    match beacon() {
        Ok(task) => spawner.spawn(task),
        Err(_) => firmware_common::finish(false),
    }

    Timer::after_millis(20).await;
    println!("radio: up");
    drop(starting); // goes to the first in line, directly

    let all = FINISHED.acquire_many(4).await;
    println!("all done, {} radio free", RADIO.available_permits());
    firmware_common::finish(all.is_ok());
}

/// Waits for the radio, however long that takes, and sends.
#[embassy_executor::task(pool_size = 3)]
async fn sender(name: &'static str, priority: Priority) {
    println!("{name}: waits");
    match RADIO.acquire().priority(priority).await {
        Ok(_radio) => {
            Timer::after_millis(2).await;
            println!("{name}: sent");
        }
        Err(error) => println!("{name}: {error}"),
    }
    finished();
}

/// Would be the first in line, and does not wait for longer than 5 ms.
#[embassy_executor::task]
async fn beacon() {
    let turn = RADIO.acquire().priority(Priority::MOST_URGENT);
    match timeout(Duration::from_millis(5), turn).await {
        Ok(_) => println!("beacon: sent"),
        Err(_elapsed) => println!("beacon: gives up, the next one will do"),
    }
    finished();
}

fn finished() {
    if FINISHED.add_permits(1).is_err() {
        firmware_common::finish(false);
    }
}
