//! The machine of demand and hand-over, against two counters and a list.

use std::collections::VecDeque;

use proptest::prelude::*;
use tidegate_core::generator::{Demand, Machine, PushError, Supply};
use tidegate_core::{Buffer, Inline, Storage, Wake};

const ROOM: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Step {
    Demand { items: usize },
    Take,
    Wait,
    Push,
    Rest,
    End { failure: Option<u8> },
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..=ROOM).prop_map(|items| Step::Demand { items }),
        4 => Just(Step::Take),
        4 => Just(Step::Wait),
        8 => Just(Step::Push),
        4 => Just(Step::Rest),
        1 => proptest::option::of(any::<u8>()).prop_map(|failure| Step::End { failure }),
        1 => Just(Step::Close),
    ];
    proptest::collection::vec(step, 1..80)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bell {
    Consumer,
    Producer,
}

impl Wake for Bell {
    fn wake(self) {}

    fn will_wake(&self, other: &Self) -> bool {
        self == other
    }
}

/// Nothing but what the documentation says.
#[derive(Default)]
struct Reference {
    capacity: usize,
    demanded: usize,
    produced: usize,
    there: VecDeque<usize>,
    #[expect(clippy::option_option, reason = "whether it has ended, and with what")]
    ended: Option<Option<u8>>,
    closed: bool,
    consumer_waits: bool,
    producer_waits: bool,
}

impl Reference {
    fn wanted(&self) -> bool {
        !self.closed && self.demanded > 0 && self.produced < self.demanded + self.capacity - 1
    }

    /// As many demands as the one that is open, and those that have been served: more are not for a consumer to make.
    fn may_demand(&self) -> usize {
        let served = self.produced - self.there.len();
        (served + 1).saturating_sub(self.demanded)
    }
}

fn play(capacity: usize, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut machine: Machine<Bell, usize, u8, Inline<ROOM>> = Machine::new(capacity).expect("there is room");
    let mut reference = Reference { capacity, ..Reference::default() };
    for &step in steps {
        match step {
            Step::Demand { items } => {
                let items = items.min(reference.may_demand());
                if !reference.closed {
                    reference.demanded += items;
                }
                let wakes = reference.producer_waits && (reference.wanted() || reference.closed);
                reference.producer_waits &= !wakes;
                prop_assert_eq!(machine.demand(items), wakes.then_some(Bell::Producer));
            }
            Step::Take => {
                let mut taken = <Inline<ROOM> as Storage>::Buffer::<usize>::EMPTY;
                machine.take(&mut taken);
                let expected: Vec<_> = reference.there.drain(..).collect();
                prop_assert_eq!(taken.as_slice(), &expected[..]);
            }
            Step::Wait => {
                let expected = match (&reference.ended, reference.there.is_empty()) {
                    (_, false) => Supply::Items,
                    (Some(_), true) => Supply::Ended,
                    (None, true) if reference.consumer_waits => Supply::Waiting,
                    (None, true) => Supply::WakerDiffers,
                };
                prop_assert_eq!(machine.poll_items(&Bell::Consumer), expected);
                match expected {
                    Supply::WakerDiffers => {
                        prop_assert_eq!(machine.register_consumer(Bell::Consumer), None);
                        reference.consumer_waits = true;
                    }
                    Supply::Ended => {
                        prop_assert_eq!(machine.take_failure(), reference.ended.replace(None).flatten());
                    }
                    Supply::Items | Supply::Waiting => {}
                }
            }
            Step::Push => {
                let item = reference.produced;
                let pushed = machine.push(item);
                if reference.closed {
                    prop_assert_eq!(pushed, Err(PushError::Closed(item)));
                } else if !reference.wanted() || reference.ended.is_some() {
                    prop_assert_eq!(pushed, Err(PushError::NotDemanded(item)));
                } else {
                    reference.produced += 1;
                    reference.there.push_back(item);
                    let wakes = core::mem::take(&mut reference.consumer_waits);
                    prop_assert_eq!(pushed, Ok(wakes.then_some(Bell::Consumer)));
                }
            }
            Step::Rest if reference.ended.is_some() => {}
            Step::Rest => {
                let expected = match () {
                    () if reference.closed => Demand::Stop,
                    () if reference.wanted() => Demand::Produce,
                    () if reference.producer_waits => Demand::Waiting,
                    () => Demand::WakerDiffers,
                };
                prop_assert_eq!(machine.poll_demand(&Bell::Producer), expected);
                if expected == Demand::WakerDiffers {
                    prop_assert_eq!(machine.register_producer(Bell::Producer), None);
                    reference.producer_waits = true;
                }
            }
            Step::End { failure } => {
                let first = reference.ended.is_none();
                let wakes = first && core::mem::take(&mut reference.consumer_waits);
                let expected = (wakes.then_some(Bell::Consumer), if first { None } else { failure });
                prop_assert_eq!(machine.end(failure), expected);
                if first {
                    reference.ended = Some(failure);
                    // Nobody is there any more to be woken.
                    reference.producer_waits = false;
                }
            }
            Step::Close => {
                let (producer, items) = machine.close();
                let wakes = core::mem::take(&mut reference.producer_waits);
                reference.closed = true;
                prop_assert_eq!(producer, wakes.then_some(Bell::Producer));
                prop_assert!(items.as_slice().iter().eq(&reference.there));
                reference.there.clear();
            }
        }
        prop_assert_eq!(machine.is_closed(), reference.closed);
        prop_assert_eq!(machine.is_ended(), reference.ended.is_some());
        prop_assert_eq!(machine.is_supplied(), !reference.there.is_empty() || reference.ended.is_some());
    }
    Ok(())
}

proptest! {
    #[test]
    fn agrees_with_the_reference(capacity in 1..=ROOM, steps in steps()) {
        play(capacity, &steps)?;
    }
}
