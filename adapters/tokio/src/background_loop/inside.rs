//! [`Inside`]: what runs in a loop knows that it does.

use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;
use tidegate_threads::task::Home;

pin_project! {
    /// A future that knows, whenever it is polled, in which loop that happens.
    pub(super) struct Inside<F> {
        home: Home,
        #[pin]
        future: F,
    }
}

impl<F> Inside<F> {
    pub(super) const fn new(home: Home, future: F) -> Self {
        Self { home, future }
    }
}

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.home.enter(|| this.future.poll(cx))
    }
}
