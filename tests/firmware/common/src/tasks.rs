//! Tasks of embassy's own, each woken for itself: what the conformance run, in one task, does not show.

use core::time::Duration;

use embassy_executor::Spawner;
use semihosting::println;
use tidegate_embassy::{AcquireError, Clock, EmbassyTimer, Priority, Semaphore, Timer, timeout};

use crate::finish;

static TURN: Semaphore<2> = Semaphore::new(1);
static DONE: Semaphore<1> = Semaphore::new(0);

/// Runs the tasks, says how it went, and ends the emulator.
pub async fn run(spawner: Spawner) -> ! {
    let outcome = tasks(spawner).await;
    if let Err(error) = outcome {
        println!("FAILED: {error}");
    }
    finish(outcome.is_ok())
}

/// What needs tasks that sleep and are woken, each on its own.
async fn tasks(spawner: Spawner) -> Result<(), &'static str> {
    let start = EmbassyTimer.now();
    EmbassyTimer.sleep_until(start + Duration::from_micros(4_321)).await;
    if EmbassyTimer.now().duration_since(start) < Duration::from_micros(4_321) {
        return Err("a sleep ended early");
    }
    println!("a sleep is not early");

    let turn = TURN.try_acquire().map_err(|_| "the first permit was refused")?;
    if TURN.acquire_timeout(Duration::from_millis(2)).await.err() != Some(AcquireError::TimedOut) {
        return Err("a request did not give up");
    }
    println!("a request gives up in time");

    for (name, priority) in [("later", Priority(1)), ("sooner", Priority(-1))] {
        spawner.spawn(worker(name, priority).map_err(|_| "no room for a task")?);
    }
    EmbassyTimer.sleep_until(EmbassyTimer.now() + Duration::from_millis(2)).await;
    if TURN.acquire().await.err() != Some(AcquireError::Full) {
        return Err("a full line took another waiter");
    }
    println!("a full line refuses");

    drop(turn);
    match timeout(Duration::from_secs(1), DONE.acquire_many(2)).await {
        Ok(Ok(_both)) => {}
        _ => return Err("the workers did not come to an end"),
    }
    if TURN.available_permits() != 1 || TURN.waiters() != 0 {
        return Err("a permit was lost");
    }
    println!("every permit came back");
    Ok(())
}

#[embassy_executor::task(pool_size = 2)]
async fn worker(name: &'static str, priority: Priority) {
    if let Ok(_turn) = TURN.acquire().priority(priority).await {
        println!("{name}");
        EmbassyTimer.sleep_until(EmbassyTimer.now() + Duration::from_millis(1)).await;
    }
    if DONE.add_permits(1).is_err() {
        finish(false);
    }
}
