//! What a user may choose: [`Config`].

/// Whether a request that waits for many permits may be passed by smaller ones behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadOfLine {
    /// Nobody passes: permits gather until the first in line has enough. It is never starved, and meanwhile
    /// permits lie idle.
    #[default]
    Strict,
    /// While the first in line cannot be served, those behind it that can be are, in their order, but at most
    /// `at_most` times; then as with [`Strict`](Self::Strict). Permits do not lie idle for long requests'
    /// sake, and those wait for longer. Looking for who can be served costs a step per waiter passed over.
    Bypass {
        /// How many grants the first in line lets pass, counted for each waiter once it is first.
        at_most: u32,
    },
}

/// How a semaphore treats its line; [`Config::new`] is what one gets without asking.
///
/// ```
/// use tidegate_core::{Inline, Local};
/// use tidegate_core::semaphore::{Config, HeadOfLine, Semaphore};
///
/// let config = Config::new().max_bypass(100).head_of_line(HeadOfLine::Bypass { at_most: 8 });
/// let semaphore: Semaphore<Local, Inline<4>> = Semaphore::with_config(3, config);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Config {
    pub(super) head_of_line: HeadOfLine,
    pub(super) max_bypass: Option<u32>,
    pub(super) barging: bool,
}

impl Config {
    /// Strict, without a bound on bypassing, and without barging.
    pub const fn new() -> Self {
        Self { head_of_line: HeadOfLine::Strict, max_bypass: None, barging: false }
    }

    /// Whether a request for many permits may be passed by smaller ones behind it.
    pub const fn head_of_line(self, head_of_line: HeadOfLine) -> Self {
        Self { head_of_line, ..self }
    }

    /// Bounds starvation: no waiter sits through more than `grants` grants to more urgent ones.
    ///
    /// The bound is exact and holds for every waiter, so it has a price: once a waiter has sat through that
    /// many it goes before everybody more urgent. Under a backlog in which all have waited that long the line
    /// turns around; choose a number well above the backlog that you expect. Each grant then costs a step per
    /// priority in use.
    pub const fn max_bypass(self, grants: u32) -> Self {
        Self { max_bypass: Some(grants), ..self }
    }

    /// Lets whoever comes take permits that are free, past those who wait: more throughput, no fairness.
    ///
    /// Permits that come back are not handed to the first in line; it is woken, and takes them if nobody was
    /// faster. It keeps its place if somebody was. The other choices have no effect then.
    pub const fn barging(self, barging: bool) -> Self {
        Self { barging, ..self }
    }
}
