//! What tasks and threads have in common: how they end, and who is told.
//!
//! These are the parts from which the adapters that spawn are made; [`JoinError`], [`SpawnError`] and [`Summary`]
//! are what users meet.

mod aborts;
mod error;
mod home;
mod member;
mod on_exit;
mod panic;
mod results;
mod summary;

pub use aborts::{Abort, Aborts};
pub use error::{JoinError, RunError, ShutdownError, SpawnError};
pub use home::{AtHome, Home};
pub use member::{Failed, Member, contain};
pub use on_exit::OnExit;
pub use panic::Panic;
pub use results::{ResultOrder, Results, Ticket};
pub use summary::Summary;

use std::sync::Arc;

use tidegate_core::task_group::{self, EnterError, Guard};
use tidegate_core::{Heap, Platform};

use crate::Threads;

/// Counts the members of whatever runs threads or tasks.
pub type Tracker = task_group::TaskGroup<Threads, Heap>;

/// Membership in a group of threads or of tasks, to be kept by one that somebody else has started.
pub type TaskGuard = task_group::Guard<Arc<Tracker>>;

/// Enters a group with something that is to be run in it.
///
/// # Errors
///
/// [`Closed`](SpawnError::Closed), [`TooMany`](SpawnError::TooMany); gives `payload` back.
#[expect(clippy::type_complexity, reason = "membership, and what is given back")]
pub fn enter<P: Platform, F>(
    group: &Arc<task_group::TaskGroup<P, Heap>>,
    payload: F,
) -> Result<(Guard<Arc<task_group::TaskGroup<P, Heap>>>, F), SpawnError<F>> {
    match task_group::TaskGroup::track_owned(Arc::clone(group)) {
        Ok(guard) => Ok((guard, payload)),
        Err(EnterError::Closed) => Err(SpawnError::Closed(payload)),
        Err(_) => Err(SpawnError::TooMany(payload)),
    }
}
