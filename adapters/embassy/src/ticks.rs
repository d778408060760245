//! Ticks of embassy's time driver to nanoseconds and back, for any tick rate.
//!
//! Whole seconds and the rest are converted apart, which is exact in 64 bits: a 128-bit division would cost a
//! Cortex-M0 two kilobytes of flash.

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// The fastest tick for which the rest of a second, times the other rate, fits 64 bits.
pub(crate) const MAX_TICK_HZ: u64 = u64::MAX / NANOS_PER_SEC;

/// The nanoseconds that `ticks` make, rounded down: the clock never runs ahead of the driver's.
///
/// Saturates at the last nanosecond there is.
pub(crate) const fn to_nanos(ticks: u64, tick_hz: u64) -> u64 {
    let seconds = ticks / tick_hz;
    let rest = ticks % tick_hz;
    seconds.saturating_mul(NANOS_PER_SEC).saturating_add(rest * NANOS_PER_SEC / tick_hz)
}

/// The first tick at which `nanos` have passed: rounded up, so that no deadline comes early.
///
/// The last nanosecond there is stands for "never", and so does the last tick.
pub(crate) const fn from_nanos(nanos: u64, tick_hz: u64) -> u64 {
    if nanos == u64::MAX {
        return u64::MAX;
    }
    let seconds = nanos / NANOS_PER_SEC;
    let rest = nanos % NANOS_PER_SEC;
    seconds.saturating_mul(tick_hz).saturating_add((rest * tick_hz).div_ceil(NANOS_PER_SEC))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [u64; 9] =
        [1, 1_000, 32_768, 1_000_000, 10_000_000, 12_345_679, 1_000_000_000, 5_242_880_000, MAX_TICK_HZ];

    /// Values around every power of two, every second and both ends.
    fn samples() -> impl Iterator<Item = u64> {
        let powers = (0..64).map(|bit| 1_u64 << bit);
        let seconds = (0..11).map(|power| 10_u64.pow(power) * NANOS_PER_SEC);
        powers
            .chain(seconds)
            .chain([u64::MAX, 0, 999_999_999])
            .flat_map(|n| [n.saturating_sub(2), n.saturating_sub(1), n, n.saturating_add(1), n.saturating_add(2)])
    }

    fn saturate(wide: u128) -> u64 {
        u64::try_from(wide).unwrap_or(u64::MAX)
    }

    #[test]
    fn known_values() {
        assert_eq!(to_nanos(1, 1_000), 1_000_000);
        assert_eq!(to_nanos(1, 32_768), 30_517);
        assert_eq!(to_nanos(32_768, 32_768), NANOS_PER_SEC);
        assert_eq!(to_nanos(7, 1_000_000), 7_000);
        assert_eq!(from_nanos(1, 1_000), 1);
        assert_eq!(from_nanos(1_000_000, 1_000), 1);
        assert_eq!(from_nanos(1_000_001, 1_000), 2);
        assert_eq!(from_nanos(30_517, 32_768), 1);
        assert_eq!(from_nanos(30_518, 32_768), 2);
        assert_eq!(from_nanos(7_001, 1_000_000), 8);
    }

    #[test]
    fn agrees_with_wide_arithmetic() {
        for hz in RATES {
            for n in samples() {
                let nanos = u128::from(n) * u128::from(NANOS_PER_SEC) / u128::from(hz);
                assert_eq!(to_nanos(n, hz), saturate(nanos), "{n} ticks at {hz} Hz");
                if n < u64::MAX {
                    let ticks = (u128::from(n) * u128::from(hz)).div_ceil(u128::from(NANOS_PER_SEC));
                    assert_eq!(from_nanos(n, hz), saturate(ticks), "{n} ns at {hz} Hz");
                }
            }
        }
    }

    #[test]
    fn a_deadline_is_never_early_and_less_than_a_tick_late() {
        for hz in RATES {
            for deadline in samples() {
                let tick = from_nanos(deadline, hz);
                assert!(to_nanos(tick, hz) >= deadline || tick == u64::MAX, "{deadline} ns at {hz} Hz");
                if let Some(before) = tick.checked_sub(1)
                    && tick != u64::MAX
                {
                    let exact = u128::from(before) * u128::from(NANOS_PER_SEC);
                    assert!(exact < u128::from(deadline) * u128::from(hz), "{deadline} ns at {hz} Hz");
                }
            }
        }
    }

    #[test]
    fn never_stays_never() {
        for hz in RATES {
            assert_eq!(from_nanos(u64::MAX, hz), u64::MAX, "{hz} Hz");
        }
        assert_eq!(to_nanos(u64::MAX, 1_000), u64::MAX);
    }
}
