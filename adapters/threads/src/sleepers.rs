//! [`Sleepers`]: who is to be woken, and when.

use core::task::Waker;
use std::collections::BTreeMap;

use parking_lot::Mutex;
use tidegate_core::Instant;

/// Wakers by deadline; among equals, by arrival.
#[derive(Default)]
pub(crate) struct Sleepers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    wakers: BTreeMap<Key, Waker>,
    arrivals: u64,
}

/// The deadline, and a number that no other sleeper ever has.
pub(crate) type Key = (Instant, u64);

impl Sleepers {
    /// Adds a sleeper. The `bool` says whether it is now the first to be due.
    pub(crate) fn insert(&self, deadline: Instant, waker: Waker) -> (Key, bool) {
        let mut state = self.state.lock();
        let key = (deadline, state.arrivals);
        state.arrivals += 1;
        let is_first = state.wakers.first_key_value().is_none_or(|(first, _)| key < *first);
        state.wakers.insert(key, waker);
        (key, is_first)
    }

    /// Makes `waker` the one to wake; `false` if the sleeper is no longer here.
    pub(crate) fn refresh(&self, key: Key, waker: &Waker) -> bool {
        match self.state.lock().wakers.get(&key) {
            None => return false,
            Some(present) if present.will_wake(waker) => return true,
            Some(_) => {}
        }
        // Cloned and dropped outside the lock: both are foreign code.
        let mut other = waker.clone();
        if let Some(present) = self.state.lock().wakers.get_mut(&key) {
            core::mem::swap(present, &mut other);
            return true;
        }
        false
    }

    pub(crate) fn remove(&self, key: Key) {
        let removed = self.state.lock().wakers.remove(&key);
        drop(removed);
    }

    /// When somebody is due next; [`Instant::MAX`] if nobody sleeps.
    pub(crate) fn next_deadline(&self) -> Instant {
        self.state.lock().wakers.first_key_value().map_or(Instant::MAX, |(&(deadline, _), _)| deadline)
    }

    /// Wakes all who are due, in the order of their deadlines. Should a wake unwind, the rest are still here.
    pub(crate) fn wake_due(&self, now: Instant) {
        while let Some(waker) = self.pop_due(now) {
            waker.wake();
        }
    }

    fn pop_due(&self, now: Instant) -> Option<Waker> {
        let mut state = self.state.lock();
        let first = state.wakers.first_entry()?;
        if first.key().0 > now { None } else { Some(first.remove()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    struct Logger {
        name: u32,
        log: Arc<Mutex<Vec<u32>>>,
    }

    impl Wake for Logger {
        fn wake(self: Arc<Self>) {
            self.log.lock().push(self.name);
        }
    }

    #[test]
    fn wakes_by_deadline_then_by_arrival() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let sleepers = Sleepers::default();
        let insert = |name, nanos| {
            let waker = Waker::from(Arc::new(Logger { name, log: Arc::clone(&log) }));
            sleepers.insert(Instant::from_nanos(nanos), waker)
        };
        let (_, first) = insert(0, 20);
        assert!(first);
        let (_, first) = insert(1, 20);
        assert!(!first);
        let (cancelled, first) = insert(2, 10);
        assert!(first);
        insert(3, 10);
        insert(4, 30);
        sleepers.remove(cancelled);
        assert_eq!(sleepers.next_deadline(), Instant::from_nanos(10));
        sleepers.wake_due(Instant::from_nanos(9));
        assert!(log.lock().is_empty());
        sleepers.wake_due(Instant::from_nanos(20));
        assert_eq!(*log.lock(), [3, 0, 1]);
        assert_eq!(sleepers.next_deadline(), Instant::from_nanos(30));
        assert!(!sleepers.refresh(cancelled, Waker::noop()));
    }
}
