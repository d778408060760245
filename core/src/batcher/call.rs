//! [`Call`]: the future that waits for an answer.

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::replies::{Slot, Taken, Ticket};
use super::{BatcherOf, BatcherRef, CallError, Request, Through};
use crate::waterfall::{Put, PutError, TryPutError, Waterfall};

/// The future of [`Batcher::call`](super::Batcher::call): resolves to the answer.
///
/// The request is made when it is first polled. Once it has been ready it stays pending for good.
///
/// # Cancel safety
///
/// Dropping it takes the request along, unless it has been accepted; then it is answered, and the answer is dropped.
#[must_use = "futures do nothing unless polled"]
pub struct Call<R: BatcherRef> {
    batcher: R,
    step: Step<R>,
}

enum Step<R: BatcherRef> {
    Holds(R::Input),
    /// There is no room for the request.
    Puts(Put<Through<R>>, Ticket),
    Waits(Ticket),
    Over,
}

impl<R: BatcherRef> Call<R> {
    pub(super) const fn new(batcher: R, input: R::Input) -> Self {
        Self { batcher, step: Step::Holds(input) }
    }

    /// Ends the call, whose time is up: an answer that has come meanwhile counts, and a request that waits for room is
    /// withdrawn.
    pub(super) fn give_up(mut self) -> Result<R::Output, CallError<R::Input>> {
        let mut withdrawn = None;
        let ticket = match mem::replace(&mut self.step, Step::Over) {
            Step::Holds(input) => return Err(CallError::TimedOut(Some(input))),
            Step::Puts(mut put, ticket) => {
                // Noted before anybody is woken: a wake may panic.
                self.step = Step::Waits(ticket);
                withdrawn = put.withdraw();
                ticket
            }
            Step::Waits(ticket) => ticket,
            Step::Over => return Err(CallError::Dropped),
        };
        self.step = Step::Over;
        match self.batcher.batcher().replies.with(|replies| replies.leave(ticket)) {
            Some(Slot::Answered(reply)) => reply.ok_or(CallError::Dropped),
            _ => Err(CallError::TimedOut(withdrawn.and_then(|request| request.input))),
        }
    }

    /// The first poll.
    fn enter(&mut self, input: R::Input, cx: &mut Context<'_>) -> Poll<Result<R::Output, CallError<R::Input>>> {
        let batcher = self.batcher.batcher();
        let waker = cx.waker().clone();
        let Ok(ticket) = batcher.replies.with(|replies| replies.enter(waker)) else {
            return Poll::Ready(Err(CallError::Full(input)));
        };
        // Noted before anybody is woken: a wake may panic.
        self.step = Step::Waits(ticket);
        match batcher.requests.try_put(Request { input: Some(input), ticket }) {
            Ok(()) => Poll::Pending,
            Err(TryPutError::Full(request)) => {
                let put = Waterfall::put_owned(Through(self.batcher.clone()), request);
                self.put(put, ticket, cx)
            }
            Err(TryPutError::Closed(request)) => self.refuse(request, ticket, CallError::Closed),
        }
    }

    /// Waits for room for the request.
    #[cold]
    fn put(
        &mut self,
        mut put: Put<Through<R>>,
        ticket: Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<Result<R::Output, CallError<R::Input>>> {
        match Pin::new(&mut put).poll(cx) {
            Poll::Pending => {
                self.step = Step::Puts(put, ticket);
                Poll::Pending
            }
            Poll::Ready(Ok(())) => self.wait(ticket, cx),
            Poll::Ready(Err(PutError::Full(request) | PutError::TimedOut(request))) => {
                self.refuse(request, ticket, CallError::Full)
            }
            Poll::Ready(Err(PutError::Closed(request))) => self.refuse(request, ticket, CallError::Closed),
        }
    }

    #[cold]
    fn refuse(
        &mut self,
        request: Request<R::Input>,
        ticket: Ticket,
        why: fn(R::Input) -> CallError<R::Input>,
    ) -> Poll<Result<R::Output, CallError<R::Input>>> {
        self.step = Step::Over;
        leave::<R>(self.batcher.batcher(), ticket);
        Poll::Ready(Err(request.input.map_or(CallError::Dropped, why)))
    }

    /// Waits for the answer.
    fn wait(&mut self, ticket: Ticket, cx: &Context<'_>) -> Poll<Result<R::Output, CallError<R::Input>>> {
        let batcher = self.batcher.batcher();
        self.step = Step::Waits(ticket);
        loop {
            match batcher.replies.with(|replies| replies.take(ticket, cx.waker())) {
                Taken::Reply(reply) => {
                    self.step = Step::Over;
                    return Poll::Ready(reply.ok_or(CallError::Dropped));
                }
                Taken::Waiting => return Poll::Pending,
                Taken::WakerDiffers => {
                    let fresh = cx.waker().clone();
                    if let Ok(_replaced) = batcher.replies.with(|replies| replies.register(ticket, fresh)) {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

/// Gives a caller's place up.
fn leave<R: BatcherRef>(batcher: &BatcherOf<R>, ticket: Ticket) {
    drop(batcher.replies.with(|replies| replies.leave(ticket)));
}

impl<R: BatcherRef> Future for Call<R> {
    type Output = Result<R::Output, CallError<R::Input>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match mem::replace(&mut this.step, Step::Over) {
            Step::Holds(input) => this.enter(input, cx),
            Step::Puts(put, ticket) => this.put(put, ticket, cx),
            Step::Waits(ticket) => this.wait(ticket, cx),
            Step::Over => Poll::Pending,
        }
    }
}

/// Nothing in it is ever pinned.
impl<R: BatcherRef> Unpin for Call<R> {}

impl<R: BatcherRef> Drop for Call<R> {
    #[inline]
    fn drop(&mut self) {
        if let Step::Waits(ticket) | Step::Puts(_, ticket) = self.step {
            leave::<R>(self.batcher.batcher(), ticket);
        }
    }
}

impl<R: BatcherRef> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("waits", &matches!(self.step, Step::Waits(_))).finish_non_exhaustive()
    }
}
