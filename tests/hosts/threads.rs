//! Every visitor on a thread of its own.

use std::thread;

use tidegate_conformance::{self as list, Outcome, Stage, Visitor, World, taken};
use tidegate_core::Heap;
use tidegate_threads::{AcquireError, Threads, block_on};

use crate::table::Column;

struct OnThreads;

impl World<'static> for OnThreads {
    type Platform = Threads;
    type Storage = Heap;

    const ROUNDS: usize = 200;

    fn place(&self, stage: Stage<Threads, Heap>) -> &'static Stage<Threads, Heap> {
        Box::leak(Box::new(stage))
    }

    async fn run<const N: usize, D: Future>(
        &self,
        visitors: &mut [Option<Visitor<'static, Threads, Heap>>; N],
        director: D,
    ) -> ([Result<usize, AcquireError>; N], D::Output) {
        let threads = taken(visitors).map(|visitor| thread::spawn(|| block_on(visitor)));
        let directed = director.await;
        (threads.map(|thread| thread.join().expect("no visitor panics")), directed)
    }
}

pub(crate) fn column() -> Column {
    macro_rules! scenarios {
        ($($group:ident {
            steps: $($step:ident)*; crowds: $($crowd:ident)*; timed: $($timed:ident)*; blocking: $($blocking:ident)*;
        })*) => {
            vec![$(
                $((stringify!($step), list::$group::$step::<Threads, Heap>),)*
                $((stringify!($crowd), || Outcome::from(block_on(list::$group::$crowd(&OnThreads)))),)*
                $((stringify!($timed), || Outcome::from(block_on(list::$group::$timed(&OnThreads)))),)*
                $((stringify!($blocking), || Outcome::from(block_on(list::$group::$blocking(&OnThreads)))),)*
            )*]
        };
    }
    Column { name: "threads", scenarios: tidegate_conformance::scenarios!(scenarios) }
}
