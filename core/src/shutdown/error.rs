//! Why the end begins, how far it has come, and what can be refused.

use core::error::Error;
use core::fmt;

use crate::storage::{Buffer, Storage};

/// Why the end has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// The program itself asked for it.
    Requested,
    /// A signal came, with this number: the operating system's, or whatever a board numbers its pins by.
    Signal(i32),
    /// A start-up failed, so what has been started is to be stopped.
    StartUpFailed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("it was requested"),
            Self::Signal(number) => write!(f, "signal {number}"),
            Self::StartUpFailed => f.write_str("a start-up failed"),
        }
    }
}

/// What a second signal does. Both may be told apart from the first only if the first was a signal, too: after
/// [`trigger`](super::Shutdown::trigger) one may still press Ctrl-C once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SecondSignal {
    /// It ends everything at once. Where there are processes, the signal kills this one; elsewhere no join is
    /// waited for any longer, and the report names those that have not come.
    #[default]
    ForceExit,
    /// Nothing.
    Ignore,
}

/// What a trigger did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Heard {
    /// It began the end.
    First,
    /// Nothing: the end had begun.
    Again,
    /// It was a second signal, and cuts the run short.
    ForceExit,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Phase {
    /// It has not begun.
    Idle,
    /// Things are being started.
    StartUps,
    /// All has been started, and the end has not begun, or nested scopes are still ending.
    Waiting,
    /// Whoever is to stop is being told.
    Callbacks,
    /// Those who stop are waited for.
    Joins,
    /// It is over.
    Ended,
}

impl Phase {
    /// Whether a run is in progress.
    #[must_use]
    pub const fn is_running(self) -> bool {
        !matches!(self, Self::Idle | Self::Ended)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "not begun",
            Self::StartUps => "start-up",
            Self::Waiting => "wait",
            Self::Callbacks => "callback",
            Self::Joins => "join",
            Self::Ended => "ended",
        })
    }
}

/// Why a run does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BeginError {
    /// There is one in progress.
    AlreadyRunning,
    /// There has been one, and nothing was [made ready](super::Shutdown::rearm) for another.
    Ended,
}

impl fmt::Display for BeginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyRunning => "a run is in progress",
            Self::Ended => "the run has ended",
        })
    }
}

impl Error for BeginError {}

/// What was asked of a [`Machine`](super::Machine) does not belong into this phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct OutOfOrder {
    /// The phase that the run is in.
    pub phase: Phase,
}

impl fmt::Display for OutOfOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "out of order in the phase {}", self.phase)
    }
}

impl Error for OutOfOrder {}

/// A join did not come in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Late {
    /// Its name.
    pub name: &'static str,
    /// Its deadline had not come; a second signal cut it short.
    pub forced: bool,
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = if self.forced { "was not waited for" } else { "did not come in time" };
        write!(f, "{} {why}", self.name)
    }
}

impl Error for Late {}

/// Why nobody waits for the trigger any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WaitError {
    /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
    Full,
    /// The time was up first; only calls with a timeout say so.
    TimedOut,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "there is no room for another waiter",
            Self::TimedOut => "nothing was triggered in time",
        })
    }
}

impl Error for WaitError {}

/// How a run went.
pub struct Report<S: Storage> {
    pub(super) reason: Reason,
    pub(super) forced: bool,
    pub(super) late: S::Buffer<&'static str>,
    pub(super) missing: usize,
}

impl<S: Storage> Report<S> {
    /// Why it ended.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether a second signal cut it short.
    #[must_use]
    pub const fn forced(&self) -> bool {
        self.forced
    }

    /// Which joins did not come in time, in order; in inline storage the first so many of them.
    #[must_use]
    pub fn late(&self) -> &[&'static str] {
        self.late.as_slice()
    }

    /// How many joins did not come in time.
    #[must_use]
    pub const fn missing(&self) -> usize {
        self.missing
    }

    /// Whether everybody came.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.missing == 0 && !self.forced
    }
}

impl<S: Storage> fmt::Debug for Report<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("reason", &self.reason)
            .field("forced", &self.forced)
            .field("late", &self.late())
            .field("missing", &self.missing)
            .finish()
    }
}

impl<S: Storage> fmt::Display for Report<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if self.forced {
            f.write_str(", cut short")?;
        }
        for (place, name) in self.late().iter().enumerate() {
            write!(f, "{} {name}", if place == 0 { "; did not come:" } else { "," })?;
        }
        match self.missing - self.late().len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
