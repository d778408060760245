//! [`Driver`] and [`Joined`]: the guards of those who compute, and of those who wait.
//!
//! Whichever is dropped gives up what it stands for, so it does not matter where a future ends, or how.

use core::future::{Future, poll_fn};
use core::hash::{BuildHasher, Hash};
use core::mem;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use super::error::Outcome;
use super::machine::{Caller, Entered, FlightKey, JoinKey, Progress};
use super::{Cache, Lifetimes, Place, Rooms, caller};
use crate::platform::Platform;

/// What guards need of a [`Cache`], without its parameters.
pub(super) trait Flying {
    type Key;
    type Value: Clone;
    type Error: Clone;
    type Platform: Platform;

    fn enter(&self, place: Place, key: Self::Key, cx: &Context<'_>) -> Answer<'_, Self>;
    fn join(&self, place: Place, flight: FlightKey, waker: Waker) -> Option<JoinKey>;
    fn inside(&self, place: Place, flight: FlightKey, caller: Option<Caller>);
    fn complete(
        &self,
        place: Place,
        flight: FlightKey,
        outcome: &Result<Self::Value, Self::Error>,
        over: &mut bool,
    );
    fn abandon(&self, place: Place, flight: FlightKey);
    fn ask(&self, place: Place, key: &mut Option<JoinKey>, drives: bool, cx: &Context<'_>)
    -> Poll<Turn<'_, Self>>;
    fn cancel(&self, place: Place, key: JoinKey);
}

/// What asking for a value comes to at first.
pub(super) enum Answer<'a, C: Flying + ?Sized> {
    Ready(Result<C::Value, C::Error>),
    Drive(Driver<'a, C>),
    Joined(Joined<'a, C>),
    Recursive,
    Full,
}

/// What waiting comes to.
pub(super) enum Turn<'a, C: Flying + ?Sized> {
    Done(Result<C::Value, C::Error>),
    Drive(Driver<'a, C>),
    Abandoned,
}

/// Whoever computes. Dropped before the end, it gives the computation up.
pub(super) struct Driver<'a, C: Flying + ?Sized> {
    cache: &'a C,
    place: Place,
    flight: FlightKey,
    /// Whether the machine has the driver down as being inside the computation.
    inside: bool,
    over: bool,
}

impl<'a, C: Flying + ?Sized> Driver<'a, C> {
    /// Of a flight that has been [handed over](Self::hand_over).
    pub(super) const fn of(cache: &'a C, place: Place, flight: FlightKey) -> Self {
        Self { cache, place, flight, inside: false, over: false }
    }

    /// Computes.
    pub(super) async fn run<F>(mut self, loader: impl FnOnce() -> F) -> Result<C::Value, C::Error>
    where
        F: Future<Output: Outcome<C::Value, C::Error>>,
    {
        if !self.inside {
            poll_fn(|cx| {
                self.go_inside(cx.waker());
                Poll::Ready(())
            })
            .await;
        }
        let mut computation = pin!(loader());
        let outcome = poll_fn(|cx| {
            if !self.inside {
                self.go_inside(cx.waker());
            }
            let polled = computation.as_mut().poll(cx);
            if polled.is_pending() {
                self.inside = false;
                self.cache.inside(self.place, self.flight, None);
            }
            polled
        })
        .await;
        self.complete(outcome.into_result())
    }

    #[cold]
    fn go_inside(&mut self, waker: &Waker) {
        self.inside = true;
        self.cache.inside(self.place, self.flight, Some(caller::<C::Platform>(waker)));
    }

    /// Tells everybody.
    pub(super) fn complete(mut self, outcome: Result<C::Value, C::Error>) -> Result<C::Value, C::Error> {
        self.cache.complete(self.place, self.flight, &outcome, &mut self.over);
        outcome
    }

    /// Waits for a computation that somebody else is to do.
    pub(super) fn join(&self, waker: Waker) -> Option<Joined<'a, C>> {
        let key = self.cache.join(self.place, self.flight, waker)?;
        Some(Joined { cache: self.cache, place: self.place, key: Some(key) })
    }

    /// Leaves the flight for somebody else to drive.
    pub(super) fn hand_over(mut self) -> FlightKey {
        self.cache.inside(self.place, self.flight, None);
        self.over = true;
        self.flight
    }
}

impl<C: Flying + ?Sized> Drop for Driver<'_, C> {
    #[inline]
    fn drop(&mut self) {
        if !self.over {
            self.cache.abandon(self.place, self.flight);
        }
    }
}

/// Whoever waits. Dropped before the end, it gives its place up.
pub(super) struct Joined<'a, C: Flying + ?Sized> {
    cache: &'a C,
    place: Place,
    /// `None` once there is nothing to wait for.
    key: Option<JoinKey>,
}

