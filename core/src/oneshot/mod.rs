//! One value, from whoever makes it to whoever waits for it: the hand-over beneath the handles to tasks and threads.
//!
//! [`Oneshot`] is the place between the two; [`split`](Oneshot::split) gives the two sides, a [`Sender`] and a
//! [`Receiver`]. A side that is dropped is noticed by the other. [`Machine`] is the state machine beneath, for those
//! who bring their own lock.
//!
//! # Source
//!
//! The name is that of futures' and of tokio's channels of this kind.

mod machine;
#[cfg(all(test, not(loom)))]
mod tests;

pub use machine::{Machine, Progress};

use core::error::Error;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use crate::platform::Platform;
use crate::sync::{Lock, const_fn};

/// The place where one value is handed over; shared by reference, by `Arc` or as a `static`.
///
/// # Cost
///
/// One short lock to send, one to receive. No allocation.
///
/// ```
/// use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// use tidegate_core::Local;
/// use tidegate_core::oneshot::Oneshot;
///
/// let place = Oneshot::<Local, u32>::new();
/// let (sender, receiver) = Oneshot::split(&place).expect("it has not been split before");
/// let mut receiver = pin!(receiver);
/// let mut cx = Context::from_waker(Waker::noop());
/// assert!(receiver.as_mut().poll(&mut cx).is_pending());
/// sender.send(7)?;
/// assert_eq!(receiver.as_mut().poll(&mut cx), Poll::Ready(Ok(7)));
/// # Ok::<(), u32>(())
/// ```
pub struct Oneshot<P: Platform, T> {
    locked: Lock<P::RawMutex, Locked<T>>,
}

struct Locked<T> {
    machine: Machine<T, Waker>,
    is_split: bool,
}

impl<P: Platform, T> Oneshot<P, T> {
    const_fn! {
        /// A place without a value.
        #[must_use]
        pub fn new() -> Self {
            Self { locked: Lock::new(Locked { machine: Machine::new(), is_split: false }) }
        }
    }

    /// The two sides. `None` if they have been given out before.
    pub fn split<R>(this: R) -> Option<(Sender<R>, Receiver<R>)>
    where
        R: OneshotRef<Platform = P, Value = T> + Clone,
    {
        let was_split = this.oneshot().locked.with(|locked| core::mem::replace(&mut locked.is_split, true));
        (!was_split).then(|| (Sender { place: this.clone() }, Receiver { place: this }))
    }

    fn with<U>(&self, operation: impl FnOnce(&mut Machine<T, Waker>) -> U) -> U {
        self.locked.with(|locked| operation(&mut locked.machine))
    }
}

impl<P: Platform, T> Default for Oneshot<P, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform, T> fmt::Debug for Oneshot<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_settled = self.with(|machine| machine.is_settled());
        f.debug_struct("Oneshot").field("is_settled", &is_settled).finish_non_exhaustive()
    }
}

/// The side that has the value. Dropped without having sent it, it tells the [`Receiver`] so.
pub struct Sender<R: OneshotRef> {
    place: R,
}

impl<R: OneshotRef> Sender<R> {
    /// Hands the value over.
    ///
    /// # Errors
    ///
    /// Gives the value back if the receiver is gone.
    pub fn send(self, value: R::Value) -> Result<(), R::Value> {
        let waker = self.place.oneshot().with(|machine| machine.send(value))?;
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Whether the receiver is gone, and the value would come back.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.place.oneshot().with(|machine| machine.is_over())
    }
}

impl<R: OneshotRef> Drop for Sender<R> {
    fn drop(&mut self) {
        let waker = self.place.oneshot().with(Machine::abandon);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<R: OneshotRef> fmt::Debug for Sender<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// The side that waits for the value: a future.
///
/// # Errors
///
/// [`Abandoned`] if the [`Sender`] was dropped without having sent it, or if the value has been received before.
///
/// # Cancel safety
///
/// Awaiting `&mut receiver` and dropping that future loses nothing. Dropping the receiver itself drops the value.
#[must_use = "futures do nothing unless polled"]
pub struct Receiver<R: OneshotRef> {
    place: R,
}

impl<R: OneshotRef> Receiver<R> {
    /// Whether the answer is there, value or not.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.place.oneshot().with(|machine| machine.is_settled())
    }
}

impl<R: OneshotRef> Future for Receiver<R> {
    type Output = Result<R::Value, Abandoned>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let place = self.place.oneshot();
        loop {
            match place.with(|machine| machine.poll(cx.waker())) {
                Progress::Received(value) => return Poll::Ready(Ok(value)),
                Progress::Abandoned => return Poll::Ready(Err(Abandoned)),
                Progress::Waiting => return Poll::Pending,
                Progress::WakerDiffers => {
                    let fresh = cx.waker().clone();
                    if let Ok(_replaced) = place.with(|machine| machine.register(fresh)) {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

/// Nothing in it is ever pinned.
impl<R: OneshotRef> Unpin for Receiver<R> {}

impl<R: OneshotRef> Drop for Receiver<R> {
    fn drop(&mut self) {
        drop(self.place.oneshot().with(Machine::hang_up));
    }
}

impl<R: OneshotRef> fmt::Debug for Receiver<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("is_settled", &self.is_settled()).finish_non_exhaustive()
    }
}

/// There is no value, and there will be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender is gone, and sent nothing")
    }
}

impl Error for Abandoned {}

crate::pointer::pointer! {
    pub trait OneshotRef for Oneshot<P: Platform, T>, by oneshot {
        /// The platform.
        type Platform: Platform = P;
        /// What is handed over.
        type Value = T;
    }
}
