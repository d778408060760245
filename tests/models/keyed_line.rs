//! The lines of the limiter with a bucket per key against a map of naive ones.

use proptest::prelude::*;
use tidegate_lockstep::keyed_line::{Step, play};
use tidegate_lockstep::limiter::Naive;

fn step() -> impl Strategy<Value = Step> {
    let key = 0_u8..6;
    let tokens = 0_u32..5;
    prop_oneof![
        3 => (0_u64..30).prop_map(Step::Pass),
        2 => Just(Step::ToDeadline),
        2 => (key.clone(), tokens.clone()).prop_map(|(key, tokens)| Step::TryAcquire { key, tokens }),
        7 => (key.clone(), tokens, -1..2)
            .prop_map(|(key, tokens, priority)| Step::Acquire { key, tokens, priority }),
        2 => any::<usize>().prop_map(|who| Step::Poll { who }),
        3 => any::<usize>().prop_map(|who| Step::Cancel { who }),
        1 => (key, 1_u32..3).prop_map(|(key, tokens)| Step::Refund { key, tokens }),
    ]
}

proptest! {
    #[test]
    fn each_key_has_a_line_as_a_naive_one(
        (tokens, period, burst) in (1_u32..6, 1_u64..40, 1_u32..5),
        capacity in 1_usize..7,
        steps in prop::collection::vec(step(), 1..100),
    ) {
        play(&Naive::bucket(tokens, period, burst), capacity, &steps);
    }
}
