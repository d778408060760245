//! The gateway under traffic of its own, and what is checked meanwhile.

mod checks;
pub(crate) mod demo;
pub(crate) mod flaky;
mod hostile;
mod load;
mod memory;
pub(crate) mod overhead;
mod progress;
mod report;
pub(crate) mod soak;

use crate::failure::Failure;

/// Runs a trial to its end, or until Ctrl-C. Either way it is dropped, with all that it has begun and the files that
/// are for its time only.
pub(crate) async fn unless_interrupted(trial: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::select! {
        outcome = trial => outcome,
        Ok(()) = tokio::signal::ctrl_c() => Err(Failure::Run("interrupted".into())),
    }
}
