//! [`Requests`]: what is to be answered together.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use heapless::Vec as InlineVec;
use pin_project_lite::pin_project;

use super::replies::Reply;
use super::{Batcher, BatcherRef, Request, Through};
use crate::platform::{Blocking, Platform};
use crate::storage::Storage;
use crate::time::{Elapsed, Timer, timeout_at};
use crate::wake::WakeList;
use crate::waterfall::{Batch, NextBatch, Waterfall};

/// How many answers are given under one lock: as many as can be woken.
const TOGETHER: usize = WakeList::<Waker>::CAPACITY;

/// Requests that are to be answered together, in the order in which they were made.
///
/// Those that are not answered when it is dropped are dropped: their callers hear
/// [`CallError::Dropped`](super::CallError::Dropped).
#[must_use = "requests that are dropped are not answered"]
pub struct Requests<R: BatcherRef> {
    batch: Option<Batch<Through<R>>>,
    /// How many have been answered.
    answered: usize,
}

impl<R: BatcherRef> Requests<R> {
    const fn new(batch: Batch<Through<R>>) -> Self {
        Self { batch: Some(batch), answered: 0 }
    }

    fn all(&self) -> &[Request<R::Input>] {
        self.batch.as_deref().unwrap_or_default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all().len()
    }

    /// Whether there are none, which is never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// What is asked; without those that have been [taken](Self::take_inputs).
    pub fn inputs(&self) -> impl Iterator<Item = &R::Input> {
        self.all().iter().filter_map(|request| request.input.as_ref())
    }

    /// Takes what is asked.
    pub fn take_inputs(&mut self) -> impl Iterator<Item = R::Input> {
        let all = self.batch.as_deref_mut().unwrap_or_default();
        all.iter_mut().filter_map(|request| request.input.take())
    }

    /// Gives each caller its answer, in the order of the requests. If there are fewer answers than requests, the rest are
    /// dropped; if there are more, the rest are not looked at.
    pub fn answer(mut self, answers: impl IntoIterator<Item = R::Output>) {
        let mut answers = answers.into_iter();
        while self.answer_some(&mut answers) {}
        self.finish(true);
    }

    /// Answers as many as can be woken under one lock; `false` if there is nothing more to do.
    fn answer_some(&mut self, answers: &mut impl Iterator<Item = R::Output>) -> bool {
        let left = self.len().saturating_sub(self.answered);
        let mut some: InlineVec<Reply<R::Output>, TOGETHER> = InlineVec::new();
        while some.len() < left.min(TOGETHER)
            && let Some(answer) = answers.next()
        {
            if some.push(Some(answer)).is_err() {
                unreachable!("there is room for so many");
            }
        }
        let given = some.len();
        self.reply(some);
        given == TOGETHER
    }

    fn reply(&mut self, replies: InlineVec<Reply<R::Output>, TOGETHER>) {
        let Some(batch) = &self.batch else { return };
        let Some(owner) = batch.owner() else { return };
        let from = self.answered;
        self.answered += replies.len();
        let requests = batch.get(from..self.answered).unwrap_or_default();
        owner.0.batcher().reply(requests, replies);
    }

    fn finish(&mut self, well: bool) {
        while self.answered < self.len() {
            let count = self.len().saturating_sub(self.answered).min(TOGETHER);
            self.reply((0..count).map(|_| None).collect());
        }
        match self.batch.take() {
            Some(batch) if well => batch.done(),
            Some(batch) => batch.failed(),
            None => {}
        }
    }
}

impl<R: BatcherRef> Drop for Requests<R> {
    fn drop(&mut self) {
        self.finish(false);
    }
}

impl<R: BatcherRef> fmt::Debug for Requests<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("len", &self.len()).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Batcher::next`]: resolves to requests that are to be answered, or to `None` once there will never
    /// be any again.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no request.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct NextRequests<R: BatcherRef> {
        #[pin]
        next: NextBatch<Through<R>>,
    }
}

impl<R: BatcherRef> Future for NextRequests<R> {
    type Output = Option<Requests<R>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().next.poll(cx).map(|batch| batch.map(Requests::new))
    }
}

impl<I, O, P: Platform, S: Storage, Q: Storage, T: Timer> Batcher<I, O, P, S, Q, T> {
    /// Takes requests that are to be answered, here and now; `None` if there are none.
    pub fn try_next(&self) -> Option<Requests<&Self>> {
        Waterfall::try_next_batch_owned(Through(self)).map(Requests::new)
    }

    /// Waits for requests that are to be answered; `None` once the batcher is closed and all have been taken.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no request.
    pub const fn next(&self) -> NextRequests<&Self> {
        NextRequests { next: Waterfall::next_batch_owned(Through(self)) }
    }

    /// Waits for requests for at most `timeout` from this call on. To be awaited; the blocking one is
    /// [`next_blocking_timeout`](Self::next_blocking_timeout).
    ///
    /// # Errors
    ///
    /// [`Elapsed`]: no requests were to be answered in time, and the batcher did not end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no request, and neither does the time that is up.
    pub fn next_timeout(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Option<Requests<&Self>>, Elapsed>> + use<'_, I, O, P, S, Q, T> {
        let deadline = self.timer().now() + timeout;
        async move { timeout_at(self.timer(), deadline, self.next()).await }
    }

    /// Answers requests by `callback` until the batcher is closed and the last have been answered. It is given the
    /// requests, from which it may take what is asked, and gives the answers in the same order.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the requests that the callback has: their callers hear of it.
    pub async fn run<'a, A>(&'a self, mut callback: impl AsyncFnMut(&mut Requests<&'a Self>) -> A)
    where
        A: IntoIterator<Item = O>,
    {
        while let Some(mut requests) = self.next().await {
            let answers = callback(&mut requests).await;
            requests.answer(answers);
        }
    }

    fn reply(&self, requests: &[Request<I>], replies: InlineVec<Reply<O>, TOGETHER>) {
        // Filled under the lock, dropped outside: first the wakes, then the answers that nobody waits for.
        let mut unwanted: InlineVec<Reply<O>, TOGETHER> = InlineVec::new();
        let mut wakes = WakeList::new();
        self.replies.with(|places| {
            for (request, reply) in requests.iter().zip(replies) {
                match places.fill(request.ticket, reply) {
                    Ok(Some(waker)) => {
                        if wakes.push(waker).is_err() {
                            unreachable!("as many as can be woken");
                        }
                    }
                    Ok(None) => {}
                    Err(reply) => {
                        if unwanted.push(reply).is_err() {
                            unreachable!("as many as there are replies");
                        }
                    }
                }
            }
        });
        wakes.deliver();
    }

    /// Tells the callers that nobody will answer.
    pub(super) fn drop_requests(&self, requests: &[Request<I>]) {
        for some in requests.chunks(TOGETHER) {
            self.reply(some, some.iter().map(|_| None).collect());
        }
    }
}

impl<I, O, P: Blocking, S: Storage, Q: Storage, T: Timer> Batcher<I, O, P, S, Q, T> {
    /// Blocks this thread until there are requests: for threads, never for async tasks. Otherwise as
    /// [`next`](Self::next).
    pub fn next_blocking(&self) -> Option<Requests<&Self>> {
        P::block_on(self.next())
    }

    /// The same, for at most `timeout` by the platform's own clock.
    ///
    /// # Errors
    ///
    /// Those of [`next_timeout`](Self::next_timeout).
    pub fn next_blocking_timeout(&self, timeout: Duration) -> Result<Option<Requests<&Self>>, Elapsed> {
        P::block_on_until(P::now() + timeout, self.next()).ok_or(Elapsed)
    }
}
