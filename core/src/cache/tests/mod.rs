//! The handle, step by step, on one thread; the machine against a reference is in `tests/models`.

mod bounds;
mod flights;
mod foreign;
mod recursion;
mod time;

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Wake;

use super::*;
use crate::{Inline, Local};

/// Where values and flights have room for so many.
type Room = (Inline<8>, Inline<4>);

type Small<V, E = Infallible> = Cache<u32, V, Local, Room, E>;

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        let waker = Waker::from(Arc::clone(&count));
        (count, waker)
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll_with<F: Future + ?Sized>(future: &mut Pin<Box<F>>, waker: &Waker) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(waker))
}

/// Polls with a waker that nobody else has.
fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    poll_with(future, &Count::new().1)
}

fn now<F: Future>(future: F) -> F::Output {
    match poll(&mut Box::pin(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// A computation whose outcome is set from outside.
struct Source<T> {
    outcome: RefCell<Option<T>>,
    begun: Cell<usize>,
}

impl<T: Clone> Source<T> {
    fn new() -> Rc<Self> {
        Rc::new(Self { outcome: RefCell::new(None), begun: Cell::new(0) })
    }

    fn set(&self, outcome: T) {
        *self.outcome.borrow_mut() = Some(outcome);
    }

    /// A loader that waits until the outcome is set.
    fn loader(self: &Rc<Self>) -> impl FnOnce() -> Pin<Box<dyn Future<Output = T>>> + use<T>
    where
        T: 'static,
    {
        let this = Rc::clone(self);
        move || {
            this.begun.set(this.begun.get() + 1);
            Box::pin(poll_fn(move |_| match &*this.outcome.borrow() {
                Some(outcome) => Poll::Ready(outcome.clone()),
                None => Poll::Pending,
            }))
        }
    }
}
