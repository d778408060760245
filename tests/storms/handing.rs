//! What is handed from one to another: items, payloads, batches, in the order and number in which they were put.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Poll;
use core::time::Duration;
use std::sync::{Arc, Mutex};
use std::thread;

use tidegate_core::Heap;
use tidegate_core::queue::For;
use tidegate_core::scheduler::{NextError, TryNextError};
use tidegate_core::waterfall::{self, Config, PutError as NotGathered, Single, TryPutError as NotGatheredNow};
use tidegate_threads::block_on;
use tidegate_tokio::{
    Generator, GeneratorOptions, GetError, LifoQueue, PriorityQueue, PutError, Queue, Scheduler, Tokio,
    TokioTimer, TryGetError,
};

use crate::storm::{Dice, fickle, give_way, runtime, storm, watched};

/// What has gone in and what has come out, of everybody.
#[derive(Default)]
struct Books {
    next: AtomicUsize,
    out: Mutex<Vec<usize>>,
}

impl Books {
    /// A number that nobody else has, of so many; `None` when all are used up.
    fn number(&self, most: usize) -> Option<usize> {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        (number < most).then_some(number)
    }

    fn came_out(&self, numbers: impl IntoIterator<Item = usize>) {
        self.out.lock().expect("nobody panics here").extend(numbers);
    }

    fn count(&self) -> usize {
        self.out.lock().expect("nobody panics here").len()
    }

    /// Every number below that has come out, once.
    fn balance(&self, most: usize) {
        let mut out = self.out.lock().expect("nobody panics here");
        out.sort_unstable();
        assert!(out.iter().copied().eq(0..most), "{} of {most}", out.len());
    }
}

