//! For thread mode of a single-core Cortex-M: no critical section, and still a `static`.
//!
//! # Panics
//!
//! Every use from an interrupt handler panics, dropping a permit or a request included; that is what this lock
//! trades the critical section for. Use it where no interrupt handler runs an executor or holds a permit.

use mutex::raw_impls::single_core_thread_mode::ThreadModeRawMutex;
use tidegate_core::{Platform, Timed};

use crate::EmbassyTimer;

/// The platform for what stays in thread mode.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadMode;

impl Platform for ThreadMode {
    type RawMutex = ThreadModeRawMutex;
    type CrowdedMutex = Self::RawMutex;
    const FAST_PATH: bool = false;
}

impl Timed for ThreadMode {
    type Timer = EmbassyTimer;
    const TIMER: EmbassyTimer = EmbassyTimer;
}

crate::aliases::aliases!(ThreadMode, "the critical section");
