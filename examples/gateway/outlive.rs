//! [`Outliving`]: a future that goes on in a task if whoever awaits it goes away.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tidegate_tokio::{Instant, Sleep, TaskGroup, Timer, TokioTimer, timeout_at};

pin_project! {
    /// Runs where it is awaited, until a deadline, and takes neither a task nor memory for that. Dropped before its
    /// end, it moves into a task of the group, where the deadline is the same.
    pub(crate) struct Outliving<'a, F>
    where
        F: Future,
        F: Unpin,
        F: Send,
        F: 'static,
    {
        // `None` when it has ended.
        future: Option<F>,
        deadline: Instant,
        #[pin]
        sleep: Sleep,
        group: &'a TaskGroup,
    }

    impl<F> PinnedDrop for Outliving<'_, F>
    where
        F: Future,
        F: Unpin,
        F: Send,
        F: 'static,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(future) = this.future.take() {
                let deadline = *this.deadline;
                // A group that has ended, as in the end of the program, takes nobody in.
                let _ = this.group.spawn(async move {
                    let _ = timeout_at(&TokioTimer, deadline, future).await;
                });
            }
        }
    }
}

impl<'a, F: Future + Unpin + Send + 'static> Outliving<'a, F> {
    pub(crate) fn new(group: &'a TaskGroup, deadline: Instant, future: F) -> Self {
        Self { future: Some(future), deadline, sleep: TokioTimer.sleep_until(deadline), group }
    }
}

impl<F: Future + Unpin + Send + 'static> Future for Outliving<'_, F> {
    /// `None` if the deadline came first.
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(future) = this.future else { return Poll::Pending };
        let output = match Pin::new(future).poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => {
                ready!(this.sleep.poll(cx));
                None
            }
        };
        *this.future = None;
        Poll::Ready(output)
    }
}
