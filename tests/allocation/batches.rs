//! Items in batches: nothing is allocated for an item.

use core::time::Duration;
use std::sync::Arc;

use tidegate_tokio::batcher::BareBatcher;
use tidegate_tokio::waterfall::{BareWaterfall, Batch, Config, Waterfall};
use tokio::runtime::Builder;
use tokio::task::yield_now;

use crate::{Least, WINDOWS, region};

const ITEMS: u64 = 5_000;

fn config() -> Config {
    Config::new(100, Duration::from_hours(1)).expect("not zero").capacity(1_000)
}

/// Put and taken by hand, with and without waiting for room.
pub(crate) fn by_hand() -> usize {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime can be had");
    let waterfall = Arc::new(BareWaterfall::new(config()));
    let taking = Arc::clone(&waterfall);
    let mut least = Least::new();
    runtime.block_on(async {
        tokio::spawn(async move {
            while let Some(mut batch) = taking.next_batch().await {
                assert!(batch.drain().len() > 0);
                batch.done();
            }
        });
        for _ in 0..WINDOWS {
            let region = region();
            for item in 0..ITEMS {
                assert!(waterfall.put(item).await.is_ok());
            }
            assert!(waterfall.flush().await.is_ok());
            least.window(&region);
        }
    });
    waterfall.close();
    least.0
}

/// Through a callback.
pub(crate) fn running() -> usize {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime can be had");
    let mut least = Least::new();
    runtime.block_on(async {
        let callback = |mut batch: Batch<u64>| async move {
            yield_now().await;
            if batch.drain(..).len() > 0 { Ok(()) } else { Err(()) }
        };
        let waterfall = Waterfall::spawn(config(), callback).expect("there is a runtime");
        for _ in 0..WINDOWS {
            let region = region();
            for item in 0..ITEMS {
                assert!(waterfall.put(item).await.is_ok());
            }
            assert!(waterfall.flush().await.is_ok());
            least.window(&region);
        }
        assert_eq!(waterfall.stats().failed, 0);
    });
    least.0
}

/// A hundred callers at a time, answered together.
pub(crate) fn calls() -> usize {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime can be had");
    let batcher = Arc::new(BareBatcher::<u64, u64>::new(config()));
    let answering = Arc::clone(&batcher);
    let mut least = Least::new();
    runtime.block_on(async {
        tokio::spawn(async move {
            while let Some(requests) = answering.next().await {
                let count = requests.len() as u64;
                requests.answer(0..count);
            }
        });
        let start = Arc::new(tidegate_tokio::Semaphore::new(0));
        let done = Arc::new(tidegate_tokio::Semaphore::new(0));
        for _ in 0..100 {
            let (batcher, start, done) = (Arc::clone(&batcher), Arc::clone(&start), Arc::clone(&done));
            tokio::spawn(async move {
                while let Ok(permit) = start.acquire().await {
                    permit.forget();
                    for _ in 0..10 {
                        assert!(batcher.call(1).await.is_ok());
                    }
                    assert!(done.add_permits(1).is_ok());
                }
            });
        }
        for _ in 0..WINDOWS {
            let region = region();
            assert!(start.add_permits(100).is_ok());
            done.acquire_many(100).await.expect("nobody closes it").forget();
            least.window(&region);
        }
    });
    batcher.close();
    least.0
}
