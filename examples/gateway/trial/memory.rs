//! How much memory the process takes: [`resident`], and [`Course`], how that has gone.

use std::fs;

const MIB: u64 = 1 << 20;

/// In bytes; `None` where the system does not say.
pub(crate) fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}

/// The most that was taken in each quarter of some work.
#[derive(Debug, Default)]
pub(crate) struct Course {
    quarters: [u64; 4],
}

impl Course {
    /// Looks at the memory, when so much of the work is done.
    pub(crate) fn look(&mut self, done: u64, all: u64) {
        let quarter = usize::try_from(done.saturating_mul(4) / all.max(1)).unwrap_or(3).min(3);
        self.quarters[quarter] = self.quarters[quarter].max(resident().unwrap_or(0));
    }

    /// By how many bytes the last quarter takes more than the second: the first one is for warming up.
    pub(crate) const fn growth(&self) -> u64 {
        let [_, warm, _, last] = self.quarters;
        last.saturating_sub(warm)
    }

    /// In MiB.
    pub(crate) fn quarters(&self) -> [u64; 4] {
        self.quarters.map(|bytes| bytes.div_ceil(MIB))
    }
}
