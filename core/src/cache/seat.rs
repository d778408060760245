//! [`Seat`]: where a caller stands with a computation: it waits for it, or drives it, or neither.
//!
//! Dropping a seat gives up what it stands for, so it does not matter where a call ends, or how.

use core::future::{Future, poll_fn};
use core::hash::{BuildHasher, Hash};
use core::mem;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use super::answers::{Caller, Entered, FlightKey, JoinKey, Progress};
use super::error::Outcome;
use super::{Cache, Lifetimes, Place, WhenFull, caller};
use crate::Rooms;
use crate::platform::Platform;

/// Where a caller stands.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    /// It has not asked yet, or has nothing to do with any flight any more.
    Outside,
    Waiting(JoinKey),
    /// It is to compute, or has been at it.
    Driving(FlightKey),
    /// It is just now inside the computation, and the machine knows that.
    Inside(FlightKey),
}

/// What asking, or waiting, comes to.
pub(super) enum Turn<V, E> {
    Done(Result<V, E>),
    /// The caller is to compute.
    Compute,
    /// Nobody computes, and the caller cannot.
    Abandoned,
    /// It would wait for itself.
    Recursive,
    /// There is no room, and it is refused.
    Full,
}

/// What seats need of a [`Cache`], without its parameters.
///
/// Whatever changes a stage does so before anybody is woken and before anything is dropped: both may panic.
pub(super) trait Flying {
    type Key;
    type Value: Clone;
    type Error: Clone;
    type Platform: Platform;

    fn enter(
        &self,
        place: Place,
        key: Self::Key,
        stage: &mut Stage,
        cx: &Context<'_>,
    ) -> Poll<Turn<Self::Value, Self::Error>>;
    fn wait(
        &self,
        place: Place,
        drives: bool,
        stage: &mut Stage,
        cx: &Context<'_>,
    ) -> Poll<Turn<Self::Value, Self::Error>>;
    fn join(&self, place: Place, flight: FlightKey, waker: Waker) -> Option<JoinKey>;
    fn inside(&self, place: Place, flight: FlightKey, caller: Option<Caller>);
    fn complete(&self, place: Place, outcome: &Result<Self::Value, Self::Error>, stage: &mut Stage);
    fn abandon(&self, place: Place, flight: FlightKey);
    fn cancel(&self, place: Place, key: JoinKey);
}

/// Where a caller stands with the computation of one key's value.
pub(super) struct Seat<'a, C: Flying + ?Sized> {
    cache: &'a C,
    place: Place,
    stage: Stage,
}

impl<'a, C: Flying + ?Sized> Seat<'a, C> {
    /// Of one who has not asked yet.
    #[inline]
    pub(super) const fn new(cache: &'a C, place: Place) -> Self {
        Self { cache, place, stage: Stage::Outside }
    }

    /// Of one who is to compute what another [handed over](Self::hand_over).
    pub(super) const fn driving(cache: &'a C, place: Place, flight: FlightKey) -> Self {
        Self { cache, place, stage: Stage::Driving(flight) }
    }

    #[inline]
    pub(super) const fn is_outside(&self) -> bool {
        matches!(self.stage, Stage::Outside)
    }

