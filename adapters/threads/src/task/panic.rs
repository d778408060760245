//! [`Panic`]: what a task panicked with.

use core::any::Any;
use core::fmt;
use std::panic::resume_unwind;

use parking_lot::Mutex;

/// What a task panicked with, delivered to whoever holds its handle.
///
/// It may be looked at, or unwind on in the thread that received it.
pub struct Panic {
    /// Behind a lock to be `Sync`, as errors are expected to be; payloads need not.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panic {
    /// Takes what [`catch_unwind`](std::panic::catch_unwind) caught.
    #[must_use]
    pub const fn new(payload: Box<dyn Any + Send>) -> Self {
        Self { payload: Mutex::new(payload) }
    }

    /// What was panicked with.
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload.into_inner()
    }

    /// Goes on unwinding, here.
    ///
    /// # Panics
    ///
    /// That is what it is for.
    pub fn resume(self) -> ! {
        resume_unwind(self.into_payload())
    }

    /// The message, if it was panicked with one, as `panic!` does.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let payload = self.payload.lock();
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned())
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.message().as_deref().unwrap_or("…")).finish()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            Some(message) => write!(f, "panicked: {message}"),
            None => f.write_str("panicked"),
        }
    }
}
