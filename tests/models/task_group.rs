//! Task groups, with the word and without it, against a count and a list of who waits.

use core::task::Poll;
use std::sync::Arc;

use proptest::prelude::*;
use tidegate_core::task_group::{CloseError, EnterError, Guard, Join, TaskGroup};
use tidegate_core::{Inline, Local, Platform};
use tidegate_tests::{Count, poll_with};
use tidegate_threads::Threads;

/// Few enough for it to be full at times.
const ROOM: usize = 5;

type Group<P> = TaskGroup<P, Inline<ROOM>>;

#[derive(Clone, Debug)]
enum Step {
    Track,
    Fork { which: usize },
    Leave { which: usize },
    Close,
    Join,
    Idle,
    Poll { who: usize, moved: bool },
    Cancel { who: usize },
    Fail { observed: bool },
}

struct Waiter<'a, P: Platform> {
    join: Join<&'a Group<P>>,
    wakes: Arc<Count>,
    waits_for_idle: bool,
    /// What it waited for has come while it stood in line.
    told: bool,
}

struct Play<'a, P: Platform> {
    group: &'a Group<P>,
    members: Vec<Guard<&'a Group<P>>>,
    waiters: Vec<Waiter<'a, P>>,
    closed: bool,
    finished: bool,
    failures: usize,
}

impl<'a, P: Platform> Play<'a, P> {
    fn run(&mut self, step: &Step) {
        match *step {
            Step::Track => match self.group.track() {
                Ok(guard) => {
                    assert!(!self.finished);
                    self.members.push(guard);
                }
                Err(error) => assert!(self.finished && error == EnterError::Closed),
            },
            Step::Fork { which } if !self.members.is_empty() => {
                let fork = self.members[which % self.members.len()].fork();
                self.members.push(fork.expect("it has a member"));
            }
            Step::Leave { which } if !self.members.is_empty() => {
                let guard = self.members.swap_remove(which % self.members.len());
                drop(guard);
                self.settle();
            }
            Step::Close => {
                drop(self.group.close());
                self.closed = true;
                self.settle();
            }
            Step::Join => self.enter(self.group.join(), false),
            Step::Idle => self.enter(self.group.idle(), true),
            Step::Poll { who, moved } if !self.waiters.is_empty() => {
                let who = who % self.waiters.len();
                if moved {
                    self.waiters[who].wakes = Count::new().0;
                }
                self.poll(who);
            }
            Step::Cancel { who } if !self.waiters.is_empty() => {
                drop(self.waiters.swap_remove(who % self.waiters.len()));
            }
            Step::Fail { observed } => {
                let failure = TaskGroup::fail_owned(self.group);
                if observed {
                    failure.observe();
                } else {
                    self.failures += 1;
                }
            }
            _ => {}
        }
        self.check();
    }

    /// Whom the group has to tell by now.
    fn settle(&mut self) {
        if self.members.is_empty() {
            self.finished |= self.closed;
            for waiter in &mut self.waiters {
                waiter.told |= self.finished || waiter.waits_for_idle;
            }
        }
    }

    fn enter(&mut self, join: Join<&'a Group<P>>, waits_for_idle: bool) {
        let has_come = self.finished || waits_for_idle && self.members.is_empty();
        let (wakes, waker) = Count::new();
        let mut join = join;
        let in_line = self.waiters.iter().filter(|waiter| !waiter.told).count();
        match poll_with(&mut join, &waker) {
            Poll::Ready(Ok(())) => assert!(has_come),
            Poll::Ready(Err(error)) => {
                assert!(!has_come && in_line == ROOM && error == CloseError::Full);
            }
            Poll::Pending => {
                assert!(!has_come && in_line < ROOM);
                self.waiters.push(Waiter { join, wakes, waits_for_idle, told: false });
            }
        }
    }

    fn poll(&mut self, who: usize) {
        let waiter = &mut self.waiters[who];
        let polled = poll_with(&mut waiter.join, &Arc::clone(&waiter.wakes).into());
        assert_eq!(polled, if waiter.told { Poll::Ready(Ok(())) } else { Poll::Pending });
        if waiter.told {
            assert!(poll_with(&mut waiter.join, &Arc::clone(&waiter.wakes).into()).is_pending(), "ready once");
            drop(self.waiters.swap_remove(who));
        }
    }

    fn check(&self) {
        assert_eq!(self.group.len(), self.members.len());
        assert_eq!(self.group.is_closed(), self.closed);
        assert_eq!(self.group.is_finished(), self.finished);
        assert_eq!(self.group.unobserved_failures(), self.failures);
    }

    /// Who has been told has been woken; who has not, has not. (One that moved since has another count.)
    fn drain(mut self) {
        self.members.clear();
        self.run(&Step::Close);
        while !self.waiters.is_empty() {
            assert!(self.waiters[0].told);
            self.poll(0);
        }
        self.check();
    }
}

fn step() -> impl Strategy<Value = Step> {
    let any = any::<usize>;
    prop_oneof![
        6 => Just(Step::Track),
        3 => any().prop_map(|which| Step::Fork { which }),
        8 => any().prop_map(|which| Step::Leave { which }),
        1 => Just(Step::Close),
        4 => Just(Step::Join),
        4 => Just(Step::Idle),
        6 => (any(), prop::bool::ANY).prop_map(|(who, moved)| Step::Poll { who, moved }),
        3 => any().prop_map(|who| Step::Cancel { who }),
        1 => prop::bool::ANY.prop_map(|observed| Step::Fail { observed }),
    ]
}

fn play<P: Platform>(steps: &[Step]) {
    let group = Group::<P>::new();
    let mut play = Play {
        group: &group,
        members: Vec::new(),
        waiters: Vec::new(),
        closed: false,
        finished: false,
        failures: 0,
    };
    for step in steps {
        let woken: Vec<_> = play.waiters.iter().map(|waiter| (waiter.told, waiter.wakes.get())).collect();
        let polls = matches!(step, Step::Poll { .. } | Step::Cancel { .. } | Step::Join | Step::Idle);
        play.run(step);
        if !polls {
            for (waiter, (told, wakes)) in play.waiters.iter().zip(woken) {
                assert_eq!(waiter.wakes.get() - wakes, usize::from(waiter.told && !told), "woken once, when told");
            }
        }
    }
    play.drain();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn everybody_is_waited_for_and_everybody_who_waits_is_told(
        steps in prop::collection::vec(step(), 0..80),
    ) {
        play::<Local>(&steps);
        play::<Threads>(&steps);
    }
}
