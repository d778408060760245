//! [`Telemetry`]: what goes on in the gateway, as counts.

use core::time::Duration;

use crate::urgency::Class;

/// Why a request was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its client asks too often.
    Limited,
    /// Too many stand in line, or it has waited too long.
    Overloaded,
    /// The upstream wants to be left alone for longer than it would wait.
    LockedOut,
    /// Its body has too many bytes.
    TooLarge,
}

/// How the cache answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cached {
    Hit,
    Miss,
    /// It waited for what somebody else was fetching.
    Joined,
    /// The answer was past its time, and somebody fetches a new one.
    Stale,
}

#[derive(Debug)]
pub(crate) struct Telemetry;

#[derive(Debug)]
pub(crate) struct Snapshot;

#[expect(clippy::unused_self, clippy::needless_pass_by_value, reason = "a stub")]
impl Telemetry {
    pub(crate) const fn new() -> Self {
        Self
    }
    pub(crate) fn admitted(&self, _class: Class) {}
    pub(crate) fn refused(&self, _class: Class, _why: Refused) {}
    pub(crate) fn answered(&self, _class: Class, _latency: Duration, _status: u16) {}
    pub(crate) fn waiting(&self, _class: Class, _now: usize) {}
    pub(crate) fn cache(&self, _how: Cached) {}
    pub(crate) fn batch(&self, _rows: usize) {}
    pub(crate) fn locked_out(&self, _span: Duration) {}
    pub(crate) fn close(&self) {}
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot
    }
}
