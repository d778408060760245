//! What tasks and threads have in common: how they end, and who is told.
//!
//! These are the parts from which the adapters that spawn are made; [`JoinError`], [`SpawnError`] and [`Summary`]
//! are what users meet.

mod error;
mod home;
mod member;
mod on_exit;
mod panic;
mod results;
mod summary;

pub use error::{JoinError, RunError, ShutdownError, SpawnError};
pub use home::{AtHome, Home};
pub use member::{Failed, Member, contain};
pub use on_exit::OnExit;
pub use panic::Panic;
pub use results::{ResultOrder, Results, Ticket};
pub use summary::Summary;

use std::sync::Arc;

use tidegate_core::{Heap, task_group};

use crate::Threads;

/// Counts the members of whatever runs threads, or tasks on a thread of ours.
pub type Tracker = task_group::TaskGroup<Threads, Heap>;

/// Membership in a group of threads, to be kept by a thread that somebody else has started.
pub type TaskGuard = task_group::Guard<Arc<Tracker>>;
