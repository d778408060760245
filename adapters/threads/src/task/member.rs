//! [`Member`]: a future in a group, whose panic stays within; [`contain`]: the same for a closure.

use core::any::Any;
use core::fmt;
use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::panic::catch_unwind;
use std::sync::Arc;

use pin_project_lite::pin_project;
use tidegate_core::Priority;
use tidegate_core::task_group::{Failure, Guard, TaskGroup, TaskGroupRef};

use super::{JoinError, Panic};
use crate::priority;

/// A panic on its way to somebody who hears of it. Dropped on the way, it stays counted as unobserved.
#[derive(Debug)]
#[must_use = "a panic that is dropped stays unobserved"]
pub struct Failed<R: TaskGroupRef> {
    /// In a box: every task has room for its outcome, and hardly any fails.
    parts: Box<(Panic, Failure<R>)>,
}

impl<R: TaskGroupRef> Failed<R> {
    #[cold]
    fn new(payload: Box<dyn Any + Send>, group: R) -> Self {
        Self { parts: Box::new((Panic::new(payload), TaskGroup::fail_owned(group))) }
    }

    /// It has reached somebody.
    #[must_use]
    pub fn observe(self) -> JoinError {
        let (panic, failure) = *self.parts;
        failure.observe();
        JoinError::Panicked(panic)
    }
}

/// Membership in a group, for as long as it is kept.
pub trait Membership {
    /// What points at the group.
    type Group: TaskGroupRef + Clone;

    /// The group.
    fn group(&self) -> &Self::Group;
}

impl<R: TaskGroupRef + Clone> Membership for Guard<R> {
    type Group = R;

    fn group(&self) -> &R {
        self.group()
    }
}

/// A share in a membership.
impl<M: Membership> Membership for Arc<M> {
    type Group = M::Group;

    fn group(&self) -> &M::Group {
        (**self).group()
    }
}

pin_project! {
    /// A future that is a member of a group until it is dropped. It runs at the priority of the scope in which it
    /// was made, and its panic is its result.
    ///
    /// # Cancel safety
    ///
    /// As safe as dropping the future itself; the group is left afterwards. Should its destructor panic, that is counted
    /// as an unobserved failure.
    #[must_use = "futures do nothing unless polled"]
    pub struct Member<F, M: Membership> {
        // `None` once it has ended.
        #[pin]
        future: Option<F>,
        priority: Priority,
        membership: M,
    }

    impl<F, M: Membership> PinnedDrop for Member<F, M> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some()
                && catch_unwind(AssertUnwindSafe(|| this.future.set(None))).is_err()
            {
                // It was dropped before its end, and nobody waits for how that goes.
                drop(TaskGroup::fail_owned(this.membership.group().clone()));
            }
        }
    }
}

impl<F, M: Membership> Member<F, M> {
    /// Makes `future` a member of the group, at the priority of the scope that the caller is in.
    pub fn new(future: F, membership: M) -> Self {
        Self { future: Some(future), priority: priority::current(), membership }
    }
}

impl<F: Future, M: Membership> Future for Member<F, M> {
    type Output = Result<F::Output, Failed<M::Group>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = &mut this.future;
        // The future is done with when it has unwound, so nobody sees it in an odd state.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            priority::scope_if_other(*this.priority, || {
                let Some(unfinished) = future.as_mut().as_pin_mut() else { return Poll::Pending };
                let output = unfinished.poll(cx);
                if output.is_ready() {
                    // Its destructor is a part of it, and may panic as well.
                    future.set(None);
                }
                output
            })
        }));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(payload) => {
                // The first panic is the one that counts.
                drop(catch_unwind(AssertUnwindSafe(|| future.set(None))));
                Poll::Ready(Err(Failed::new(payload, this.membership.group().clone())))
            }
        }
    }
}

impl<F, M: Membership> fmt::Debug for Member<F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("priority", &self.priority).finish_non_exhaustive()
    }
}

/// Runs `body` at `priority`; its panic is its result.
///
/// # Errors
///
/// The panic.
pub fn contain<T, M: Membership>(
    membership: &M,
    priority: Priority,
    body: impl FnOnce() -> T,
) -> Result<T, Failed<M::Group>> {
    catch_unwind(AssertUnwindSafe(|| priority::scope(priority, body)))
        .map_err(|payload| Failed::new(payload, membership.group().clone()))
}
