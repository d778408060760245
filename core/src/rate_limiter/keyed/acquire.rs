//! [`KeyedAcquire`]: the future that waits in a key's line.

use core::borrow::Borrow;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::super::alarm::Alarm;
use super::super::machine::Progress;
use super::KeyedAcquireError;
use super::pointer::KeyedRateLimiterRef;
use super::pointer::sealed::Ticket;
use crate::{Instant, Priority};

pin_project! {
    /// The future of [`KeyedRateLimiter::acquire`](super::KeyedRateLimiter::acquire): resolves once the tokens are taken.
    ///
    /// It takes its place in the key's line when it is first polled. Once it has been ready it stays pending for good.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives up the place in line, and the timer with it, which the next takes over. If tokens had been
    /// taken for it unseen they are refunded; nothing is lost.
    #[must_use = "futures do nothing unless polled"]
    pub struct KeyedAcquire<R: KeyedRateLimiterRef, B: Borrow<R::Key>> {
        // `None` once the future has been ready.
        limiter: Option<R>,
        key: B,
        ticket: Ticket,
        #[pin]
        alarm: Alarm<R::Timer>,
    }

    impl<R: KeyedRateLimiterRef, B: Borrow<R::Key>> PinnedDrop for KeyedAcquire<R, B> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(limiter) = this.limiter {
                limiter.cancel(this.ticket, (*this.key).borrow());
            }
        }
    }
}

impl<R: KeyedRateLimiterRef, B: Borrow<R::Key>> KeyedAcquire<R, B> {
    pub(super) const fn new(limiter: R, key: B, tokens: u32) -> Self {
        Self { limiter: Some(limiter), key, ticket: Ticket::new(tokens), alarm: Alarm::new() }
    }

    /// Waits with this priority, whatever the scope's is.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.ticket.priority = Some(priority);
        self
    }
}

impl<R: KeyedRateLimiterRef, B: Borrow<R::Key>> Future for KeyedAcquire<R, B> {
    type Output = Result<(), KeyedAcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(limiter) = this.limiter.as_ref() else { return Poll::Pending };
        let mut timed = this.alarm.is_set();
        let output = loop {
            let until = match limiter.advance(this.ticket, (*this.key).borrow(), timed, cx) {
                Ok(Progress::Waiting { until }) => until.filter(|until| *until < Instant::MAX),
                Ok(_) => break Ok(()),
                Err(error) => break Err(error),
            };
            let Some(until) = until else {
                // Somebody else holds the timer, or the time never comes.
                this.alarm.clear();
                return Poll::Pending;
            };
            ready!(limiter.poll_until(this.alarm.as_mut(), until, cx));
            timed = true;
        };
        this.alarm.clear();
        *this.limiter = None;
        Poll::Ready(output)
    }
}

impl<R: KeyedRateLimiterRef, B: Borrow<R::Key>> fmt::Debug for KeyedAcquire<R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedAcquire")
            .field("tokens", &self.ticket.tokens)
            .field("waits", &self.ticket.place.is_some())
            .finish_non_exhaustive()
    }
}
