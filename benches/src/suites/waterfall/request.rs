//! A hundred callers, each waiting for its answer, answered together.

use core::convert::Infallible;
use core::future::Future;
use core::time::Duration;
use std::collections::HashMap;
use std::rc::Rc;

use batch_aint_one::{BatchingPolicy, Limits, OnFull, Processor};
use dataloader::BatchFn;
use dataloader::non_cached::Loader;
use tidegate_tokio::batcher::{Batcher, Config};
use tokio::sync::{mpsc, oneshot};

use crate::harness::{Batch, Group, Pool, Row, Workers, leak, race_tasks};

const CALLERS: usize = 100;
const INTERVAL: Duration = Duration::from_millis(5);

pub(super) fn group() -> Group {
    let row = Row::new("one worker", |row| {
        let pool = Rc::new(Pool::timed(Workers::One));
        let on = || pool.clone();
        row.add("tidegate", calls(on(), tidegate, |batcher, n| async move { batcher.call(n).await.ok() }))
            .add(
                "dataloader",
                calls(
                    on(),
                    || Loader::new(Load).with_max_batch_size(CALLERS),
                    |loader, n| async move { Some(loader.load(n).await) },
                ),
            )
            .add(
                "batch-aint-one",
                calls(on(), aint_one, |batcher, n| async move { batcher.add((), n).await.ok() }),
            )
            .add(
                "by hand, mpsc and oneshot",
                calls(on(), by_hand, |sender, n| async move {
                    let (reply, answer) = oneshot::channel();
                    sender.send((n, reply)).await.ok()?;
                    answer.await.ok()
                }),
            );
    });
    Group {
        name: "waterfall/request",
        about: "one call, a hundred callers at a time, answered together",
        rows: vec![row.countable(true).at_most(0.6, "dataloader")],
    }
}

/// Batches in which so many calls are made by a hundred tasks.
fn calls<B, F>(
    pool: Rc<Pool>,
    make: fn() -> B,
    call: impl Fn(&'static B, u64) -> F + Copy + Send + 'static,
) -> impl FnMut(u64) -> Batch + 'static
where
    B: Sync + 'static,
    F: Future<Output = Option<u64>> + Send + 'static,
{
    // What answers lives as long as the runtime, which is kept.
    let service: &'static B = leak(pool.run(async { make() }));
    move |operations| {
        race_tasks(&pool, CALLERS, operations, async {}, |index, rounds| async move {
            for round in 0..rounds {
                let question = round * CALLERS as u64 + index as u64;
                assert_eq!(call(service, question).await, Some(question + 1), "that is the answer");
            }
        })
    }
}

fn tidegate() -> Batcher<u64, u64> {
    let config = Config::new(CALLERS, INTERVAL).expect("it makes sense");
    let batcher = Batcher::spawn(config, async |questions: Vec<u64>| questions.into_iter().map(|n| n + 1));
    batcher.expect("there is a runtime")
}

struct Load;

impl BatchFn<u64, u64> for Load {
    async fn load(&mut self, keys: &[u64]) -> HashMap<u64, u64> {
        keys.iter().map(|&n| (n, n + 1)).collect()
    }
}

#[derive(Clone, Debug)]
struct Process;

impl Processor for Process {
    type Key = ();
    type Input = u64;
    type Output = u64;
    type Error = Infallible;
    type Resources = ();

    async fn acquire_resources(&self, (): ()) -> Result<(), Infallible> {
        Ok(())
    }

    async fn process(
        &self,
        (): (),
        inputs: impl Iterator<Item = u64> + Send,
        (): (),
    ) -> Result<Vec<u64>, Infallible> {
        Ok(inputs.map(|n| n + 1).collect())
    }
}

fn aint_one() -> batch_aint_one::Batcher<Process> {
    batch_aint_one::Batcher::builder()
        .name("calls")
        .processor(Process)
        .limits(Limits::builder().max_batch_size(CALLERS).max_key_concurrency(1).build())
        .batching_policy(BatchingPolicy::Duration(INTERVAL, OnFull::Process))
        .build()
}

type Question = (u64, oneshot::Sender<u64>);

/// What one would write: a channel, and a task that takes a hundred at a time.
fn by_hand() -> mpsc::Sender<Question> {
    let (sender, mut receiver) = mpsc::channel::<Question>(2 * CALLERS);
    tokio::spawn(async move {
        let mut questions = Vec::with_capacity(CALLERS);
        while receiver.recv_many(&mut questions, CALLERS).await > 0 {
            for (n, reply) in questions.drain(..) {
                let _ = reply.send(n + 1);
            }
        }
    });
    sender
}
