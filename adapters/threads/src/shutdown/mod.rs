//! Shutdown on threads: [`Service`] runs a program's steps in order, with the operating system's signals.

mod outer;
mod report;
mod service;
mod signals;
#[doc(hidden)]
pub mod steps;
#[cfg(test)]
mod tests;

pub use report::{Problem, ServiceError, ServiceReport, StepOutcome, Trouble};
pub use service::Service;
pub use signals::{Hear, Listening, SignalError, listen};
pub use tidegate_core::shutdown::*;

use tidegate_core::{Heap, shutdown};

use crate::{Threads, ThreadsTimer};

/// The numbers of signals.
pub mod signal {
    #[cfg(unix)]
    pub use signal_hook::consts::signal::*;
}

/// The end of a program, or of a part of it: triggered from any thread or task, waited for by any. See
/// [`tidegate_core::shutdown`], and [`Service`] for the steps.
///
/// ```
/// use std::thread;
/// use tidegate_threads::Shutdown;
///
/// static SHUTDOWN: Shutdown = Shutdown::new();
///
/// let worker = thread::spawn(|| SHUTDOWN.triggered_blocking());
/// SHUTDOWN.trigger();
/// assert!(worker.join().expect("it does not panic").is_ok());
/// ```
pub type Shutdown<T = ThreadsTimer> = shutdown::Shutdown<Threads, Heap, T>;
