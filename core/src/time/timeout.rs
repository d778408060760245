//! [`timeout_at`]: a future that gives up at a deadline.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Instant, Timer};

/// The time was up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up first")
    }
}

impl core::error::Error for Elapsed {}

pin_project! {
    /// The future of [`timeout_at`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Timeout<F, S> {
        #[pin]
        future: F,
        #[pin]
        sleep: S,
    }
}

/// Runs `future` until `deadline` on `timer`'s clock.
///
/// The future is polled before the clock is looked at, so one that is ready is never refused.
///
/// # Errors
///
/// [`Elapsed`] if the deadline came first. The future is then dropped together with the [`Timeout`].
///
/// # Cancel safety
///
/// As safe as dropping `future`.
///
/// ```
/// use core::{future, time::Duration};
/// use tidegate_core::{Clock, Inline, Local, ManualClock, timeout_at};
///
/// let clock = ManualClock::<Local, Inline<4>>::new();
/// let ready = timeout_at(&&clock, clock.now() + Duration::from_secs(1), future::ready(5));
/// # let mut cx = core::task::Context::from_waker(core::task::Waker::noop());
/// # let mut ready = core::pin::pin!(ready);
/// # assert_eq!(ready.as_mut().poll(&mut cx), core::task::Poll::Ready(Ok(5)));
/// # use core::future::Future;
/// ```
pub fn timeout_at<T: Timer, F: Future>(timer: &T, deadline: Instant, future: F) -> Timeout<F, T::Sleep> {
    Timeout { future, sleep: timer.sleep_until(deadline) }
}

impl<F: Future, S: Future<Output = ()>> Future for Timeout<F, S> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        this.sleep.poll(cx).map(|()| Err(Elapsed))
    }
}
