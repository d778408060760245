//! Whoever is more urgent goes first, and whoever is equally urgent goes by arrival.
//!
//! `cargo run --example priorities`
#![forbid(unsafe_code)]

use std::sync::Arc;

use tidegate_tokio::{AcquireError, Priority, Semaphore, priority};
use tokio::task::JoinSet;

/// There is one printer.
static PRINTER: Semaphore = Semaphore::new(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), AcquireError> {
    let busy = PRINTER.acquire().await?;

    // While it is busy, jobs line up. A scope holds for everything inside it, however deep: `print` asks for the
    // printer without a word about priorities.
    let mut jobs = JoinSet::new();
    for (name, urgency) in [("archive", 10), ("letter", 0), ("memo", 0), ("ticket", -5)] {
        jobs.spawn(priority::scope(Priority(urgency), print(name)));
    }
    // A single request may also say it for itself, and more than one permit can be had at once.
    let alarm = async {
        let _printer = PRINTER.acquire().priority(Priority::MOST_URGENT).await?;
        println!("printing: alarm");
        Ok::<_, AcquireError>(())
    };
    jobs.spawn(alarm);
    while PRINTER.waiters() < jobs.len() {
        tokio::task::yield_now().await;
    }

    println!("{} jobs wait; they come in the order of their urgency", PRINTER.waiters());
    drop(busy);
    for outcome in jobs.join_all().await {
        outcome?;
    }

    // A job that is cancelled leaves the line, and nobody else notices.
    let printer = Arc::new(Semaphore::new(0));
    let cancelled = tokio::spawn(Semaphore::acquire_owned(Arc::clone(&printer), 1));
    tokio::task::yield_now().await;
    println!("waiting: {}", printer.waiters());
    cancelled.abort();
    let _ = cancelled.await;
    println!("waiting after it was cancelled: {}", printer.waiters());
    Ok(())
}

async fn print(name: &str) -> Result<(), AcquireError> {
    let _printer = PRINTER.acquire().await?;
    println!("printing: {name}");
    Ok(())
}
