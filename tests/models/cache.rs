//! The cache's machine against a list of values, a list of flights, and who does what in each.

use proptest::prelude::*;
use tidegate_lockstep::cache::{Step, play};

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..6_u8;
    let any = any::<usize>;
    prop_oneof![
        2 => key().prop_map(|key| Step::Get { key }),
        10 => key().prop_map(|key| Step::Enter { key }),
        8 => (any(), prop::bool::ANY, prop::bool::weighted(0.8))
            .prop_map(|(who, moved, drives)| Step::Poll { who, moved, drives }),
        3 => any().prop_map(|who| Step::Cancel { who }),
        4 => (any(), prop::bool::ANY).prop_map(|(which, keep)| Step::Complete { which, keep }),
        3 => any().prop_map(|which| Step::Abandon { which }),
        1 => any().prop_map(|which| Step::Rest { which }),
        1 => any().prop_map(|which| Step::Recurse { which }),
        1 => key().prop_map(|key| Step::Insert { key }),
        1 => key().prop_map(|key| Step::Invalidate { key }),
        1 => Just(Step::InvalidateAll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn one_computes_and_all_hear_of_it(steps in prop::collection::vec(step(), 0..80)) {
        play(&steps);
    }
}
