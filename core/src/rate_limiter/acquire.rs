//! [`Acquire`]: the future that waits in line.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::machine::{Admission, Progress};
use super::{AcquireError, RateLimiterRef};
use crate::wait_queue::WaiterKey;
use crate::{Clock, Instant, Platform, Priority, Timer};

pin_project! {
    /// The future of [`RateLimiter::acquire`](super::RateLimiter::acquire): resolves once the tokens are taken.
    ///
    /// It takes its place in line when it is first polled. The first in line holds the limiter's one timer. Once
    /// it has been ready it stays pending for good.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives up the place in line, and the timer with it, which the next takes over. If tokens had been
    /// taken for it unseen they are refunded; nothing is lost.
    #[must_use = "futures do nothing unless polled"]
    pub struct Acquire<R: RateLimiterRef> {
        // `None` once the future has been ready.
        limiter: Option<R>,
        tokens: u32,
        // `None` for the priority of the scope.
        priority: Option<Priority>,
        // The place in line, if it has one.
        place: Option<WaiterKey>,
        // What the sleep waits for.
        armed: Option<Instant>,
        #[pin]
        sleep: Option<<R::Timer as Timer>::Sleep>,
    }

    impl<R: RateLimiterRef> PinnedDrop for Acquire<R> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let (Some(place), Some(limiter)) = (this.place.take(), this.limiter) {
                let limiter = limiter.limiter();
                limiter.cancel(limiter.timer().now(), place, *this.tokens);
            }
        }
    }
}

impl<R: RateLimiterRef> Acquire<R> {
    pub(super) const fn new(limiter: R, tokens: u32) -> Self {
        Self { limiter: Some(limiter), tokens, priority: None, place: None, armed: None, sleep: None }
    }

    /// Waits with this priority, whatever the scope's is.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// What most polls of a crowd come to: a place behind others, or what somebody else has seen to. Neither needs to
    /// know the time.
    ///
    /// # Errors
    ///
    /// The waker, if it has been cloned, where it takes more.
    #[inline]
    fn poll_in_crowd(self: Pin<&mut Self>, cx: &Context<'_>) -> Result<Poll<()>, Option<Waker>> {
        let this = self.project();
        let (Some(limiter), None) = (this.limiter.as_ref(), *this.armed) else { return Err(None) };
        let limiter = limiter.limiter();
        if let Some(place) = *this.place {
            if !limiter.grants.lists(place) {
                return Err(None);
            }
            (*this.place, *this.limiter) = (None, None);
            return Ok(Poll::Ready(()));
        }
        if !limiter.is_shut() {
            return Err(None);
        }
        let priority = this.priority.unwrap_or_else(R::Platform::ambient_priority);
        let mut waker = Some(cx.waker().clone());
        let key = limiter.lock(|machine| {
            let key = machine.stand_behind(*this.tokens, priority, &mut waker);
            key.inspect(|&key| limiter.grants.queued(key))
        });
        *this.place = key;
        if key.is_some() { Ok(Poll::Pending) } else { Err(waker) }
    }

    /// The first poll: takes the tokens, or a place in line.
    fn enter(self: Pin<&mut Self>, waker: Option<Waker>, cx: &Context<'_>) -> Result<Progress, AcquireError> {
        let this = self.project();
        let Some(limiter) = this.limiter.as_ref().map(RateLimiterRef::limiter) else {
            return Ok(Progress::Waiting { until: None });
        };
        let priority = this.priority.unwrap_or_else(R::Platform::ambient_priority);
        let now = limiter.timer().now();
        if limiter.take(*this.tokens, now) {
            return Ok(Progress::Granted);
        }
        let waker = waker.unwrap_or_else(|| cx.waker().clone());
        let mut wakes = limiter.wakes();
        let entered = limiter.transact(&mut wakes, now, |machine| {
            let entered = machine.acquire(now, *this.tokens, priority, waker);
            if let Ok(Admission::Queued { key, .. }) = entered {
                *this.place = Some(key);
                limiter.grants.queued(key);
            }
            entered
        });
        match entered {
            Ok(Admission::Granted(_unused)) => {
                limiter.deliver(&mut wakes, *this.tokens);
                Ok(Progress::Granted)
            }
            Ok(Admission::Queued { until, .. }) => Ok(Progress::Waiting { until }),
            Err((error, _unused)) => Err(error),
        }
    }

