//! How urgent a request is: the header `x-priority`, and the three [`Class`]es that figures are kept for.

use core::num::IntErrorKind;

use axum::http::{HeaderMap, HeaderName};
use tidegate_tokio::Priority;

pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-priority");

const MOST_URGENT: i32 = -10;
const LEAST_URGENT: i32 = 10;

/// The header makes no sense.
pub(crate) const MALFORMED: &str = "x-priority takes one whole number; -10 is the most urgent and 10 the least\n";

/// How urgent a request is.
///
/// Every priority in use costs the line an entry, so a number beyond the range counts as the end of it: clients
/// can make 21 classes and no more.
pub(crate) fn of(headers: &HeaderMap) -> Result<Priority, &'static str> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(Priority::default()) };
    let number = value.to_str().map_err(|_| MALFORMED)?.trim().parse::<i32>();
    if values.next().is_some() {
        return Err(MALFORMED);
    }
    match number.as_ref().map_err(core::num::ParseIntError::kind) {
        Ok(number) => Ok(Priority((*number).clamp(MOST_URGENT, LEAST_URGENT))),
        Err(IntErrorKind::PosOverflow) => Ok(Priority(LEAST_URGENT)),
        Err(IntErrorKind::NegOverflow) => Ok(Priority(MOST_URGENT)),
        Err(_) => Err(MALFORMED),
    }
}

/// Requests that are about as urgent; figures are kept for each of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// A priority below zero: somebody waits for the answer.
    Interactive,
    /// Priority zero, or none at all.
    Normal,
    /// A priority above zero: whenever there is time.
    Batch,
}

impl Class {
    pub(crate) const ALL: [Self; 3] = [Self::Interactive, Self::Normal, Self::Batch];

    pub(crate) const fn of(priority: Priority) -> Self {
        match priority.0 {
            ..0 => Self::Interactive,
            0 => Self::Normal,
            1.. => Self::Batch,
        }
    }

    /// Its place in [`ALL`](Self::ALL).
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Normal => "normal",
            Self::Batch => "batch",
        }
    }
}
