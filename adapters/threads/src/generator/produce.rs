//! What producers do on their threads.

use core::panic::AssertUnwindSafe;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::panic;
use std::thread;
use std::time::Instant;

use tidegate_core::generator::Producer;

use super::work::{Body, Turn};
use super::yielder::Yielder;
use super::{Failure, Link};
use crate::seat::PATIENCE;
use crate::{Panic, Priority, priority};

/// How long a producer keeps its thread before others have it, if there are others.
const TURN: Duration = Duration::from_millis(10);
/// How many items may pass until it looks at the clock again.
const LOOK: usize = 64;

/// Looks a few times whether the other side has answered, before this one sleeps: see [`PATIENCE`]. Where both
/// share a core, giving way is what lets the other one answer.
pub(super) fn linger<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..PATIENCE {
        if let Some(seen) = look() {
            return Some(seen);
        }
        thread::yield_now();
    }
    look()
}

pub(super) type Half<T, E> = Producer<Link<T, E>>;

/// Registers a waker that is woken by the first demand.
pub(super) fn await_demand<T, E>(producer: &mut Half<T, E>, waker: &Waker) -> Poll<bool> {
    pin!(producer.demanded()).poll(&mut Context::from_waker(waker))
}

/// Says that there will be no more, and why.
fn lose<T, E>(producer: &mut Option<Half<T, E>>, panicked: Option<Panic>) {
    if let Some(producer) = producer.take() {
        producer.fail(panicked.map_or(Failure::Lost, Failure::Panicked));
    }
}

/// An iterator, which gives its thread back whenever nothing is demanded.
pub(super) struct Items<I, T, E> {
    pub(super) source: I,
    /// `None` once it has ended.
    pub(super) producer: Option<Half<T, E>>,
    pub(super) priority: Priority,
}

impl<I, T, E> Items<I, T, E>
where
    I: Iterator<Item = Result<T, E>>,
{
    /// Takes one item out of the iterator and hands it over.
    fn advance(&mut self) -> Option<()> {
        let next = panic::catch_unwind(AssertUnwindSafe(|| self.source.next()));
        let failure = match next {
            // Refused only if nothing is wanted any more: the next look says so.
            Ok(Some(Ok(item))) => return self.producer.as_mut()?.try_yield(item).ok(),
            Ok(Some(Err(error))) => Failure::Failed(error),
            Ok(None) => {
                self.producer = None;
                return None;
            }
            Err(payload) => Failure::Panicked(Panic::new(payload)),
        };
        if let Some(producer) = self.producer.take() {
            producer.fail(failure);
        }
        None
    }

    fn turn(&mut self, waker: &Waker) -> Poll<Turn> {
        let start = Instant::now();
        let (mut passed, mut look_at) = (0_usize, 1);
        loop {
            let Some(producer) = self.producer.as_mut() else { return Poll::Ready(Turn::Over) };
            let demand = linger(|| producer.peek_demand());
            let demanded = demand.map_or_else(|| await_demand(producer, waker), Poll::Ready);
            match demanded {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(false) => return Poll::Ready(Turn::Over),
                Poll::Ready(true) => {}
            }
            if self.advance().is_none() {
                return Poll::Ready(Turn::Over);
            }
            passed += 1;
            if passed == look_at {
                if start.elapsed() >= TURN {
                    return Poll::Ready(Turn::Again);
                }
                // Soon if the first items were slow, now and then if they were not.
                look_at += passed.min(LOOK);
            }
        }
    }
}

impl<I, T, E> Body for Items<I, T, E>
where
    I: Iterator<Item = Result<T, E>> + Send,
    T: Send,
    E: Send,
{
    fn run(&mut self, waker: &Waker) -> Poll<Turn> {
        priority::scope(self.priority, || self.turn(waker))
    }

    fn lose(&mut self, panicked: Option<Panic>) {
        lose(&mut self.producer, panicked);
    }
}

/// A closure, which keeps its thread until it returns.
pub(super) struct Closure<F, T, E> {
    /// `None` once it has been called.
    pub(super) body: Option<F>,
    /// `None` once it has been called.
    pub(super) producer: Option<Half<T, E>>,
    pub(super) priority: Priority,
}

impl<F, T, E> Body for Closure<F, T, E>
where
    F: FnOnce(&mut Yielder<T, E>) -> Result<(), E> + Send,
    T: Send,
    E: Send,
{
    fn run(&mut self, waker: &Waker) -> Poll<Turn> {
        let Some(producer) = self.producer.as_mut() else { return Poll::Ready(Turn::Over) };
        match await_demand(producer, waker) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(false) => return Poll::Ready(Turn::Over),
            Poll::Ready(true) => {}
        }
        let (Some(closure), Some(producer)) = (self.body.take(), self.producer.take()) else {
            return Poll::Ready(Turn::Over);
        };
        let mut yielder = Yielder::new(producer);
        let called = || priority::scope(self.priority, || closure(&mut yielder));
        let failure = match panic::catch_unwind(AssertUnwindSafe(called)) {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Failure::Failed(error)),
            Err(payload) => Some(Failure::Panicked(Panic::new(payload))),
        };
        yielder.end(failure);
        Poll::Ready(Turn::Over)
    }

    fn lose(&mut self, panicked: Option<Panic>) {
        lose(&mut self.producer, panicked);
    }
}
