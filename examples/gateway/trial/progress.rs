//! [`Progress`]: how the demo is going, on standard error.

use core::time::Duration;
use std::io::{self, IsTerminal, Write};

use super::report::{Report, Row};

/// One line that overwrites itself on a terminal, or a line now and then elsewhere.
#[derive(Debug)]
pub(crate) struct Progress {
    terminal: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { terminal: io::stderr().is_terminal() }
    }

    /// How often to show something.
    pub(crate) const fn period(&self) -> Duration {
        if self.terminal { Duration::from_millis(100) } else { Duration::from_secs(1) }
    }

    pub(crate) fn show(&self, elapsed: Duration, report: &Report, waiters: usize) {
        let (start, end) = if self.terminal { ("\r", "\x1b[K") } else { ("", "\n") };
        let [one, two, three] = report.rows.each_ref().map(|row| (row.crowd.class.name(), row.quantile(0.5)));
        // Fits 80 columns with five digits to spare: a line that wraps cannot overwrite itself.
        let line = format!(
            "{start}{:>4.1} s  p50 ms: {} {:.0}, {} {:.0}, {} {:.0}; {} done, {waiters} in line{end}",
            elapsed.as_secs_f64(),
            one.0,
            one.1,
            two.0,
            two.1,
            three.0,
            three.1,
            report.total(Row::answered),
        );
        // The demo goes on without onlookers.
        let _ = io::stderr().write_all(line.as_bytes());
    }

    /// Makes way for what comes next.
    pub(crate) fn clear(&self) {
        if self.terminal {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }
}
