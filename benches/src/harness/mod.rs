//! The harness: knows rows and contenders, and nothing of what they do.

mod args;
mod batch;
mod callgrind;
mod machine;
mod measure;
mod report;
mod row;
mod tasks;
mod threads;

pub(crate) use batch::{Batch, leak, repeat};
pub(crate) use row::{Contenders, Group, Row};
pub(crate) use tasks::{Pool, Workers, race_tasks};
pub(crate) use threads::{Placement, race_threads};

use std::process::ExitCode;

use args::{Args, Task};
use measure::Plan;
use report::{Report, Unit};

/// Whether a run went well, and if not, whose fault it was.
enum Outcome {
    Done,
    /// Bars that were missed, or a tool that failed.
    Failed(String),
    /// A command line that makes no sense.
    Usage(String),
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Failed(message) => {
                eprintln!("{message}");
                Self::FAILURE
            }
            Outcome::Usage(message) => {
                eprintln!("{message}");
                Self::from(2)
            }
        }
    }
}

pub(crate) fn time(groups: Vec<Group>) -> ExitCode {
    start(groups, |args, groups| {
        let plan = Plan::new(args);
        let mut report = Report::new(Unit::Nanoseconds, args);
        let mut misses = Vec::new();
        for group in groups {
            report.open(group);
            for row in &group.rows {
                if row.cores > machine::cores() {
                    report.skip(group, row, "needs two cores");
                    continue;
                }
                let figures = measure::measure(&mut row.contenders(), plan);
                misses.extend(row.misses(&figures).map(|miss| format!("{}: {miss}", group.path(row))));
                report.add(group, row, figures);
            }
            report.close(group);
        }
        report.finish();
        if args.check && !misses.is_empty() {
            return Outcome::Failed(format!("{} bars missed:\n  {}", misses.len(), misses.join("\n  ")));
        }
        Outcome::Done
    })
    .into()
}

pub(crate) fn instructions(mut groups: Vec<Group>) -> ExitCode {
    if let Some(child) = callgrind::Child::from_env() {
        return child.run(&groups).into();
    }
    row::narrow(&mut groups, |_, row| row.countable);
    start(groups, |args, groups| {
        if args.check {
            return Outcome::Usage("--check: the bars are about time; run it without --bench instructions".into());
        }
        if let Err(message) = callgrind::available() {
            return Outcome::Failed(message);
        }
        let mut report = Report::new(Unit::Instructions, args);
        for group in groups {
            report.open(group);
            for row in &group.rows {
                match callgrind::count(&group.path(row), &row.contenders(), args.quick) {
                    Ok(figures) => report.add(group, row, figures),
                    Err(message) => return Outcome::Failed(message),
                }
            }
            report.close(group);
        }
        report.finish();
        Outcome::Done
    })
    .into()
}

/// Reads the command line, narrows the rows down to those it names, and goes on with `run`.
fn start(mut groups: Vec<Group>, run: impl FnOnce(&Args, &[Group]) -> Outcome) -> Outcome {
    let args = match Args::from_env() {
        Ok(args) => args,
        Err(message) => return Outcome::Usage(message),
    };
    row::narrow(&mut groups, |path, _| row::chosen(path, &args.filters));
    if args.task == Task::Help {
        println!("{}", args::HELP);
        return Outcome::Done;
    }
    if groups.is_empty() {
        return Outcome::Usage(format!("no row's name contains any of: {} (see --list)", args.filters.join(", ")));
    }
    if args.task == Task::Run {
        return run(&args, &groups);
    }
    for group in &groups {
        for row in &group.rows {
            println!("{}", group.path(row));
        }
    }
    Outcome::Done
}
