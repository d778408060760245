//! The machine of shutdown, against a phase, a list of waiters and a deadline.

use core::time::Duration;

use proptest::prelude::*;
use tidegate_core::shutdown::{BeginError, Entry, Heard, Machine, Phase, Progress, Reason, SecondSignal};
use tidegate_core::{Inline, Instant, WaiterKey, Wake, WakeList};

const ROOM: usize = 6;

#[derive(Clone, Copy, Debug)]
enum Step {
    Trigger { signal: bool },
    Enter,
    Cancel { who: usize },
    Begin,
    Wait,
    Join { within: Option<u64> },
    AskJoin,
    EndJoin,
    Advance { nanos: u64 },
    Nest,
    Unnest,
    End,
    Rearm,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => any::<bool>().prop_map(|signal| Step::Trigger { signal }),
        3 => Just(Step::Enter),
        1 => (0..ROOM).prop_map(|who| Step::Cancel { who }),
        3 => Just(Step::Begin),
        6 => Just(Step::Wait),
        4 => proptest::option::of(0..20_u64).prop_map(|within| Step::Join { within }),
        4 => Just(Step::AskJoin),
        2 => Just(Step::EndJoin),
        3 => (0..20_u64).prop_map(|nanos| Step::Advance { nanos }),
        1 => Just(Step::Nest),
        2 => Just(Step::Unnest),
        1 => Just(Step::End),
        1 => Just(Step::Rearm),
    ];
    proptest::collection::vec(step, 1..80)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bell {
    Runner,
    Waiter,
}

impl Wake for Bell {
    fn wake(self) {}

    fn will_wake(&self, other: &Self) -> bool {
        self == other
    }
}

#[derive(Default)]
struct Reference {
    phase: Option<Phase>,
    triggered: bool,
    signalled: bool,
    forced: bool,
    nested: usize,
    waiters: Vec<WaiterKey>,
    #[expect(clippy::option_option, reason = "whether there is one, and until when")]
    join: Option<Option<u64>>,
    missed: usize,
    now: u64,
}

impl Reference {
    fn phase(&self) -> Phase {
        self.phase.unwrap_or(Phase::Idle)
    }

    fn late(&self) -> bool {
        self.join.flatten().is_some_and(|until| until <= self.now)
    }
}

#[expect(clippy::too_many_lines, reason = "an arm for each step")]
fn play(second: SecondSignal, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut machine: Machine<Bell, Inline<ROOM>> = Machine::new(second);
    let mut reference = Reference::default();
    for &step in steps {
        let now = Instant::from_nanos(reference.now);
        match step {
            Step::Trigger { signal } => {
                let again = signal && reference.signalled;
                reference.signalled |= signal;
                let expected = if again && second == SecondSignal::ForceExit && reference.phase().is_running() {
                    reference.forced = true;
                    Heard::ForceExit
                } else if reference.triggered {
                    Heard::Again
                } else {
                    reference.triggered = true;
                    Heard::First
                };
                let reason = if signal { Reason::Signal(2) } else { Reason::Requested };
                prop_assert_eq!(machine.trigger(reason), expected);
            }
            Step::Enter => match machine.enter(Bell::Waiter) {
                Ok(Entry::Triggered(_)) => prop_assert!(reference.triggered),
                Ok(Entry::Queued(key)) => {
                    prop_assert!(!reference.triggered);
                    reference.waiters.push(key);
                }
                Err(_) => prop_assert_eq!(reference.waiters.len(), ROOM),
            },
            Step::Cancel { who } if who < reference.waiters.len() => {
                let key = reference.waiters.remove(who);
                prop_assert_eq!(machine.cancel(key), Some(Bell::Waiter));
            }
            Step::Begin => {
                let expected = match reference.phase() {
                    Phase::Idle => Ok(()),
                    Phase::Ended => Err(BeginError::Ended),
                    _ => Err(BeginError::AlreadyRunning),
                };
                prop_assert_eq!(machine.begin(), expected);
                if expected.is_ok() {
                    reference.phase = Some(Phase::StartUps);
                }
            }
            Step::Wait => {
                let asked = machine.poll_wait(&Bell::Runner);
                if matches!(reference.phase(), Phase::StartUps | Phase::Waiting) {
                    let go = reference.triggered && (reference.nested == 0 || reference.forced);
                    reference.phase = Some(if go { Phase::Callbacks } else { Phase::Waiting });
                    prop_assert_eq!(matches!(asked, Ok(Progress::Ready(_))), go);
                    if asked == Ok(Progress::WakerDiffers) {
                        machine.register_runner(Bell::Runner);
                    }
                } else {
                    prop_assert!(asked.is_err());
                }
            }
            Step::Join { within } => {
                let started = machine.start_join(now, "join", within.map(Duration::from_nanos));
                let may = matches!(reference.phase(), Phase::Callbacks | Phase::Joins) && reference.join.is_none();
                prop_assert_eq!(started.is_ok(), may);
                if may {
                    reference.phase = Some(Phase::Joins);
                    reference.join = Some(within.map(|within| reference.now + within));
                }
            }
            Step::AskJoin => {
                let asked = machine.poll_join(now, &Bell::Runner);
                match asked {
                    Err(_) => prop_assert!(reference.join.is_none()),
                    Ok(Progress::Ready(late)) => {
                        prop_assert_eq!(late.forced, !reference.late());
                        prop_assert!(reference.late() || reference.forced);
                        reference.join = None;
                        reference.missed += 1;
                    }
                    Ok(_) => {
                        prop_assert!(reference.join.is_some() && !reference.late() && !reference.forced);
                        machine.register_runner(Bell::Runner);
                    }
                }
            }
            Step::EndJoin => {
                machine.end_join();
                reference.join = None;
            }
            Step::Advance { nanos } => reference.now += nanos,
            Step::Nest => {
                let may = matches!(reference.phase(), Phase::Idle | Phase::StartUps | Phase::Waiting);
                prop_assert_eq!(machine.nest(), may);
                reference.nested += usize::from(may);
            }
            Step::Unnest if reference.nested > 0 => {
                machine.unnest();
                reference.nested -= 1;
            }
            Step::Cancel { .. } | Step::Unnest => {}
            Step::End => {
                machine.end();
                reference.missed += usize::from(reference.join.take().is_some());
                if reference.phase().is_running() {
                    reference.phase = Some(Phase::Ended);
                }
            }
            Step::Rearm => {
                let may = reference.phase() == Phase::Ended;
                prop_assert_eq!(machine.rearm(), may);
                if may {
                    let (nested, now) = (reference.nested, reference.now);
                    let waiters = core::mem::take(&mut reference.waiters);
                    reference = Reference { nested, waiters, now, ..Reference::default() };
                }
            }
        }
        let mut wakes = WakeList::new();
        while machine.settle(&mut wakes) {
            wakes.deliver();
        }
        if reference.triggered {
            reference.waiters.clear();
        }
        prop_assert_eq!(machine.waiters(), reference.waiters.len());
        prop_assert_eq!((machine.phase(), machine.missing()), (reference.phase(), reference.missed));
        prop_assert_eq!(machine.reason().is_some(), reference.triggered);
        prop_assert_eq!(machine.is_forced(), reference.forced);
    }
    Ok(())
}

proptest! {
    #[test]
    fn agrees_with_the_reference(ignore in any::<bool>(), steps in steps()) {
        play(if ignore { SecondSignal::Ignore } else { SecondSignal::ForceExit }, &steps)?;
    }
}
