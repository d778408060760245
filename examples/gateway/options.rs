//! [`Options`]: what the gateway grants, and to whom.

use core::time::Duration;
use std::path::PathBuf;

use crate::http::Slowness;

/// What can be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How many requests may be in the upstream at once; at least 1.
    pub(crate) permits: usize,
    /// How many requests it may get in a second and [`slack`](Self::slack); at least 1.
    pub(crate) rate: u32,
    /// Requests may be delayed on their way by so much.
    pub(crate) slack: Duration,
    /// How many requests a client may send per second; at least 1.
    pub(crate) client_rate: u32,
    /// How long a request may stand in line.
    pub(crate) patience: Duration,
    /// How long a page is kept whose answer does not say.
    pub(crate) ttl: Duration,
    /// Where access is logged; `None` for a file that is removed in the end.
    pub(crate) log: Option<PathBuf>,
    /// Whether to believe in `X-Forwarded-For`.
    pub(crate) behind_proxy: bool,
    /// How slow clients and the upstream may be.
    pub(crate) slowness: Slowness,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            permits: 8,
            rate: 320,
            slack: Duration::from_millis(250),
            client_rate: 200,
            patience: Duration::from_secs(10),
            ttl: Duration::from_secs(1),
            log: None,
            behind_proxy: false,
            slowness: Slowness::BOUNDED,
        }
    }
}
