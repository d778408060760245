//! [`Aborts`]: how to abort each of a group's tasks.

use core::fmt;
use core::mem;
use core::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// Fewer are not worth sweeping for.
const FEW: usize = 64;

/// How to abort a task.
pub trait Abort {
    /// Whether the task is over, so that this may be dropped.
    fn is_finished(&self) -> bool;

    /// Tells the task to abort; answers whether it had not ended by itself.
    fn abort(self) -> bool;
}

/// How to abort each of a group's tasks.
///
/// A task that ends does not take itself out, which would cost it a lock; those that have ended are swept out when
/// they may be half of all. So a handle to one that has ended is kept for a while: some words, its result not among
/// them.
pub struct Aborts<H> {
    locked: Mutex<Locked<H>>,
    /// How many tasks have been told to abort.
    aborted: AtomicUsize,
}

struct Locked<H> {
    handles: Vec<H>,
    /// At so many it is time to sweep.
    many: usize,
    /// Whoever comes from now on is aborted at once.
    for_good: bool,
}

impl<H: Abort> Aborts<H> {
    /// No tasks so far.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            locked: Mutex::new(Locked { handles: Vec::new(), many: FEW, for_good: false }),
            aborted: AtomicUsize::new(0),
        }
    }

    /// How many tasks have been told to abort.
    #[must_use]
    pub fn aborted(&self) -> usize {
        self.aborted.load(Ordering::Relaxed)
    }

    /// How many handles are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.locked.lock().handles.len()
    }

    /// Adds a task; it is aborted at once if all were [for good](Self::abort_all).
    pub fn add(&self, handle: H) {
        let mut locked = self.locked.lock();
        if locked.for_good {
            drop(locked);
            self.abort([handle]);
            return;
        }
        let mut ended = Vec::new();
        if locked.handles.len() >= locked.many {
            ended = locked.handles.extract_if(.., |handle| handle.is_finished()).collect();
            locked.many = (2 * locked.handles.len()).max(FEW);
        }
        locked.handles.push(handle);
        drop(locked);
        drop(ended);
    }

    /// Aborts all there are; with `for_good`, also all who come. Answers how many have been told to.
    pub fn abort_all(&self, for_good: bool) -> usize {
        let mut locked = self.locked.lock();
        locked.for_good |= for_good;
        locked.many = FEW;
        let handles = mem::take(&mut locked.handles);
        drop(locked);
        self.abort(handles)
    }

    fn abort(&self, handles: impl IntoIterator<Item = H>) -> usize {
        let aborted = handles.into_iter().map(Abort::abort).filter(|&aborted| aborted).count();
        self.aborted.fetch_add(aborted, Ordering::Relaxed);
        aborted
    }
}

impl<H: Abort> Default for Aborts<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H> fmt::Debug for Aborts<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aborts").field("aborted", &self.aborted).finish_non_exhaustive()
    }
}
