//! For the tasks of one executor: no lock, no critical section, and nothing here is `Sync`.
//!
//! Tasks share these by reference, or as a `&'static` out of a `StaticCell`.
//!
//! ```
//! use tidegate_embassy::local::Semaphore;
//!
//! let bus = Semaphore::<4>::new(1);
//! let permit = bus.try_acquire()?;
//! assert!(bus.try_acquire().is_err());
//! # drop(permit);
//! # Ok::<(), tidegate_embassy::TryAcquireError>(())
//! ```
//!
//! They stay where they are:
//!
//! ```compile_fail
//! static BUS: tidegate_embassy::local::Semaphore<4> = tidegate_embassy::local::Semaphore::new(1);
//! ```

use mutex::raw_impls::local::LocalRawMutex;
use tidegate_core::{Platform, Timed};

use crate::EmbassyTimer;

/// The platform for what stays within one executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbassyLocal;

impl Platform for EmbassyLocal {
    type RawMutex = LocalRawMutex;
    type CrowdedMutex = Self::RawMutex;
    const FAST_PATH: bool = false;
    const ONE_THREAD: bool = true;
}

impl Timed for EmbassyLocal {
    type Timer = EmbassyTimer;
    const TIMER: EmbassyTimer = EmbassyTimer;
}

crate::aliases::aliases!(EmbassyLocal, "the lock");
