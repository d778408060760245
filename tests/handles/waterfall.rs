//! Waterfalls that run: callbacks that fail, panic, keep things and are cut short; and wakers.

use core::time::Duration;
use std::panic;
use std::sync::{Arc, Mutex, mpsc};

use tidegate_core::waterfall::{Single, Waterfall as Core};
use tidegate_core::{Heap, Instant, ManualClock};
use tidegate_tests::{Count, Hook, poll_once, poll_with};
use tidegate_threads::Threads;
use tidegate_tokio::waterfall::{Config, Failed, Failure, PutError, Verdict, Waterfall};

const MILLI: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_hours(1);

fn config(quantity: usize, interval: Duration) -> Config {
    Config::new(quantity, interval).unwrap()
}

/// A panic that prints nothing.
fn panic_quietly() -> ! {
    panic::resume_unwind(Box::new("on purpose"))
}

#[tokio::test(start_paused = true)]
async fn failures_are_reported_with_what_is_left_and_the_loop_lives_on() {
    let (seen, reported) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (seen_by, reported_by) = (Arc::clone(&seen), Arc::clone(&reported));
    let waterfall = Waterfall::spawn_with(
        config(2, MILLI),
        move |mut batch| {
            let seen = Arc::clone(&seen_by);
            async move {
                let first = batch.first().copied().unwrap_or_default();
                seen.lock().unwrap().push(batch.to_vec());
                match first {
                    0 => Err("no"),
                    2 => panic_quietly(),
                    4 => {
                        batch.remove(0);
                        Err("half")
                    }
                    _ => Ok(()),
                }
            }
        },
        move |failed: Failed<'_, Vec<u32>, Failure<&str>>| {
            reported_by.lock().unwrap().push((failed.batch.clone(), format!("{}", failed.error), failed.attempts));
            match failed.error {
                Failure::Error("half") => Verdict::RetryAfter(MILLI),
                Failure::Panicked(_) if failed.attempts < 2 => Verdict::Retry,
                _ => Verdict::GiveUp,
            }
        },
    )
    .unwrap();
    for item in 0..8 {
        waterfall.put(item).await.unwrap();
    }
    assert!(waterfall.stop(LONG).await.is_ok());
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, [vec![0, 1], vec![2, 3], vec![2, 3], vec![4, 5], vec![5], vec![6, 7]]);
    let panicked = "the callback panicked: on purpose".to_owned();
    let expected = [
        (vec![0, 1], "no".to_owned(), 1),
        (vec![2, 3], panicked.clone(), 1),
        (vec![2, 3], panicked, 2),
        (vec![5], "half".to_owned(), 1),
    ];
    assert_eq!(*reported.lock().unwrap(), expected);
    let stats = waterfall.stats();
    assert_eq!((stats.done, stats.failed, stats.unfinished), (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn batches_overlap_up_to_the_bound() {
    let (inside, most) = (Arc::new(Mutex::new((0, 0))), Arc::new(Mutex::new(Vec::new())));
    let (inside_by, done_by) = (Arc::clone(&inside), Arc::clone(&most));
    let waterfall = Waterfall::spawn(config(1, MILLI).max_in_flight(3), move |batch| {
        let (inside, done) = (Arc::clone(&inside_by), Arc::clone(&done_by));
        async move {
            {
                let mut inside = inside.lock().unwrap();
                inside.0 += 1;
                inside.1 = inside.1.max(inside.0);
            }
            tokio::time::sleep(MILLI).await;
            inside.lock().unwrap().0 -= 1;
            done.lock().unwrap().extend(batch);
            Ok::<(), ()>(())
        }
    })
    .unwrap();
    for item in 0..10 {
        waterfall.put(item).await.unwrap();
    }
    waterfall.flush().await.unwrap();
    assert_eq!(*inside.lock().unwrap(), (0, 3));
    let mut done = most.lock().unwrap().clone();
    done.sort_unstable();
    assert_eq!(done, (0..10).collect::<Vec<u32>>());
}

#[tokio::test(start_paused = true)]
async fn dropped_without_a_stop_it_delivers_what_was_accepted() {
    let (sender, delivered) = mpsc::channel();
    let waterfall = Waterfall::spawn(config(3, LONG), move |batch| {
        let sender = sender.clone();
        async move {
            tokio::time::sleep(MILLI).await;
            batch.into_iter().try_for_each(|item| sender.send(item)).map_err(drop)
        }
    })
    .unwrap();
    for item in 0..5 {
        waterfall.put(item).await.unwrap();
    }
    drop(waterfall);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(delivered.iter().collect::<Vec<u32>>(), [0, 1, 2, 3, 4], "and the task is gone with its sender");
}

#[tokio::test]
async fn calls_overlap_up_to_the_bound() {
    // Two batches wait for each other, and there is no third.
    let (arrived, most) = (Arc::new(tokio::sync::Barrier::new(2)), Arc::new(Mutex::new((0, 0))));
    let most_of = Arc::clone(&most);
    let answer = move |batch: Vec<u32>| {
        let (arrived, most) = (Arc::clone(&arrived), Arc::clone(&most));
        async move {
            {
                let mut most = most.lock().unwrap();
                most.0 += 1;
                most.1 = most.1.max(most.0);
            }
            arrived.wait().await;
            most.lock().unwrap().0 -= 1;
            batch
        }
    };
    let batcher = tidegate_tokio::Batcher::spawn(config(1, MILLI).max_in_flight(2), answer).unwrap();
    let (one, two, three, four) = tokio::join!(batcher.call(1), batcher.call(2), batcher.call(3), batcher.call(4));
    assert_eq!([one, two, three, four], [Ok(1), Ok(2), Ok(3), Ok(4)]);
    assert_eq!(*most_of.lock().unwrap(), (0, 2));
}

#[test]
fn a_runtime_that_shuts_down_tells_the_hook_what_is_left() {
    // With two a second task is started, and not polled any more.
    for in_flight in [1, 2] {
        let left = Arc::new(Mutex::new(Vec::new()));
        let left_by = Arc::clone(&left);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().event_interval(1).build().unwrap();
        runtime.block_on(async {
            let waterfall = Waterfall::spawn_with(
                config(2, LONG).max_in_flight(in_flight),
                |mut batch| async move {
                    batch.remove(0);
                    core::future::pending::<()>().await;
                    drop(batch);
                    Ok::<(), ()>(())
                },
                move |failed: Failed<'_, Vec<u32>, Failure<()>>| {
                    assert!(matches!(failed.error, Failure::Cancelled));
                    left_by.lock().unwrap().append(failed.batch);
                    Verdict::Retry
                },
            )
            .unwrap();
            for item in 0..5 {
                waterfall.put(item).await.unwrap();
            }
            tokio::task::yield_now().await;
            assert_eq!(waterfall.stats().in_flight, 1);
        });
        drop(runtime);
        assert_eq!(*left.lock().unwrap(), [1, 2, 3, 4]);
    }
}

#[tokio::test(start_paused = true)]
async fn items_that_are_kept_are_no_longer_the_waterfalls() {
    let (sender, mut kept) = tokio::sync::mpsc::unbounded_channel();
    let waterfall = Waterfall::spawn(config(2, LONG), move |batch| {
        let sender = sender.clone();
        async move { sender.send(batch).map_err(drop).and(Err(())) }
    })
    .unwrap();
    for item in 0..4 {
        waterfall.put(item).await.unwrap();
    }
    assert!(waterfall.stop(LONG).await.is_ok());
    drop(waterfall);
    let mut all = Vec::new();
    while let Some(batch) = kept.recv().await {
        all.push(batch.to_vec());
    }
    assert_eq!(all, [vec![0, 1], vec![2, 3]]);
}

#[test]
fn outside_of_a_runtime_there_is_an_error_and_no_panic() {
    assert!(Waterfall::<u32>::spawn(config(1, MILLI), |_| async { Ok::<(), ()>(()) }).is_err());
}

#[test]
fn threads_panic_fail_and_go_on() {
    let (sender, delivered) = mpsc::channel();
    let waterfall = tidegate_threads::Waterfall::spawn_with(
        config(2, LONG),
        move || {
            let sender = sender.clone();
            let mut calls = 0;
            move |batch: &mut tidegate_threads::waterfall::Batch<'_, u32>| {
                calls += 1;
                match calls {
                    1 => panic_quietly(),
                    2 => Err("no"),
                    _ => batch.drain().try_for_each(|item| sender.send(item)).map_err(|_| "nobody listens"),
                }
            }
        },
        |failed| if failed.attempts < 3 { Verdict::Retry } else { Verdict::GiveUp },
    )
    .unwrap();
    for item in 0..3 {
        waterfall.put_blocking(item).unwrap();
    }
    assert!(waterfall.stop_blocking(LONG).is_ok());
    drop(waterfall);
    assert_eq!(delivered.iter().collect::<Vec<_>>(), [0, 1, 2]);
}

