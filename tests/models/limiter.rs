//! The rate limiter's machine against a naive one: buckets as fractions, windows as logs, a sorted list of waiters.

use proptest::prelude::*;
use tidegate_lockstep::limiter::{Naive, Step, play};

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u64..30).prop_map(Step::Pass),
        2 => Just(Step::ToDeadline),
        3 => (0_u32..5, -1..2).prop_map(|(tokens, priority)| Step::TryAcquire { tokens, priority }),
        5 => (0_u32..5, -1..2).prop_map(|(tokens, priority)| Step::Acquire { tokens, priority }),
        3 => any::<usize>().prop_map(|who| Step::Poll { who }),
        2 => any::<usize>().prop_map(|who| Step::Cancel { who }),
        1 => (1_u32..3).prop_map(Step::Refund),
    ]
}

fn naive() -> impl Strategy<Value = Naive> {
    prop_oneof![
        (1_u32..6, 1_u64..40, 1_u32..5).prop_map(|(tokens, period, burst)| Naive::Bucket {
            tokens,
            period,
            burst,
            level: u64::from(burst) * period,
        }),
        (1_u32..5, 1_u64..40).prop_map(|(limit, period)| Naive::Window { limit, period, log: Vec::new() }),
    ]
}

proptest! {
    #[test]
    fn a_rate_limiter_does_what_a_naive_one_does(
        quotas in prop::collection::vec(naive(), 1..4),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        play(quotas, &steps);
    }
}