impl<'a, C: Flying + ?Sized> Joined<'a, C> {
    /// Waits for the outcome; or, if it `drives`, until it is to compute itself.
    pub(super) async fn wait(mut self, drives: bool) -> Turn<'a, C> {
        poll_fn(|cx| self.cache.ask(self.place, &mut self.key, drives, cx)).await
    }
}

impl<C: Flying + ?Sized> Drop for Joined<'_, C> {
    #[inline]
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.cache.cancel(self.place, key);
        }
    }
}

impl<K: Hash + Eq, V: Clone, P: Platform, S: Rooms, E: Clone, L: Lifetimes<V>, H: BuildHasher, const SHARDS: usize>
    Flying for Cache<K, V, P, S, E, L, H, SHARDS>
{
    type Key = K;
    type Value = V;
    type Error = E;
    type Platform = P;

    fn enter(&self, place: Place, key: K, cx: &Context<'_>) -> Answer<'_, Self> {
        let Some(shard) = self.shard(place) else { return Answer::Full };
        let (limits, now) = (self.limits(place.shard), self.lifetimes.now());
        let (waker, caller) = (cx.waker().clone(), caller::<P>(cx.waker()));
        // What is not needed is dropped here, outside of the lock.
        match shard.with(|machine| machine.enter(place.hash, key, waker, caller, limits, now)) {
            Entered::Ready(outcome, _key, _waker) => Answer::Ready(outcome),
            Entered::Drive(flight, _key, _waker) => {
                Answer::Drive(Driver { cache: self, place, flight, inside: true, over: false })
            }
            Entered::Joined(key, _key) => Answer::Joined(Joined { cache: self, place, key: Some(key) }),
            Entered::Recursive(_key, _waker) => Answer::Recursive,
            Entered::Full(_key, _waker) => Answer::Full,
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

    fn complete(&self, place: Place, flight: FlightKey, outcome: &Result<V, E>, over: &mut bool) {
        let Some(shard) = self.shard(place) else { return };
        let kept =
            (outcome.is_ok() || self.config.keep_errors).then(|| (outcome.clone(), self.lifetimes.span(outcome)));
        let (limits, now) = (self.limits(place.shard), self.lifetimes.now());
        let mut wakes = shard.wakes();
        let leftover = shard.transact(&mut wakes, |machine| machine.complete(flight, outcome, kept, limits, now));
        // Before anybody is woken, and before anything is dropped: both may panic.
        *over = true;
        drop(leftover);
    }

    #[cold]
    fn abandon(&self, place: Place, flight: FlightKey) {
        let Some(shard) = self.shard(place) else { return };
        let mut wakes = shard.wakes();
        let leftover = shard.transact_with(&mut wakes, |machine, wakes| machine.abandon(flight, wakes));
        drop(wakes);
        drop(leftover);
    }

    fn ask(
        &self,
        place: Place,
        key: &mut Option<JoinKey>,
        drives: bool,
        cx: &Context<'_>,
    ) -> Poll<Turn<'_, Self>> {
        let (Some(shard), Some(joined)) = (self.shard(place), *key) else { return Poll::Ready(Turn::Abandoned) };
        let caller = caller::<P>(cx.waker());
        loop {
            let mut wakes = shard.wakes();
            let progress = shard.transact_with(&mut wakes, |machine, wakes| {
                machine.poll(joined, cx.waker(), caller, drives, wakes)
            });
            // The place is given up before anybody is woken, and before anything is dropped: both may panic.
            let (turn, leftover) = match progress {
                Progress::Waiting => return Poll::Pending,
                Progress::WakerDiffers => {
                    drop(wakes);
                    let fresh = cx.waker().clone();
                    match shard.with(|machine| machine.register(joined, fresh)) {
                        Ok(_replaced) => return Poll::Pending,
                        Err(_unused) => continue,
                    }
                }
                Progress::Done(outcome, leftover) => (Turn::Done(outcome), leftover),
                Progress::Drive(flight, leftover) => {
                    (Turn::Drive(Driver { cache: self, place, flight, inside: true, over: false }), leftover)
                }
                Progress::Abandoned(leftover) => (Turn::Abandoned, leftover),
            };
            mem::take(key);
            drop(wakes);
            drop(leftover);
            return Poll::Ready(turn);
        }
    }

    #[cold]
    fn cancel(&self, place: Place, key: JoinKey) {
        let Some(shard) = self.shard(place) else { return };
        let mut wakes = shard.wakes();
        let leftover = shard.transact_with(&mut wakes, |machine, wakes| machine.cancel(key, wakes));
        drop(wakes);
        drop(leftover);
    }
}
