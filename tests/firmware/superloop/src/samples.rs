//! The handle: an interrupt handler fills one of two buffers per tick, the superloop empties them, more slowly.

use core::cell::RefCell;

use critical_section::Mutex;
use heapless::Deque;
use semihosting::print;
use tidegate_core::semaphore::{self, Semaphore};
use tidegate_core::{CriticalSection, Inline};

type Permit = semaphore::Permit<&'static Semaphore<CriticalSection, Inline<1>>>;

/// A permit stands for a buffer that is free.
static BUFFERS: Semaphore<CriticalSection, Inline<1>> = Semaphore::new(2);
/// Those that are filled: when, and the permit, which frees the buffer once it is dropped.
static FILLED: Mutex<RefCell<Deque<(u32, Permit), 2>>> = Mutex::new(RefCell::new(Deque::new()));

/// In the interrupt handler: takes a buffer here and now, or loses the sample.
pub(crate) fn on_tick(now: u32) {
    let Ok(buffer) = BUFFERS.try_acquire() else { return };
    let refused = critical_section::with(|cs| FILLED.borrow_ref_mut(cs).push_back((now, buffer)));
    drop(refused); // never is: there are as many places as permits
}

/// In the superloop: empties a buffer, but only in every other pass.
pub(crate) fn pass(now: u32) {
    if now.is_multiple_of(2) {
        let filled = critical_section::with(|cs| FILLED.borrow_ref_mut(cs).pop_front());
        if let Some((when, buffer)) = filled {
            print!(" sample {when:2}");
            drop(buffer);
            return;
        }
    }
    print!(" no sample");
}

/// Empties what is left, and says whether every buffer is free then.
pub(crate) fn all_back() -> bool {
    while let Some(filled) = critical_section::with(|cs| FILLED.borrow_ref_mut(cs).pop_front()) {
        drop(filled);
    }
    BUFFERS.available_permits() == 2
}
