//! The gate, thread against thread: whoever leaves on the way strands nobody, and what it had comes back.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --manifest-path tests/loom/Cargo.toml --test gate
//! ```
//!
//! A waiter that is never woken is a deadlock, which loom reports.
#![cfg(loom)]
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};
use core::time::Duration;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use tidegate_core::Heap;
use tidegate_core::gate::Gate;
use tidegate_core::lockout::Lockout;
use tidegate_core::rate_limiter::{Quota, RateLimiter};
use tidegate_loom::{Loom, Semaphore, Step, model, model_with_preemptions};

type Limiter = RateLimiter<Loom, Heap, Step>;
type Rest = Lockout<Loom, Heap, Step>;

/// A gate for one at a time, with so many tokens at once.
struct Site {
    clock: Step,
    permits: Arc<Semaphore>,
    tokens: Arc<Limiter>,
    rest: Arc<Rest>,
    gate: Gate<Loom, Arc<Semaphore>, Arc<Limiter>, Arc<Rest>>,
}

impl Site {
    fn new(burst: u32) -> Arc<Self> {
        let clock = Step::new();
        let quota = Quota::per(1, Duration::from_nanos(10)).and_then(|quota| quota.burst(burst));
        let permits = Arc::new(Semaphore::new(1));
        let tokens = Arc::new(RateLimiter::with_timer(quota.expect("it makes sense"), clock.clone()));
        let rest = Arc::new(Lockout::with_timer(clock.clone()));
        let gate = Gate::with_parts(Arc::clone(&permits), Arc::clone(&tokens), Arc::clone(&rest));
        Arc::new(Self { clock, permits, tokens, rest, gate })
    }

    /// Enters and leaves.
    fn visit(&self) {
        drop(block_on(self.gate.enter()).expect("it is not closed"));
    }

    /// Polls once, and goes away.
    fn turn_away(&self) {
        let mut entering = pin!(self.gate.enter());
        drop(entering.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    }

    fn at_rest(&self, tokens: u32) {
        assert_eq!((self.permits.available_permits(), self.permits.waiters()), (1, 0));
        assert_eq!((self.tokens.available(), self.tokens.waiters()), (tokens, 0));
        assert_eq!((self.rest.locked_until(), self.rest.waiters()), (None, 0));
    }
}

#[test]
fn two_visit_one_after_the_other() {
    model(|| {
        let site = Site::new(2);
        let other = {
            let site = Arc::clone(&site);
            thread::spawn(move || site.visit())
        };
        site.visit();
        other.join().unwrap();
        site.at_rest(0);
    });
}

/// The only token is on its way to somebody who has gone by then, or has been used.
#[test]
fn who_turns_away_strands_nobody_who_waits_for_a_token() {
    model_with_preemptions(2, || {
        let site = Site::new(1);
        assert!(site.tokens.try_acquire(1).is_ok());
        let other = {
            let site = Arc::clone(&site);
            thread::spawn(move || site.visit())
        };
        site.turn_away();
        site.clock.advance();
        other.join().unwrap();
        site.at_rest(0);
    });
}

#[test]
fn who_turns_away_strands_nobody_who_waits_for_the_end_of_a_lockout() {
    model_with_preemptions(2, || {
        let site = Site::new(2);
        site.rest.lock_until(Step::END).expect("there is room");
        let other = {
            let site = Arc::clone(&site);
            thread::spawn(move || site.visit())
        };
        site.turn_away();
        site.clock.advance();
        other.join().unwrap();
        assert_eq!(site.permits.available_permits(), 1);
        assert_eq!((site.tokens.waiters(), site.rest.waiters()), (0, 0));
    });
}

/// A lockout begins while somebody is on the way: it gets through before or after, and its token is used once.
#[test]
fn a_lockout_on_the_way_costs_no_token() {
    model_with_preemptions(2, || {
        let site = Site::new(2);
        let other = {
            let site = Arc::clone(&site);
            thread::spawn(move || site.visit())
        };
        let key = site.rest.lock_for(Duration::MAX).expect("there is room");
        assert!(site.rest.lift(key));
        other.join().unwrap();
        site.at_rest(1);
    });
}
