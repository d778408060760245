//! Prints figures: a plain table per row, or a markdown table per group.

use core::fmt::Write as _;
use core::mem;

use super::args::Args;
use super::machine;
use super::measure::Figure;
use super::row::{Group, Row};

/// What figures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// These vary, and the bars are about them.
    Nanoseconds,
    Instructions,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Instructions => "instructions",
        }
    }
}

/// Prints as the figures come in.
pub(super) struct Report {
    unit: Unit,
    markdown: bool,
    /// The rows of the group at hand, by label; without figures if skipped.
    rows: Vec<(String, Vec<Figure>)>,
    /// Everyone who has appeared so far, in order.
    seen: Vec<String>,
}

impl Report {
    pub(super) fn new(unit: Unit, args: &Args) -> Self {
        Self { unit, markdown: args.markdown, rows: Vec::new(), seen: Vec::new() }
    }

    pub(super) fn open(&self, group: &Group) {
        if !self.markdown {
            println!("\n{}: {}", group.name, group.about);
        }
    }

    pub(super) fn skip(&mut self, group: &Group, row: &Row, reason: &str) {
        eprintln!("{}: skipped, {reason}", group.path(row));
        self.rows.push((row.label.clone(), Vec::new()));
    }

    pub(super) fn add(&mut self, group: &Group, row: &Row, figures: Vec<Figure>) {
        for figure in &figures {
            if !self.seen.contains(&figure.name) {
                self.seen.push(figure.name.clone());
            }
        }
        if self.markdown {
            eprintln!("{}: done", group.path(row));
        } else {
            print!("{}", plain(&group.path(row), self.unit, row, &figures));
        }
        self.rows.push((row.label.clone(), figures));
    }

    pub(super) fn close(&mut self, group: &Group) {
        let rows = mem::take(&mut self.rows);
        if self.markdown {
            print!("{}", markdown(group, self.unit, &rows));
        }
    }

    pub(super) fn finish(&self) {
        let facts = machine::facts(&self.seen);
        if self.markdown {
            println!("{}", facts.join("  \n"));
        } else {
            println!("\n{}", facts.join("\n"));
        }
    }
}

/// One row, a line per contender.
fn plain(path: &str, unit: Unit, row: &Row, figures: &[Figure]) -> String {
    let width = figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0).max(20);
    let subject = figures.first().map_or("", |figure| figure.name.as_str());
    let mut out = format!("\n{path}\n");
    let spread = if unit == Unit::Nanoseconds { "  spread" } else { "" };
    let _ = writeln!(out, "  {:width$}  {:>12}{spread}  {subject} ÷ it", "", unit.name());
    for (index, figure) in figures.iter().enumerate() {
        let _ = write!(out, "  {:width$}  {:>12}", figure.name, number(figure.value));
        if let Some(spread) = figure.spread {
            let _ = write!(out, "  {:>6}", format!("±{:.0} %", spread * 100.0));
        }
        if index > 0 {
            let _ = write!(out, "  {:>5.2}", figure.ratio);
        }
        if let (Unit::Nanoseconds, Some(bar)) = (unit, row.bar(&figure.name)) {
            let verdict = if bar.is_missed(figure.ratio) { "MISSED" } else { "ok" };
            let _ = write!(out, "  at most {:.2}: {verdict}", bar.limit);
        }
        out.push('\n');
    }
    out
}

/// One group, a column per contender; in brackets what the subject takes, divided by what this one takes.
fn markdown(group: &Group, unit: Unit, rows: &[(String, Vec<Figure>)]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for figure in rows.iter().flat_map(|(_, figures)| figures) {
        if !names.contains(&figure.name.as_str()) {
            names.push(&figure.name);
        }
    }
    let mut out = format!("**{}**, {}: {}\n\n|  |", group.name, unit.name(), group.about);
    for name in &names {
        let _ = write!(out, " {name} |");
    }
    let _ = write!(out, "\n|---|{}", "--:|".repeat(names.len()));
    for (label, figures) in rows {
        let _ = write!(out, "\n| {label} |");
        for name in &names {
            let cell = figures.iter().position(|figure| figure.name == *name);
            let _ = match cell {
                Some(0) => write!(out, " **{}** |", number(figures[0].value)),
                Some(at) => write!(out, " {} ({:.2}) |", number(figures[at].value), figures[at].ratio),
                None => write!(out, " - |"),
            };
        }
    }
    out.push_str("\n\n");
    out
}

/// Three digits, more only before the point.
fn number(value: f64) -> String {
    let decimals = match value {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Vec<Figure> {
        let figure = |name: &str, value, ratio| Figure { name: name.into(), value, spread: Some(0.02), ratio };
        vec![figure("tidegate", 10.0, 1.0), figure("peer", 20.0, 0.5)]
    }

    #[test]
    fn a_plain_table_says_whether_the_bar_is_met() {
        let met = Row::new("row", |_| {}).at_most(0.5, "peer");
        assert!(plain("suite/row", Unit::Nanoseconds, &met, &figures()).contains("0.50  at most 0.50: ok"));
        let missed = Row::new("row", |_| {}).at_most(0.4, "peer");
        assert!(plain("suite/row", Unit::Nanoseconds, &missed, &figures()).contains("0.50  at most 0.40: MISSED"));
        assert!(!plain("suite/row", Unit::Instructions, &missed, &figures()).contains("at most"));
    }

    #[test]
    fn a_markdown_table_has_a_column_for_everyone() {
        let group = Group { name: "suite", about: "one thing", rows: Vec::new() };
        let one = ("one".to_owned(), figures());
        let other =
            ("other".to_owned(), vec![Figure { name: "third".into(), value: 123.4, spread: None, ratio: 1.0 }]);
        let expected = "**suite**, ns: one thing\n\n\
            |  | tidegate | peer | third |\n\
            |---|--:|--:|--:|\n\
            | one | **10.0** | 20.0 (0.50) | - |\n\
            | other | - | - | **123** |\n\n";
        assert_eq!(markdown(&group, Unit::Nanoseconds, &[one, other]), expected);
    }
}
