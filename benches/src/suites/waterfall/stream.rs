//! Items from one task, batches of a hundred in another.

use core::convert::Infallible;
use core::future::Future;
use core::hint::black_box;
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tidegate_tokio::waterfall::{Config, Waterfall};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::harness::{Batch, Contenders, Group, Pool, Row, Workers};

/// How many items there may be on the way.
const CAPACITY: usize = 1_024;
/// How many make a batch.
const QUANTITY: usize = 100;
const INTERVAL: Duration = Duration::from_millis(5);

pub(super) fn groups() -> [Group; 1] {
    let row = |name, workers: Workers| {
        Row::new(name, move |row| contenders(row, workers))
            .cores(workers.count())
            .countable(workers == Workers::One)
            .at_most(0.5, "tokio mpsc, chunks_timeout")
            .at_most(1.2, "kanal, drain")
    };
    [Group {
        name: "waterfall/stream",
        about: "one item from a task to a callback in another, in batches of a hundred",
        rows: vec![row("one worker", Workers::One), row("two workers", Workers::Two)],
    }]
}

fn contenders(row: &mut Contenders, workers: Workers) {
    let pool = Rc::new(Pool::timed(workers));
    let on = || pool.clone();
    row.add("tidegate", stream(on(), tidegate))
        .add("tokio mpsc, chunks_timeout", stream(on(), chunks_timeout))
        .add("tokio mpsc, recv_many", stream(on(), recv_many))
        .add("kanal, drain", stream(on(), |operations| kanal_drain(operations, QUANTITY)))
        .add("kanal, drain, pieces of up to 1024", stream(on(), |operations| kanal_drain(operations, CAPACITY)));
}

/// Batches in which so many items go through what `pipe` sets up.
fn stream<F: Future<Output = ()> + 'static>(
    pool: Rc<Pool>,
    pipe: fn(u64) -> F,
) -> impl FnMut(u64) -> Batch + 'static {
    move |operations| {
        let start = Instant::now();
        pool.run(pipe(operations));
        Batch { operations, elapsed: start.elapsed() }
    }
}

/// The callback of all contenders.
fn take(items: &[u64]) -> u64 {
    black_box(items.iter().fold(0_u64, |sum, item| sum.wrapping_add(*item)));
    items.len() as u64
}

async fn tidegate(operations: u64) {
    let (config, (done, all)) = (Config::new(QUANTITY, INTERVAL).expect("it makes sense"), oneshot::channel());
    let done = Arc::new(parking_lot::Mutex::new((0, Some(done))));
    let waterfall = Waterfall::spawn(config.capacity(CAPACITY), move |batch| {
        let done = Arc::clone(&done);
        async move {
            let mut done = done.lock();
            done.0 += take(&batch);
            if done.0 == operations
                && let Some(all) = done.1.take()
            {
                let _ = all.send(());
            }
            Ok::<(), Infallible>(())
        }
    })
    .expect("there is a runtime");
    let producer = tokio::spawn(async move {
        for item in 0..operations {
            let _ = waterfall.put(item).await;
        }
        waterfall.flush_now();
        waterfall
    });
    let _ = all.await;
    drop(producer.await);
}

async fn chunks_timeout(operations: u64) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let consumer = tokio::spawn(async move {
        let mut chunks = Box::pin(ReceiverStream::new(receiver).chunks_timeout(QUANTITY, INTERVAL));
        let mut taken = 0;
        while taken < operations
            && let Some(chunk) = chunks.next().await
        {
            taken += take(&chunk);
        }
    });
    let producer = tokio::spawn(async move {
        for item in 0..operations {
            let _ = sender.send(item).await;
        }
    });
    let _ = (producer.await, consumer.await);
}

async fn recv_many(operations: u64) {
    let (sender, mut receiver) = mpsc::channel(CAPACITY);
    let consumer = tokio::spawn(async move {
        let (mut taken, mut buffer) = (0, Vec::with_capacity(QUANTITY));
        while taken < operations && receiver.recv_many(&mut buffer, QUANTITY).await > 0 {
            taken += take(&buffer);
            buffer.clear();
        }
    });
    let producer = tokio::spawn(async move {
        for item in 0..operations {
            let _ = sender.send(item).await;
        }
    });
    let _ = (producer.await, consumer.await);
}

/// The first is waited for, and what is there besides is taken along. All of it is, so it is the capacity that bounds a
/// batch; with a larger one there are fewer and larger pieces, which a batch of a hundred would have to be cut from.
async fn kanal_drain(operations: u64, capacity: usize) {
    let (sender, receiver) = kanal::bounded_async(capacity);
    let consumer = tokio::spawn(async move {
        let (mut taken, mut buffer) = (0, Vec::with_capacity(2 * capacity));
        while taken < operations
            && let Ok(first) = receiver.recv().await
        {
            buffer.push(first);
            let _ = receiver.drain_into(&mut buffer);
            taken += buffer.chunks(QUANTITY).map(take).sum::<u64>();
            buffer.clear();
        }
    });
    let producer = tokio::spawn(async move {
        for item in 0..operations {
            let _ = sender.send(item).await;
        }
    });
    let _ = (producer.await, consumer.await);
}
