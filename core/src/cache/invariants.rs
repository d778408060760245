//! What must hold of a cache's [`Machine`] after every step, as the head of its file says.

use core::hash::Hash;

use super::machine::Machine;
use super::store::Store;
#[cfg(debug_assertions)]
use crate::slab::NONE;
use crate::storage::Storage;
use crate::wake::Wake;

impl<K: Hash + Eq, O, W: Wake, M: Store<K, O>, S: Storage> Machine<K, O, W, M, S> {
    #[inline]
    pub(super) fn check(&self) {
        #[cfg(debug_assertions)]
        self.invariants();
    }

    #[cfg(debug_assertions)]
    fn invariants(&self) {
        // To walk at every step would make the tests of large ones quadratic.
        if self.flights.len() > 32 {
            return;
        }
        let mut flights = 0;
        for (place, flight) in self.flights.places() {
            flights += 1;
            assert!(!flight.filed || flight.outcome.is_none(), "one at a time");
            let filed = self.flights.find_all(flight.hash, place);
            assert_eq!(filed, usize::from(flight.filed), "one at a time: filed as it says");
            assert!(flight.driven || flight.joined > 0, "somebody cares");
            let (mut at, mut before, mut waiting) = (flight.line.head, NONE, 0);
            while let Some(waiter) = self.waiters.at(at) {
                assert_eq!((waiter.flight, waiter.before), (place, before), "counted: a line holds together");
                waiting += 1;
                assert!(waiting <= flight.joined, "counted: a cycle");
                before = at;
                at = waiter.behind;
            }
            assert_eq!(flight.line.tail, before, "counted: a line has its end");
            if flight.outcome.is_some() {
                assert!(flight.line.is_empty() && !flight.driven, "all hear of it");
            } else {
                assert_eq!(waiting, flight.joined, "counted");
                let first = self.waiters.at(flight.line.head);
                assert!(flight.driven || first.is_some_and(|first| first.waker.is_none()), "nobody is stranded");
            }
        }
        assert_eq!(flights, self.flights.len(), "counted");
    }
}
