//! [`World`]: how visitors become tasks.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use tidegate_core::semaphore::AcquireError;
use tidegate_core::{Platform, Storage};

use crate::{Check, Stage, Visitor};

/// How visitors become tasks, and where a scenario's semaphore lives: for `'a`, which is `'static` where tasks
/// must own what they use.
pub trait World<'a> {
    /// The platform of the adapter.
    type Platform: Platform;
    /// Where waiters are kept: room for [`CROWD`](crate::CROWD) of them.
    type Storage: Storage;

    /// How often each visitor comes in the scenarios that repeat.
    const ROUNDS: usize;

    /// Puts the stage where visitors find it. Called once per scenario.
    fn place(&self, stage: Stage<Self::Platform, Self::Storage>) -> &'a Stage<Self::Platform, Self::Storage>;

    /// Runs every visitor in a task of its own, and `director` beside them; ends when all of them have.
    ///
    /// A visitor is to be polled because it was woken, and only then. All of them are there at first; they are
    /// lent, so that a world of one task need not move them, which small stacks have no room for.
    fn run<const N: usize, D: Future>(
        &self,
        visitors: &mut [Option<Visitor<'a, Self::Platform, Self::Storage>>; N],
        director: D,
    ) -> impl Future<Output = ([Result<usize, AcquireError>; N], D::Output)>;
}

/// The visitors that [`World::run`] is lent, for a world whose tasks own them.
///
/// # Panics
///
/// If one has been taken before.
pub fn taken<'a, P: Platform, S: Storage, const N: usize>(
    visitors: &mut [Option<Visitor<'a, P, S>>; N],
) -> [Visitor<'a, P, S>; N] {
    visitors.each_mut().map(|visitor| visitor.take().expect("each is taken once"))
}

/// Runs visitors beside a director, and sends everybody home should the director find that something is wrong.
pub(crate) async fn act<'a, W: World<'a>, const N: usize>(
    world: &W,
    stage: &'a Stage<W::Platform, W::Storage>,
    visitors: &mut [Option<Visitor<'a, W::Platform, W::Storage>>; N],
    director: impl Future<Output = Check>,
) -> Result<[Result<usize, AcquireError>; N], crate::Failure> {
    let directed = async {
        let check = director.await;
        if check.is_err() {
            stage.tell_to_leave();
            stage.semaphore.close();
        }
        check
    };
    let (tickets, check) = world.run(visitors, directed).await;
    check.map(|()| tickets)
}

/// Polls a future for which nobody needs to be woken.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets the other tasks go on until the condition holds.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    poll_fn(|cx| {
        if condition() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Lets the other tasks go on `times` times.
pub(crate) async fn yield_times(times: usize) {
    let mut left = times;
    until(|| {
        let done = left == 0;
        left = left.saturating_sub(1);
        done
    })
    .await;
}
