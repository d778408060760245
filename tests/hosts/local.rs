//! Core alone, on one thread: every visitor with a waker of its own.

use futures_util::StreamExt;
use futures_util::future;
use futures_util::stream::FuturesUnordered;
use tidegate_conformance::{Outcome, Stage, Visitor, World, crowds, steps, taken};
use tidegate_core::semaphore::AcquireError;
use tidegate_core::{Heap, Local};
use tidegate_threads::block_on;

use crate::table::Column;

struct OnOneThread;

impl World<'static> for OnOneThread {
    type Platform = Local;
    type Storage = Heap;

    const ROUNDS: usize = 200;

    fn place(&self, stage: Stage<Local, Heap>) -> &'static Stage<Local, Heap> {
        Box::leak(Box::new(stage))
    }

    async fn run<const N: usize, D: Future>(
        &self,
        visitors: &mut [Option<Visitor<'static, Local, Heap>>; N],
        director: D,
    ) -> ([Result<usize, AcquireError>; N], D::Output) {
        let mut tasks = FuturesUnordered::new();
        for (place, visitor) in taken(visitors).into_iter().enumerate() {
            tasks.push(async move { (place, visitor.await) });
        }
        let visited = async {
            let mut tickets = [Ok(0); N];
            while let Some((place, ticket)) = tasks.next().await {
                tickets[place] = ticket;
            }
            tickets
        };
        future::join(visited, director).await
    }
}

pub(crate) fn column() -> Column {
    macro_rules! scenarios {
        (steps: $($step:ident)*; crowds: $($crowd:ident)*; timed: $($timed:ident)*; blocking: $($blocking:ident)*;) => {
            vec![
                $((stringify!($step), steps::$step::<Local, Heap>),)*
                $((stringify!($crowd), || Outcome::from(block_on(crowds::$crowd(&OnOneThread)))),)*
                $((stringify!($timed), || Outcome::Skipped("core brings no timer")),)*
                $((stringify!($blocking), || Outcome::Skipped("core blocks no thread")),)*
            ]
        };
    }
    Column { name: "core", scenarios: tidegate_conformance::scenarios!(scenarios) }
}
