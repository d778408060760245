//! [`Guard`]: membership; [`Tracked`]: a future that has one; [`Failure`]: a failure that somebody may see.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{EnterError, TaskGroup, TaskGroupRef};

/// Membership in a [`TaskGroup`], for as long as it is kept.
///
/// `R` is whatever points at the group: a reference, an `Arc`, a `&'static`. With the last two the guard borrows
/// nothing, and may be passed to a task.
///
/// # Cost
///
/// Dropping it is one atomic subtraction, on platforms with a fast path.
#[must_use = "dropping the guard leaves the group at once"]
pub struct Guard<R: TaskGroupRef> {
    group: R,
}

impl<R: TaskGroupRef> Guard<R> {
    /// The caller has entered the group.
    pub(super) const fn new(group: R) -> Self {
        Self { group }
    }

    /// The group.
    pub const fn group(&self) -> &R {
        &self.group
    }

    /// Another membership of the same group, which cannot be finished as long as this one lasts: for a task that
    /// starts another one.
    ///
    /// # Errors
    ///
    /// [`TooMany`](EnterError::TooMany).
    pub fn fork(&self) -> Result<Self, EnterError>
    where
        R: Clone,
    {
        TaskGroup::track_owned(self.group.clone())
    }

    /// A future that is a member until it has ended: the guard is dropped after `future` itself.
    ///
    /// # Cancel safety
    ///
    /// As safe as dropping `future`; the group is left then, too.
    ///
    /// ```
    /// use tidegate_core::task_group::TaskGroup;
    /// use tidegate_core::{Inline, Local};
    /// # use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    ///
    /// let group: TaskGroup<Local, Inline<4>> = TaskGroup::new();
    /// let mut task = pin!(group.track()?.wrap(async { 7 }));
    /// assert_eq!(group.len(), 1);
    /// assert_eq!(task.as_mut().poll(&mut cx), Poll::Ready(7));
    /// assert_eq!(group.len(), 0);
    /// # Ok::<(), tidegate_core::task_group::EnterError>(())
    /// ```
    pub const fn wrap<F>(self, future: F) -> Tracked<F, R> {
        Tracked { future: Some(future), guard: Some(self) }
    }
}

impl<R: TaskGroupRef> Drop for Guard<R> {
    #[inline]
    fn drop(&mut self) {
        self.group.task_group().leave();
    }
}

impl<R: TaskGroupRef> fmt::Debug for Guard<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Guard::wrap`]: a member of its group until it has ended.
    #[must_use = "futures do nothing unless polled"]
    pub struct Tracked<F, R: TaskGroupRef> {
        // Both are `None` once it has ended. The future is dropped first: order of declaration.
        #[pin]
        future: Option<F>,
        guard: Option<Guard<R>>,
    }
}

impl<F: Future, R: TaskGroupRef> Future for Tracked<F, R> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = core::task::ready!(future.poll(cx));
        this.future.set(None);
        *this.guard = None;
        Poll::Ready(output)
    }
}

impl<F, R: TaskGroupRef> fmt::Debug for Tracked<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked").field("ended", &self.guard.is_none()).finish_non_exhaustive()
    }
}

/// A member's failure, counted as one that nobody has seen until somebody [observes](Self::observe) it.
///
/// For those who run tasks: it travels along with the panic or the error. Dropping it leaves it counted.
#[must_use = "a failure that is dropped stays unobserved"]
pub struct Failure<R: TaskGroupRef> {
    group: R,
}

impl<R: TaskGroupRef> Failure<R> {
    pub(super) const fn new(group: R) -> Self {
        Self { group }
    }

    /// Somebody has seen it: it is no longer counted.
    pub fn observe(self) {
        self.group.task_group().observe();
    }
}

impl<R: TaskGroupRef> fmt::Debug for Failure<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").finish_non_exhaustive()
    }
}
