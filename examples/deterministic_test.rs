//! A test whose interleavings come from a seed: it finds the bug, and finds it again.
//!
//! `cargo run --example deterministic_test`
#![forbid(unsafe_code)]

use core::cell::Cell;
use core::time::Duration;
use std::rc::Rc;

use tidegate_sim::{Semaphore, Sim, SimError, now, sleep, spawn, yield_now};

/// Two customers pay 60 each out of an account of 100. With `guard`, one at a time.
async fn pay_twice(guard: bool) -> i32 {
    let till = Rc::new(Semaphore::new(1));
    let balance = Rc::new(Cell::new(100));
    let pay = |amount| {
        let (till, balance) = (Rc::clone(&till), Rc::clone(&balance));
        async move {
            let _turn = if guard { till.acquire().await.ok() } else { None };
            if balance.get() >= amount {
                yield_now().await; // asks the bank; anything may happen meanwhile
                balance.set(balance.get() - amount);
            }
        }
    };
    let (one, two) = (spawn(pay(60)), spawn(pay(60)));
    let _ = (one.await, two.await);
    balance.get()
}

fn main() -> Result<(), SimError> {
    // Not every order of steps shows the bug.
    let overdrawn: Vec<u64> =
        (0..100).filter(|&seed| Sim::new(seed).run(pay_twice(false)).is_ok_and(|left| left < 0)).collect();
    println!("without a guard, {} of 100 seeds overdraw the account", overdrawn.len());

    // A seed that does will do so for as long as it takes to understand it, step by step.
    if let Some(&seed) = overdrawn.first() {
        let mut sim = Sim::new(seed).with_trace();
        println!("seed {seed} leaves {}, in this order:", sim.run(pay_twice(false))?);
        sim.trace().iter().for_each(|step| println!("  {step}"));
        assert!((0..3).all(|_| Sim::new(seed).run(pay_twice(false)).is_ok_and(|left| left < 0)));
    }

    for seed in 0..1_000 {
        assert_eq!(Sim::new(seed).run(pay_twice(true))?, 40);
    }
    println!("with the semaphore, 1000 seeds agree");

    // Time is virtual: it jumps to where something happens.
    let later = Sim::new(0).run(async {
        sleep(Duration::from_hours(24)).await;
        now()
    })?;
    println!("and a day has passed: it is {later}");
    Ok(())
}
