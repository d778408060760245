//! What an executor spawns: a member of its group that has its turn, and gives it back.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use pin_project_lite::pin_project;
use tidegate_core::semaphore::{Acquire, AcquireError};
use tidegate_threads::task::Ticket;

use crate::task_group::{MemberTask, Outcome};
use crate::{OwnedPermit, Semaphore};

type Turn = Acquire<Arc<Semaphore>>;

pin_project! {
    /// Runs when its turn has come.
    pub(super) struct Queued<F> {
        // Dropped first, order of declaration: the turn is given back when the work is no more.
        #[pin]
        member: MemberTask<F>,
        // `None` once the turn has come.
        turn: Option<Turn>,
        permit: Option<OwnedPermit>,
    }
}

impl<F> Queued<F> {
    /// With a turn that has been polled already.
    pub(super) fn new(turn: Turn, polled: Poll<Result<OwnedPermit, AcquireError>>, member: MemberTask<F>) -> Self {
        match polled {
            Poll::Pending => Self { member, turn: Some(turn), permit: None },
            // Nobody closes the semaphore.
            Poll::Ready(permit) => Self { member, turn: None, permit: permit.ok() },
        }
    }
}

impl<F: Future> Future for Queued<F> {
    type Output = Outcome<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(turn) = this.turn {
            *this.permit = ready!(Pin::new(turn).poll(cx)).ok();
            *this.turn = None;
        }
        this.member.poll(cx)
    }
}

pin_project! {
    /// Runs with a permit, and hands its outcome in.
    pub(super) struct Ticketed<F: Future> {
        #[pin]
        member: MemberTask<F>,
        permit: Option<OwnedPermit>,
        ticket: Option<Ticket<Outcome<F::Output>>>,
    }
}

impl<F: Future> Ticketed<F> {
    pub(super) const fn new(
        permit: OwnedPermit,
        ticket: Ticket<Outcome<F::Output>>,
        member: MemberTask<F>,
    ) -> Self {
        Self { member, permit: Some(permit), ticket: Some(ticket) }
    }
}

impl<F: Future> Future for Ticketed<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let outcome = ready!(this.member.poll(cx));
        // The permit first: whoever receives the result starts the next task with it.
        *this.permit = None;
        if let Some(ticket) = this.ticket.take() {
            ticket.complete(outcome);
        }
        Poll::Ready(())
    }
}

pin_project! {
    /// Runs with a permit that was reserved.
    pub(super) struct Reserved<F> {
        #[pin]
        member: MemberTask<F>,
        permit: OwnedPermit,
    }
}

impl<F> Reserved<F> {
    pub(super) const fn new(permit: OwnedPermit, member: MemberTask<F>) -> Self {
        Self { member, permit }
    }
}

impl<F: Future> Future for Reserved<F> {
    type Output = Outcome<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().member.poll(cx)
    }
}
