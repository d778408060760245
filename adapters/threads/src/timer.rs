//! [`ThreadsTimer`]: a clock and a timer for plain threads and for any executor.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use tidegate_core::{Clock, Instant, Timeout, Timer, timeout_at};

use crate::block_on::signal_behind;
use crate::seat::Signal;
use crate::sleepers::Key;
use crate::{clock, helper};

/// The operating system's monotonic clock, and sleeps by it.
///
/// The epoch is a day before the process's first use of the clock. Reading it costs what [`std::time::Instant::now`] costs.
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::{Clock, ThreadsTimer, Timer, block_on};
///
/// let deadline = ThreadsTimer.now() + Duration::from_millis(1);
/// block_on(ThreadsTimer.sleep_until(deadline));
/// assert!(ThreadsTimer.now() >= deadline);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadsTimer;

impl ThreadsTimer {
    /// The point of this clock that is the operating system's `instant`; its epoch if that is earlier.
    #[inline]
    #[must_use]
    pub fn from_std(instant: std::time::Instant) -> Instant {
        clock::from_std(instant)
    }

    /// The operating system's instant that is this clock's `instant`. `None` means "never": for
    /// [`Instant::MAX`], and for what the operating system cannot represent.
    #[must_use]
    pub fn to_std(instant: Instant) -> Option<std::time::Instant> {
        clock::to_std(instant)
    }
}

impl Clock for ThreadsTimer {
    #[inline]
    fn now(&self) -> Instant {
        clock::now()
    }
}

impl Timer for ThreadsTimer {
    type Sleep = Sleep;

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep { deadline, place: None }
    }
}

/// A future that is ready once `span` has passed, counted from this call; never early.
///
/// A span that reaches beyond [`Instant::MAX`] never ends.
///
/// # Cancel safety
///
/// Dropping it cancels the sleep and nothing else.
///
/// ```
/// use core::time::Duration;
/// use tidegate_threads::{block_on, sleep};
///
/// block_on(sleep(Duration::from_millis(1)));
/// ```
pub fn sleep(span: Duration) -> Sleep {
    ThreadsTimer.sleep_until(clock::now() + span)
}

/// Runs `future` for at most `span`, counted from this call.
///
/// A span that reaches beyond [`Instant::MAX`] is no limit. The future is polled before the clock is looked
/// at, so one that is ready is never refused, whatever the span.
///
/// # Errors
///
/// [`Elapsed`](crate::Elapsed) if the time was up first; the future is dropped with the [`Timeout`].
///
/// # Cancel safety
///
/// As safe as dropping `future`.
///
/// ```
/// use core::{future, time::Duration};
/// use tidegate_threads::{block_on, timeout};
///
/// assert!(block_on(timeout(Duration::from_millis(1), future::pending::<()>())).is_err());
/// assert_eq!(block_on(timeout(Duration::ZERO, async { 7 })), Ok(7));
/// ```
pub fn timeout<F: Future>(span: Duration, future: F) -> Timeout<F, Sleep> {
    timeout_at(&ThreadsTimer, clock::now() + span, future)
}

/// The sleep of [`ThreadsTimer`]: ready at once when its deadline has passed, never early.
///
/// Polled under [`block_on`](crate::block_on), it is served by that thread. Polled by anybody else (another
/// executor, or a combinator that wraps wakers), it is served by the thread `tidegate-timer`; should the
/// system refuse that thread, the sleep asks to be polled again at once, which is costly and still correct.
/// It may move from one to the other at any time.
///
/// A deadline of [`Instant::MAX`] never comes.
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    deadline: Instant,
    place: Option<Place>,
}

/// Where a sleep is registered, until this is dropped.
struct Place {
    signal: Arc<Signal>,
    key: Key,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.signal.sleepers().remove(self.key);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.deadline == Instant::MAX {
            return Poll::Pending;
        }
        if clock::now() >= self.deadline {
            self.place = None;
            return Poll::Ready(());
        }
        let own = signal_behind(cx.waker());
        let is_own = own.is_some();
        let Some(signal) = own.or_else(|| helper::signal().cloned()) else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        if let Some(place) = &self.place
            && Arc::ptr_eq(&place.signal, &signal)
            && signal.sleepers().refresh(place.key, cx.waker())
        {
            return Poll::Pending;
        }
        let (key, is_first) = signal.sleepers().insert(self.deadline, cx.waker().clone());
        // Our own thread looks at its sleepers before it parks; the helper may be asleep for too long.
        if is_first && !is_own {
            signal.notify();
        }
        self.place = Some(Place { signal, key });
        Poll::Pending
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    //! Everything in this binary stays under our own `block_on`: see `no_thread_was_started`.

    use core::cell::RefCell;
    use core::future::{pending, poll_fn};
    use core::pin::pin;

    use super::*;
    use crate::{block_on, block_on_until};

