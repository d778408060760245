//! [`LoadError`]: why there is no value.

use core::convert::Infallible;
use core::error::Error;
use core::fmt;

/// Why a call got no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LoadError<E = Infallible> {
    /// The computation failed. All who waited for it get the same error.
    Failed(E),
    /// There is no room for another computation in flight, or for another who waits for one.
    Full,
    /// The call was made from inside of the very computation that it asks for, and would wait for itself.
    Recursive,
    /// The computation that was spawned for this call ended without an outcome: it panicked, was aborted, or there
    /// was nobody to run it.
    Abandoned,
    /// The time was up first; only calls with a timeout say so.
    TimedOut,
}

impl<E: fmt::Display> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed(error) => return error.fmt(f),
            Self::Full => "there is no room for another computation in flight",
            Self::Recursive => "the computation asks for its own outcome",
            Self::Abandoned => "the computation ended without an outcome",
            Self::TimedOut => "the value was not there in time",
        })
    }
}

impl<E: Error> Error for LoadError<E> {
    /// That of the computation's own error, in whose place this one stands.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            _ => None,
        }
    }
}

/// What a computation may come to: a `Result<V, E>`, or a plain `V` where nothing can fail. Nobody else implements
/// it.
#[diagnostic::on_unimplemented(
    message = "the computation yields `{Self}`, which is not what the cache holds",
    label = "it is to yield `Result<{V}, {E}>`; or `{V}`, where `E` is `Infallible`"
)]
pub trait Outcome<V, E>: sealed::Sealed<V, E> {
    /// As a result.
    ///
    /// # Errors
    ///
    /// The computation's own.
    fn into_result(self) -> Result<V, E>;
}

impl<V, E> Outcome<V, E> for Result<V, E> {
    #[inline]
    fn into_result(self) -> Self {
        self
    }
}

impl<V> Outcome<V, Infallible> for V {
    #[inline]
    fn into_result(self) -> Result<V, Infallible> {
        Ok(self)
    }
}

mod sealed {
    use super::Infallible;

    pub trait Sealed<V, E> {}

    impl<V, E> Sealed<V, E> for Result<V, E> {}
    impl<V> Sealed<V, Infallible> for V {}
}
