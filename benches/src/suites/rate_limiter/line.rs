//! A thousand tasks in line, at saturation.
//!
//! On tokio's paused clock nothing ever sleeps: time jumps to the next timer when all tasks are idle. So the time a
//! batch takes is what it costs the processor.

use core::future::Future;
use core::time::Duration;
use std::time::Instant;

use leaky_bucket::RateLimiter as LeakyBucket;
use tidegate_tokio::{Quota, RateLimiter};
use tokio::runtime::Builder;

use crate::harness::{Batch, Group, Row, leak};

const TASKS: u64 = 1_000;

pub(super) fn group() -> Group {
    Group {
        name: "rate_limiter/line",
        about: "one admission, a thousand tasks in line, processor time",
        rows: vec![
            Row::new("one per millisecond", |row| {
                row.add("tidegate", line(ours, |l| async move { l.acquire(1).await.is_ok() }))
                    .add("leaky-bucket", line(theirs, |l| async move { l.acquire_one().await }));
            })
            .at_most(0.7, "leaky-bucket"),
        ],
    }
}

fn ours() -> RateLimiter {
    let quota = Quota::per(1_000, Duration::from_secs(1)).and_then(|quota| quota.burst(1));
    RateLimiter::new(quota.expect("the quota makes sense"))
}

fn theirs() -> LeakyBucket {
    LeakyBucket::builder().max(1).initial(1).refill(1).interval(Duration::from_millis(1)).fair(true).build()
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
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let elapsed = runtime.expect("threads can be had").block_on(async {
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
