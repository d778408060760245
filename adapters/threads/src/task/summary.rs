//! [`Summary`]: how a group's tasks went.

/// How a group's tasks went, as far as nobody has heard of it otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// How many tasks panicked without anybody having received the panic from the task's handle so far.
    pub unobserved_failures: usize,
    /// How many tasks were told to abort.
    pub aborted: usize,
}

impl Summary {
    /// A summary of these figures.
    #[must_use]
    pub const fn new(unobserved_failures: usize, aborted: usize) -> Self {
        Self { unobserved_failures, aborted }
    }

    /// Whether nothing went wrong that nobody has heard of.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.unobserved_failures == 0 && self.aborted == 0
    }
}
