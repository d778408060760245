//! The handle with its atomic word against the handle without: on one thread nobody can tell them apart.

use core::task::Poll;
use std::sync::Arc;

use proptest::prelude::*;
use tidegate_core::semaphore::{Acquire, AcquireError, Config, HeadOfLine, Permit, Semaphore, TryAcquireError};
use tidegate_core::{Inline, Local, Platform, Priority};
use tidegate_tests::{Count, poll_with};
use tidegate_threads::Threads;

/// Few enough for it to be full at times.
type Room = Inline<12>;

#[derive(Clone, Debug)]
enum Step {
    TryAcquire { permits: usize },
    Acquire { permits: usize, priority: i32 },
    Poll { who: usize, moved: bool },
    Cancel { who: usize },
    Release { which: usize },
    Split { which: usize, permits: usize },
    Merge { which: usize, other: usize },
    Forget { which: usize },
    Add { permits: usize },
    Reduce { permits: usize },
    Close,
}

/// What a step shows.
#[derive(Debug, PartialEq)]
enum Seen {
    Nothing,
    Number(usize),
    Waits,
    TryRefused(TryAcquireError),
    Refused(AcquireError),
}

struct Request<'a, P: Platform> {
    acquire: Acquire<&'a Semaphore<P, Room>>,
    wakes: Arc<Count>,
}

/// A semaphore, who waits for it and who holds its permits.
struct Play<'a, P: Platform> {
    semaphore: &'a Semaphore<P, Room>,
    requests: Vec<Request<'a, P>>,
    held: Vec<Permit<&'a Semaphore<P, Room>>>,
}

impl<'a, P: Platform> Play<'a, P> {
    fn new(semaphore: &'a Semaphore<P, Room>) -> Self {
        Self { semaphore, requests: Vec::new(), held: Vec::new() }
    }

    fn run(&mut self, step: &Step) -> Seen {
        match *step {
            Step::TryAcquire { permits } => match self.semaphore.try_acquire_many(permits) {
                Ok(permit) => self.hold(permit),
                Err(error) => Seen::TryRefused(error),
            },
            Step::Acquire { permits, priority } => {
                let acquire = self.semaphore.acquire_many(permits).priority(Priority(priority));
                let (wakes, _) = Count::new();
                self.poll(Request { acquire, wakes }, false)
            }
            Step::Poll { who, moved } if !self.requests.is_empty() => {
                let request = self.requests.swap_remove(who % self.requests.len());
                self.poll(request, moved)
            }
            Step::Cancel { who } if !self.requests.is_empty() => {
                drop(self.requests.swap_remove(who % self.requests.len()));
                Seen::Nothing
            }
            Step::Release { which } if !self.held.is_empty() => {
                drop(self.held.swap_remove(which % self.held.len()));
                Seen::Nothing
            }
            Step::Split { which, permits } if !self.held.is_empty() => {
                let which = which % self.held.len();
                match self.held[which].split(permits) {
                    Some(part) => self.hold(part),
                    None => Seen::Nothing,
                }
            }
            Step::Merge { which, other } if self.held.len() > 1 => {
                let other = self.held.swap_remove(other % self.held.len());
                let which = which % self.held.len();
                assert!(self.held[which].merge(other).is_ok(), "they are of one semaphore");
                Seen::Number(self.held[which].count())
            }
            Step::Forget { which } if !self.held.is_empty() => {
                self.held.swap_remove(which % self.held.len()).forget();
                Seen::Nothing
            }
            Step::Add { permits } => match self.semaphore.add_permits(permits) {
                Ok(()) => Seen::Nothing,
                Err(_) => Seen::Number(permits),
            },
            Step::Reduce { permits } => Seen::Number(self.semaphore.reduce_permits(permits)),
            Step::Close => {
                self.semaphore.close();
                Seen::Nothing
            }
            _ => Seen::Nothing,
        }
    }

    fn poll(&mut self, mut request: Request<'a, P>, moved: bool) -> Seen {
        if moved {
            request.wakes = Count::new().0;
        }
        match poll_with(&mut request.acquire, &Arc::clone(&request.wakes).into()) {
            Poll::Ready(Ok(permit)) => self.hold(permit),
            Poll::Ready(Err(error)) => Seen::Refused(error),
            Poll::Pending => {
                self.requests.push(request);
                Seen::Waits
            }
        }
    }

    fn hold(&mut self, permit: Permit<&'a Semaphore<P, Room>>) -> Seen {
        let seen = Seen::Number(permit.count());
        self.held.push(permit);
        seen
    }

    /// Everything that can be asked: of the semaphore, and how often each waiter has been woken.
    fn state(&self) -> (usize, usize, bool, Vec<usize>) {
        let wakes = self.requests.iter().map(|request| request.wakes.get()).collect();
        (self.semaphore.available_permits(), self.semaphore.waiters(), self.semaphore.is_closed(), wakes)
    }
}

fn step() -> impl Strategy<Value = Step> {
    let most = Semaphore::<Local, Room>::MAX_PERMITS;
    let permits = || {
        prop_oneof![
            30 => 1..5_usize,
            1 => prop_oneof![Just(0), Just(most - 1), Just(most), Just(most + 1), Just(usize::MAX)],
        ]
    };
    let any = any::<usize>();
    prop_oneof![
        4 => permits().prop_map(|permits| Step::TryAcquire { permits }),
        8 => (permits(), -1..2_i32).prop_map(|(permits, priority)| Step::Acquire { permits, priority }),
        8 => (any, prop::bool::ANY).prop_map(|(who, moved)| Step::Poll { who, moved }),
        3 => any.prop_map(|who| Step::Cancel { who }),
        6 => any.prop_map(|which| Step::Release { which }),
        3 => (any, 0..4_usize).prop_map(|(which, permits)| Step::Split { which, permits }),
        1 => (any, any).prop_map(|(which, other)| Step::Merge { which, other }),
        1 => any.prop_map(|which| Step::Forget { which }),
        2 => permits().prop_map(|permits| Step::Add { permits }),
        2 => permits().prop_map(|permits| Step::Reduce { permits }),
        1 => prop_oneof![15 => Just(Step::Add { permits: 1 }), 1 => Just(Step::Close)],
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let head =
        prop_oneof![Just(HeadOfLine::Strict), (0..3_u32).prop_map(|at_most| HeadOfLine::Bypass { at_most })];
    (head, prop_oneof![Just(None), (1..3_u32).prop_map(Some)], prop::bool::weighted(0.25)).prop_map(
        |(head, bound, barging)| {
            let config = Config::new().head_of_line(head).barging(barging);
            bound.map_or(config, |bound| config.max_bypass(bound))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_fast_path_cannot_be_told_from_the_slow_one(
        permits in 0..5_usize,
        config in config(),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let fast = Semaphore::<Threads, Room>::with_config(permits, config);
        let slow = Semaphore::<Local, Room>::with_config(permits, config);
        let (mut fast_play, mut slow_play) = (Play::new(&fast), Play::new(&slow));
        for step in &steps {
            prop_assert_eq!(fast_play.run(step), slow_play.run(step), "{:?}", step);
            prop_assert_eq!(fast_play.state(), slow_play.state(), "after {:?}", step);
        }
        drop((fast_play, slow_play));
        prop_assert_eq!(fast.available_permits(), slow.available_permits());
        prop_assert_eq!((fast.waiters(), slow.waiters()), (0, 0));
    }
}
