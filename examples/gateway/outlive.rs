//! [`Outliving`]: a future that goes on in a task if whoever awaits it goes away.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use tidegate_tokio::TaskGroup;

/// Runs where it is awaited, which costs no task; dropped before its end, it becomes one of the group's.
pub(crate) struct Outliving<'a, F>
where
    F: Future<Output: Send> + Send + 'static,
{
    /// `None` when it has ended.
    future: Option<Pin<Box<F>>>,
    group: &'a TaskGroup,
}

impl<'a, F: Future<Output: Send> + Send + 'static> Outliving<'a, F> {
    pub(crate) fn new(group: &'a TaskGroup, future: F) -> Self {
        Self { future: Some(Box::pin(future)), group }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Outliving<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = &mut self.future else { return Poll::Pending };
        let output = ready!(future.as_mut().poll(cx));
        self.future = None;
        Poll::Ready(output)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Outliving<'_, F> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            // A group that has ended, as in the end of the program, takes nobody in.
            let _ = self.group.spawn(future);
        }
    }
}
