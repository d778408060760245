//! Rows, their contenders, and the bars that ratios are held against.

use super::batch::Batch;
use super::measure::Figure;

/// Rows that belong into one table.
pub(crate) struct Group {
    /// Its place in the tree of names, `suite/what`.
    pub(crate) name: &'static str,
    /// What one operation is.
    pub(crate) about: &'static str,
    pub(crate) rows: Vec<Row>,
}

impl Group {
    pub(crate) fn path(&self, row: &Row) -> String {
        format!("{}/{}", self.name, row.label)
    }
}

/// One piece of work, done by several contenders.
pub(crate) struct Row {
    pub(crate) label: String,
    /// How many cores it takes to mean anything.
    pub(crate) cores: usize,
    /// Whether it runs on one thread, so that counting its instructions makes sense.
    pub(crate) countable: bool,
    pub(crate) bars: Vec<Bar>,
    fill: Box<dyn Fn(&mut Contenders)>,
}

/// The subject's time is to be at most `limit` times the time of contender `against`.
pub(crate) struct Bar {
    pub(crate) against: &'static str,
    pub(crate) limit: f64,
}

impl Bar {
    /// Whether a ratio misses it, be it by less than is shown.
    pub(super) fn is_missed(&self, ratio: f64) -> bool {
        ratio > self.limit
    }
}

impl Row {
    /// A row whose contenders `fill` adds, once the row's turn has come. The first one is the subject.
    pub(crate) fn new(label: impl Into<String>, fill: impl Fn(&mut Contenders) + 'static) -> Self {
        Self { label: label.into(), cores: 1, countable: false, bars: Vec::new(), fill: Box::new(fill) }
    }

    pub(crate) fn cores(mut self, cores: usize) -> Self {
        self.cores = cores;
        self
    }

    pub(crate) fn countable(mut self, countable: bool) -> Self {
        self.countable = countable;
        self
    }

    pub(crate) fn at_most(mut self, limit: f64, against: &'static str) -> Self {
        self.bars.push(Bar { against, limit });
        self
    }

    pub(crate) fn contenders(&self) -> Contenders {
        let mut contenders = Contenders(Vec::new());
        (self.fill)(&mut contenders);
        contenders
    }

    pub(super) fn bar(&self, against: &str) -> Option<&Bar> {
        self.bars.iter().find(|bar| bar.against == against)
    }

    /// The bars that `figures` miss, in words.
    pub(super) fn misses(&self, figures: &[Figure]) -> impl Iterator<Item = String> {
        figures.iter().filter_map(|figure| {
            let bar = self.bar(&figure.name)?;
            bar.is_missed(figure.ratio)
                .then(|| format!("{:.2} × {}, at most {:.2} wanted", figure.ratio, bar.against, bar.limit))
        })
    }
}

/// Those who do the work of a row.
pub(crate) struct Contenders(pub(super) Vec<Contender>);

pub(super) struct Contender {
    pub(super) name: String,
    pub(super) run: Box<dyn FnMut(u64) -> Batch>,
}

impl Contenders {
    /// Adds one; `run` does at least so many operations and says how long they took.
    pub(crate) fn add(&mut self, name: impl Into<String>, run: impl FnMut(u64) -> Batch + 'static) -> &mut Self {
        self.0.push(Contender { name: name.into(), run: Box::new(run) });
        self
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|contender| contender.name.as_str())
    }
}

/// Keeps the rows that `keep` wants, by their path and what they are.
pub(super) fn narrow(groups: &mut Vec<Group>, keep: impl Fn(&str, &Row) -> bool) {
    for group in groups.iter_mut() {
        let name = group.name;
        group.rows.retain(|row| keep(&format!("{name}/{}", row.label), row));
    }
    groups.retain(|group| !group.rows.is_empty());
}

/// Whether a path contains one of `filters`; without filters, all do.
pub(super) fn chosen(path: &str, filters: &[String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| path.contains(filter.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, ratio: f64) -> Figure {
        Figure { name: name.into(), value: 1.0, spread: None, ratio }
    }

    #[test]
    fn a_bar_is_missed_only_above_its_limit() {
        let row = Row::new("row", |_| {}).at_most(0.7, "peer").at_most(1.1, "floor");
        let figures = [figure("tidegate", 1.0), figure("peer", 0.7), figure("floor", 1.2)];
        let misses: Vec<_> = row.misses(&figures).collect();
        assert_eq!(misses, ["1.20 × floor, at most 1.10 wanted"]);
    }

    #[test]
    fn filters_match_any_part_of_the_path() {
        let group = |name| Group { name, about: "", rows: vec![Row::new("10", |_| {}), Row::new("100", |_| {})] };
        let mut groups = vec![group("a/b"), group("a/c")];
        narrow(&mut groups, |path, _| chosen(path, &[]));
        assert_eq!(groups.iter().map(|group| group.rows.len()).sum::<usize>(), 4);
        narrow(&mut groups, |path, _| chosen(path, &["c/100".into(), "d".into()]));
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].path(&groups[0].rows[0]), "a/c/100");
        narrow(&mut groups, |path, _| chosen(path, &["d".into()]));
        assert!(groups.is_empty());
    }
}
