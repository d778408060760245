//! The command line.

use std::env;

pub(super) const HELP: &str = "\
Usage: cargo bench -p tidegate-benches [--bench instructions] [-- [OPTIONS] [NAME]...]

Runs the rows whose names contain one of the NAMEs, or all rows.

  --list       print the names of the rows and stop
  --rounds N   rounds per row (default 21, or the variable TIDEGATE_BENCH_ROUNDS)
  --quick      a few short rounds: shows that everything runs, measures nothing
  --markdown   print markdown tables with the machine's facts
  --check      fail if a ratio misses its bar";

/// The variable that sets the rounds where the command line does not.
pub(super) const ROUNDS: &str = "TIDEGATE_BENCH_ROUNDS";

/// What the command line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Args {
    pub(super) task: Task,
    pub(super) filters: Vec<String>,
    pub(super) rounds: Option<usize>,
    pub(super) quick: bool,
    pub(super) markdown: bool,
    pub(super) check: bool,
}

/// What is to be done with the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Task {
    #[default]
    Run,
    List,
    Help,
}

impl Args {
    pub(super) fn from_env() -> Result<Self, String> {
        let mut args = Self::parse(env::args().skip(1))?;
        if args.rounds.is_none()
            && let Ok(value) = env::var(ROUNDS)
        {
            args.rounds = Some(rounds(ROUNDS, Some(value))?);
        }
        Ok(args)
    }

    fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut args = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                // Cargo says this to every benchmark.
                "--bench" => {}
                "--rounds" => args.rounds = Some(rounds("--rounds", words.next())?),
                "--quick" => args.quick = true,
                "--markdown" => args.markdown = true,
                "--check" => args.check = true,
                "--list" => args.task = Task::List,
                "--help" | "-h" => args.task = Task::Help,
                option if option.starts_with('-') => return Err(format!("unknown option {option}\n\n{HELP}")),
                _ => args.filters.push(word),
            }
        }
        Ok(args)
    }
}

fn rounds(source: &str, value: Option<String>) -> Result<usize, String> {
    let value = value.unwrap_or_default();
    match value.parse() {
        Ok(rounds) if rounds > 0 => Ok(rounds),
        _ => Err(format!("{source} wants a number above zero, not {value:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn names_and_options_mix() {
        let args = parse("--bench handoff --rounds 7 local --check").unwrap();
        let expected = Args {
            filters: vec!["handoff".into(), "local".into()],
            rounds: Some(7),
            check: true,
            ..Args::default()
        };
        assert_eq!(args, expected);
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["--rounds", "--rounds 0", "--rounds many", "--fast"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
