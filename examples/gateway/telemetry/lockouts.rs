//! [`Lockouts`]: when the upstream was left alone.

use core::time::Duration;
use std::collections::VecDeque;

/// So many are remembered.
const REMEMBERED: usize = 64;

/// From when to when, since the telemetry was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// The last periods, apart from each other, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Lockouts {
    periods: VecDeque<Period>,
}

impl Lockouts {
    /// Adds a period that begins now; if one is under way, that lasts until both have ended.
    pub(super) fn add(&mut self, now: Duration, span: Duration) {
        let to = now.saturating_add(span);
        match self.periods.back_mut() {
            Some(last) if now <= last.to => last.to = last.to.max(to),
            _ => {
                if self.periods.len() == REMEMBERED {
                    self.periods.pop_front();
                }
                self.periods.push_back(Period { from: now, to });
            }
        }
    }

    pub(super) fn periods(&self) -> Vec<Period> {
        self.periods.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(from: u64, to: u64) -> Period {
        Period { from: Duration::from_secs(from), to: Duration::from_secs(to) }
    }

    fn lockouts(list: &[(u64, u64)]) -> Vec<Period> {
        let mut lockouts = Lockouts::default();
        for &(now, span) in list {
            lockouts.add(Duration::from_secs(now), Duration::from_secs(span));
        }
        lockouts.periods()
    }

    #[test]
    fn what_overlaps_is_one_period() {
        assert_eq!(lockouts(&[(1, 4), (2, 1), (3, 7), (10, 1)]), [seconds(1, 11)]);
        assert_eq!(lockouts(&[(1, 4), (6, 1)]), [seconds(1, 5), seconds(6, 7)]);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let many: Vec<_> = (0..1_000).map(|index| (index * 10, 1)).collect();
        let kept = lockouts(&many);
        assert_eq!((kept.len(), kept[REMEMBERED - 1]), (REMEMBERED, seconds(9_990, 9_991)));
    }

    #[test]
    fn one_without_end_is_no_overflow() {
        let mut lockouts = Lockouts::default();
        lockouts.add(Duration::from_secs(1), Duration::MAX);
        lockouts.add(Duration::from_secs(2), Duration::from_secs(1));
        assert_eq!(lockouts.periods(), [Period { from: Duration::from_secs(1), to: Duration::MAX }]);
    }
}
