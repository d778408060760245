//! [`Outcome`]: how a scenario went.

use core::fmt;

/// What a scenario finds: nothing, or what does not hold.
pub type Check = Result<(), Failure>;

/// What does not hold, and where that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The expression that should have been true.
    pub what: &'static str,
    /// The file it is in.
    pub file: &'static str,
    /// The line it is on.
    pub line: u32,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.what, self.file, self.line)
    }
}

/// How a scenario went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// All holds.
    Passed,
    /// Something does not hold.
    Failed(Failure),
    /// It was not run, for the reason given.
    Skipped(&'static str),
}

impl Outcome {
    /// Whether nothing was found.
    #[must_use]
    pub const fn is_good(self) -> bool {
        !matches!(self, Self::Failed(_))
    }
}

impl From<Check> for Outcome {
    fn from(check: Check) -> Self {
        match check {
            Ok(()) => Self::Passed,
            Err(failure) => Self::Failed(failure),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("ok"),
            Self::Failed(failure) => write!(f, "FAILED: {failure}:"),
            Self::Skipped(reason) => write!(f, "skipped, as {reason}:"),
        }
    }
}

/// Ends the scenario with a [`Failure`] unless the condition holds.
macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            return Err($crate::Failure { what: stringify!($condition), file: file!(), line: line!() });
        }
    };
}
pub(crate) use check;

/// The value of an `Ok`; ends the scenario with a [`Failure`] otherwise.
macro_rules! demand {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(_) => return Err($crate::Failure { what: stringify!($result), file: file!(), line: line!() }),
        }
    };
}
pub(crate) use demand;

/// The value of a `Poll::Ready(Ok(_))`; ends the scenario with a [`Failure`] otherwise.
macro_rules! ready {
    ($poll:expr) => {
        match $poll {
            core::task::Poll::Ready(Ok(value)) => value,
            _ => return Err($crate::Failure { what: stringify!($poll), file: file!(), line: line!() }),
        }
    };
}
pub(crate) use ready;
