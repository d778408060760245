//! The line against a sorted list, and the bypass bound counted by hand.

use proptest::prelude::*;

use super::*;
use crate::Inline;

/// The naive line: every waiter in a list, with the number of grants to more urgent ones it sat through.
#[derive(Default)]
struct Model {
    waiters: Vec<(Priority, u32, WaiterKey)>,
}

impl Model {
    fn front(&self, bound: Option<u32>) -> Option<WaiterKey> {
        let overdue = self.waiters.iter().filter(|waiter| bound.is_some_and(|bound| waiter.1 >= bound));
        let least_urgent = overdue.map(|waiter| waiter.0).max();
        let most_urgent = self.waiters.iter().map(|waiter| waiter.0).min();
        let class = least_urgent.or(most_urgent)?;
        self.waiters.iter().find(|waiter| waiter.0 == class).map(|waiter| waiter.2)
    }

    fn remove(&mut self, key: WaiterKey) {
        self.waiters.retain(|waiter| waiter.2 != key);
    }

    fn grant(&mut self, key: WaiterKey) {
        let granted = self.waiters.iter().find(|waiter| waiter.2 == key).map(|waiter| waiter.0);
        self.remove(key);
        for waiter in &mut self.waiters {
            if granted.is_some_and(|granted| granted.is_before(waiter.0)) {
                waiter.1 += 1;
            }
        }
    }

    fn in_order(&self) -> Vec<WaiterKey> {
        let mut sorted = self.waiters.clone();
        sorted.sort_by_key(|waiter| waiter.0);
        sorted.into_iter().map(|waiter| waiter.2).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(i32),
    Grant(bool),
    Cancel(usize),
    Outsider(i32),
}

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
    fn agrees_with_a_sorted_list(steps in steps(), bound in prop_oneof![Just(None), (0..4_u32).prop_map(Some)]) {
        let mut line = WaitQueue::<u32, Inline<24>>::new();
        line.set_max_bypass(bound);
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Push(priority) => {
                    if let Ok(key) = line.push(Priority(priority), 0) {
                        model.waiters.push((Priority(priority), 0, key));
                    } else {
                        prop_assert_eq!(model.waiters.len(), 24);
                    }
                }
                Step::Grant(by_key) => {
                    prop_assert_eq!(line.grant_front(|_, _| None::<u32>), None);
                    let front = line.front();
                    prop_assert_eq!(front, model.front(bound));
                    if let Some(front) = front {
                        let granted = if by_key { line.grant(front) } else { line.grant_front(|_, item| Some(*item)) };
                        prop_assert!(granted.is_some());
                        prop_assert!(line.get(front).is_none(), "the key tells");
                        model.grant(front);
                    }
                }
                Step::Cancel(which) => {
                    if !model.waiters.is_empty() {
                        let key = model.waiters[which % model.waiters.len()].2;
                        if which % 2 == 0 {
                            prop_assert!(line.leave(key).is_some());
                            prop_assert!(line.leave(key).is_none(), "it has left already");
                        }
                        prop_assert!(line.remove(key).is_some());
                        prop_assert!(line.remove(key).is_none(), "the key is stale");
                        model.remove(key);
                    }
                }
                Step::Outsider(priority) => {
                    let lead = model.waiters.iter().all(|waiter| Priority(priority).is_before(waiter.0))
                        && (model.waiters.is_empty() || !line.front_is_overdue());
                    prop_assert_eq!(line.would_lead(Priority(priority)), lead);
                    if lead {
                        line.count_bypass(Priority(priority));
                        for waiter in &mut model.waiters {
                            waiter.1 += 1;
                        }
                    }
                }
            }
            let mut walked = Vec::new();
            let mut key = model.in_order().first().copied();
            while let Some(at) = key {
                walked.push(at);
                key = line.next(at);
            }
            prop_assert_eq!(walked, model.in_order());
            prop_assert_eq!(line.len(), model.waiters.len());
            if let Some(bound) = bound {
                prop_assert!(model.waiters.iter().all(|waiter| waiter.1 <= bound), "the bound holds for everybody");
            }
        }
    }
}

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
