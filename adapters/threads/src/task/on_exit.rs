//! [`OnExit`]: what becomes of those who are left.

/// What becomes of those who are left when a background loop is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnExit {
    /// They are waited for.
    #[default]
    Wait,
    /// They are aborted, and then waited for.
    Cancel,
}
