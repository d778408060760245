//! Threads that block and tasks that await stand in one line, for the same permit.
//!
//! `cargo run --example blocking_and_async`
#![forbid(unsafe_code)]

use core::time::Duration;
use std::thread;

use tidegate_tokio::{AcquireError, Permit, Priority, Semaphore, priority};
use tokio::task;

/// One licence, shared by an async service and a threaded library that knows nothing of it.
static LICENCE: Semaphore = Semaphore::new(1);

#[tokio::main]
async fn main() -> Result<(), AcquireError> {
    let taken = LICENCE.acquire().await?;

    // The threaded side blocks. Its scope of priority is the plain one, for code that does not await.
    let blocked = || priority::scope_blocking(Priority(1), || LICENCE.acquire_blocking().map(use_it("a thread")));
    let thread = thread::spawn(blocked);
    until_waiting(1).await;

    // The async side awaits. It comes later, but it is more urgent.
    let awaiting = async { LICENCE.acquire().await.map(use_it("a task")) };
    let task = tokio::spawn(priority::scope(Priority(-1), awaiting));
    until_waiting(2).await;

    // Nobody has to wait for ever, in either colour.
    let hurry = Duration::from_millis(1);
    let late = task::spawn_blocking(move || LICENCE.acquire_blocking_timeout(hurry).err());
    println!("a thread in a hurry: {:?}", late.await.unwrap_or_default());
    println!("a task in a hurry: {:?}", LICENCE.acquire_timeout(hurry).await.err());

    drop(taken);
    task.await.expect("it does not panic")?;
    task::spawn_blocking(|| thread.join()).await.expect("nor does this").expect("nor that")?;
    println!("free again: {}", LICENCE.available_permits());
    Ok(())
}

fn use_it(who: &str) -> impl FnOnce(Permit<'_>) {
    move |permit| {
        println!("{who} has the licence");
        drop(permit);
    }
}

async fn until_waiting(count: usize) {
    while LICENCE.waiters() < count {
        task::yield_now().await;
    }
}
