//! [`Crew`]: how many loops serve what comes in batches.

use core::sync::atomic::{AtomicUsize, Ordering};

/// Loops that serve what comes in batches: one at first, and one more whenever the last of them that waits has taken a
/// batch, up to as many as there may be batches in flight. So a bound that is out of reach costs nothing.
#[derive(Debug)]
pub struct Crew {
    most: usize,
    loops: AtomicUsize,
    waiting: AtomicUsize,
}

impl Crew {
    /// A crew of one, which may grow up to `most`.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { most, loops: AtomicUsize::new(1), waiting: AtomicUsize::new(1) }
    }

    /// Notes that a loop has taken a batch. `true` if another loop is to be started, which counts as waiting already.
    pub(crate) fn takes(&self) -> bool {
        if self.waiting.fetch_sub(1, Ordering::Relaxed) > 1 {
            return false;
        }
        // Nobody waits any more, and only this loop has seen it.
        let one_more = |loops| (loops < self.most).then(|| loops + 1);
        let grows = self.loops.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        if grows {
            self.waiting.fetch_add(1, Ordering::Relaxed);
        }
        grows
    }

    /// Notes that a loop has done with its batch and waits for the next.
    pub(crate) fn returns(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_when_nobody_waits_and_no_further_than_it_may() {
        let crew = Crew::new(3);
        assert!(crew.takes());
        assert!(crew.takes());
        assert!(!crew.takes());
        crew.returns();
        crew.returns();
        assert!(!crew.takes() && !crew.takes());
        let alone = Crew::new(1);
        for _ in 0..3 {
            assert!(!alone.takes());
            alone.returns();
        }
    }

    #[test]
    fn who_waits_spares_another() {
        let crew = Crew::new(usize::MAX);
        for _ in 0..5 {
            // The second one waits while the first is at it.
            let alone = crew.loops.load(Ordering::Relaxed) == 1;
            assert_eq!(crew.takes(), alone);
            crew.returns();
        }
        assert_eq!(crew.loops.load(Ordering::Relaxed), 2);
    }
}
