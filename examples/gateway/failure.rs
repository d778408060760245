//! [`Failure`]: why the program ends with another code than zero.

use core::fmt;
use std::process::ExitCode;

/// One line for standard error, and an exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for makes no sense: exit code 2.
    Usage(String),
    /// What was asked for did not work: exit code 1.
    Run(String),
}

impl Failure {
    /// Says what was tried when an error came.
    pub(crate) fn to<E: fmt::Display>(attempt: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self::Run(format!("cannot {attempt}: {error}"))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Run(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => write!(f, "{message} (--help says more)"),
            Self::Run(message) => f.write_str(message),
        }
    }
}
