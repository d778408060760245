//! [`Schedule`]: what decides who is next, and [`Chooser`], which does.

use core::fmt;

use oorandom::Rand32;

/// What decided the order of steps in a run: all it takes to repeat it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Schedule {
    /// Drawn from this seed: [`Sim::new`](crate::Sim::new).
    Seed(u64),
    /// One entry for each step at which more than one task was ready: which of them went on, the one that
    /// waited longest being 0. After the last entry it is always 0: [`Sim::scripted`](crate::Sim::scripted).
    Decisions(Vec<usize>),
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(seed) => write!(f, "seed {seed}"),
            Self::Decisions(decisions) => write!(f, "decisions {decisions:?}"),
        }
    }
}

/// One decision: the `chosen`-th of `among` tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) chosen: usize,
    pub(crate) among: usize,
}

/// Makes the decisions of one run.
pub(crate) enum Chooser {
    Random { seed: u64, rng: Rand32 },
    Scripted { script: Vec<usize>, made: Vec<Decision> },
}

impl Chooser {
    pub(crate) fn new(schedule: &Schedule) -> Self {
        match schedule {
            Schedule::Seed(seed) => Self::Random { seed: *seed, rng: Rand32::new(*seed) },
            Schedule::Decisions(script) => Self::Scripted { script: script.clone(), made: Vec::new() },
        }
    }

    /// Chooses one of `among` tasks. Where there is no choice, no decision is made.
    pub(crate) fn choose(&mut self, among: usize) -> usize {
        if among <= 1 {
            return 0;
        }
        match self {
            Self::Random { rng, .. } => {
                let end = u32::try_from(among).unwrap_or(u32::MAX);
                rng.rand_range(0..end) as usize
            }
            Self::Scripted { script, made } => {
                let wanted = script.get(made.len()).copied().unwrap_or(0);
                let chosen = wanted.min(among - 1);
                made.push(Decision { chosen, among });
                chosen
            }
        }
    }

    /// The decisions of a scripted run.
    pub(crate) fn made(&self) -> &[Decision] {
        match self {
            Self::Random { .. } => &[],
            Self::Scripted { made, .. } => made,
        }
    }

    /// What repeats the run up to here.
    pub(crate) fn schedule(&self) -> Schedule {
        match self {
            Self::Random { seed, .. } => Schedule::Seed(*seed),
            Self::Scripted { made, .. } => {
                let length = made.iter().rposition(|decision| decision.chosen != 0).map_or(0, |last| last + 1);
                Schedule::Decisions(made[..length].iter().map(|decision| decision.chosen).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seeds in bug reports have to keep their meaning from version to version.
    #[test]
    fn the_stream_of_a_seed_is_set_in_stone() {
        let draw = |seed| {
            let mut chooser = Chooser::new(&Schedule::Seed(seed));
            [(); 12].map(|()| chooser.choose(10))
        };
        assert_eq!(draw(0), [2, 3, 1, 5, 4, 7, 2, 6, 9, 8, 3, 9]);
        assert_eq!(draw(42), [1, 4, 8, 1, 2, 0, 0, 1, 8, 2, 2, 6]);
    }

    #[test]
    fn neighbouring_seeds_choose_evenly_from_the_start() {
        for among in [2, 3, 5] {
            let mut counts = vec![0; among];
            for seed in 0..6_000 {
                counts[Chooser::new(&Schedule::Seed(seed)).choose(among)] += 1;
            }
            let expected = 6_000 / among;
            assert!(
                counts.iter().all(|&count| expected * 9 < count * 10 && count * 9 < expected * 10),
                "{counts:?}"
            );
        }
    }

    #[test]
    fn a_script_is_clamped_and_then_goes_on_with_the_first() {
        let mut chooser = Chooser::new(&Schedule::Decisions(vec![1, 9]));
        assert_eq!([2, 1, 3, 2].map(|among| chooser.choose(among)), [1, 0, 2, 0]);
        assert_eq!(chooser.made().len(), 3);
        assert_eq!(chooser.schedule(), Schedule::Decisions(vec![1, 2]));
    }
}
