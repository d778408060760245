//! Tidegate beside its peers, in one run.
//!
//! ```text
//! cargo bench -p tidegate-benches                                   # everything, in nanoseconds
//! cargo bench -p tidegate-benches -- handoff/one                    # rows whose name contains this
//! cargo bench -p tidegate-benches -- --quick                        # does it run at all?
//! cargo bench -p tidegate-benches -- --check                        # fails if a bar is missed
//! cargo bench -p tidegate-benches -- --markdown > table.md          # for the README
//! cargo bench -p tidegate-benches --bench instructions              # the one-threaded rows, by callgrind
//! ```
//!
//! # What is measured
//!
//! A **row** is one piece of work; its **contenders** do that work in different ways. All contenders of a row
//! take turns: a round runs one batch of each, in an order that changes from round to round, so that whatever
//! the machine does meanwhile falls on all of them. The time of a contender is the median over the rounds. Its
//! ratio is the median over the rounds of *the subject's batch divided by its own batch of the same round*, and
//! the subject is the row's first contender: Tidegate. Below 1, Tidegate is the faster one.
//!
//! Absolute times belong to one machine on one day, so nothing asserts them. `--check` compares ratios.
//!
//! The instruction counts come from running this very program under callgrind, once with N operations and once
//! with 2N; the difference, divided by N, leaves out everything that happens once. They do not know what an
//! atomic operation costs.
//!
//! # One target, many suites
//!
//! All suites are linked into one `time` target and chosen by name on the command line: one link, one table, and
//! peers that several suites share are built once. `instructions` is the same list of rows, counted.
//!
//! To add a suite, write a module in `suites/` that returns its `Group`s of rows, and name it in `suites::all`.

#![forbid(unsafe_code)]
#![expect(clippy::cast_precision_loss, reason = "times and counts become averages; the last bits do not matter")]

mod harness;
mod suites;

use std::process::ExitCode;

/// Measures every chosen row in nanoseconds and prints the table, as the command line says.
#[must_use]
pub fn time() -> ExitCode {
    harness::time(suites::all())
}

/// Counts the instructions of every chosen row that runs on one thread, and prints the table.
#[must_use]
pub fn instructions() -> ExitCode {
    harness::instructions(suites::all())
}
