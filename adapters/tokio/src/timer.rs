//! [`TokioTimer`]: tokio's time inside a runtime, the threads' time outside of one.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use pin_project_lite::pin_project;
use tidegate_core::{Clock, Instant, Timeout, Timer, timeout_at};
use tidegate_threads::ThreadsTimer;
use tokio::runtime::Handle;
use tokio::{task, time as tokio_time};

/// The timer of the tokio adapter.
///
/// Inside a runtime it is tokio's: it sleeps at tokio's resolution (a millisecond, rounded up), and it obeys
/// `tokio::time::pause`. Outside of one it is that of [`ThreadsTimer`], whose epoch both share.
///
/// The runtime must have been built with time enabled, as tokio's own sleeps demand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokioTimer;

impl Clock for TokioTimer {
    #[inline]
    fn now(&self) -> Instant {
        ThreadsTimer::from_std(tokio_time::Instant::now().into_std())
    }
}

impl Timer for TokioTimer {
    type Sleep = Sleep;

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        // Whoever is a task is inside of a runtime, which takes less to find out.
        if task::try_id().is_none() && Handle::try_current().is_err() {
            return Sleep { inner: Inner::Threads { sleep: ThreadsTimer.sleep_until(deadline) } };
        }
        match ThreadsTimer::to_std(deadline) {
            Some(deadline) => Sleep { inner: Inner::Tokio { sleep: tokio_time::sleep_until(deadline.into()) } },
            None => Sleep { inner: Inner::Never },
        }
    }
}

pin_project! {
    /// A sleep of [`TokioTimer`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it cancels the sleep and nothing else.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Sleep {
        #[pin]
        inner: Inner,
    }
}

pin_project! {
    #[project = InnerProjection]
    #[derive(Debug)]
    enum Inner {
        Tokio { #[pin] sleep: tokio_time::Sleep },
        Threads { #[pin] sleep: tidegate_threads::Sleep },
        Never,
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().inner.project() {
            InnerProjection::Tokio { sleep } => sleep.poll(cx),
            InnerProjection::Threads { sleep } => sleep.poll(cx),
            InnerProjection::Never => Poll::Pending,
        }
    }
}

/// Runs `future` for at most `span` from this call on.
///
/// Unlike tokio's own it also works outside of a runtime, under any executor.
///
/// # Errors
///
/// [`Elapsed`](tidegate_core::Elapsed) if the time was up first.
///
/// # Cancel safety
///
/// As safe as dropping `future`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use core::{future, time::Duration};
///
/// assert_eq!(tidegate_tokio::timeout(Duration::from_secs(60), async { 5 }).await, Ok(5));
/// assert!(tidegate_tokio::timeout(Duration::from_secs(60), future::pending::<()>()).await.is_err());
/// # }
/// ```
pub fn timeout<F: Future>(span: Duration, future: F) -> Timeout<F, Sleep> {
    timeout_at(&TokioTimer, TokioTimer.now() + span, future)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn obeys_a_paused_clock() {
        let start = TokioTimer.now();
        let hour = Duration::from_hours(1);
        TokioTimer.sleep_until(start + hour).await;
        assert_eq!(TokioTimer.now().duration_since(start), hour);
    }

    #[tokio::test(start_paused = true)]
    async fn never_comes_never() {
        let never = TokioTimer.sleep_until(Instant::MAX);
        assert!(timeout(Duration::from_hours(24 * 365 * 100), never).await.is_err());
    }

    #[test]
    fn works_without_a_runtime() {
        let start = TokioTimer.now();
        tidegate_threads::block_on(TokioTimer.sleep_until(start + Duration::from_millis(1)));
        assert!(TokioTimer.now().duration_since(start) >= Duration::from_millis(1));
    }

    #[test]
    fn both_clocks_have_one_epoch() {
        let before = ThreadsTimer.now();
        let between = TokioTimer.now();
        let after = ThreadsTimer.now();
        assert!(before <= between && between <= after);
    }
}
