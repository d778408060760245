//! [`Alarm`]: the sleep of whoever leads a line, until the time that it has been told.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::{Instant, Timer};

pin_project! {
    /// A sleep that is there while it is needed.
    // In this order: whether it is needed stands beside what precedes the alarm.
    #[repr(C)]
    pub struct Alarm<T: Timer> {
        // What the sleep waits for.
        until: Option<Instant>,
        #[pin]
        sleep: Option<T::Sleep>,
    }
}

impl<T: Timer> Alarm<T> {
    pub(super) const fn new() -> Self {
        Self { until: None, sleep: None }
    }

    pub(super) const fn is_set(&self) -> bool {
        self.until.is_some()
    }

    pub(super) fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        *this.until = None;
        this.sleep.set(None);
    }

    /// Sleeps until then; ready, and cleared, not before `timer` says so.
    pub(super) fn poll_until(
        mut self: Pin<&mut Self>,
        until: Instant,
        timer: &T,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut this = self.as_mut().project();
        if *this.until != Some(until) {
            *this.until = Some(until);
            this.sleep.set(Some(timer.sleep_until(until)));
        }
        if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
            ready!(sleep.poll(cx));
        }
        self.clear();
        if timer.now() < until {
            // A timer that goes off early is asked again, but not in a loop of our own.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}
