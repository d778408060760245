//! Shutdown on tokio: [`Service`] runs a program's steps in order, with the operating system's signals.
//!
//! One [`Shutdown`] may serve several runtimes and plain threads at once. Signals are those of
//! [`tidegate_threads::shutdown`], of which there is one hub per process; `tokio::signal`, if the program uses it
//! besides, hears of them as well.

mod service;
#[cfg(test)]
mod tests;

pub use service::Service;
pub use tidegate_threads::shutdown::{
    Problem, ServiceError, ServiceReport, SignalError, StepOutcome, Trouble, signal,
};

pub use tidegate_core::shutdown::*;
use tidegate_core::{Heap, shutdown};

use crate::{Tokio, TokioTimer};

/// The end of a program, or of a part of it: triggered from any task or thread, waited for by any. See
/// [`tidegate_core::shutdown`], and [`Service`] for the steps.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use tidegate_tokio::Shutdown;
///
/// static SHUTDOWN: Shutdown = Shutdown::new();
///
/// let worker = tokio::spawn(async {
///     tokio::select! {
///         _ = SHUTDOWN.triggered() => "told to stop",
///         // … or work …
/// #       () = std::future::pending() => "never",
///     }
/// });
/// SHUTDOWN.trigger();
/// assert_eq!(worker.await.expect("it does not panic"), "told to stop");
/// # }
/// ```
pub type Shutdown<T = TokioTimer> = shutdown::Shutdown<Tokio, Heap, T>;