macro_rules! queues {
    ($($order:ident: $queue:ident)*) => { $(
        mod $order {
            use super::*;

            const ITEMS: usize = 2_000;

            async fn put(queue: &$queue<usize>, dice: &mut Dice, mut item: usize) {
                loop {
                    match dice.roll(6) {
                        0 => {
                            let mut put = queue.put(item).priority(dice.priority());
                            if let Some(outcome) = fickle(dice.roll(4), &mut put).await {
                                return outcome.expect("nobody closes it yet");
                            }
                            match put.into_inner() {
                                Some(back) => item = back,
                                None => return,
                            }
                        }
                        1 => match queue.put_timeout(item, dice.patience()).await {
                            Err(PutError::TimedOut(back)) => item = back,
                            outcome => return outcome.expect("nobody closes it yet"),
                        },
                        2 => match fickle(dice.roll(4), queue.reserve()).await {
                            Some(slot) if dice.roll(3) > 0 => {
                                return slot.expect("nobody closes it yet").put(item).expect("nobody closes it yet");
                            }
                            _ => give_way().await,
                        },
                        3 => match queue.try_put(item) {
                            Ok(()) => return,
                            Err(_full) => give_way().await,
                        },
                        // Who displaces an item puts that in instead.
                        4 => match queue.force_put(item) {
                            Ok(None) => return,
                            Ok(Some(oldest)) => item = oldest,
                            Err(_full) => give_way().await,
                        },
                        _ => return queue.put(item).await.expect("nobody closes it yet"),
                    }
                }
            }

            async fn get(queue: &$queue<usize>, dice: &mut Dice) -> Option<Result<usize, GetError>> {
                match dice.roll(4) {
                    0 => fickle(dice.roll(4), queue.get().priority(dice.priority())).await,
                    1 => match queue.get_timeout(dice.patience()).await {
                        Err(GetError::TimedOut) => None,
                        got => Some(got),
                    },
                    2 => match queue.try_get() {
                        Err(TryGetError::Empty) => None,
                        Err(_) => Some(Err(GetError::Closed)),
                        Ok(item) => Some(Ok(item)),
                    },
                    _ => Some(queue.get().await),
                }
            }

            /// Takes out what there is until it is closed: the first on a thread that blocks.
            fn get_all(queue: &$queue<usize>, books: &Books, who: u64, mut dice: Dice) {
                loop {
                    let got = match who {
                        0 => match queue.get_blocking_timeout(dice.patience()) {
                            Err(GetError::TimedOut) => None,
                            got => Some(got),
                        },
                        _ => block_on(get(queue, &mut dice)),
                    };
                    match got {
                        Some(Ok(item)) => {
                            books.came_out([item]);
                            queue.task_done().expect("there was one");
                        }
                        Some(Err(GetError::Closed)) => return,
                        Some(Err(error)) => panic!("{error}"),
                        None => thread::yield_now(),
                    }
                }
            }

            #[test]
            fn items_come_out_once() {
            watched(|| {
                for (seed, capacity) in (0..).zip([0, 1, 3, usize::MAX]) {
                    let queue = Arc::new($queue::<usize>::new(capacity));
                    let books = Arc::new(Books::default());
                    let consumers: Vec<_> = (0..3)
                        .map(|who| {
                            let (queue, books) = (Arc::clone(&queue), Arc::clone(&books));
                            thread::spawn(move || get_all(&queue, &books, who, Dice::new(100 * seed + who)))
                        })
                        .collect();
                    let (here, there) = ((Arc::clone(&queue), Arc::clone(&books)), (Arc::clone(&queue), Arc::clone(&books)));
                    let act = move |mut dice: Dice| {
                        let (queue, books) = here.clone();
                        async move {
                            while let Some(number) = books.number(ITEMS) {
                                put(&queue, &mut dice, number).await;
                                // It takes items out as well, which a rendezvous may need.
                                if dice.roll(3) == 0
                                    && let Some(item) = fickle(dice.roll(4), queue.get()).await
                                {
                                    books.came_out(item);
                                    queue.task_done().expect("there was one");
                                }
                            }
                        }
                    };
                    storm(seed, act, move |mut dice| {
                        let (queue, books) = &there;
                        while let Some(mut number) = books.number(ITEMS) {
                            while let Err(refused) = queue.put_blocking_timeout(number, dice.patience()) {
                                let PutError::TimedOut(back) = refused else { panic!("{refused}") };
                                number = back;
                            }
                        }
                    });
                    queue.join_blocking().expect("there is room on the heap");
                    queue.close();
                    for consumer in consumers {
                        consumer.join().expect("no consumer panics");
                    }
                    books.balance(ITEMS);
                    assert_eq!((queue.len(), queue.waiters(For::Room), queue.waiters(For::Item)), (0, 0, 0));
                }
            });
            }
        }
    )* };
}

queues! {
    first_in_first_out: Queue
    last_in_first_out: LifoQueue
    most_urgent_first: PriorityQueue
}

