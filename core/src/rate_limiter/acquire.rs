//! [`Acquire`]: the future that waits in line.

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;

use super::alarm::Alarm;
use super::machine::{Admission, Progress};
use super::{AcquireError, RateLimiterRef};
use crate::wait_queue::WaiterKey;
use crate::{Clock, Instant, Platform, Priority};

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
    // In this order: who stands in a crowd needs the first fields only, which are then in one line of the cache.
    #[repr(C)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Acquire<R: RateLimiterRef> {
        // `None` once the future has been ready.
        limiter: Option<R>,
        // The place in line, if it has one.
        place: Option<WaiterKey>,
        tokens: u32,
        #[pin]
        alarm: Alarm<R::Timer>,
        // `None` for the priority of the scope.
        priority: Option<Priority>,
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
        Self { limiter: Some(limiter), place: None, tokens, alarm: Alarm::new(), priority: None }
    }

    /// Waits with this priority, whatever the scope's is.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// What most polls of a crowd come to: what somebody else has seen to.
    #[inline]
    fn is_served(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        let served = match (this.limiter.as_ref(), *this.place) {
            (Some(limiter), Some(place)) if !this.alarm.is_set() => limiter.limiter().grants.lists(place),
            _ => false,
        };
        if served {
            (*this.place, *this.limiter) = (None, None);
        }
        served
    }

    /// And what the others come to: a place behind others, for which no time is needed.
    ///
    /// # Errors
    ///
    /// The waker, if it has been cloned, where it takes more.
    #[inline]
    fn stand_behind(self: Pin<&mut Self>, cx: &Context<'_>) -> Result<(), Option<Waker>> {
        let this = self.project();
        let (Some(limiter), None) = (this.limiter.as_ref(), *this.place) else { return Err(None) };
        let limiter = limiter.limiter();
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
        if key.is_some() { Ok(()) } else { Err(waker) }
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
        // Only whoever holds the timer needs to know what time it is; to others it has been told.
        let now = timed.then(|| limiter.timer().now());
        let standing = match now {
            Some(_) => None,
            None => limiter.lock(|machine| machine.standing(place, cx.waker())),
        };
        if standing == Some(Progress::Granted) {
            return Ok(Progress::Granted);
        }
        let mut differs = standing == Some(Progress::WakerDiffers);
        loop {
            if mem::take(&mut differs) {
                let fresh = cx.waker().clone();
                let mut wakes = limiter.wakes();
                if let Ok((_replaced, until)) =
                    limiter.transact_untimed(&mut wakes, |machine| machine.register(place, fresh))
                {
                    return Ok(Progress::Waiting { until });
                }
            }
            let mut released = None;
            let mut wakes = limiter.wakes();
            match limiter.transact_untimed(&mut wakes, |machine| {
                let now = now.unwrap_or(machine.now());
                machine.poll_and_release(now, place, cx.waker(), &mut released)
            }) {
                Ok(Progress::WakerDiffers) => differs = true,
                // It may be the one to be served: that needs no wake.
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
        }
    }
}

impl<R: RateLimiterRef> Future for Acquire<R> {
    type Output = Result<(), AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.as_mut().is_served() { Poll::Ready(Ok(())) } else { self.poll_in_line(cx) }
    }
}

impl<R: RateLimiterRef> Acquire<R> {
    #[inline(never)]
    fn poll_in_line(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), AcquireError>> {
        match self.as_mut().stand_behind(cx) {
            Ok(()) => Poll::Pending,
            Err(waker) => self.poll_closely(waker, cx),
        }
    }

    #[inline(never)]
    fn poll_closely(
        mut self: Pin<&mut Self>,
        mut waker: Option<Waker>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), AcquireError>> {
        let mut timed = self.alarm.is_set();
        loop {
            let progress = match (&self.limiter, self.place) {
                (None, _) => return Poll::Pending,
                (Some(_), Some(place)) => self.as_mut().progress(place, timed, cx),
                (Some(_), None) => self.as_mut().enter(waker.take(), cx),
            };
            let mut this = self.as_mut().project();
            let until = match progress {
                Ok(Progress::Waiting { until }) => until.filter(|until| *until < Instant::MAX),
                Ok(_) => break Poll::Ready(Ok(())),
                Err(error) => break Poll::Ready(Err(error)),
            };
            let (Some(until), Some(limiter)) = (until, this.limiter.as_ref()) else {
                // Somebody else holds the timer, or the time never comes.
                this.alarm.clear();
                return Poll::Pending;
            };
            ready!(this.alarm.as_mut().poll_until(until, limiter.limiter().timer(), cx));
            timed = true;
        }
        .map(|output| {
            let this = self.project();
            (*this.place, *this.limiter) = (None, None);
            this.alarm.clear();
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