    #[inline]
    pub(super) const fn cache(&self) -> &'a C {
        self.cache
    }

    #[inline]
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// Asks, and then waits for the outcome or, if the caller `drives`, for its turn to compute.
    #[inline]
    pub(super) fn turn(
        &mut self,
        key: impl FnOnce() -> Option<C::Key>,
        drives: bool,
        cx: &Context<'_>,
    ) -> Poll<Turn<C::Value, C::Error>> {
        match self.stage {
            Stage::Waiting(_) => self.cache.wait(self.place, drives, &mut self.stage, cx),
            _ => match key() {
                Some(key) => self.cache.enter(self.place, key, &mut self.stage, cx),
                None => Poll::Pending,
            },
        }
    }

    /// Makes the computation; should that panic, the next in line computes.
    #[inline]
    pub(super) fn begin<T>(&mut self, loader: impl FnOnce() -> T) -> T {
        let unwinding = Unwinding(self);
        let computation = loader();
        mem::forget(unwinding);
        computation
    }

    /// Goes on with the computation, and tells everybody what comes of it. Should it panic, the next in line
    /// computes.
    #[inline]
    pub(super) fn work<T>(
        &mut self,
        computation: Pin<&mut T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<C::Value, C::Error>>
    where
        T: Future<Output: Outcome<C::Value, C::Error>>,
    {
        if let Stage::Driving(flight) = self.stage {
            self.cache.inside(self.place, flight, Some(caller::<C::Platform>(cx.waker())));
            self.stage = Stage::Inside(flight);
        }
        let unwinding = Unwinding(self);
        let polled = computation.poll(cx);
        mem::forget(unwinding);
        match polled {
            Poll::Ready(outcome) => Poll::Ready(self.complete(outcome.into_result())),
            Poll::Pending => {
                self.rest();
                Poll::Pending
            }
        }
    }

    /// The same from beginning to end.
    pub(super) async fn run<T>(&mut self, loader: impl FnOnce() -> T) -> Result<C::Value, C::Error>
    where
        T: Future<Output: Outcome<C::Value, C::Error>>,
    {
        let mut computation = pin!(self.begin(loader));
        poll_fn(|cx| self.work(computation.as_mut(), cx)).await
    }

    fn rest(&mut self) {
        if let Stage::Inside(flight) = self.stage {
            self.cache.inside(self.place, flight, None);
            self.stage = Stage::Driving(flight);
        }
    }

    /// Tells everybody.
    #[inline]
    pub(super) fn complete(&mut self, outcome: Result<C::Value, C::Error>) -> Result<C::Value, C::Error> {
        if !matches!(self.stage, Stage::Outside) {
            // A clone may panic, or the value's own word on its lifetime.
            let unwinding = Unwinding(self);
            let seat = &mut *unwinding.0;
            seat.cache.complete(seat.place, &outcome, &mut seat.stage);
            mem::forget(unwinding);
        }
        outcome
    }

    /// Leaves the flight for somebody else to drive. The caller is to see to it that somebody does.
    pub(super) fn hand_over(&mut self) -> Option<FlightKey> {
        self.rest();
        match mem::replace(&mut self.stage, Stage::Outside) {
            Stage::Driving(flight) => Some(flight),
            _ => None,
        }
    }

    /// Joins a flight that was handed over; `false` if there is no room to wait.
    pub(super) fn join(&mut self, flight: FlightKey, waker: Waker) -> bool {
        let joined = self.cache.join(self.place, flight, waker);
        if let Some(key) = joined {
            self.stage = Stage::Waiting(key);
        }
        joined.is_some()
    }

    fn give_up(&mut self) {
        match mem::replace(&mut self.stage, Stage::Outside) {
            Stage::Outside => {}
            Stage::Waiting(key) => self.cache.cancel(self.place, key),
            Stage::Driving(flight) | Stage::Inside(flight) => self.cache.abandon(self.place, flight),
        }
    }
}

impl<C: Flying + ?Sized> Drop for Seat<'_, C> {
    #[inline]
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Outside) {
            self.give_up();
        }
    }
}

/// Gives a seat up if it is dropped, which only unwinding does.
struct Unwinding<'b, 'a, C: Flying + ?Sized>(&'b mut Seat<'a, C>);

impl<C: Flying + ?Sized> Drop for Unwinding<'_, '_, C> {
    #[cold]
    fn drop(&mut self) {
        self.0.give_up();
    }
}

