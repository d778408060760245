//! [`Seat`]: where a thread waits. [`Signal`]: what the rest of the world knows of it.

use core::task::Waker;
use std::sync::Arc;
use std::task::Wake;
use std::thread;

use crossbeam_utils::sync::{Parker, Unparker};
use tidegate_core::Instant;

use crate::clock;
use crate::notice::Notice;
use crate::sleepers::Sleepers;

/// How often a thread gives way to others, and looks again, before it does the next costlier thing: before it
/// takes its place in line, and once more before it parks.
///
/// For orientation, on a 3.85 GHz machine: a yield to nobody takes 162 ns, a cache line from another core
/// 150 ns, and to be woken from a park 24 µs. So yielding notices what another core does about as fast as
/// spinning would; and where two threads share a core it is what lets the other one answer. Both times together cost
/// about as much as the park that they may spare: a wait is never more than twice as dear as it has to be.
pub(crate) const PATIENCE: u32 = 64;

/// What wakes the thread in one seat, and the sleepers which that thread looks after while it waits.
pub(crate) struct Signal {
    notice: Notice,
    unparker: Unparker,
    sleepers: Sleepers,
}

impl Signal {
    pub(crate) fn notify(&self) {
        if self.notice.give() {
            self.unparker.unpark();
        }
    }

    #[cfg(test)]
    pub(crate) fn is_parked(&self) -> bool {
        self.notice.is_parked()
    }

    pub(crate) fn sleepers(&self) -> &Sleepers {
        &self.sleepers
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}

/// Where one thread waits.
pub(crate) struct Seat {
    parker: Parker,
    signal: Arc<Signal>,
    waker: Waker,
}

impl Seat {
    pub(crate) fn new() -> Self {
        let parker = Parker::new();
        let signal = Arc::new(Signal {
            notice: Notice::new(),
            unparker: parker.unparker().clone(),
            sleepers: Sleepers::default(),
        });
        let waker = Waker::from(Arc::clone(&signal));
        Self { parker, signal, waker }
    }

    pub(crate) fn signal(&self) -> &Arc<Signal> {
        &self.signal
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Waits for a notification; `false` if `deadline` came first. Takes the notification, if any, either way.
    pub(crate) fn wait(&self, deadline: Instant) -> bool {
        let time_is_up = deadline != Instant::MAX && clock::now() >= deadline;
        let in_time = !time_is_up && (self.linger() || self.sleep(deadline));
        self.signal.notice.take();
        in_time
    }

    /// Looks after the sleepers until the next notification.
    pub(crate) fn attend(&self) {
        self.sleep(Instant::MAX);
        self.signal.notice.take();
    }

    /// Hopes that a notification is about to come; says whether it did.
    fn linger(&self) -> bool {
        for _ in 0..PATIENCE {
            if self.signal.notice.is_given() {
                return true;
            }
            thread::yield_now();
        }
        false
    }

    /// Sleeps until there is a notification, and wakes the sleepers that become due; `false` if `deadline`
    /// came first.
    fn sleep(&self, deadline: Instant) -> bool {
        loop {
            if self.park(deadline.min(self.signal.sleepers.next_deadline())) {
                return true;
            }
            let now = clock::now();
            self.signal.sleepers.wake_due(now);
            if now >= deadline {
                return self.signal.notice.is_given();
            }
        }
    }

    /// Parks until there is a notification; `false` if `until` came first.
    fn park(&self, until: Instant) -> bool {
        let wake_up = clock::to_std(until);
        self.signal.notice.wait(|| {
            match wake_up {
                Some(wake_up) => self.parker.park_deadline(wake_up),
                None => self.parker.park(),
            }
            wake_up.is_some() && clock::now() >= until
        })
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn soon() -> Instant {
        clock::now() + Duration::from_millis(2)
    }

    #[test]
    fn a_stray_token_ends_no_wait() {
        let seat = Seat::new();
        seat.signal.unparker.unpark();
        assert!(!seat.wait(soon()));
        seat.signal.unparker.unpark();
        seat.signal.notify();
        assert!(seat.wait(Instant::MAX));
        assert!(!seat.wait(soon()));
    }

    #[test]
    fn a_notification_is_taken_once_and_kept_until_then() {
        let seat = Seat::new();
        seat.signal.notify();
        seat.signal.notify();
        assert!(seat.wait(Instant::MAX));
        assert!(!seat.wait(soon()));
        seat.signal.notify();
        assert!(seat.wait(Instant::MAX));
    }

    #[test]
    fn a_parked_thread_is_woken() {
        let seat = Seat::new();
        let signal = Arc::clone(seat.signal());
        let waiting = thread::spawn(move || seat.wait(Instant::MAX));
        while !signal.is_parked() {
            thread::yield_now();
        }
        signal.notify();
        assert!(waiting.join().unwrap());
        assert!(!signal.is_parked() && !signal.notice.is_given());
    }

    #[test]
    fn a_wait_cut_short_leaves_the_seat_as_it_was() {
        let seat = Seat::new();
        assert!(!seat.wait(soon()));
        assert!(!seat.signal.is_parked() && !seat.signal.notice.is_given());
    }
}
