//! The command line.

use std::env;
use std::path::PathBuf;

use crate::Result;

pub(crate) const HELP: &str = "\
Usage: cargo run --release --example db_writer [-- OPTIONS]

  --rows N      how many rows (default 100000)
  --batch N     how many in a transaction (default 1000)
  --rounds N    how often in turn, for the medians (default 1)
  --file PATH   where to (default: a file in the temporary folder, which is overwritten)
  --only WAY    one-by-one, by-hand or waterfall";

pub(crate) struct Args {
    pub(crate) rows: u64,
    pub(crate) batch: usize,
    pub(crate) rounds: usize,
    pub(crate) file: PathBuf,
    only: Option<Way>,
}

/// A way to write rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    OneByOne,
    ByHand,
    Waterfall,
}

impl Way {
    const ALL: [Self; 3] = [Self::OneByOne, Self::ByHand, Self::Waterfall];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OneByOne => "one-by-one",
            Self::ByHand => "by-hand",
            Self::Waterfall => "waterfall",
        }
    }
}

impl Args {
    /// `None` if help is asked for.
    pub(crate) fn from_env() -> Result<Option<Self>> {
        use lexopt::prelude::*;

        let file = env::temp_dir().join("tidegate_db_writer.sqlite");
        let mut args = Self { rows: 100_000, batch: 1_000, rounds: 1, file, only: None };
        let mut parser = lexopt::Parser::from_env();
        while let Some(option) = parser.next()? {
            match option {
                Long("rows") => args.rows = parser.value()?.parse()?,
                Long("batch") => args.batch = parser.value()?.parse::<usize>()?.max(1),
                Long("rounds") => args.rounds = parser.value()?.parse::<usize>()?.max(1),
                Long("file") => args.file = parser.value()?.into(),
                Long("only") => {
                    let name = parser.value()?.string()?;
                    let way = Way::ALL.into_iter().find(|way| way.name() == name);
                    args.only = Some(way.ok_or_else(|| format!("there is no way called {name}"))?);
                }
                Short('h') | Long("help") => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Some(args))
    }

    pub(crate) fn ways(&self) -> impl Iterator<Item = Way> {
        Way::ALL.into_iter().filter(|way| self.only.is_none_or(|only| only == *way))
    }
}
