//! [`History`]: the last two minutes, second by second.

use core::time::Duration;
use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::telemetry::{BINS, Cached, Figures, Refused, Snapshot, Tally, smallest};
use crate::urgency::Class;

/// How many ticks are kept.
const KEPT: usize = 120;

/// Percentiles are of so many ticks together: one alone may have but a few answers.
const TOGETHER: usize = 10;

const CLASSES: usize = Class::ALL.len();
const REASONS: usize = Refused::ALL.len();

/// What lies between two snapshots, again and again, in bounded memory.
#[derive(Debug)]
pub(super) struct History {
    last: Snapshot,
    /// The latencies up to each of the last ticks, the oldest first.
    tallies: VecDeque<[Tally; CLASSES]>,
    ticks: VecDeque<Tick>,
    /// The number of the last tick.
    number: u64,
}

/// What happened between two snapshots, and how things stood at the second.
#[derive(Clone, Debug)]
struct Tick {
    at: Duration,
    span: Duration,
    admitted: [u64; CLASSES],
    refused: [u64; CLASSES],
    reasons: [u64; REASONS],
    failed: [u64; CLASSES],
    waiting: [usize; CLASSES],
    /// The 50th, 90th and 99th percentile, in microseconds.
    latency: [Option<[u64; 3]>; CLASSES],
    cached: [u64; Cached::ALL.len()],
    batches: [u64; BINS],
    rows: u64,
}

impl History {
    /// An empty one that begins with this snapshot.
    pub(super) fn new(first: Snapshot) -> Self {
        let tallies = VecDeque::from([tallies(&first)]);
        Self { last: first, tallies, ticks: VecDeque::with_capacity(KEPT), number: 0 }
    }

    /// Adds what came since the last snapshot, and answers the number of the tick.
    pub(super) fn add(&mut self, now: Snapshot) -> u64 {
        let tallies = tallies(&now);
        let before = self.tallies.front().unwrap_or(&tallies);
        let mut index = 0..CLASSES;
        let latency = [(); CLASSES].map(|()| {
            let class = index.next()?;
            percentiles(&tallies[class].since(&before[class]))
        });
        if self.ticks.len() == KEPT {
            self.ticks.pop_front();
        }
        self.ticks.push_back(Tick::between(&self.last, &now, latency));
        if self.tallies.len() == TOGETHER {
            self.tallies.pop_front();
        }
        self.tallies.push_back(tallies);
        self.last = now;
        self.number += 1;
        self.number
    }

    /// The ticks from this one on, as far as they are kept; or all, with what the figures are called.
    pub(super) fn since(&self, next: Option<u64>) -> Value {
        let news = next.map_or(u64::MAX, |next| (self.number + 1).saturating_sub(next));
        let skipped = self.ticks.len().saturating_sub(usize::try_from(news).unwrap_or(usize::MAX));
        let names = next.is_none().then(|| {
            json!({
                "classes": Class::ALL.map(Class::name),
                "bins": (0..BINS).map(smallest).collect::<Vec<_>>(),
            })
        });
        let total = |figure: fn(&Figures) -> u64| self.last.classes.each_ref().map(figure);
        let lockouts = self.last.lockouts.iter().map(|period| [millis(period.from), millis(period.to)]);
        json!({
            "names": names,
            "now": millis(self.last.at),
            "ticks": self.ticks.iter().skip(skipped).map(Tick::json).collect::<Vec<_>>(),
            "lockouts": lockouts.collect::<Vec<_>>(),
            "totals": {
                "admitted": total(|class| class.admitted),
                "refused": total(|class| class.refused.iter().sum()),
                "failed": total(|class| class.failed),
                "answered": total(|class| class.latencies.count()),
                "reasons": reasons(&self.last),
                "cached": self.last.cached,
                "batches": self.last.batches.iter().sum::<u64>(),
                "rows": self.last.rows,
            },
        })
    }
}

impl Tick {
    fn between(then: &Snapshot, now: &Snapshot, latency: [Option<[u64; 3]>; CLASSES]) -> Self {
        let gained = |figure: fn(&Figures) -> u64| {
            difference(now.classes.each_ref().map(figure), then.classes.each_ref().map(figure))
        };
        Self {
            at: now.at,
            span: now.at.saturating_sub(then.at),
            admitted: gained(|class| class.admitted),
            refused: gained(|class| class.refused.iter().sum()),
            reasons: difference(reasons(now), reasons(then)),
            failed: gained(|class| class.failed),
            waiting: now.classes.each_ref().map(|class| class.waiting),
            latency,
            cached: difference(now.cached, then.cached),
            batches: difference(now.batches, then.batches),
            rows: now.rows.saturating_sub(then.rows),
        }
    }

