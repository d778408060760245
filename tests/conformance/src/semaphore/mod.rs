//! The semaphore. Its scenarios stand by kind; the other primitives have few enough for one file.
//!
//! In `order`, `leaving` and `permits` futures are polled by hand, so nobody needs to be woken and nothing races; `crowds`
//! does both.

mod blocking;
mod crowds;
mod leaving;
mod order;
mod permits;
mod timed;

pub use blocking::*;
pub use crowds::*;
pub use leaving::*;
pub use order::*;
pub use permits::*;
pub use timed::*;

use tidegate_core::semaphore::TryAcquireError;

const NO_PERMITS: Option<TryAcquireError> = Some(TryAcquireError::NoPermits);

/// Declares scenarios: functions that answer an [`Outcome`], with `Check` bodies.
macro_rules! scenarios {
    ($($(#[$attr:meta])* fn $name:ident<$p:ident, $s:ident>() $body:block)*) => {
        $(
            $(#[$attr])*
            pub fn $name<$p: Platform, $s: Storage>() -> Outcome {
                fn scenario<$p: Platform, $s: Storage>() -> Check {
                    $body
                    Ok(())
                }
                scenario::<$p, $s>().into()
            }
        )*
    };
}

use scenarios;