/// Wakers are foreign code: whatever they do, they do it outside of the lock.
#[test]
fn wakers_may_use_the_waterfall_at_once() {
    type Shared = Arc<Core<Single<u32, Heap>, Threads, Heap>>;
    let waterfall: Shared = Arc::new(Core::new(config(1, LONG).capacity(1)));
    let meddle = |waterfall: &Shared| {
        let waterfall = Arc::clone(waterfall);
        move || {
            let _ = (waterfall.try_put(9), waterfall.stats(), waterfall.len());
            waterfall.flush_now();
            drop(waterfall.try_next_batch());
        }
    };
    let waker = || Hook::waker(meddle(&waterfall), meddle(&waterfall));
    waterfall.try_put(0).unwrap();
    let mut put = waterfall.put(1);
    assert!(poll_with(&mut put, &waker()).is_pending());
    let mut flush = waterfall.flush();
    assert!(poll_with(&mut flush, &waker()).is_pending());
    // Replaced, and dropped, which may take and end whatever is there.
    let _ = (poll_with(&mut put, &waker()), poll_with(&mut flush, &waker()));
    drop((put, flush));
    let mut next = Box::pin(waterfall.next_batch());
    if let core::task::Poll::Ready(Some(batch)) = poll_with(&mut next, &waker()) {
        batch.done();
    }
    let mut next = Box::pin(waterfall.next_batch());
    let _ = poll_with(&mut next, &waker());
    let _ = waterfall.try_put(2);
    waterfall.close();
    drop(next);
}

