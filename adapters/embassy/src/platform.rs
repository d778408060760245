//! [`Embassy`]: the surroundings of a handle on embassy.

use mutex::raw_impls::cs::CriticalSectionRawMutex;
use tidegate_core::{Platform, Timed};

use crate::EmbassyTimer;

/// The platform for what several executors, or interrupt handlers, share: its lock is a critical section.
///
/// Interrupts are off only while a handle changes its line of waiters, never while anything is woken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Embassy;

impl Platform for Embassy {
    type RawMutex = CriticalSectionRawMutex;
    type CrowdedMutex = Self::RawMutex;
    const FAST_PATH: bool = true;
}

impl Timed for Embassy {
    type Timer = EmbassyTimer;
    const TIMER: EmbassyTimer = EmbassyTimer;
}
