//! The priority scope: how urgent everything inside it is, for requests that name no priority themselves.
//!
//! There is one scope for both colours. Plain code is run inside [`scope`]; a future is wrapped by
//! [`scope_future`] and takes its scope along to whichever thread polls it, and on whichever executor.
//!
//! Scopes nest, and the innermost one counts. A scope covers what runs inside it, not what is started from it:
//! a thread or a task that is spawned begins outside of every scope, at priority 0.
//!
//! ```
//! use tidegate_threads::{Priority, block_on, priority};
//!
//! let urgent = priority::scope_future(Priority(-5), async { priority::current() });
//! assert_eq!(block_on(urgent), Priority(-5));
//! assert_eq!(priority::current(), Priority::default());
//! ```

use core::cell::Cell;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;
use tidegate_core::Priority;

thread_local! {
    static CURRENT: Cell<Priority> = const { Cell::new(Priority(0)) };
}

/// The priority of the innermost scope around the caller, or the default outside of every scope.
///
/// Costs a thread-local read.
#[must_use]
#[inline]
pub fn current() -> Priority {
    CURRENT.try_with(Cell::get).unwrap_or_default()
}

/// Runs `body` at `priority`, on this thread. The scope ends with `body`, also when it unwinds.
///
/// ```
/// use tidegate_threads::{Priority, priority};
///
/// let inner = priority::scope(Priority(3), || {
///     priority::scope(Priority(-3), || assert_eq!(priority::current(), Priority(-3)));
///     priority::current()
/// });
/// assert_eq!(inner, Priority(3));
/// ```
pub fn scope<T>(priority: Priority, body: impl FnOnce() -> T) -> T {
    let _entered = Entered::new(priority);
    body()
}

/// The same, with less ado where the scope around is of that priority already.
#[inline]
pub(crate) fn scope_if_other<T>(priority: Priority, body: impl FnOnce() -> T) -> T {
    let _entered = (current() != priority).then(|| Entered::new(priority));
    body()
}

/// Gives `future` a priority: it is in force whenever the future is polled, wherever that happens.
///
/// # Cancel safety
///
/// As safe as dropping `future`. The drop itself runs in the scope of whoever drops it.
pub fn scope_future<F>(priority: Priority, future: F) -> Scoped<F> {
    Scoped { priority, future }
}

pin_project! {
    /// The future of [`scope_future`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        priority: Priority,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(*this.priority);
        this.future.poll(cx)
    }
}

/// Puts the outer priority back. Kept private: guards dropped out of order would mix scopes up.
struct Entered {
    outer: Priority,
}

impl Entered {
    fn new(priority: Priority) -> Self {
        Self { outer: CURRENT.try_with(|current| current.replace(priority)).unwrap_or_default() }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Fails only while the thread ends, when there is no scope left to go back to.
        let _ = CURRENT.try_with(|current| current.set(self.outer));
    }
}

#[cfg(test)]
mod tests {
    use core::future::poll_fn;
    use core::panic::AssertUnwindSafe;
    use core::pin::pin;
    use core::task::Waker;
    use std::panic;
    use std::thread;

    use super::*;

    #[test]
    fn scopes_nest() {
        assert_eq!(current(), Priority(0));
        scope(Priority(1), || {
            assert_eq!(current(), Priority(1));
            scope(Priority(2), || assert_eq!(current(), Priority(2)));
            assert_eq!(current(), Priority(1));
        });
        assert_eq!(current(), Priority(0));
    }

    #[test]
    fn unwinding_leaves_the_scope() {
        scope(Priority(1), || {
            let body = || scope(Priority(2), || panic!("on purpose"));
            assert!(panic::catch_unwind(body).is_err());
            assert_eq!(current(), Priority(1));

            let mut future = pin!(scope_future(Priority(3), async { panic!("on purpose") }));
            let mut cx = Context::from_waker(Waker::noop());
            let poll = AssertUnwindSafe(|| future.as_mut().poll(&mut cx));
            assert!(panic::catch_unwind(poll).is_err());
            assert_eq!(current(), Priority(1));
        });
    }

    #[test]
    fn a_future_takes_its_scope_along() {
        let mut polls = 0;
        let mut seen = Vec::new();
        let future = poll_fn(move |_| {
            seen.push(current());
            polls += 1;
            if polls < 3 { Poll::Pending } else { Poll::Ready(seen.clone()) }
        });
        let mut future = Box::pin(scope_future(Priority(7), future));
        let poll = |future: &mut Pin<Box<Scoped<_>>>| {
            let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(current(), Priority(0));
            polled
        };
        assert_eq!(poll(&mut future), Poll::Pending);
        scope(Priority(1), || {
            let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(current(), Priority(1));
        });
        let seen = thread::spawn(move || poll(&mut future)).join().unwrap();
        assert_eq!(seen, Poll::Ready(vec![Priority(7); 3]));
    }

    #[test]
    fn a_thread_starts_outside_of_every_scope() {
        let seen = scope(Priority(9), || thread::spawn(current).join().unwrap());
        assert_eq!(seen, Priority(0));
    }
}
