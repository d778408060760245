//! The line against a sorted list.

use proptest::prelude::*;
use tidegate_lockstep::wait_queue::{Step, play};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let priority = prop_oneof![-2..3_i32, any::<i32>(), Just(i32::MIN), Just(i32::MAX)];
    prop::collection::vec(
        prop_oneof![
            4 => priority.clone().prop_map(Step::Push),
            2 => any::<bool>().prop_map(Step::Grant),
            1 => any::<usize>().prop_map(Step::Cancel),
            1 => priority.prop_map(Step::Outsider),
        ],
        0..120,
    )
}

proptest! {
    #[test]
    fn a_line_is_a_sorted_list(steps in steps(), bound in prop_oneof![Just(None), (0..4_u32).prop_map(Some)]) {
        play(bound, &steps);
    }
}
