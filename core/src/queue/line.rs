//! [`Line`]: those who wait for one kind of thing, each with a waker until it has been called.

use super::answers::Progress;
use super::discipline::Offer;
use crate::Priority;
use crate::storage::Storage;
use crate::wait_queue::{WaitQueue, WaiterKey};
use crate::wake::Wake;

/// Those who wait for one kind of thing. Whoever is granted it is gone, and that is how it knows.
///
/// `O` is what each may leave with its place.
pub(super) struct Line<W, V: Storage, O = ()>(WaitQueue<Waiter<W, O>, V>);

struct Waiter<W, O> {
    /// `None` once it has been told that there is no point in waiting.
    waker: Option<W>,
    offer: O,
}

/// It had been granted already what it waited for.
pub(super) struct Granted;

/// How one stands who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Granted,
    /// It has been told that there is no point in waiting; now it has left.
    Refused,
    Waiting,
    /// It waits, and another waker is registered.
    WakerDiffers,
}

impl From<Standing> for Progress {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Granted => Self::Granted,
            Standing::Refused => Self::Closed,
            Standing::Waiting => Self::Waiting,
            Standing::WakerDiffers => Self::WakerDiffers,
        }
    }
}

impl<W, V: Storage, O> Line<W, V, O> {
    pub(super) const fn new() -> Self {
        Self(WaitQueue::new())
    }

    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a place, or gives the waker back if there is none.
    pub(super) fn enter(&mut self, priority: Priority, waker: W, offer: O) -> Result<WaiterKey, W> {
        match self.0.push(priority, Waiter { waker: Some(waker), offer }) {
            Ok(key) => Ok(key),
            Err(Waiter { waker: Some(waker), .. }) => Err(waker),
            Err(Waiter { waker: None, .. }) => unreachable!("the waiter was made with a waker"),
        }
    }

    /// [`Standing::Granted`] and [`Standing::Refused`] use the key up.
    pub(super) fn ask(&mut self, key: WaiterKey, waker: &W) -> Standing
    where
        W: Wake,
    {
        match self.0.get(key).map(|waiter| &waiter.waker) {
            None => Standing::Granted,
            Some(Some(registered)) if registered.will_wake(waker) => Standing::Waiting,
            Some(Some(_)) => Standing::WakerDiffers,
            Some(None) => {
                self.0.remove(key);
                Standing::Refused
            }
        }
    }

    /// Answers the waker that was registered, or gives this one back to somebody who does not wait any more.
    pub(super) fn register(&mut self, key: WaiterKey, waker: W) -> Result<Option<W>, W> {
        match self.0.get_mut(key).map(|waiter| &mut waiter.waker) {
            Some(registered @ Some(_)) => Ok(registered.replace(waker)),
            _ => Err(waker),
        }
    }

    /// Grants the first in line what it waits for, and answers its waker.
    #[inline]
    pub(super) fn grant(&mut self) -> Option<W> {
        self.0.grant_front(|_, waiter| waiter.waker.take())
    }

    /// Tells the first in line that there is no point in waiting, and answers its waker.
    pub(super) fn refuse(&mut self) -> Option<W> {
        let front = self.0.front()?;
        self.0.leave(front)?.waker.take()
    }

    /// Forgets a waiter and answers its waker, if it still had one; an error if it had been granted already.
    pub(super) fn cancel(&mut self, key: WaiterKey) -> Result<Option<W>, Granted> {
        self.0.remove(key).map(|waiter| waiter.waker).ok_or(Granted)
    }

    /// Leaves the item with the place in line.
    pub(super) fn make_offer<T>(&mut self, key: WaiterKey, item: &mut Option<T>)
    where
        O: Offer<T>,
    {
        if let Some(waiter) = self.0.get_mut(key) {
            waiter.offer.make(item);
        }
    }

    /// Takes what the first in line offers, and answers its waker, too. Then it is gone: that is how it knows.
    pub(super) fn accept<T>(&mut self) -> Option<(T, Option<W>)>
    where
        O: Offer<T>,
    {
        self.0.grant_front(|_, waiter| Some((waiter.offer.take()?, waiter.waker.take())))
    }

    /// Takes an offer back, also from one who has been told that there is no point in waiting.
    pub(super) fn take_back<T>(&mut self, key: WaiterKey) -> Option<T>
    where
        O: Offer<T>,
    {
        self.0.get_mut(key)?.offer.take()
    }

    /// Whether it has been told that there is no point in waiting, and does not know it yet.
    pub(super) fn is_refused(&self, key: WaiterKey) -> bool {
        self.0.get(key).is_some_and(|waiter| waiter.waker.is_none())
    }
}
