//! Takes the time of a row: interleaved batches, changing order, medians.

use core::time::Duration;

use super::args::Args;
use super::row::{Contender, Contenders};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    rounds: usize,
    batch: Duration,
}

impl Plan {
    pub(super) fn new(args: &Args) -> Self {
        let (rounds, batch) =
            if args.quick { (3, Duration::from_millis(1)) } else { (21, Duration::from_millis(20)) };
        Self { rounds: args.rounds.unwrap_or(rounds), batch }
    }
}

/// What is known about one contender in the end.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) name: String,
    /// Per operation.
    pub(super) value: f64,
    /// Half the distance between the quartiles, as a part of the value; none where nothing varies.
    pub(super) spread: Option<f64>,
    /// What the subject takes, divided by what this one takes.
    pub(super) ratio: f64,
}

pub(super) fn measure(contenders: &mut Contenders, plan: Plan) -> Vec<Figure> {
    let contenders = &mut contenders.0;
    let operations: Vec<u64> = contenders.iter_mut().map(|contender| calibrate(contender, plan.batch)).collect();
    let mut times = vec![Vec::with_capacity(plan.rounds); contenders.len()];
    for round in 0..plan.rounds {
        for index in order(round, contenders.len()) {
            times[index].push((contenders[index].run)(operations[index]).nanos_per_operation());
        }
    }
    let subject = times.first().cloned().unwrap_or_default();
    let figures = contenders.iter().zip(times).map(|(contender, times)| {
        let ratios = subject.iter().zip(&times).map(|(subject, time)| subject / time).collect();
        let ratio = quantile(&sorted(ratios), 0.5);
        let times = sorted(times);
        let value = quantile(&times, 0.5);
        let spread = (quantile(&times, 0.75) - quantile(&times, 0.25)) / 2.0 / value;
        Figure { name: contender.name.clone(), value, spread: Some(spread), ratio }
    });
    figures.collect()
}

/// How many operations fill a batch.
fn calibrate(contender: &mut Contender, batch: Duration) -> u64 {
    let mut operations = 64;
    loop {
        let trial = (contender.run)(operations);
        if trial.elapsed >= batch / 4 {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count, far below 2^53"
            )]
            return (batch.as_nanos() as f64 / trial.nanos_per_operation()).max(1.0) as u64;
        }
        operations = trial.operations * 4;
    }
}

/// Each round starts with another contender, and every other round runs backwards: nobody always follows the
/// same neighbour.
fn order(round: usize, contenders: usize) -> impl Iterator<Item = usize> {
    (0..contenders).map(move |place| {
        let index = (place + round / 2) % contenders;
        if round.is_multiple_of(2) { index } else { contenders - 1 - index }
    })
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The value below which `part` of all values lie, between neighbours in proportion.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = part * last as f64;
    let (below, above) = (place.floor(), place.ceil());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places within the slice")]
    let (low, high) = (sorted[below as usize], sorted[above as usize]);
    low + (high - low) * (place - below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Batch;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = sorted(vec![4.0, 1.0, 3.0, 2.0]);
        assert!((quantile(&values, 0.5) - 2.5).abs() < 1e-9);
        assert!((quantile(&values, 0.0) - 1.0).abs() < 1e-9);
        assert!((quantile(&values, 1.0) - 4.0).abs() < 1e-9);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn every_round_runs_everyone_and_every_place_is_held_by_everyone() {
        for contenders in 1..6 {
            let mut held = vec![vec![false; contenders]; contenders];
            for round in 0..2 * contenders {
                let mut seen: Vec<_> = order(round, contenders).collect();
                for (place, &index) in seen.iter().enumerate() {
                    held[index][place] = true;
                }
                seen.sort_unstable();
                assert!(seen.into_iter().eq(0..contenders));
            }
            assert!(held.into_iter().flatten().all(|held| held));
        }
    }

    /// Contenders that take the time they are told to: no clock is involved.
    #[test]
    fn the_ratio_is_the_subjects_time_over_the_others() {
        let fixed =
            |nanos| move |operations| Batch { operations, elapsed: Duration::from_nanos(operations * nanos) };
        let mut contenders = Contenders(Vec::new());
        contenders.add("subject", fixed(10)).add("twice as slow", fixed(20));
        let figures = measure(&mut contenders, Plan { rounds: 3, batch: Duration::from_micros(10) });
        assert!((figures[0].value - 10.0).abs() < 1e-9 && (figures[0].ratio - 1.0).abs() < 1e-9);
        assert!((figures[1].value - 20.0).abs() < 1e-9 && (figures[1].ratio - 0.5).abs() < 1e-9);
    }
}
