//! Runs the scenarios, a column per adapter, and prints the table.

use core::time::Duration;
use std::io::{self, Write};
use std::panic;
use std::process;
use std::sync::mpsc;
use std::thread;

use tidegate_conformance::{Failure, Outcome};

/// Longer than any scenario takes: whoever takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// A scenario's name, and how an adapter runs it.
pub(crate) type Scenario = (&'static str, fn() -> Outcome);

/// One adapter.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// In the order of [`tidegate_conformance::scenarios!`].
    pub(crate) scenarios: Vec<Scenario>,
}

/// One scenario, and its outcomes in the order of the columns.
struct Row {
    name: &'static str,
    outcomes: Vec<Outcome>,
}

/// Runs every scenario whose name contains `filter`; answers whether all is well.
pub(crate) fn run(columns: &[Column], filter: &str) -> bool {
    let mut rows: Vec<Row> = Vec::new();
    for column in columns {
        let wanted = column.scenarios.iter().filter(|(name, _)| name.contains(filter));
        for (place, &(name, scenario)) in wanted.enumerate() {
            if place == rows.len() {
                rows.push(Row { name, outcomes: Vec::new() });
            }
            assert_eq!(rows[place].name, name, "every adapter runs the same list");
            rows[place].outcomes.push(guarded(column.name, name, scenario));
        }
    }
    if rows.is_empty() {
        return true;
    }
    if let Err(error) = print(columns, &rows) {
        eprintln!("the table cannot be printed: {error}");
    }
    rows.iter().flat_map(|row| &row.outcomes).all(|outcome| outcome.is_good())
}

fn print(columns: &[Column], rows: &[Row]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max("conformance".len());
    write!(out, "\n{:width$}", "conformance")?;
    for column in columns {
        write!(out, "  {}", column.name)?;
    }
    let mut notes = Vec::new();
    for Row { name, outcomes } in rows {
        write!(out, "\n{name:width$}")?;
        for (column, outcome) in columns.iter().zip(outcomes) {
            let (cell, note) = match outcome {
                Outcome::Passed => ("ok", None),
                Outcome::Failed(failure) => ("FAILED", Some(format!("{}: {name} FAILED: {failure}", column.name))),
                Outcome::Skipped(reason) => ("-", Some(format!("{}: - as {reason}", column.name))),
            };
            write!(out, "  {cell:<0$}", column.name.len())?;
            notes.extend(note.filter(|note| !notes.contains(note)));
        }
    }
    writeln!(out)?;
    for note in notes {
        writeln!(out, "{note}")?;
    }
    Ok(())
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
