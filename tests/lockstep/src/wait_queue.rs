//! A line of waiters, and a sorted list in which the bypass bound is counted by hand.

use tidegate_core::{Inline, Priority, WaitQueue, WaiterKey};

use crate::bytes::Bytes;

/// What the line has room for.
const ROOM: usize = 24;

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

/// An operation.
#[derive(Clone, Debug)]
pub enum Step {
    Push(i32),
    Grant(bool),
    Cancel(usize),
    Outsider(i32),
}

/// Does the steps in lockstep.
pub fn play(bound: Option<u32>, steps: &[Step]) {
    let mut line = WaitQueue::<u32, Inline<ROOM>>::new();
    line.set_max_bypass(bound);
    let mut model = Model::default();
    for step in steps {
        match *step {
            Step::Push(priority) => {
                if let Ok(key) = line.push(Priority(priority), 0) {
                    model.waiters.push((Priority(priority), 0, key));
                } else {
                    assert_eq!(model.waiters.len(), ROOM);
                }
            }
            Step::Grant(by_key) => {
                assert_eq!(line.grant_front(|_, _| None::<u32>), None);
                let front = line.front();
                assert_eq!(front, model.front(bound));
                if let Some(front) = front {
                    let granted = if by_key { line.grant(front) } else { line.grant_front(|_, item| Some(*item)) };
                    assert!(granted.is_some());
                    assert!(line.get(front).is_none(), "the key tells");
                    model.grant(front);
                }
            }
            Step::Cancel(which) => {
                if !model.waiters.is_empty() {
                    let key = model.waiters[which % model.waiters.len()].2;
                    if which % 2 == 0 {
                        assert!(line.leave(key).is_some());
                        assert!(line.leave(key).is_none(), "it has left already");
                    }
                    assert!(line.remove(key).is_some());
                    assert!(line.remove(key).is_none(), "the key is stale");
                    model.remove(key);
                }
            }
            Step::Outsider(priority) => {
                let lead = model.waiters.iter().all(|waiter| Priority(priority).is_before(waiter.0))
                    && (model.waiters.is_empty() || !line.front_is_overdue());
                assert_eq!(line.would_lead(Priority(priority)), lead);
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
        assert_eq!(walked, model.in_order());
        assert_eq!(line.len(), model.waiters.len());
        if let Some(bound) = bound {
            assert!(model.waiters.iter().all(|waiter| waiter.1 <= bound), "the bound holds for everybody");
        }
    }
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let (kind, detail) = (bytes.below(8), bytes.byte());
        match kind {
            0..4 => Self::Push(priority(detail, bytes)),
            4 | 5 => Self::Grant(detail & 1 != 0),
            6 => Self::Cancel(usize::from(detail)),
            _ => Self::Outsider(priority(detail, bytes)),
        }
    }
}

/// One of five as a rule; sometimes any.
fn priority(detail: u8, bytes: &mut Bytes<'_>) -> i32 {
    match detail {
        255 => i32::MAX,
        254 => i32::MIN,
        224.. => i32::from_le_bytes([bytes.byte(), bytes.byte(), bytes.byte(), bytes.byte()]),
        _ => i32::from(detail % 5) - 2,
    }
}

/// Interprets bytes as what is done with a line.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let bound = u32::from(bytes.below(5)).checked_sub(1);
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        steps.push(Step::read(&mut bytes));
    }
    play(bound, &steps);
}
