//! Every visitor a simulated task, under many seeds.

use futures_util::future;
use tidegate_conformance::{self as list, Check, Outcome, Stage, Visitor, World, taken};
use tidegate_core::Heap;
use tidegate_sim::{AcquireError, Sim, for_each_seed, spawn};

use crate::table::{Column, failed};

/// How many orders each scenario is run in.
const SEEDS: u64 = 1_000;

struct InSim;

impl World<'static> for InSim {
    type Platform = Sim;
    type Storage = Heap;

    const ROUNDS: usize = 3;

    fn place(&self, stage: Stage<Sim, Heap>) -> &'static Stage<Sim, Heap> {
        Box::leak(Box::new(stage))
    }

    async fn run<const N: usize, D: Future>(
        &self,
        visitors: &mut [Option<Visitor<'static, Sim, Heap>>; N],
        director: D,
    ) -> ([Result<usize, AcquireError>; N], D::Output) {
        let tasks = taken(visitors).map(spawn);
        let directed = director.await;
        let tickets = future::join_all(tasks).await;
        let mut tickets = tickets.into_iter().map(|ticket| ticket.expect("nobody aborts a visitor"));
        (core::array::from_fn(|_| tickets.next().expect("as many as there are visitors")), directed)
    }
}

/// Runs a scenario under every seed. The one that fails is named on standard error, with what does not hold.
fn seeds<F: Future<Output = Check>>(scenario: impl Fn() -> F) -> Outcome {
    let run = for_each_seed(0..SEEDS, |_seed| async {
        if let Err(failure) = scenario().await {
            panic!("{failure}");
        }
    });
    match run {
        Ok(()) => Outcome::Passed,
        Err(error) => {
            eprintln!("{error}");
            failed("the run did not end, see above")
        }
    }
}

pub(crate) fn column() -> Column {
    macro_rules! scenarios {
        ($($group:ident {
            steps: $($step:ident)*; crowds: $($crowd:ident)*; timed: $($timed:ident)*; blocking: $($blocking:ident)*;
        })*) => {
            vec![$(
                $((stringify!($step), list::$group::$step::<Sim, Heap>),)*
                $((stringify!($crowd), || seeds(|| list::$group::$crowd(&InSim))),)*
                $((stringify!($timed), || seeds(|| list::$group::$timed(&InSim))),)*
                $((stringify!($blocking), || Outcome::Skipped("nothing blocks in a simulated run")),)*
            )*]
        };
    }
    Column { name: "sim", scenarios: tidegate_conformance::scenarios!(scenarios) }
}
