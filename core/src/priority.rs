//! [`Priority`]: who goes first.

/// How urgent a request is: **lower is sooner**, the default is 0, ties go by arrival.
///
/// ```
/// use tidegate_core::Priority;
///
/// assert!(Priority(-1).is_before(Priority::default()));
/// assert!(!Priority(3).is_before(Priority(3)));
/// ```
///
/// The type is ordered as its number is, so the most urgent of several is their [`min`](Ord::min).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Priority(pub i32);

impl Priority {
    /// The most urgent priority there is.
    pub const MOST_URGENT: Self = Self(i32::MIN);
    /// The least urgent priority there is.
    pub const LEAST_URGENT: Self = Self(i32::MAX);

    /// Whether this priority is strictly more urgent than `other`.
    #[must_use]
    pub const fn is_before(self, other: Self) -> bool {
        self.0 < other.0
    }
}

impl From<i32> for Priority {
    fn from(value: i32) -> Self {
        Self(value)
    }
}
