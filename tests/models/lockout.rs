//! The lockouts' machine, in both orders, against a list of ends and a list of waiters.

use core::pin::Pin;
use core::time::Duration;
use std::sync::Arc;

use proptest::prelude::*;
use tidegate_core::lockout::{InOrder, Lockout, Order, Together, Wait};
use tidegate_core::{Clock, Heap, Instant, Local, ManualClock, Platform};
use tidegate_lockstep::lockout::{Step, play};
use tidegate_tests::{Count, poll_with};
use tidegate_threads::Threads;

fn step() -> impl Strategy<Value = Step> {
    let any = any::<usize>;
    let priority = || prop_oneof![4 => Just(0), 1 => -1..2_i32];
    prop_oneof![
        6 => (0..20_u64).prop_map(|span| Step::Lock { span }),
        1 => Just(Step::LockForever),
        3 => any().prop_map(|which| Step::Lift { which }),
        4 => (0..12_u64).prop_map(|span| Step::Advance { span }),
        2 => Just(Step::HandleTimeout),
        2 => priority().prop_map(|priority| Step::TryPass { priority }),
        8 => priority().prop_map(|priority| Step::Enter { priority }),
        8 => (any(), prop::bool::ANY).prop_map(|(who, moved)| Step::Poll { who, moved }),
        4 => any().prop_map(|who| Step::Cancel { who }),
    ]
}

/// What happens to a handle whose clock does what it likes.
#[derive(Clone, Debug)]
enum Mischief {
    Lock { span: u64 },
    SetClock { to: u64 },
    Enter,
    Poll { who: usize },
    Cancel { who: usize },
}

fn mischief() -> impl Strategy<Value = Mischief> {
    let year = 365 * 24 * 3_600_000_000_000_u64;
    let time = move || prop_oneof![6 => 0..50_u64, 1 => year..year + 50, 1 => Just(u64::MAX - 1), 1 => Just(0)];
    prop_oneof![
        3 => time().prop_map(|span| Mischief::Lock { span }),
        4 => time().prop_map(|to| Mischief::SetClock { to }),
        4 => Just(Mischief::Enter),
        5 => any::<usize>().prop_map(|who| Mischief::Poll { who }),
        2 => any::<usize>().prop_map(|who| Mischief::Cancel { who }),
    ]
}

/// One who waits, and how often it had been woken when it was polled last.
struct Sleeper<'a, P: Platform, O: Order> {
    wait: Pin<Box<Wait<&'a Clocked<'a, P, O>>>>,
    wakes: Arc<Count>,
    heard: usize,
}

type Clocked<'a, P, O> = Lockout<P, Heap, &'a ManualClock<Local, Heap>, O>;

impl<P: Platform, O: Order> Sleeper<'_, P, O> {
    fn poll(&mut self) -> bool {
        self.heard = self.wakes.get();
        poll_with(&mut self.wait, &Arc::clone(&self.wakes).into()).is_ready()
    }
}

/// Nobody passes before the clock has shown the end of each lockout since that began; all do once it has.
fn make_mischief<P: Platform, O: Order>(steps: &[Mischief]) {
    let clock = ManualClock::new();
    let lockout = Clocked::<P, O>::with_timer(&clock);
    // The end of each lockout, and the latest time that the clock has shown since it began.
    let mut lockouts: Vec<(Instant, Instant)> = Vec::new();
    let mut sleepers: Vec<Sleeper<'_, P, O>> = Vec::new();
    let have_ended = |lockouts: &[(Instant, Instant)]| lockouts.iter().all(|&(end, seen)| seen >= end);
    for step in steps {
        match *step {
            Mischief::Lock { span } => {
                let end = clock.now() + Duration::from_nanos(span);
                let key = lockout.lock_for(Duration::from_nanos(span)).expect("there is room on the heap");
                if end == Instant::MAX {
                    assert!(lockout.lift(key), "it never ends by itself");
                } else {
                    lockouts.push((end, clock.now()));
                }
            }
            Mischief::SetClock { to } => {
                clock.set(Instant::from_nanos(to));
                for (_, seen) in &mut lockouts {
                    *seen = clock.now().max(*seen);
                }
            }
            Mischief::Enter => {
                let mut sleeper = Sleeper { wait: Box::pin(lockout.wait()), wakes: Count::new().0, heard: 0 };
                if sleeper.poll() {
                    assert!(have_ended(&lockouts));
                } else {
                    sleepers.push(sleeper);
                }
            }
            Mischief::Poll { who } if !sleepers.is_empty() => {
                let who = who % sleepers.len();
                if sleepers[who].poll() {
                    assert!(have_ended(&lockouts));
                    drop(sleepers.remove(who));
                }
            }
            Mischief::Cancel { who } if !sleepers.is_empty() => drop(sleepers.swap_remove(who % sleepers.len())),
            _ => {}
        }
    }
    // Time goes on at last. Nobody is polled without having been woken.
    clock.set(Instant::from_nanos(u64::MAX - 1));
    while let Some(who) = sleepers.iter().position(|sleeper| sleeper.heard != sleeper.wakes.get()) {
        if sleepers[who].poll() {
            drop(sleepers.remove(who));
        }
    }
    assert_eq!(sleepers.len(), 0, "some wait though everything has ended");
    assert!(lockout.try_pass().is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn waiters_pass_together_once_all_lockouts_have_ended(steps in prop::collection::vec(step(), 0..80)) {
        play::<Together>(&steps);
    }

    #[test]
    fn waiters_pass_in_order_once_all_lockouts_have_ended(steps in prop::collection::vec(step(), 0..80)) {
        play::<InOrder>(&steps);
    }
    #[test]
    fn whatever_the_clock_does_nobody_passes_early_and_nobody_hangs(
        steps in prop::collection::vec(mischief(), 0..60),
    ) {
        make_mischief::<Local, Together>(&steps);
        make_mischief::<Local, InOrder>(&steps);
        make_mischief::<Threads, Together>(&steps);
        make_mischief::<Threads, InOrder>(&steps);
    }
}
