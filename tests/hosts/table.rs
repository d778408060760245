//! Runs the scenarios, a column per adapter, and prints the table.

use core::time::Duration;
use std::io::Write;
use std::panic;
use std::process;
use std::sync::mpsc;
use std::thread;
use std::{eprintln, io};

use tidegate_conformance::{Failure, Outcome};

/// Longer than any scenario takes: whoever takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// One adapter, and how it runs each scenario.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// In the order of [`tidegate_conformance::scenarios!`].
    pub(crate) scenarios: Vec<(&'static str, fn() -> Outcome)>,
}

/// Runs every scenario whose name contains `filter`; answers whether all is well.
pub(crate) fn run(columns: &[Column], filter: &str) -> bool {
    let names: Vec<&str> = columns.iter().flat_map(|column| &column.scenarios).map(|&(name, _)| name).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let mut rows: Vec<(&str, Vec<Outcome>)> = Vec::new();
    for column in columns {
        let wanted = column.scenarios.iter().filter(|(name, _)| name.contains(filter));
        for (place, &(name, scenario)) in wanted.enumerate() {
            if place == rows.len() {
                rows.push((name, Vec::new()));
            }
            assert_eq!(rows[place].0, name, "every adapter runs the same list");
            rows[place].1.push(guarded(column.name, name, scenario));
        }
    }

    let mut text = format!("\n{:width$}", "conformance");
    for column in columns {
        text += &format!("  {}", column.name);
    }
    text += "\n";
    let mut notes = Vec::new();
    for (name, outcomes) in &rows {
        text += &format!("{name:width$}");
        for (column, outcome) in columns.iter().zip(outcomes) {
            let cell = match outcome {
                Outcome::Passed => "ok",
                Outcome::Failed(_) => "FAILED",
                Outcome::Skipped(_) => "-",
            };
            text += &format!("  {cell:<0$}", column.name.len());
            let note = match outcome {
                Outcome::Passed => continue,
                Outcome::Failed(failure) => format!("{}: {name} FAILED: {failure}", column.name),
                Outcome::Skipped(reason) => format!("{}: - as {reason}", column.name),
            };
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        text += "\n";
    }
    notes.iter().for_each(|note| text += &format!("{note}\n"));
    let passed = rows.iter().flat_map(|(_, outcomes)| outcomes).all(|outcome| outcome.is_good());
    text += if passed { "all is well\n" } else { "NOT ALL IS WELL\n" };
    // Nobody reads it if it cannot be written.
    let _ = io::stdout().write_all(text.as_bytes());
    passed
}

/// Runs a scenario on a thread of its own, so that a panic is an outcome and a hang is noticed.
fn guarded(column: &'static str, name: &'static str, scenario: fn() -> Outcome) -> Outcome {
    let (done, outcome) = mpsc::channel();
    let thread = thread::Builder::new().name(format!("{name} on {column}")).spawn(move || {
        let outcome = panic::catch_unwind(scenario);
        // The receiver waits for as long as the process lives.
        let _ = done.send(outcome.unwrap_or_else(|_| failed("it panicked, see above")));
    });
    if let Err(error) = thread {
        eprintln!("no thread for {name} on {column}: {error}");
        return failed("no thread could be had");
    }
    outcome.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        eprintln!("{name} on {column} hangs");
        process::exit(1)
    })
}

/// An outcome that the scenario itself could not report.
pub(crate) const fn failed(what: &'static str) -> Outcome {
    Outcome::Failed(Failure { what, file: file!(), line: line!() })
}
