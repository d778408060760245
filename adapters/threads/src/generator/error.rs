//! How a generator can fail.

use core::any::Any;
use core::convert::Infallible;
use core::error::Error;
use core::fmt;

use parking_lot::Mutex;

/// Why a generator has ended before its time. It comes after the last item that was produced.
#[derive(Debug)]
#[non_exhaustive]
pub enum GeneratorError<E = Infallible> {
    /// The producer has failed.
    Failed(E),
    /// The producer has panicked.
    Panicked(Panicked),
    /// The pool did not run it: it is shut down, or has no thread.
    Lost,
}

impl<E: fmt::Display> fmt::Display for GeneratorError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::Lost => f.write_str("the pool did not run the producer"),
        }
    }
}

impl<E: Error + 'static> Error for GeneratorError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            _ => None,
        }
    }
}

/// What somebody panicked with.
pub struct Panicked {
    /// In a mutex to be `Sync`, which a payload need not be.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panicked {
    /// What a panic was caught with.
    #[must_use]
    pub const fn new(payload: Box<dyn Any + Send>) -> Self {
        Self { payload: Mutex::new(payload) }
    }

    /// The payload, for [`resume_unwind`](std::panic::resume_unwind).
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload.into_inner()
    }

    /// The message, if it was a plain one.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let payload = self.payload.lock();
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned())
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            Some(message) => write!(f, "it panicked: {message}"),
            None => f.write_str("it panicked"),
        }
    }
}

impl fmt::Debug for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panicked").field(&self.message()).finish()
    }
}

impl Error for Panicked {}
