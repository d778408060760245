//! [`Latencies`]: a histogram that many count into at once, and [`Tally`], what one has counted.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;

/// Bins per doubling, as a power of two: a bin is at most a sixteenth as wide as what lies in it.
const STEPS: u32 = 4;
/// Microseconds that are told from less.
const LEAST: u64 = 1 << STEPS;
/// Microseconds that are told from more: two minutes.
const MOST: u64 = (1 << 27) - 1;
const BINS: usize = bin(MOST) + 1;

/// Counts by latency, from sixteen microseconds to two minutes; what is beyond counts as the nearest of these.
#[derive(Debug)]
pub(super) struct Latencies {
    bins: [AtomicU64; BINS],
}

/// How often which latency was met.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    bins: Box<[u64]>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { bins: [const { AtomicU64::new(0) }; BINS] }
    }
}

impl Latencies {
    pub(super) fn add(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.bins[bin(micros)].fetch_add(1, Relaxed);
    }

    pub(super) fn tally(&self) -> Tally {
        Tally { bins: self.bins.iter().map(|bin| bin.load(Relaxed)).collect() }
    }
}

impl Tally {
    pub(crate) fn count(&self) -> u64 {
        self.bins.iter().sum()
    }

    /// What came after an earlier tally.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let bins = self.bins.iter().zip(&earlier.bins);
        Self { bins: bins.map(|(now, then)| now.saturating_sub(*then)).collect() }
    }

    /// The latency, to a thirtieth, that `percent` of what was counted do not exceed; `None` if nothing was.
    pub(crate) fn percentile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let bin = self.bins.iter().position(|&count| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_micros(middle(bin)))
    }
}

/// The bin of a latency: as many bins for each doubling, all of the same width.
#[expect(clippy::cast_possible_truncation, reason = "at most MOST")]
const fn bin(micros: u64) -> usize {
    let micros = if micros < LEAST {
        LEAST
    } else if micros > MOST {
        MOST
    } else {
        micros
    };
    let doublings = micros.ilog2() - STEPS;
    ((doublings as usize) << STEPS) + ((micros >> doublings) - LEAST) as usize
}

/// The middle of what lies in a bin.
const fn middle(bin: usize) -> u64 {
    let doublings = bin >> STEPS;
    let lowest = (LEAST + (bin as u64 & (LEAST - 1))) << doublings;
    lowest + ((1 << doublings) - 1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_lies_in_a_bin_close_to_it() {
        let mut last = 0;
        for micros in (LEAST..5_000).chain((5_000..MOST).step_by(997)).chain([MOST]) {
            let at = bin(micros);
            assert!(at == last || at == last + 1 || micros >= 5_000, "bin {at} of {micros} after {last}");
            assert!(middle(at).abs_diff(micros) * 30 <= micros, "{micros} counts as {}", middle(at));
            last = at;
        }
        assert_eq!((bin(0), bin(LEAST), bin(MOST), bin(u64::MAX)), (0, 0, BINS - 1, BINS - 1));
    }

    #[test]
    fn percentiles_are_of_what_came_since() {
        let latencies = Latencies::default();
        assert_eq!(latencies.tally().percentile(50), None);
        latencies.add(Duration::from_secs(100));
        let before = latencies.tally();
        assert!(before.percentile(1) > Some(Duration::from_secs(90)));
        for millis in 1..=100 {
            latencies.add(Duration::from_millis(millis));
        }
        let since = latencies.tally().since(&before);
        assert_eq!(since.count(), 100);
        for percent in [1, 50, 90, 99, 100] {
            let found = since.percentile(percent).unwrap().as_secs_f64() * 1e3;
            let wanted = f64::from(u32::try_from(percent).unwrap());
            assert!((found - wanted).abs() < wanted / 16.0, "{percent} % at {found} ms");
        }
    }

    #[test]
    fn whatever_comes_is_counted() {
        let latencies = Latencies::default();
        latencies.add(Duration::ZERO);
        latencies.add(Duration::MAX);
        assert_eq!(latencies.tally().count(), 2);
    }
}
