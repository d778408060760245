//! [`Cancel`]: a future that is dropped on its way, at a poll of one's choice.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Drops `future` right after its `polls`-th poll, unless it is ready by then: while it waits.
///
/// The result is `None` if it was dropped, which it is before its first poll if `polls` is 0.
///
/// ```
/// use tidegate_sim::{Sim, cancel_after, yield_now};
///
/// let mut outcomes = Vec::new();
/// for polls in 0..4 {
///     let two_yields = async {
///         yield_now().await;
///         yield_now().await;
///     };
///     outcomes.push(Sim::new(1).run(cancel_after(polls, two_yields)));
/// }
/// assert_eq!(outcomes, [Ok(None), Ok(None), Ok(None), Ok(Some(()))]);
/// ```
pub fn cancel_after<F>(polls: u64, future: F) -> Cancel<F> {
    Cancel { future: Some(future), polls, at: At::After }
}

/// Drops `future` when it would be polled for one more time after `polls` polls: when it has just been woken,
/// and does not know yet.
///
/// The result is `None` if it was dropped. If it is never woken that often, it waits as it would have.
pub fn cancel_before<F>(polls: u64, future: F) -> Cancel<F> {
    Cancel { future: Some(future), polls, at: At::Before }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Right after the last poll that is left.
    After,
    /// In place of the poll after it.
    Before,
}

pin_project! {
    /// The future of [`cancel_after`] and [`cancel_before`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Cancel<F> {
        // `None` once it has been dropped.
        #[pin]
        future: Option<F>,
        // How many polls are left.
        polls: u64,
        at: At,
    }
}

impl<F: Future> Future for Cancel<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if *this.polls > 0
            && let Some(future) = this.future.as_mut().as_pin_mut()
        {
            *this.polls -= 1;
            if let Poll::Ready(output) = future.poll(cx) {
                this.future.set(None);
                return Poll::Ready(Some(output));
            }
            if *this.polls > 0 || *this.at == At::Before {
                return Poll::Pending;
            }
        }
        this.future.set(None);
        Poll::Ready(None)
    }
}
