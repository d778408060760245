//! How the steps of a service went.

use core::error::Error;
use core::fmt;

use tidegate_core::shutdown::{BeginError, Phase, Reason};

use super::SignalError;
use crate::Panic;

/// What a step may answer: nothing, or a result.
pub trait StepOutcome {
    /// The same as a result.
    ///
    /// # Errors
    ///
    /// The step's own error.
    fn into_result(self) -> Result<(), Box<dyn Error + Send + Sync>>;
}

impl StepOutcome for () {
    fn into_result(self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> StepOutcome for Result<(), E> {
    fn into_result(self) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.map_err(Into::into)
    }
}

/// What went wrong in a step.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// It did not come in time.
    Late,
    /// It was not waited for any longer, because of a second signal.
    CutShort,
    /// It failed.
    Failed(Box<dyn Error + Send + Sync>),
    /// It panicked.
    Panicked(Panic),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("did not come in time"),
            Self::CutShort => f.write_str("was not waited for"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Panicked(panic) => panic.fmt(f),
        }
    }
}

/// A step with which something went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub struct Problem {
    /// The phase that the step belongs to.
    pub phase: Phase,
    /// Its name.
    pub name: &'static str,
    /// What went wrong.
    pub trouble: Trouble,
}

impl Problem {
    /// Notes it.
    #[must_use]
    pub const fn new(phase: Phase, name: &'static str, trouble: Trouble) -> Self {
        Self { phase, name, trouble }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.phase, self.name, self.trouble)
    }
}

/// How a service went.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServiceReport {
    /// Why it ended.
    pub reason: Reason,
    /// Whether a second signal cut it short.
    pub forced: bool,
    /// The steps with which something went wrong, in order.
    pub problems: Vec<Problem>,
}

impl ServiceReport {
    /// Notes how it went.
    #[must_use]
    pub const fn new(reason: Reason, forced: bool, problems: Vec<Problem>) -> Self {
        Self { reason, forced, problems }
    }

    /// Whether every step went well.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        !self.forced && self.problems.is_empty()
    }

    /// The names of those who did not come in time.
    pub fn late(&self) -> impl Iterator<Item = &'static str> {
        let late = |problem: &&Problem| matches!(problem.trouble, Trouble::Late | Trouble::CutShort);
        self.problems.iter().filter(late).map(|problem| problem.name)
    }
}

impl fmt::Display for ServiceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.reason, if self.forced { ", cut short" } else { "" })?;
        self.problems.iter().try_for_each(|problem| write!(f, "; {problem}"))
    }
}

/// Why a service does not run. It is as it was, and may be run later.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServiceError {
    /// Its shutdown is in use, or used up.
    Begin(BeginError),
    /// One of its signals cannot be listened to.
    Signal(SignalError),
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(error) => error.fmt(f),
            Self::Signal(error) => error.fmt(f),
        }
    }
}

impl Error for ServiceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Begin(_) => None,
            Self::Signal(error) => error.source(),
        }
    }
}

impl From<BeginError> for ServiceError {
    fn from(error: BeginError) -> Self {
        Self::Begin(error)
    }
}

impl From<SignalError> for ServiceError {
    fn from(error: SignalError) -> Self {
        Self::Signal(error)
    }
}