/// Everybody inserts, cancels, moves and takes, until all numbers have come out.
#[test]
fn payloads_come_out_once_or_are_cancelled() {
    const PAYLOADS: usize = 2_000;

    watched(|| {
        for seed in 0..3 {
            let scheduler = Arc::new(Scheduler::<usize>::new());
            let books = Arc::new(Books::default());
            let (here, there) = ((Arc::clone(&scheduler), Arc::clone(&books)), Arc::clone(&scheduler));
            let act = move |mut dice: Dice| {
                let (scheduler, books) = here.clone();
                async move {
                    loop {
                        let number = books.number(PAYLOADS);
                        if let Some(number) = number {
                            let far = dice.roll(6) == 0;
                            let span = if far { Duration::from_hours(9) } else { dice.patience() };
                            let key = scheduler.insert_after(span, number).expect("there is room on the heap");
                            if far {
                                give_way().await;
                                match dice.roll(2) {
                                    0 => assert!(scheduler.reset_after(key, dice.patience())),
                                    _ => books.came_out([scheduler.cancel(key).expect("it is far off")]),
                                }
                            }
                        }
                        let expired = match dice.roll(3) {
                            0 => fickle(dice.roll(4), scheduler.next().priority(dice.priority())).await,
                            1 => match scheduler.try_next() {
                                Ok(expired) => Some(Ok(expired)),
                                Err(TryNextError::Closed) => Some(Err(NextError::Closed)),
                                Err(_) => None,
                            },
                            _ => match scheduler.next_timeout(dice.patience()).await {
                                Err(NextError::TimedOut) => None,
                                expired => Some(expired),
                            },
                        };
                        match expired {
                            Some(Ok(expired)) => books.came_out([expired.into_inner()]),
                            Some(Err(NextError::Closed)) => return,
                            Some(Err(error)) => panic!("{error}"),
                            None if number.is_none() && books.count() == PAYLOADS => scheduler.close(),
                            None => give_way().await,
                        }
                    }
                }
            };
            let counted = Arc::clone(&books);
            storm(seed, act, move |_dice| {
                loop {
                    match there.next_blocking() {
                        Ok(expired) => counted.came_out([expired.into_inner()]),
                        Err(NextError::Closed) => return,
                        Err(error) => panic!("{error}"),
                    }
                }
            });
            books.balance(PAYLOADS);
            assert_eq!((scheduler.len(), scheduler.waiters()), (0, 0));
        }
    });
}

type Gathering = waterfall::Waterfall<Single<usize, Heap>, Tokio, Heap, TokioTimer>;

/// Items are accepted once or come back; batches end well, fail, or are dropped; flushes and the stop come to an end.
#[test]
fn items_leave_in_batches_once() {
    const ITEMS: usize = 2_000;

    watched(|| {
        for (seed, interval) in (0..).zip([Duration::ZERO, Duration::from_micros(50), Duration::MAX]) {
            let config = Config::new(5, interval).expect("it is sound").capacity(12).max_in_flight(2);
            let waterfall = Arc::new(Gathering::new(config));
            let books = Arc::new(Books::default());
            let takers: Vec<_> = (0..3)
                .map(|who| {
                    let (waterfall, books) = (Arc::clone(&waterfall), Arc::clone(&books));
                    thread::spawn(move || {
                        let mut dice = Dice::new(100 * seed + who);
                        loop {
                            let batch = match dice.roll(3) {
                                0 => block_on(fickle(dice.roll(4), waterfall.next_batch())),
                                1 => waterfall.try_next_batch().map(Some),
                                _ => Some(waterfall.next_batch_blocking()),
                            };
                            match batch {
                                Some(Some(mut batch)) => {
                                    books.came_out(batch.drain());
                                    match dice.roll(3) {
                                        0 => batch.failed(),
                                        1 => drop(batch),
                                        _ => batch.done(),
                                    }
                                }
                                Some(None) => return,
                                None => thread::yield_now(),
                            }
                        }
                    })
                })
                .collect();
            let (here, there) =
                ((Arc::clone(&waterfall), Arc::clone(&books)), (Arc::clone(&waterfall), Arc::clone(&books)));
            let act = move |mut dice: Dice| {
                let (waterfall, books) = here.clone();
                async move {
                    while let Some(mut number) = books.number(ITEMS) {
                        loop {
                            match dice.roll(4) {
                                0 => {
                                    let mut put = waterfall.put(number);
                                    if let Some(outcome) = fickle(dice.roll(4), &mut put).await {
                                        break outcome.expect("nobody closes it yet");
                                    }
                                    match put.withdraw() {
                                        Some(back) => number = back,
                                        None => break,
                                    }
                                }
                                1 => match waterfall.try_put(number) {
                                    Err(NotGatheredNow::Full(back)) => number = back,
                                    outcome => break outcome.expect("nobody closes it yet"),
                                },
                                2 => match waterfall.put_timeout(number, dice.patience()).await {
                                    Err(NotGathered::TimedOut(back)) => number = back,
                                    outcome => break outcome.expect("nobody closes it yet"),
                                },
                                _ => {
                                    // Where only volume counts, somebody has to see to the rest.
                                    waterfall.flush_now();
                                    break waterfall.put(number).await.expect("nobody closes it yet");
                                }
                            }
                            give_way().await;
                        }
                        match dice.roll(9) {
                            0 => drop(fickle(dice.roll(5), waterfall.flush()).await),
                            1 => waterfall.flush().await.expect("there is room on the heap"),
                            _ => {}
                        }
                    }
                }
            };
            storm(seed, act, move |mut dice| {
                let (waterfall, books) = &there;
                while let Some(mut number) = books.number(ITEMS) {
                    while let Err(refused) = waterfall.put_blocking_timeout(number, dice.patience()) {
                        let NotGathered::TimedOut(back) = refused else { panic!("{refused}") };
                        number = back;
                        waterfall.flush_now();
                    }
                }
            });
            waterfall.stop_blocking(Duration::MAX).expect("it waits for as long as it takes");
            for taker in takers {
                taker.join().expect("no taker panics");
            }
            books.balance(ITEMS);
            assert_eq!((waterfall.len(), waterfall.waiters()), (0, 0));
        }
    });
}

