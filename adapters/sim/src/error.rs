//! [`SimError`]: how a run ends other than with a value.

use core::error::Error;
use core::fmt;

use tidegate_core::Instant;

use crate::Schedule;

/// Why a run came to no end of its own. A task that panics is not among them: it unwinds out of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SimError {
    /// No task was ready, and nobody slept whom time could have woken.
    #[non_exhaustive]
    Deadlock {
        /// What repeats the run.
        schedule: Schedule,
        /// The virtual time.
        at: Instant,
        /// The names of all tasks that had not ended, in the order in which they were spawned.
        tasks: Vec<String>,
    },
    /// The run took more steps than allowed: very likely somebody wakes themself for ever.
    #[non_exhaustive]
    StepLimit {
        /// What repeats the run.
        schedule: Schedule,
        /// The virtual time.
        at: Instant,
        /// How many steps were allowed.
        limit: u64,
        /// The names of the tasks that were ready to go on.
        tasks: Vec<String>,
    },
    /// The environment variable `TIDEGATE_SEED` is set to something that is not a seed.
    #[non_exhaustive]
    BadSeed {
        /// What it is set to.
        value: String,
    },
}

impl fmt::Display for SimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadlock { schedule, at, tasks } => {
                let tasks = tasks.join(", ");
                write!(f, "deadlock at {at} ({schedule}): nothing can ever wake {tasks}")
            }
            Self::StepLimit { schedule, at, limit, tasks } => {
                let tasks = tasks.join(", ");
                write!(f, "no end after {limit} steps, at {at} ({schedule}): still ready are {tasks}")
            }
            Self::BadSeed { value } => {
                write!(f, "TIDEGATE_SEED is set to {value:?}, which is not a number of 64 bits")
            }
        }
    }
}

impl Error for SimError {}
