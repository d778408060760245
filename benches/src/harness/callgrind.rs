//! Counts instructions: this very program under callgrind, a process per contender and count.

use std::process::{Command, Stdio};
use std::{env, io};

use super::Outcome;
use super::measure::Figure;
use super::row::{Contenders, Group};

/// The word that makes the program a child, followed by a row's path, a contender's place and a count.
const CHILD: &str = "--count";

/// Whether there is a valgrind.
pub(super) fn available() -> Result<(), String> {
    let status = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => {
            Err("instruction counts need valgrind, which is not installed (Debian: apt-get install valgrind)"
                .into())
        }
    }
}

/// The instructions per operation of everyone in a row.
pub(super) fn count(path: &str, contenders: &Contenders, quick: bool) -> Result<Vec<Figure>, String> {
    let operations = if quick { 1_000 } else { 20_000 };
    let mut figures: Vec<Figure> = Vec::new();
    for (place, contender) in contenders.0.iter().enumerate() {
        let failed = |error| format!("{path}, {}: {error}", contender.name);
        let once = run(path, place, operations).map_err(failed)?;
        let twice = run(path, place, 2 * once.operations).map_err(failed)?;
        let value = (twice.instructions as f64 - once.instructions as f64)
            / (twice.operations as f64 - once.operations as f64);
        let subject = figures.first().map_or(value, |figure| figure.value);
        figures.push(Figure { name: contender.name.clone(), value, spread: None, ratio: subject / value });
    }
    Ok(figures)
}

/// What one child process did.
struct Count {
    operations: u64,
    instructions: u64,
}

fn run(path: &str, place: usize, operations: u64) -> Result<Count, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([CHILD, path, &place.to_string(), &operations.to_string()])
        .output()
        .map_err(|error: io::Error| format!("valgrind: {error}"))?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let operations = stdout.trim().parse().ok();
    match (operations, collected(&stderr)) {
        (Some(operations), Some(instructions)) if output.status.success() => {
            Ok(Count { operations, instructions })
        }
        _ => Err(format!("valgrind said:\n{stderr}")),
    }
}

/// The number in callgrind's closing line.
fn collected(stderr: &str) -> Option<u64> {
    let line = stderr.lines().find_map(|line| line.split_once("Collected : "))?.1;
    line.split_whitespace().next()?.parse().ok()
}

/// The part that runs under callgrind.
pub(super) struct Child {
    path: String,
    place: usize,
    operations: u64,
}

impl Child {
    pub(super) fn from_env() -> Option<Self> {
        let mut words = env::args().skip(1);
        (words.next()? == CHILD).then_some(())?;
        let path = words.next()?;
        Some(Self { path, place: words.next()?.parse().ok()?, operations: words.next()?.parse().ok()? })
    }

    /// Does the work and says how many operations it was.
    pub(super) fn run(&self, groups: &[Group]) -> Outcome {
        let mut rows = groups.iter().flat_map(|group| group.rows.iter().map(move |row| (group.path(row), row)));
        let Some((_, row)) = rows.find(|(path, _)| *path == self.path) else {
            return Outcome::Usage(format!("no row is called {}", self.path));
        };
        let mut contenders = row.contenders();
        let Some(contender) = contenders.0.get_mut(self.place) else {
            return Outcome::Usage(format!("{} has no contender {}", self.path, self.place));
        };
        println!("{}", (contender.run)(self.operations).operations);
        Outcome::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_stands_in_the_closing_lines() {
        let stderr = "==7== Events    : Ir\n==7== Collected : 123456\n==7== \n==7== I   refs:      123,456\n";
        assert_eq!(collected(stderr), Some(123_456));
        assert_eq!(collected("valgrind: no such file"), None);
    }
}
