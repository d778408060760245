//! How a generator can fail.

use core::convert::Infallible;
use core::error::Error;
use core::fmt;

use crate::Panic;

/// Why a generator has ended before its time. It comes after the last item that was produced.
#[derive(Debug)]
#[non_exhaustive]
pub enum GeneratorError<E = Infallible> {
    /// The producer has failed.
    Failed(E),
    /// The producer has panicked, or somebody whom it woke.
    Panicked(Panic),
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
