//! The conformance run, the same on every board: the list of scenarios, then tasks of embassy's own.

use core::cell::OnceCell;
use core::hint::black_box;
use core::pin::{Pin, pin};
use core::time::Duration;

use embassy_executor::Spawner;
use semihosting::println;
use tidegate_conformance::{CROWD, Here, Outcome, crowds, steps, timed};
use tidegate_core::Timed;
use tidegate_embassy::local::EmbassyLocal;
use tidegate_embassy::{AcquireError, Clock, Embassy, EmbassyTimer, Inline, Priority, Semaphore, Timer, timeout};

use crate::finish;

/// Room for as many waiters as the scenarios have.
type Room = Inline<CROWD>;

/// Runs the list behind a critical section, and the tasks; says how it went, and ends the emulator.
#[embassy_executor::task]
pub async fn run(spawner: Spawner) {
    let mut list = pin!(None);
    let shared = apart(list.as_mut(), || scenarios::<Embassy>("the line behind a critical section")).await;
    println!("tasks of embassy");
    let tasks = tasks(spawner).await;
    if let Err(error) = tasks {
        println!("  FAILED: {error}");
    }
    finish(shared && tasks.is_ok());
}

/// Runs the list without a lock; says how it went, and ends the emulator.
///
/// An image of its own: with both, the smallest board has too little flash.
#[embassy_executor::task]
pub async fn run_local() {
    let mut list = pin!(None);
    finish(apart(list.as_mut(), || scenarios::<EmbassyLocal>("the line of one executor")).await);
}

/// The whole list. Were the scenarios inlined into this one future, its poll would need more stack than the
/// smallest board has RAM.
async fn scenarios<P: Timed>(title: &str) -> bool {
    println!("{title}");
    let mut passed = true;
    let mut report = |name, outcome: Outcome| {
        println!("  {outcome} {name}");
        passed &= outcome.is_good();
    };
    macro_rules! all {
        (steps: $($step:ident)*; crowds: $($crowd:ident)*; timed: $($timed:ident)*; blocking: $($blocking:ident)*;) => {
            $( report(stringify!($step), black_box(steps::$step::<P, Room> as fn() -> Outcome)()); )*
            $({
                let slot = OnceCell::new();
                let here = Here::<P, Room>::new(&slot);
                let mut scenario = pin!(None);
                let outcome = apart(scenario.as_mut(), || crowds::$crowd(&here)).await;
                report(stringify!($crowd), outcome.into());
            })*
            $({
                let slot = OnceCell::new();
                let here = Here::<P, Room>::new(&slot);
                let mut scenario = pin!(None);
                let outcome = apart(scenario.as_mut(), || timed::$timed(&here)).await;
                report(stringify!($timed), outcome.into());
            })*
            $( report(stringify!($blocking), Outcome::Skipped("a core that blocks runs no executor")); )*
        };
    }
    tidegate_conformance::scenarios!(all);
    passed
}

/// Runs a future in place, without a copy of it on the stack and out of line.
async fn apart<F: Future>(mut slot: Pin<&mut Option<F>>, make: impl FnOnce() -> F) -> F::Output {
    place(slot.as_mut(), make);
    match slot.as_pin_mut() {
        Some(future) => (future as Pin<&mut dyn Future<Output = F::Output>>).await,
        None => unreachable!("it was put there"),
    }
}

#[inline(never)]
fn place<F>(mut slot: Pin<&mut Option<F>>, make: impl FnOnce() -> F) {
    slot.set(Some(make()));
}

static TURN: Semaphore<2> = Semaphore::new(1);
static DONE: Semaphore<1> = Semaphore::new(0);

/// What needs tasks that sleep and are woken, each on its own.
async fn tasks(spawner: Spawner) -> Result<(), &'static str> {
    let start = EmbassyTimer.now();
    EmbassyTimer.sleep_until(start + Duration::from_micros(4_321)).await;
    if EmbassyTimer.now().duration_since(start) < Duration::from_micros(4_321) {
        return Err("a sleep ended early");
    }
    println!("  a sleep is not early");

    let turn = TURN.try_acquire().map_err(|_| "the first permit was refused")?;
    if TURN.acquire_timeout(Duration::from_millis(2)).await.err() != Some(AcquireError::TimedOut) {
        return Err("a request did not give up");
    }
    println!("  a request gives up in time");

    for (name, priority) in [("later", Priority(1)), ("sooner", Priority(-1))] {
        spawner.spawn(worker(name, priority).map_err(|_| "no room for a task")?);
    }
    EmbassyTimer.sleep_until(EmbassyTimer.now() + Duration::from_millis(2)).await;
    if TURN.acquire().await.err() != Some(AcquireError::Full) {
        return Err("a full line took another waiter");
    }
    println!("  a full line refuses");

    drop(turn);
    match timeout(Duration::from_secs(1), DONE.acquire_many(2)).await {
        Ok(Ok(_both)) => {}
        _ => return Err("the workers did not come to an end"),
    }
    if TURN.available_permits() != 1 || TURN.waiters() != 0 {
        return Err("a permit was lost");
    }
    println!("  every permit came back");
    Ok(())
}

#[embassy_executor::task(pool_size = 2)]
async fn worker(name: &'static str, priority: Priority) {
    if let Ok(_turn) = TURN.acquire().priority(priority).await {
        println!("  {name}");
        EmbassyTimer.sleep_until(EmbassyTimer.now() + Duration::from_millis(1)).await;
    }
    if DONE.add_permits(1).is_err() {
        finish(false);
    }
}
