//! [`Reservation`]: room for one task.

use core::fmt;
use core::future::Future;

use tidegate_threads::SpawnError;
use tidegate_threads::task::Home;

use super::Executor;
use super::work::Reserved;
use crate::{JoinHandle, OwnedPermit};

/// Room for one task in an [`Executor`], kept free until it is used or dropped.
#[must_use = "dropping it gives the room back"]
pub struct Reservation {
    executor: Executor,
    permit: OwnedPermit,
}

impl Reservation {
    pub(super) const fn new(executor: Executor, permit: OwnedPermit) -> Self {
        Self { executor, permit }
    }

    /// Lets `future` run at once.
    ///
    /// # Errors
    ///
    /// Those of [`Executor::submit`]: the executor may have been closed meanwhile. Gives `future` back.
    pub fn submit<F>(self, future: F) -> Result<JoinHandle<F::Output>, SpawnError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let Self { executor, permit } = self;
        if executor.is_closed() {
            return Err(SpawnError::Closed(future));
        }
        let task = executor.shared.group.spawn_wrapped(future, |member| Reserved::new(permit, member))?;
        Ok(JoinHandle::new(task, Home::ANYWHERE))
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").finish_non_exhaustive()
    }
}
