//! [`Visitor`]: one who comes, waits, stays for a while and leaves, several times over.

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll};

use tidegate_core::semaphore::{Acquire, AcquireError, Permit, Semaphore};
use tidegate_core::{Platform, Priority, Storage};

use crate::Stage;

type Ref<'a, P, S> = &'a Semaphore<P, S>;

/// One who comes, waits for permits, stays inside for a few polls and leaves, several times over.
///
/// It is a future with a name, so that a [`World`](crate::World) whose tasks must be `Send` can see that it is
/// where its semaphore is `Sync`. It resolves to its last ticket: how many had been admitted before it.
///
/// A visitor never waits for anything but its permits; whatever else it does keeps its task ready.
#[must_use = "futures do nothing unless polled"]
pub struct Visitor<'a, P: Platform, S: Storage> {
    stage: &'a Stage<P, S>,
    permits: usize,
    priority: Priority,
    /// Rounds still to come.
    rounds: usize,
    /// For how many polls it stays inside.
    stay: usize,
    /// Nor does it leave while fewer than so many wait in line.
    stay_until_waiters: usize,
    /// It closes the semaphore when it leaves.
    closes: bool,
    /// It gives up after that many polls in line, or one fewer each round, over and over.
    patience: Option<usize>,
    /// It takes its place in line, asks no more, and leaves the line when it is told to.
    quits: bool,
    arrived: bool,
    ticket: usize,
    state: State<'a, P, S>,
}

enum State<'a, P: Platform, S: Storage> {
    Outside,
    Waiting { acquire: Acquire<Ref<'a, P, S>>, patience: usize },
    Inside { permit: Permit<Ref<'a, P, S>>, stay: usize },
}

impl<'a, P: Platform, S: Storage> Visitor<'a, P, S> {
    /// One who comes once, for one permit, and leaves at once.
    pub(crate) fn new(stage: &'a Stage<P, S>) -> Self {
        Self {
            stage,
            permits: 1,
            priority: Priority::default(),
            rounds: 1,
            stay: 0,
            stay_until_waiters: 0,
            closes: false,
            patience: None,
            quits: false,
            arrived: false,
            ticket: 0,
            state: State::Outside,
        }
    }

    /// For how many permits it comes.
    pub(crate) fn permits(self, permits: usize) -> Self {
        Self { permits, ..self }
    }

    /// How urgent it is.
    pub(crate) fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// How often it comes.
    pub(crate) fn rounds(self, rounds: usize) -> Self {
        Self { rounds, ..self }
    }

    /// For how many polls it stays.
    pub(crate) fn stay(self, polls: usize) -> Self {
        Self { stay: polls, ..self }
    }

    /// It stays until so many wait in line.
    pub(crate) fn stay_until_waiters(self, waiters: usize) -> Self {
        Self { stay_until_waiters: waiters, ..self }
    }

    /// It closes the semaphore when it leaves.
    pub(crate) fn closes(self) -> Self {
        Self { closes: true, ..self }
    }

    /// It gives up after so many polls in line the first time, one fewer the next, and so on, over and over.
    pub(crate) fn patience(self, polls: usize) -> Self {
        Self { patience: Some(polls), ..self }
    }

    /// It gives up when it is told to, without having asked whether its turn has come.
    pub(crate) fn quits(self) -> Self {
        Self { quits: true, ..self }
    }

    /// It stands in line already: whatever polled it so far is not what will poll it.
    pub(crate) fn queued(mut self) -> Self {
        let mut acquire = self.acquire();
        if crate::poll_once(&mut acquire).is_pending() {
            self.rounds = self.rounds.saturating_sub(1);
            self.state = State::Waiting { acquire, patience: self.patience.unwrap_or(0) };
        }
        self
    }

    fn acquire(&self) -> Acquire<Ref<'a, P, S>> {
        self.stage.semaphore.acquire_many(self.permits).priority(self.priority)
    }

    /// Whether it stays inside though it has been there for long enough.
    fn lingers(&self) -> bool {
        self.stage.semaphore.waiters() < self.stay_until_waiters && !self.stage.told_to_leave()
    }

    /// Gives permits back in two parts, where there are two.
    fn leave(&self, mut permit: Permit<Ref<'a, P, S>>) {
        if self.closes {
            self.stage.semaphore.close();
        }
        if let Some(part) = permit.split(1) {
            self.stage.exit(part.count());
            drop(part);
        }
        self.stage.exit(permit.count());
        drop(permit);
    }

    fn go_on(&mut self, first: bool, cx: &mut Context<'_>) -> Poll<Result<usize, AcquireError>> {
        loop {
            match mem::replace(&mut self.state, State::Outside) {
                State::Outside => {
                    let Some(rounds) = self.rounds.checked_sub(1) else { return Poll::Ready(Ok(self.ticket)) };
                    self.rounds = rounds;
                    let patience = self.patience.map_or(0, |polls| rounds % (polls + 1));
                    self.state = State::Waiting { acquire: self.acquire(), patience };
                }
                State::Waiting { mut acquire, patience } => {
                    if self.quits && self.stage.told_to_leave() || self.patience.is_some() && patience == 0 {
                        drop(acquire);
                        continue;
                    }
                    if first || !self.quits {
                        match Pin::new(&mut acquire).poll(cx) {
                            Poll::Ready(Ok(permit)) => {
                                self.ticket = self.stage.enter(permit.count());
                                self.state = State::Inside { permit, stay: self.stay };
                                continue;
                            }
                            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                            Poll::Pending => {}
                        }
                    }
                    if self.quits || self.patience.is_some() {
                        cx.waker().wake_by_ref();
                    }
                    self.state = State::Waiting { acquire, patience: patience.saturating_sub(1) };
                    return Poll::Pending;
                }
                State::Inside { permit, stay: 0 } if !self.lingers() => self.leave(permit),
                State::Inside { permit, stay } => {
                    cx.waker().wake_by_ref();
                    self.state = State::Inside { permit, stay: stay.saturating_sub(1) };
                    return Poll::Pending;
                }
            }
        }
    }
}

impl<P: Platform, S: Storage> Future for Visitor<'_, P, S> {
    type Output = Result<usize, AcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let first = !mem::replace(&mut this.arrived, true);
        let output = this.go_on(first, cx);
        if first {
            this.stage.arrive();
        }
        output
    }
}

impl<P: Platform, S: Storage> Unpin for Visitor<'_, P, S> {}

impl<P: Platform, S: Storage> fmt::Debug for Visitor<'_, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor")
            .field("permits", &self.permits)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}
