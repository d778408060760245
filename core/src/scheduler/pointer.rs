//! [`SchedulerRef`]: whatever points at a scheduler.

use super::Scheduler;
use crate::platform::Platform;
use crate::storage::Storage;
use crate::time::{Clock, MaybeWall};

crate::pointer::pointer! {
    pub trait SchedulerRef for Scheduler<T, P: Platform, S: Storage, C: Clock, W: MaybeWall>, by scheduler {
        /// What is scheduled.
        type Item = T;
        /// The scheduler's platform.
        type Platform: Platform = P;
        /// The scheduler's storage.
        type Storage: Storage = S;
        /// The scheduler's timer, or its clock where nobody waits.
        type Timer: Clock = C;
        /// The scheduler's wall clock, if it has one.
        type Wall: MaybeWall = W;
    }
}