    const MILLI: Duration = Duration::from_millis(1);

    fn no_thread_was_started() {
        assert!(!helper::has_started(), "a test of this binary polled a sleep outside of block_on");
    }

    #[test]
    fn joined_sleeps_end_in_the_order_of_their_deadlines() {
        let ended = RefCell::new(Vec::new());
        let start = clock::now();
        let nap = async |name: u32, span: Duration| {
            ThreadsTimer.sleep_until(start + span).await;
            assert!(clock::now() >= start + span);
            ended.borrow_mut().push(name);
        };
        block_on(async {
            let mut naps = [
                Box::pin(nap(3, 9 * MILLI)),
                Box::pin(nap(1, 3 * MILLI)),
                Box::pin(nap(2, 6 * MILLI)),
                Box::pin(nap(0, Duration::ZERO)),
            ];
            let mut done = [false; 4];
            poll_fn(|cx| {
                // One at a time: those that come due together must not end in the order of the array.
                let mut order: Vec<usize> = (0..4).collect();
                order.sort_by_key(|&index| [3, 1, 2, 0][index]);
                for index in order {
                    if !done[index] {
                        done[index] = naps[index].as_mut().poll(cx).is_ready();
                    }
                }
                if done == [true; 4] { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        });
        assert_eq!(*ended.borrow(), [0, 1, 2, 3]);
        no_thread_was_started();
    }

    #[test]
    fn a_sleep_dropped_leaves_nothing_behind() {
        block_on(poll_fn(|cx| {
            let signal = signal_behind(cx.waker()).expect("this is our waker");
            {
                let mut nap = pin!(sleep(Duration::from_hours(1)));
                assert!(nap.as_mut().poll(cx).is_pending());
                assert!(nap.as_mut().poll(cx).is_pending());
                assert_ne!(signal.sleepers().next_deadline(), Instant::MAX);
            }
            assert_eq!(signal.sleepers().next_deadline(), Instant::MAX);
            Poll::Ready(())
        }));
        no_thread_was_started();
    }

    #[test]
    fn a_sleep_moves_along_to_the_next_block_on() {
        let mut nap = Box::pin(sleep(5 * MILLI));
        let outcome = block_on_until(Instant::EPOCH, &mut nap);
        assert_eq!(outcome, None);
        std::thread::spawn(move || block_on(nap)).join().unwrap();
        block_on(poll_fn(|cx| {
            let left = signal_behind(cx.waker()).unwrap().sleepers().next_deadline();
            assert_eq!(left, Instant::MAX, "the first thread still looks after it");
            Poll::Ready(())
        }));
        no_thread_was_started();
    }

    #[test]
    fn a_sleep_that_moves_is_not_taken_for_another() {
        let deadline = clock::now() + Duration::from_hours(1);
        // The first ever to sleep on this thread, and so is the other one on the other thread.
        let mut moved = Box::pin(ThreadsTimer.sleep_until(deadline));
        assert_eq!(block_on_until(Instant::EPOCH, &mut moved), None);
        let there = move || {
            block_on(poll_fn(|cx| {
                let mut other = Box::pin(ThreadsTimer.sleep_until(deadline));
                assert!(other.as_mut().poll(cx).is_pending());
                assert!(moved.as_mut().poll(cx).is_pending());
                drop(other);
                let signal = signal_behind(cx.waker()).expect("this is our waker");
                assert_eq!(signal.sleepers().next_deadline(), deadline);
                Poll::Ready(())
            }));
        };
        std::thread::spawn(there).join().unwrap();
        no_thread_was_started();
    }

    #[test]
    fn far_deadlines_never_come_and_never_panic() {
        let soon = || clock::now() + MILLI;
        for far in [Instant::MAX, Instant::from_nanos(u64::MAX - 1)] {
            assert_eq!(block_on_until(soon(), ThreadsTimer.sleep_until(far)), None);
        }
        assert_eq!(block_on_until(soon(), sleep(Duration::MAX)), None);
        assert_eq!(block_on_until(soon(), timeout(Duration::MAX, pending::<()>())), None);
        assert_eq!(block_on_until(Instant::from_nanos(u64::MAX - 1), async { 3 }), Some(3));
        block_on(ThreadsTimer.sleep_until(Instant::EPOCH));
        no_thread_was_started();
    }

    #[test]
    fn an_inner_block_on_serves_its_own_sleeps() {
        block_on(async {
            let outer = sleep(2 * MILLI);
            block_on(async { sleep(MILLI).await });
            outer.await;
        });
        no_thread_was_started();
    }

    #[test]
    fn a_sleep_is_small_and_may_go_anywhere() {
        fn is_free<T: Send + Sync + Unpin>() {}
        is_free::<Sleep>();
        assert!(size_of::<Sleep>() <= 40);
    }
}
