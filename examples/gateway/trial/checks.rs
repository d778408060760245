//! [`Checks`]: what must have held during the demo, whatever the machine.

use core::fmt;

/// Invariants, and whether each held.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    list: Vec<(bool, String)>,
}

impl Checks {
    pub(crate) fn add(&mut self, held: bool, what: impl Into<String>) {
        self.list.push((held, what.into()));
    }

    /// How many did not hold.
    pub(crate) fn broken(&self) -> usize {
        self.list.iter().filter(|(held, _)| !held).count()
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, what) in &self.list {
            writeln!(f, "{} {what}", if *held { "held   " } else { "BROKEN " })?;
        }
        Ok(())
    }
}