/// A wake that panics keeps no other from hearing, past one batch of wakes.
#[test]
fn a_wake_that_panics_strands_nobody() {
    let waterfall = Core::<Single<u32, Heap>, Threads, Heap>::new(config(1, LONG).capacity(1));
    waterfall.try_put(0).unwrap();
    for place in [0, 15, 16, 17, 39] {
        let (count, waker) = Count::new();
        let mut puts: Vec<_> = (0..40).map(|item| waterfall.put(item)).collect();
        for (at, put) in puts.iter_mut().enumerate() {
            let pending = if at == place {
                poll_with(put, &Hook::waker(|| panic_quietly(), || ())).is_pending()
            } else {
                poll_with(put, &waker).is_pending()
            };
            assert!(pending);
        }
        assert_eq!(waterfall.waiters(), 40);
        let batch = waterfall.try_next_batch().unwrap();
        // The first is accepted, and may be the one that panics.
        assert_eq!(panic::catch_unwind(panic::AssertUnwindSafe(|| batch.done())).is_err(), place == 0);
        let batch = waterfall.try_next_batch().unwrap();
        assert_eq!(*batch, [0]);
        drop(puts);
        assert_eq!(count.get(), usize::from(place != 0));
        batch.done();
        waterfall.try_put(0).unwrap();
    }
    let (count, waker) = Count::new();
    let mut puts: Vec<_> = (0..40).map(|item| waterfall.put(item)).collect();
    for (at, put) in puts.iter_mut().enumerate() {
        let bad = Hook::waker(|| panic_quietly(), || ());
        assert!(poll_with(put, if at == 3 { &bad } else { &waker }).is_pending());
    }
    assert!(panic::catch_unwind(panic::AssertUnwindSafe(|| waterfall.close())).is_err());
    assert_eq!(count.get(), 39);
    for (item, mut put) in (0..).zip(puts) {
        assert_eq!(poll_once(&mut put), core::task::Poll::Ready(Err(PutError::Closed(item))));
    }
}

#[test]
fn an_idle_waterfall_wakes_nobody_and_arms_nothing() {
    let clock = ManualClock::<Threads, Heap>::new();
    let waterfall: Core<Single<u32, Heap>, Threads, Heap, _> = Core::with_timer(config(2, MILLI), &clock);
    let (count, waker) = Count::new();
    let mut next = Box::pin(waterfall.next_batch());
    assert!(poll_with(&mut next, &waker).is_pending());
    assert_eq!((clock.next_deadline(), count.get()), (None, 0));
    // Somebody else takes the batch that it keeps time for: then there is no time to keep.
    waterfall.try_put(1).unwrap();
    assert_eq!(count.get(), 1);
    assert!(poll_with(&mut next, &waker).is_pending());
    assert_eq!(clock.next_deadline(), Some(Instant::EPOCH + MILLI));
    waterfall.try_put(2).unwrap();
    waterfall.try_next_batch().unwrap().done();
    assert!(poll_with(&mut next, &waker).is_pending());
    assert_eq!(clock.next_deadline(), None);
    let told = count.get();
    clock.advance(LONG);
    assert_eq!(count.get(), told);
}
