//! The semaphore's machine against its reference.

use proptest::prelude::*;
use tidegate_core::semaphore::{Config, Machine};
use tidegate_core::{Inline, Priority, Wake, WakeList};
use tidegate_lockstep::semaphore::{Rules, Step, play};

/// A waker that nobody hears.
struct Bell;

impl Wake for Bell {
    fn wake(self) {}

    fn will_wake(&self, _other: &Self) -> bool {
        false
    }
}

fn permits() -> impl Strategy<Value = usize> {
    let most = Machine::<Bell, Inline<0>>::MAX_PERMITS;
    prop_oneof![
        30 => 1..5_usize,
        1 => prop_oneof![Just(0), Just(most - 1), Just(most), Just(most + 1), Just(usize::MAX)],
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop_oneof![8 => -1..2_i32, 1 => prop_oneof![Just(i32::MIN), Just(i32::MAX)]];
    let index = any::<usize>();
    prop_oneof![
        4 => (permits(), priority.clone()).prop_map(|(permits, priority)| Step::TryAcquire { permits, priority }),
        8 => (permits(), priority.clone()).prop_map(|(permits, priority)| Step::Acquire { permits, priority }),
        1 => (1..20_usize, priority).prop_map(|(size, priority)| Step::Crowd { size, priority }),
        8 => (index, any::<bool>(), any::<bool>())
            .prop_map(|(who, moved, registers)| Step::Poll { who, moved, registers }),
        3 => index.prop_map(|who| Step::Cancel { who }),
        8 => (index, 1..4_usize).prop_map(|(which, part)| Step::Release { which, part }),
        2 => prop_oneof![6 => 0..20_usize, 1 => permits()].prop_map(|permits| Step::Add { permits }),
        2 => permits().prop_map(|permits| Step::Reduce { permits }),
        1 => index.prop_map(|which| Step::Forget { which }),
        // Rarely: little happens afterwards.
        1 => prop_oneof![15 => Just(Step::Add { permits: 1 }), 1 => Just(Step::Close)],
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let bound = || prop_oneof![Just(None), (0..4_u32).prop_map(Some)];
    (bound(), bound(), prop::bool::weighted(0.25)).prop_map(|(bypass, max_bypass, barging)| Rules {
        bypass,
        max_bypass,
        barging,
    })
}

/// Steps, each settled for good, as a handle does it when nobody interferes.
fn settled_steps() -> impl Strategy<Value = Vec<(Step, usize)>> {
    prop::collection::vec((step(), Just(usize::MAX)), 0..60)
}

/// Steps that are settled by a batch or not at all before the next one comes.
fn unsettled_steps() -> impl Strategy<Value = Vec<(Step, usize)>> {
    prop::collection::vec((step(), prop_oneof![Just(0), Just(1), Just(usize::MAX)]), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn agrees_with_the_reference(permits in 0..6_usize, rules in rules(), steps in settled_steps()) {
        play::<48>(permits, rules, &steps);
    }

    #[test]
    fn agrees_with_the_reference_where_room_is_short(
        permits in 0..4_usize, rules in rules(), steps in settled_steps(),
    ) {
        play::<3>(permits, rules, &steps);
    }

    #[test]
    fn agrees_with_the_reference_between_batches(
        permits in 0..6_usize, rules in rules(), steps in unsettled_steps(),
    ) {
        play::<48>(permits, rules, &steps);
    }

    #[test]
    fn agrees_with_the_reference_near_the_most_permits(
        less in 0..4_usize, rules in rules(), steps in settled_steps(),
    ) {
        play::<8>(Machine::<Bell, Inline<8>>::MAX_PERMITS - less, rules, &steps);
    }
}

/// A machine that is told nonsense stays within its bounds: it never has more permits than it was given.
#[test]
fn more_than_exist_cannot_come_back() {
    let mut machine = Machine::<Bell, Inline<2>>::new(2, Config::new());
    machine.release(usize::MAX);
    assert_eq!(machine.available_permits(), 2);
    machine.try_acquire(1, Priority(0)).unwrap();
    machine.release(5);
    assert_eq!(machine.available_permits(), 2);
    machine.forget(usize::MAX);
    let _ = machine.settle(&mut WakeList::new());
    assert_eq!(machine.reduce_permits(1), 0);
}
