//! The helper: the one thread that looks after the sleeps which executors other than ours poll.

use core::panic::AssertUnwindSafe;
use std::panic;
use std::sync::{Arc, OnceLock};
use std::thread;

use parking_lot::Mutex;

use crate::seat::{Seat, Signal};

static SIGNAL: OnceLock<Arc<Signal>> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

/// The helper's signal. Starts the helper if need be; `None` if the system refuses one more thread.
pub(crate) fn signal() -> Option<&'static Arc<Signal>> {
    if let Some(signal) = SIGNAL.get() {
        return Some(signal);
    }
    let _one_at_a_time = STARTING.lock();
    if SIGNAL.get().is_none() {
        let seat = Seat::new();
        let signal = Arc::clone(seat.signal());
        thread::Builder::new().name("tidegate-timer".into()).spawn(move || run(&seat)).ok()?;
        let _ = SIGNAL.set(signal);
    }
    SIGNAL.get()
}

/// Attends for ever: a waker that panics is no reason to leave the other sleepers alone.
fn run(seat: &Seat) {
    loop {
        let _ = panic::catch_unwind(AssertUnwindSafe(|| seat.attend()));
    }
}

#[cfg(test)]
pub(crate) fn has_started() -> bool {
    SIGNAL.get().is_some()
}