/// Consumers give up time and again, change colour, and close some at random: items come in order and none is missing.
#[test]
fn generators_lose_no_item_and_end() {
    const ITEMS: usize = 300;

    watched(|| {
        let runtime = runtime();
        let _within = runtime.enter();
        let produced = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&produced);
        let act = move |mut dice: Dice| {
            let counted = Arc::clone(&counted);
            async move {
                for _ in 0..4 {
                    let capacity = 1 + dice.count(5);
                    let options = GeneratorOptions::new().capacity(capacity).expect("it is not zero");
                    let here = Arc::clone(&counted);
                    let mut generator: Generator<usize> = match dice.roll(2) {
                        0 => options.items((0..ITEMS).inspect(move |_| {
                            here.fetch_add(1, Ordering::SeqCst);
                        })),
                        _ => options.from_fn(move |out| {
                            for item in 0..ITEMS {
                                if out.yield_(item).is_err() {
                                    return;
                                }
                            }
                        }),
                    };
                    let stop_at = dice.count(3 * ITEMS as u64);
                    for expected in 0..ITEMS.min(stop_at) {
                        let item = loop {
                            let next = match dice.roll(3) {
                                0 => fickle(dice.roll(4), generator.next()).await,
                                1 => {
                                    core::future::poll_fn(|cx| {
                                        Poll::Ready(match core::pin::pin!(generator.next()).poll(cx) {
                                            Poll::Ready(item) => Some(item),
                                            Poll::Pending => None,
                                        })
                                    })
                                    .await
                                }
                                _ => Some(generator.next().await),
                            };
                            match next {
                                Some(item) => break item,
                                None => give_way().await,
                            }
                        };
                        assert_eq!(item.expect("they are not all out").expect("it does not fail"), expected);
                    }
                    if stop_at >= ITEMS {
                        assert!(generator.next().await.is_none());
                    }
                    match dice.roll(3) {
                        0 => drop(generator),
                        1 => drop(fickle(dice.roll(4), generator.close()).await),
                        _ => generator.close().await.expect("it does not fail"),
                    }
                }
            }
        };
        storm(0, act, |mut dice| {
            let mut generator = tidegate_threads::Generator::new(0..ITEMS);
            for expected in 0..ITEMS {
                let item = loop {
                    if let Ok(item) = generator.next_blocking_timeout(dice.patience()) {
                        break item;
                    }
                };
                assert_eq!(item.expect("they are not all out").expect("it does not fail"), expected);
            }
            generator.close_blocking().expect("it does not fail");
        });
        assert!(produced.load(Ordering::SeqCst) > 0);
        // Whoever was left behind ends by itself, or the runtime waits for ever when it is dropped.
    });
}
