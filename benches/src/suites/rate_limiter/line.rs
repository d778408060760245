//! A thousand tasks in line, at saturation.
//!
//! On tokio's paused clock nothing ever sleeps: time jumps to the next timer when all tasks are idle. So the time a
//! batch takes is what it costs the processor.

use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::time::Instant;

use leaky_bucket::RateLimiter as LeakyBucket;
use tidegate_tokio::{Quota, RateLimiter};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use crate::harness::{Batch, Contenders, Group, Row, leak};

const TASKS: u64 = 1_000;

pub(super) fn group() -> Group {
    Group {
        name: "rate_limiter/line",
        about: "one admission, a thousand tasks in line, processor time",
        rows: vec![
            Row::new("one per millisecond", |row| {
                contenders(row, 1);
                floor(row);
            })
            .at_most(0.7, "leaky-bucket"),
            Row::new("a hundred per millisecond", |row| contenders(row, 100)).at_most(0.7, "leaky-bucket"),
        ],
    }
}

/// So many at once, and as many in each millisecond, which is what tokio's timers can tell apart.
fn contenders(row: &mut Contenders, tokens: u32) {
    let ours = move || {
        let quota = Quota::per(tokens, Duration::from_millis(1));
        RateLimiter::new(quota.expect("the quota makes sense"))
    };
    let theirs = move || {
        let tokens = tokens as usize;
        let builder = &mut LeakyBucket::builder();
        builder.max(tokens).initial(tokens).refill(tokens).interval(Duration::from_millis(1)).fair(true).build()
    };
    row.add("tidegate", line(ours, |l| async move { l.acquire(1).await.is_ok() }))
        .add("leaky-bucket", line(theirs, |l| async move { l.acquire_one().await }));
}

/// What remains of one admission per millisecond if keeping the line costs nothing.
fn floor(row: &mut Contenders) {
    let millisecond = Duration::from_millis(1);
    row.add(
        "a task that sleeps",
        alone(move |sleeps| async move {
            for _ in 0..sleeps {
                sleep(millisecond).await;
            }
        }),
    )
    .add(
        "one that resets its sleep",
        alone(move |sleeps| async move {
            let mut alarm = pin!(sleep(millisecond));
            for _ in 0..sleeps {
                alarm.as_mut().await;
                let next = alarm.deadline() + millisecond;
                alarm.as_mut().reset(next);
            }
        }),
    );
}

fn alone<F>(task: impl Fn(u64) -> F + 'static) -> impl FnMut(u64) -> Batch + 'static
where
    F: Future<Output = ()> + Send + 'static,
{
    move |operations| {
        let elapsed = runtime().block_on(async {
            let start = Instant::now();
            tokio::spawn(task(operations)).await.expect("it only sleeps");
            start.elapsed()
        });
        Batch { operations, elapsed }
    }
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("threads can be had")
}

fn line<L, A>(
    limiter: impl Fn() -> L + 'static,
    acquire: impl Fn(&'static L) -> A + Copy + Send + Sync + 'static,
) -> impl FnMut(u64) -> Batch + 'static
where
    L: Send + Sync + 'static,
    A: Future<Output: Send> + Send + 'static,
{
    move |operations| {
        let rounds = operations.div_ceil(TASKS).max(4);
        let elapsed = runtime().block_on(async {
            let limiter: &'static L = leak(limiter());
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    tokio::spawn(async move {
                        for _ in 0..rounds {
                            acquire(limiter).await;
                        }
                    })
                })
                .collect();
            let start = Instant::now();
            for task in tasks {
                task.await.expect("no contender panics");
            }
            start.elapsed()
        });
        Batch { operations: rounds * TASKS, elapsed }
    }
}
