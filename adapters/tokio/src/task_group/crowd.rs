//! [`Crowd`]: one membership, shared by all tasks of a group.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::{TaskGuard, Tracker};

/// A share in a membership. The group is left when the last share has been dropped.
pub(crate) type Share = Arc<TaskGuard>;

/// One membership, shared by all tasks of a group.
///
/// Whoever enters a group by himself counts himself in and keeps the group alive, which are two atomic operations, and
/// two more at the end. The count of an `Arc` does both in one: that of the shares keeps the membership, and through
/// it the group.
pub(super) struct Crowd {
    shares: Weak<TaskGuard>,
    /// The group's own share, so that there is one to take from; given up when the group is closed. From then on
    /// there are shares only as long as somebody has one, as a closed group takes in only whom its members bring.
    own: Mutex<Option<Share>>,
}

impl Crowd {
    /// The crowd of a new group, which is never without a member before this is [closed](Self::close).
    pub(super) fn new(tracker: &Arc<Tracker>) -> Self {
        let own = Tracker::track_owned(Arc::clone(tracker)).ok().map(Arc::new);
        Self { shares: own.as_ref().map_or_else(Weak::new, Arc::downgrade), own: Mutex::new(own) }
    }

    /// No crowd: everybody enters by himself, and it can be told when there is nobody although more may come.
    pub(super) const fn none() -> Self {
        Self { shares: Weak::new(), own: Mutex::new(None) }
    }

    /// Another share, unless there are none any more.
    #[inline]
    pub(super) fn enter(&self) -> Option<Share> {
        self.shares.upgrade()
    }

    /// Gives the group's own share up.
    pub(super) fn close(&self) {
        let own = self.own.lock().take();
        // Not under the lock: it may be the last one, and wake whoever waits.
        drop(own);
    }

    /// How many members there are, if the group has counted so many.
    pub(super) fn len(&self, counted: usize) -> usize {
        let own = usize::from(self.own.lock().is_some());
        let shares = self.shares.strong_count();
        (counted + shares).saturating_sub(usize::from(shares > 0) + own)
    }
}
