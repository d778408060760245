//! Wakers that count, and wakers that do something.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

/// Counts how often it is woken.
#[derive(Debug, Default)]
pub struct Count(AtomicUsize);

impl Count {
    /// A new count, and a waker for it.
    #[must_use]
    pub fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        let waker = Waker::from(Arc::clone(&count));
        (count, waker)
    }

    /// How often it has been woken.
    #[must_use]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Does one thing when it is woken, and another when its last waker is dropped.
pub struct Hook<W: Fn() + Send + Sync, D: Fn() + Send + Sync> {
    on_wake: W,
    on_drop: D,
}

impl<W: Fn() + Send + Sync + 'static, D: Fn() + Send + Sync + 'static> Hook<W, D> {
    /// A waker that does these.
    pub fn waker(on_wake: W, on_drop: D) -> Waker {
        Waker::from(Arc::new(Self { on_wake, on_drop }))
    }
}

impl<W: Fn() + Send + Sync, D: Fn() + Send + Sync> Wake for Hook<W, D> {
    fn wake(self: Arc<Self>) {
        (self.on_wake)();
    }
}

impl<W: Fn() + Send + Sync, D: Fn() + Send + Sync> Drop for Hook<W, D> {
    fn drop(&mut self) {
        (self.on_drop)();
    }
}

impl<W: Fn() + Send + Sync, D: Fn() + Send + Sync> fmt::Debug for Hook<W, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").finish_non_exhaustive()
    }
}

/// Polls a future with a waker.
pub fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Polls a future for which nobody needs to be woken.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}
