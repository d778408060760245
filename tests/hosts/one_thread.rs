//! Every visitor a future with a waker of its own, all on one thread: core alone, and the embassy adapter.

use core::marker::PhantomData;

use futures_util::StreamExt;
use futures_util::future;
use futures_util::stream::FuturesUnordered;
use tidegate_conformance::{self as list, CROWD, Outcome, Stage, Visitor, World, taken};
use tidegate_core::semaphore::AcquireError;
use tidegate_core::{Heap, Inline, Local, Platform, Storage};
use tidegate_embassy::Embassy;
use tidegate_threads::block_on;

use crate::table::Column;

struct OnOneThread<P, S>(PhantomData<(P, S)>);

impl<P: Platform, S: Storage> World<'static> for OnOneThread<P, S> {
    type Platform = P;
    type Storage = S;

    const ROUNDS: usize = 200;

    fn place(&self, stage: Stage<P, S>) -> &'static Stage<P, S> {
        Box::leak(Box::new(stage))
    }

    async fn run<const N: usize, D: Future>(
        &self,
        visitors: &mut [Option<Visitor<'static, P, S>>; N],
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

macro_rules! columns {
    ($($group:ident {
        steps: $($step:ident)*; crowds: $($crowd:ident)*; timed: $($timed:ident)*; blocking: $($blocking:ident)*;
    })*) => {
        [
            Column {
                name: "core",
                scenarios: vec![$(
                    $((stringify!($step), list::$group::$step::<Local, Heap>),)*
                    $((stringify!($crowd), || {
                        block_on(list::$group::$crowd(&OnOneThread::<Local, Heap>(PhantomData))).into()
                    }),)*
                    $((stringify!($timed), || Outcome::Skipped("core brings no timer")),)*
                    $((stringify!($blocking), || Outcome::Skipped("core blocks no thread")),)*
                )*],
            },
            Column {
                name: "embassy",
                scenarios: vec![$(
                    $((stringify!($step), list::$group::$step::<Embassy, Inline<CROWD>>),)*
                    $((stringify!($crowd), || {
                        block_on(list::$group::$crowd(&OnOneThread::<Embassy, Inline<CROWD>>(PhantomData))).into()
                    }),)*
                    $((stringify!($timed), || Outcome::Skipped("a host has no time driver; boards run it")),)*
                    $((stringify!($blocking), || Outcome::Skipped("an executor's tasks must not block")),)*
                )*],
            },
        ]
    };
}

pub(crate) fn columns() -> [Column; 2] {
    tidegate_conformance::scenarios!(columns)
}
