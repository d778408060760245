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
mod served;
pub(crate) mod soak;
