//! [`Here`]: the world of one task.

use core::cell::OnceCell;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use tidegate_core::semaphore::AcquireError;
use tidegate_core::{Platform, Storage};

use crate::{Stage, Visitor, World};

/// The world of one task: all visitors are polled by the task that runs the scenario.
///
/// They share its waker, so whenever one is woken all are polled; that they are woken at all is what a world with
/// tasks shows better.
pub struct Here<'a, P: Platform, S: Storage> {
    slot: &'a OnceCell<Stage<P, S>>,
}

impl<'a, P: Platform, S: Storage> Here<'a, P, S> {
    /// A world for one scenario, which keeps its semaphore in `slot`.
    pub const fn new(slot: &'a OnceCell<Stage<P, S>>) -> Self {
        Self { slot }
    }
}

impl<'a, P: Platform, S: Storage> World<'a> for Here<'a, P, S> {
    type Platform = P;
    type Storage = S;

    const ROUNDS: usize = 10;

    fn place(&self, stage: Stage<P, S>) -> &'a Stage<P, S> {
        self.slot.get_or_init(|| stage)
    }

    async fn run<const N: usize, D: Future>(
        &self,
        visitors: &mut [Option<Visitor<'a, P, S>>; N],
        director: D,
    ) -> ([Result<usize, AcquireError>; N], D::Output) {
        let mut director = pin!(director);
        let mut tickets = [const { None }; N];
        let mut directed = None;
        poll_fn(|cx| {
            if directed.is_none()
                && let Poll::Ready(output) = director.as_mut().poll(cx)
            {
                directed = Some(output);
            }
            for (visitor, ticket) in visitors.iter_mut().zip(&mut tickets) {
                if let Some(inside) = visitor
                    && let Poll::Ready(output) = Pin::new(inside).poll(cx)
                {
                    *ticket = Some(output);
                    *visitor = None;
                }
            }
            if tickets.iter().all(Option::is_some)
                && let Some(directed) = directed.take()
            {
                return Poll::Ready((tickets.map(|ticket| ticket.unwrap_or(Ok(0))), directed));
            }
            Poll::Pending
        })
        .await
    }
}

impl<P: Platform, S: Storage> fmt::Debug for Here<'_, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Here").finish_non_exhaustive()
    }
}