    /// A later poll, in line.
    fn progress(
        self: Pin<&mut Self>,
        place: WaiterKey,
        timed: bool,
        cx: &Context<'_>,
    ) -> Result<Progress, AcquireError> {
        let this = self.project();
        let Some(limiter) = this.limiter.as_ref().map(RateLimiterRef::limiter) else {
            return Ok(Progress::Waiting { until: None });
        };
        // Served by somebody else.
        if !timed && limiter.lock(|machine| machine.is_granted(place)) {
            return Ok(Progress::Granted);
        }
        // Only whoever holds the timer needs to know what time it is.
        let now = timed.then(|| limiter.timer().now());
        loop {
            let mut wakes = limiter.wakes();
            // It may be the one to be served: that needs no wake.
            match limiter.transact_untimed(&mut wakes, |machine| {
                let now = now.unwrap_or(machine.now());
                machine.poll(now, place, cx.waker())
            }) {
                Ok(Progress::WakerDiffers) => {}
                Ok(Progress::Granted) => {
                    // The tokens are in hand now: nothing is left to cancel if a wake panics.
                    *this.place = None;
                    limiter.deliver(&mut wakes, *this.tokens);
                    return Ok(Progress::Granted);
                }
                Ok(waiting) => return Ok(waiting),
                Err(error) => {
                    *this.place = None;
                    return Err(error);
                }
            }
            drop(wakes);
            let fresh = cx.waker().clone();
            let mut wakes = limiter.wakes();
            if let Ok((_replaced, until)) =
                limiter.transact_untimed(&mut wakes, |machine| machine.register(place, fresh))
            {
                return Ok(Progress::Waiting { until });
            }
        }
    }
}

impl<R: RateLimiterRef> Future for Acquire<R> {
    type Output = Result<(), AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.as_mut().poll_in_crowd(cx) {
            Ok(answer) => answer.map(Ok),
            Err(waker) => self.poll_closely(waker, cx),
        }
    }
}

impl<R: RateLimiterRef> Acquire<R> {
    #[inline(never)]
    fn poll_closely(
        mut self: Pin<&mut Self>,
        mut waker: Option<Waker>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), AcquireError>> {
        if self.limiter.is_none() {
            return Poll::Pending;
        }
        let mut timed = self.armed.is_some();
        loop {
            let progress = match self.place {
                Some(place) => self.as_mut().progress(place, timed, cx),
                None => self.as_mut().enter(waker.take(), cx),
            };
            let mut this = self.as_mut().project();
            let until = match progress {
                Ok(Progress::Waiting { until }) => until.filter(|until| *until < Instant::MAX),
                Ok(_) => break Poll::Ready(Ok(())),
                Err(error) => break Poll::Ready(Err(error)),
            };
            let (Some(until), Some(limiter)) = (until, this.limiter.as_ref()) else {
                // Somebody else holds the timer, or the time never comes.
                *this.armed = None;
                this.sleep.set(None);
                return Poll::Pending;
            };
            if *this.armed != Some(until) {
                *this.armed = Some(until);
                this.sleep.set(Some(limiter.limiter().timer().sleep_until(until)));
            }
            if let Some(sleep) = this.sleep.as_mut().as_pin_mut()
                && sleep.poll(cx).is_pending()
            {
                return Poll::Pending;
            }
            *this.armed = None;
            this.sleep.set(None);
            if limiter.limiter().timer().now() < until {
                // A timer that goes off early is asked again, but not in a loop of our own.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            timed = true;
        }
        .map(|output| {
            let mut this = self.project();
            *this.place = None;
            *this.limiter = None;
            this.sleep.set(None);
            output
        })
    }
}

impl<R: RateLimiterRef> fmt::Debug for Acquire<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("tokens", &self.tokens)
            .field("waits", &self.place.is_some())
            .finish_non_exhaustive()
    }
}
