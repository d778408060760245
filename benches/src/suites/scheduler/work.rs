//! What is done with timers.

use core::hint::black_box;
use std::time::Instant;

use super::timers::{Cancel, Timers};
use crate::harness::Batch;

const MILLI: u64 = 1_000_000;
/// Deadlines lie within a minute.
const SPAN: u64 = 60_000;
/// Time goes on by so much at once where it goes on.
const STEP: u64 = 50;

/// Spans at random, the same in each run: whole milliseconds, from one on.
struct Spans(u64);

impl Spans {
    const fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (1 + (((self.0 >> 32) * SPAN) >> 32)) * MILLI
    }
}

/// Timers with so many payloads.
fn filled<T: Timers>(payloads: usize, spans: &mut Spans, make: fn() -> T) -> T {
    let mut timers = make();
    for payload in 0..payloads as u64 {
        timers.insert(spans.next(), payload);
    }
    timers
}

/// Puts so many payloads in, lets a minute pass, and takes all of them out.
pub(super) fn fill_and_drain<T: Timers>(payloads: usize, make: fn() -> T) -> impl FnMut(u64) -> Batch + 'static {
    let (mut timers, mut spans) = (None, Spans::new());
    move |operations| {
        let timers = timers.get_or_insert_with(make);
        let rounds = operations.div_ceil(payloads as u64);
        let start = Instant::now();
        for _ in 0..rounds {
            for payload in 0..payloads as u64 {
                timers.insert(spans.next(), payload);
            }
            timers.advance((SPAN + 1) * MILLI);
            let mut left = payloads;
            while let Some(payload) = timers.pop() {
                black_box(payload);
                left -= 1;
            }
            assert_eq!(left, 0, "all come out");
        }
        Batch { operations: rounds * payloads as u64, elapsed: start.elapsed() }
    }
}

/// Puts a payload in and cancels it, beside so many that stay.
pub(super) fn insert_and_cancel<T: Cancel>(
    payloads: usize,
    make: fn() -> T,
) -> impl FnMut(u64) -> Batch + 'static {
    let (mut timers, mut spans) = (None, Spans::new());
    move |operations| {
        let timers = timers.get_or_insert_with(|| filled(payloads, &mut spans, make));
        let start = Instant::now();
        for payload in 0..operations {
            let key = timers.insert_keyed(spans.next(), payload);
            timers.cancel(black_box(key));
        }
        Batch { operations, elapsed: start.elapsed() }
    }
}

/// Lets time pass by steps, takes out what is due and puts it in again.
pub(super) fn pop_and_rearm<T: Timers>(payloads: usize, make: fn() -> T) -> impl FnMut(u64) -> Batch + 'static {
    let (mut timers, mut spans) = (None, Spans::new());
    move |operations| {
        let timers = timers.get_or_insert_with(|| {
            let mut timers = filled(payloads, &mut spans, make);
            // Until deadlines are spread as they will stay.
            for _ in 0..2 * SPAN / STEP {
                turn(&mut timers, &mut spans);
            }
            timers
        });
        let (start, mut done) = (Instant::now(), 0);
        while done < operations {
            done += turn(timers, &mut spans);
        }
        Batch { operations: done, elapsed: start.elapsed() }
    }
}

fn turn(timers: &mut impl Timers, spans: &mut Spans) -> u64 {
    timers.advance(STEP * MILLI);
    let mut done = 0;
    while let Some(payload) = timers.pop() {
        timers.insert(spans.next(), payload);
        done += 1;
    }
    done
}
