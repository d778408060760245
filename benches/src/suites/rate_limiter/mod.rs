//! The rate limiter beside its peers.
//!
//! Quotas are so large that nothing is ever refused, or so small that everything is. A limiter's check is mostly the
//! reading of its clock, so contenders of one row have the same clock.

mod checks;
mod floor;
mod keyed;
mod line;

use core::num::NonZero;
use core::time::Duration;

use tidegate_core::rate_limiter::Quota;

use crate::harness::Group;

pub(super) fn groups() -> Vec<Group> {
    let mut groups = checks::groups();
    groups.extend([keyed::group(), line::group()]);
    groups
}

/// Four billion at once.
fn plenty() -> Quota {
    let quota = Quota::per(1, Duration::from_nanos(1)).and_then(|quota| quota.burst(u32::MAX));
    quota.expect("the quota makes sense")
}

/// The same for governor.
fn plenty_of_governor() -> governor::Quota {
    let quota = governor::Quota::with_period(Duration::from_nanos(1)).expect("the quota makes sense");
    quota.allow_burst(NonZero::new(u32::MAX).expect("not zero"))
}

/// One an hour.
fn little() -> Quota {
    Quota::per(1, Duration::from_hours(1)).expect("the quota makes sense")
}

/// The same for governor.
fn little_of_governor() -> governor::Quota {
    governor::Quota::with_period(Duration::from_hours(1)).expect("the quota makes sense")
}
