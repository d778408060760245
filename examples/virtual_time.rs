//! A day of traffic in milliseconds: one piece of code, a rate limiter and a lockout in it, under three clocks.
//!
//! ```text
//! cargo run --release --example virtual_time
//! cargo test -p tidegate-examples --example virtual_time
//! ```
//!
//! The first clock is set by hand, as in any test; the second is tokio's, paused; the third is the simulator's,
//! which also draws the order of all steps from a seed.
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::rc::Rc;

use tidegate_sim::{Sim, SimError, SimTimer, spawn};
use tidegate_threads::{Instant, Lockout, ManualClock, Quota, RateLimiter, Timer};
use tidegate_tokio::TokioTimer;
use tokio::runtime::Builder;

/// One in six seconds, and ten at once.
const QUOTA: Quota = match Quota::per(1, Duration::from_secs(6)) {
    Ok(quota) => match quota.burst(10) {
        Ok(quota) => quota,
        Err(_) => panic!("it makes sense"),
    },
    Err(_) => panic!("it makes sense"),
};
const DAY: Duration = Duration::from_hours(24);

/// The code under test: sends for a day, and has an hour's lockout after every 4000th. Answers how often it sent.
async fn day<T: Timer + Clone>(timer: T) -> u32 {
    let limiter = RateLimiter::with_timer(QUOTA, timer.clone());
    let lockout = Lockout::with_timer(timer.clone());
    let end = timer.now() + DAY;
    let mut sent = 0;
    while let Ok(()) = lockout.wait().await
        && let Ok(()) = limiter.acquire(1).await
        && timer.now() < end
    {
        sent += 1;
        if sent % 4_000 == 0 && lockout.lock_for(Duration::from_hours(1)).is_err() {
            break;
        }
    }
    sent
}

/// Under a clock that is set to the next deadline whenever nothing else can go on.
fn by_hand() -> u32 {
    let clock = ManualClock::new();
    let mut day = pin!(day(&clock));
    loop {
        if let Poll::Ready(sent) = day.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return sent;
        }
        clock.set(clock.next_deadline().unwrap_or(Instant::MAX));
    }
}

/// Under `tokio::time::pause`.
fn in_tokio() -> std::io::Result<u32> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    Ok(runtime.block_on(day(TokioTimer)))
}

/// In the simulator.
fn in_the_simulator() -> Result<u32, SimError> {
    Sim::new(1).run(day(SimTimer))
}

/// Eight tasks at one limiter, under this seed: who sent in which order.
fn order(seed: u64) -> Result<String, SimError> {
    Sim::new(seed).run(async {
        let limiter = Rc::new(RateLimiter::with_timer(QUOTA, SimTimer));
        let order = Rc::new(core::cell::RefCell::new(String::new()));
        let tasks: Vec<_> = ('a'..='h')
            .map(|name| {
                let (limiter, order) = (Rc::clone(&limiter), Rc::clone(&order));
                spawn(async move {
                    for _ in 0..3 {
                        if limiter.acquire(1).await.is_ok() {
                            order.borrow_mut().push(name);
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            // None of them panics, and nobody aborts them.
            let _ = task.await;
        }
        order.take()
    })
}

fn main() -> Result<(), Box<dyn core::error::Error>> {
    println!("a clock set by hand: {} in a day", by_hand());
    println!("tokio's, paused:     {} in a day", in_tokio()?);
    println!("the simulator's:     {} in a day", in_the_simulator()?);
    for seed in [7, 7, 8] {
        println!("seed {seed}: {}", order(seed)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten at once and then one in six seconds, which takes 23 940 s for 4000; an hour's lockout; and so on three
    /// times, up to 82 620 s. Of the day that leaves 3780 s: ten at once, and 629 before its end.
    const IN_A_DAY: u32 = 3 * 4_000 + 10 + 629;

    #[test]
    fn a_day_is_the_same_under_every_clock() {
        assert_eq!(by_hand(), IN_A_DAY);
        assert_eq!(in_tokio().expect("a runtime can be had"), IN_A_DAY);
        assert_eq!(in_the_simulator(), Ok(IN_A_DAY));
    }

    #[test]
    fn a_seed_replays() {
        assert_eq!(order(7), order(7));
        assert!((8..20).any(|seed| order(seed) != order(7)), "other seeds, other orders");
    }
}
