//! One limiter, nobody waits: the check itself, at a given time and with a clock.

use core::hint::black_box;

use governor::RateLimiter as Governor;
use governor::clock::{FakeRelativeClock, MonotonicClock, QuantaClock as GovernorsQuanta};
use tidegate_threads::{Clock, Instant, QuantaClock, Quota, RateLimiter};

use super::floor::Gcra;
use super::{little, little_of_governor, plenty, plenty_of_governor};
use crate::harness::{Batch, Contenders, Group, Placement, Row, leak, race_threads, repeat};

pub(super) fn groups() -> Vec<Group> {
    vec![
        Group {
            name: "rate_limiter/check",
            about: "one token asked for, one thread",
            rows: vec![
                Row::new("admitted, at a given time", |row| {
                    given(row, plenty(), plenty_of_governor(), plenty_of_gcra());
                })
                .countable(true)
                .at_most(1.0, "governor, fake clock")
                .at_most(1.1, "bare GCRA"),
                Row::new("refused, at a given time", |row| {
                    given(row, little(), little_of_governor(), little_of_gcra());
                })
                .countable(true)
                .at_most(1.0, "governor, fake clock")
                .at_most(1.1, "bare GCRA"),
                Row::new("admitted, Instant", |row| monotonic(row, plenty(), plenty_of_governor()))
                    .at_most(1.0, "governor"),
                Row::new("refused, Instant", |row| monotonic(row, little(), little_of_governor()))
                    .at_most(1.0, "governor"),
                Row::new("admitted, quanta", |row| quanta(row, plenty(), plenty_of_governor()))
                    .at_most(1.0, "governor"),
                Row::new("refused, quanta", |row| quanta(row, little(), little_of_governor()))
                    .at_most(1.0, "governor"),
            ],
        },
        Group {
            name: "rate_limiter/hammer",
            about: "one token asked for by two threads at once, each operation counted",
            rows: vec![
                Row::new("admitted, quanta", |row| {
                    let clock = QuantaClock::new();
                    row.add(
                        "tidegate",
                        hammer(RateLimiter::with_timer(plenty(), clock), |l| l.try_acquire(1).is_ok()),
                    )
                    .add("governor", hammer(Governor::direct(plenty_of_governor()), |l| l.check().is_ok()));
                })
                .cores(2)
                .at_most(1.0, "governor"),
            ],
        },
    ]
}

fn plenty_of_gcra() -> Gcra {
    Gcra::new(1, u64::from(u32::MAX))
}

fn little_of_gcra() -> Gcra {
    Gcra::new(3_600_000_000_000, 1)
}

/// A time that the compiler does not know.
const DAY: u64 = 86_400_000_000_000;

fn given(row: &mut Contenders, quota: Quota, governors: governor::Quota, gcra: Gcra) {
    let fake = FakeRelativeClock::default();
    let still = RateLimiter::with_timer(quota, Instant::from_nanos(DAY));
    row.add(
        "tidegate",
        check(RateLimiter::with_timer(quota, ()), |l| {
            l.try_acquire_at(1, Instant::from_nanos(black_box(DAY))).is_ok()
        }),
    )
    .add("tidegate, a stopped clock", check(still, |l| l.try_acquire(1).is_ok()))
    .add("governor, fake clock", check(Governor::direct_with_clock(governors, fake), |l| l.check().is_ok()))
    .add("bare GCRA", check(gcra, |gcra| gcra.check(black_box(DAY)).is_ok()));
}

fn monotonic(row: &mut Contenders, quota: Quota, governors: governor::Quota) {
    let governor = Governor::direct_with_clock(governors, MonotonicClock);
    row.add("tidegate", check(RateLimiter::new(quota), |l| l.try_acquire(1).is_ok()))
        .add(
            "tidegate-tokio, obeys pause",
            check(tidegate_tokio::RateLimiter::new(quota), |l| l.try_acquire(1).is_ok()),
        )
        .add("governor", check(governor, |l| l.check().is_ok()))
        .add("the clock alone", check(tidegate_threads::ThreadsTimer, |clock| clock.now() > Instant::EPOCH));
}

fn quanta(row: &mut Contenders, quota: Quota, governors: governor::Quota) {
    let governor = Governor::direct_with_clock(governors, GovernorsQuanta::default());
    let clock = QuantaClock::new();
    row.add("tidegate", check(RateLimiter::with_timer(quota, clock.clone()), |l| l.try_acquire(1).is_ok()))
        .add("governor", check(governor, |l| l.check().is_ok()))
        .add("the clock alone", check(clock, |clock| clock.now() > Instant::EPOCH));
}

/// Batches of checks, all admitted or, after the first, all refused.
fn check<L: 'static>(
    limiter: L,
    check: impl Fn(&'static L) -> bool + 'static,
) -> impl FnMut(u64) -> Batch + 'static {
    let limiter = leak(limiter);
    repeat(move || {
        black_box(check(black_box(limiter)));
    })
}

pub(super) fn hammer<L: Sync + 'static>(
    limiter: L,
    check: impl Fn(&'static L) -> bool + Sync + 'static,
) -> impl FnMut(u64) -> Batch + 'static {
    let limiter = leak(limiter);
    move |operations| {
        let half = operations.div_ceil(2);
        let work = || {
            for _ in 0..half {
                black_box(check(black_box(limiter)));
            }
        };
        Batch { operations: 2 * half, elapsed: race_threads(Placement::Apart, work, work) }
    }
}
