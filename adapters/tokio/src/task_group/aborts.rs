//! [`Aborts`]: how to abort each of a group's tasks.

use core::mem;
use core::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::task::AbortHandle;

/// Fewer are not worth sweeping for.
const FEW: usize = 64;

/// How to abort each of a group's tasks.
///
/// A task that ends does not take itself out, which would cost it a lock; those that have ended are swept out when
/// they may be half of all. So a handle to one that has ended is kept for a while: some words, its result not among
/// them.
pub(super) struct Aborts {
    locked: Mutex<Locked>,
    /// How many tasks have been told to abort.
    aborted: AtomicUsize,
}

struct Locked {
    handles: Vec<AbortHandle>,
    /// At so many it is time to sweep.
    many: usize,
    /// Whoever comes from now on is aborted at once.
    for_good: bool,
}

impl Aborts {
    pub(super) const fn new() -> Self {
        Self {
            locked: Mutex::new(Locked { handles: Vec::new(), many: FEW, for_good: false }),
            aborted: AtomicUsize::new(0),
        }
    }

    /// How many tasks have been told to abort.
    pub(super) fn aborted(&self) -> usize {
        self.aborted.load(Ordering::Relaxed)
    }

    /// How many handles are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.locked.lock().handles.len()
    }

    pub(super) fn add(&self, handle: AbortHandle) {
        let mut locked = self.locked.lock();
        if locked.for_good {
            drop(locked);
            self.abort(&handle);
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
    pub(super) fn abort_all(&self, for_good: bool) -> usize {
        let mut locked = self.locked.lock();
        locked.for_good |= for_good;
        locked.many = FEW;
        let handles = mem::take(&mut locked.handles);
        drop(locked);
        handles.iter().filter(|handle| self.abort(handle)).count()
    }

    fn abort(&self, handle: &AbortHandle) -> bool {
        let runs = !handle.is_finished();
        if runs {
            self.aborted.fetch_add(1, Ordering::Relaxed);
            handle.abort();
        }
        runs
    }
}