impl<K: Hash + Eq, V: Clone, P: Platform, S: Rooms, E: Clone, L: Lifetimes<V>, H: BuildHasher, const SHARDS: usize>
    Flying for Cache<K, V, P, S, E, L, H, SHARDS>
{
    type Key = K;
    type Value = V;
    type Error = E;
    type Platform = P;

    fn enter(&self, place: Place, key: K, stage: &mut Stage, cx: &Context<'_>) -> Poll<Turn<V, E>> {
        let Some(shard) = self.shard(place) else { return Poll::Ready(Turn::Full) };
        let (limits, now) = (self.limits(place.shard), self.lifetimes.now());
        let (waker, caller) = (cx.waker().clone(), caller::<P>(cx.waker()));
        // What is not needed is dropped here, outside of the lock.
        match shard.with(|machine| machine.enter(place.hash, key, waker, caller, limits, now)) {
            Entered::Ready(outcome, _key, _waker) => Poll::Ready(Turn::Done(outcome)),
            Entered::Drive(flight, _key, _waker) => {
                *stage = Stage::Inside(flight);
                Poll::Ready(Turn::Compute)
            }
            Entered::Joined(key, _key) => {
                *stage = Stage::Waiting(key);
                Poll::Pending
            }
            Entered::Recursive(_key, _waker) => Poll::Ready(Turn::Recursive),
            Entered::Full(_key, _waker) if self.config.when_full == WhenFull::Unshared => {
                shard.with(super::Machine::count_unshared);
                Poll::Ready(Turn::Compute)
            }
            Entered::Full(_key, _waker) => Poll::Ready(Turn::Full),
        }
    }

    fn wait(&self, place: Place, drives: bool, stage: &mut Stage, cx: &Context<'_>) -> Poll<Turn<V, E>> {
        let (Some(shard), Stage::Waiting(joined)) = (self.shard(place), *stage) else {
            return Poll::Ready(Turn::Abandoned);
        };
        let caller = caller::<P>(cx.waker());
        loop {
            let mut wakes = shard.wakes();
            let progress = shard.transact_with(&mut wakes, |machine, wakes| {
                machine.poll(joined, cx.waker(), caller, drives, wakes)
            });
            let (turn, leftover) = match progress {
                Progress::Waiting => return Poll::Pending,
                Progress::WakerDiffers => {
                    wakes.deliver();
                    let fresh = cx.waker().clone();
                    match shard.with(|machine| machine.register(joined, fresh)) {
                        Ok(_replaced) => return Poll::Pending,
                        Err(_unused) => continue,
                    }
                }
                Progress::Done(outcome, leftover) => {
                    *stage = Stage::Outside;
                    (Turn::Done(outcome), leftover)
                }
                Progress::Drive(flight, leftover) => {
                    *stage = Stage::Inside(flight);
                    (Turn::Compute, leftover)
                }
                Progress::Abandoned(leftover) => {
                    *stage = Stage::Outside;
                    (Turn::Abandoned, leftover)
                }
            };
            wakes.deliver();
            drop(leftover);
            return Poll::Ready(turn);
        }
    }

    fn join(&self, place: Place, flight: FlightKey, waker: Waker) -> Option<JoinKey> {
        self.shard(place)?.with(|machine| machine.wait_for(flight, waker)).ok()
    }

    fn inside(&self, place: Place, flight: FlightKey, caller: Option<Caller>) {
        if let Some(shard) = self.shard(place) {
            shard.with(|machine| match caller {
                Some(caller) => machine.resume(flight, caller),
                None => machine.rest(flight),
            });
        }
    }

    fn complete(&self, place: Place, outcome: &Result<V, E>, stage: &mut Stage) {
        let (Some(shard), Stage::Inside(flight) | Stage::Driving(flight)) = (self.shard(place), *stage) else {
            return;
        };
        let kept =
            (outcome.is_ok() || self.config.keep_errors).then(|| (outcome.clone(), self.lifetimes.span(outcome)));
        let (limits, now) = (self.limits(place.shard), self.lifetimes.now());
        let mut wakes = shard.wakes();
        let leftover = shard.transact(&mut wakes, |machine| machine.complete(flight, outcome, kept, limits, now));
        *stage = Stage::Outside;
        drop(leftover);
    }

    #[cold]
    fn abandon(&self, place: Place, flight: FlightKey) {
        let Some(shard) = self.shard(place) else { return };
        let mut wakes = shard.wakes();
        let leftover = shard.transact_with(&mut wakes, |machine, wakes| machine.abandon(flight, wakes));
        wakes.deliver();
        drop(leftover);
    }

    #[cold]
    fn cancel(&self, place: Place, key: JoinKey) {
        let Some(shard) = self.shard(place) else { return };
        let mut wakes = shard.wakes();
        let leftover = shard.transact_with(&mut wakes, |machine, wakes| machine.cancel(key, wakes));
        wakes.deliver();
        drop(leftover);
    }
}
