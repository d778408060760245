//! The bypass bound, counted by hand. The line against a sorted list: `tests/lockstep`.

use super::*;
use crate::Inline;

#[test]
fn a_bound_of_two_lets_the_third_through() {
    let mut line = WaitQueue::<char, Inline<8>>::new();
    line.set_max_bypass(Some(2));
    line.push(Priority(5), 'z').unwrap();
    let mut order = String::new();
    for urgent in ['a', 'b', 'c'] {
        line.push(Priority(0), urgent).unwrap();
    }
    while let Some(front) = line.front() {
        order.extend(line.grant(front));
    }
    assert_eq!(order, "abzc");
}
