//! A row per run.

use crate::load::Run;

pub(crate) struct Report<'a> {
    pub(crate) what: &'static str,
    pub(crate) run: &'a Run,
    pub(crate) queries: u64,
}

impl Report<'_> {
    pub(crate) fn header() {
        println!(
            "\n{:<8}{:>9}{:>9}{:>10}{:>12}{:>12}",
            "cache", "asked", "queries", "seconds", "p50 in ms", "p99 in ms"
        );
    }

    pub(crate) fn print(&self) {
        let latencies = &self.run.latencies;
        println!(
            "{:<8}{:>9}{:>9}{:>10.3}{:>12.2}{:>12.2}",
            self.what,
            latencies.len(),
            self.queries,
            self.run.elapsed.as_secs_f64(),
            millis(latencies.value_at_quantile(0.5)),
            millis(latencies.value_at_quantile(0.99)),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

pub(crate) fn percent(part: u64, whole: u64) -> String {
    let tenths = (1_000 * part).checked_div(whole).unwrap_or(0);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

pub(crate) const fn held(so: bool) -> &'static str {
    if so { "held" } else { "BROKEN" }
}