    fn json(&self) -> Value {
        json!({
            "at": millis(self.at),
            "span": millis(self.span),
            "admitted": self.admitted,
            "refused": self.refused,
            "reasons": self.reasons,
            "failed": self.failed,
            "waiting": self.waiting,
            "latency": self.latency,
            "cached": self.cached,
            "batches": self.batches,
            "rows": self.rows,
        })
    }
}

fn tallies(snapshot: &Snapshot) -> [Tally; CLASSES] {
    snapshot.classes.each_ref().map(|class| class.latencies.clone())
}

fn reasons(snapshot: &Snapshot) -> [u64; REASONS] {
    let mut sums = [0; REASONS];
    for class in &snapshot.classes {
        for (sum, count) in sums.iter_mut().zip(class.refused) {
            *sum += count;
        }
    }
    sums
}

fn percentiles(tally: &Tally) -> Option<[u64; 3]> {
    let micros = |percent| tally.percentile(percent).map(|latency| latency.as_micros());
    let [p50, p90, p99] = [50, 90, 99].map(|percent| u64::try_from(micros(percent)?).ok());
    Some([p50?, p90?, p99?])
}

fn difference<const N: usize>(now: [u64; N], then: [u64; N]) -> [u64; N] {
    let mut gained = now;
    for (gained, then) in gained.iter_mut().zip(then) {
        *gained = gained.saturating_sub(then);
    }
    gained
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Telemetry;

    fn ticks(news: &Value) -> &Vec<Value> {
        news["ticks"].as_array().unwrap()
    }

    #[test]
    fn a_tick_has_what_happened_since_the_last() {
        let telemetry = Telemetry::new();
        telemetry.admitted(Class::Batch);
        let mut history = History::new(telemetry.snapshot());
        assert!(ticks(&history.since(None)).is_empty());
        telemetry.admitted(Class::Batch);
        telemetry.admitted(Class::Batch);
        telemetry.refused(Class::Normal, Refused::Limited);
        telemetry.refused(Class::Batch, Refused::Limited);
        telemetry.answered(Class::Batch, Duration::from_millis(10), 502);
        telemetry.waiting(Class::Normal, 4);
        telemetry.cache(Cached::Miss);
        telemetry.batch(5);
        assert_eq!(history.add(telemetry.snapshot()), 1);

        let news = history.since(None);
        let tick = &ticks(&news)[0];
        assert_eq!(tick["admitted"], json!([0, 0, 2]));
        assert_eq!(tick["refused"], json!([0, 1, 1]));
        assert_eq!(tick["reasons"], json!([2, 0, 0, 0]));
        assert_eq!(tick["failed"], json!([0, 0, 1]));
        assert_eq!(tick["waiting"], json!([0, 4, 0]));
        assert_eq!((&tick["latency"][0], &tick["latency"][2][0]), (&Value::Null, &tick["latency"][2][2]));
        assert_eq!(tick["cached"], json!([0, 1, 0, 0]));
        assert_eq!((&tick["batches"][2], &tick["rows"]), (&json!(1), &json!(5)));
        assert_eq!(news["totals"]["admitted"], json!([0, 0, 3]));
        assert_eq!(news["names"]["classes"], json!(["interactive", "normal", "batch"]));
        // Nothing happened meanwhile.
        history.add(telemetry.snapshot());
        assert_eq!(ticks(&history.since(Some(2)))[0]["admitted"], json!([0, 0, 0]));
    }

    #[test]
    fn who_has_missed_ticks_gets_them_as_far_as_they_are_kept() {
        let telemetry = Telemetry::new();
        let mut history = History::new(telemetry.snapshot());
        for number in 1..=500 {
            assert_eq!(history.add(telemetry.snapshot()), number);
        }
        let told = |next| ticks(&history.since(next)).len();
        assert_eq!((told(Some(501)), told(Some(500)), told(Some(498))), (0, 1, 3));
        assert_eq!((told(Some(1)), told(None)), (KEPT, KEPT));
    }

    #[test]
    fn percentiles_forget_what_is_long_ago() {
        let telemetry = Telemetry::new();
        let mut history = History::new(telemetry.snapshot());
        telemetry.answered(Class::Normal, Duration::from_millis(10), 200);
        for _ in 0..TOGETHER {
            history.add(telemetry.snapshot());
            assert!(history.ticks.back().unwrap().latency[1].is_some());
        }
        history.add(telemetry.snapshot());
        assert!(history.ticks.back().unwrap().latency[1].is_none());
    }

    #[test]
    fn an_event_is_small_however_long_it_has_run() {
        let telemetry = Telemetry::new();
        let mut history = History::new(telemetry.snapshot());
        for _ in 0..1_000 {
            telemetry.locked_out(Duration::ZERO);
            history.add(telemetry.snapshot());
        }
        assert!(history.since(None).to_string().len() < 40_000);
        assert!(history.since(Some(1_000)).to_string().len() < 4_000);
    }
}
