//! Waterfalls in the simulator, over seeds: nothing is lost, doubled or late.

use core::cell::RefCell;
use core::time::Duration;
use std::panic;
use std::rc::Rc;

use tidegate_sim::waterfall::{BareWaterfall, Batch, Config, Failed, Failure, PutError, Verdict, Waterfall};
use tidegate_sim::{SimError, cancel_after, cancel_before, for_each_seed, now, sleep, spawn, yield_now};

fn config(quantity: usize, interval: Duration) -> Config {
    Config::new(quantity, interval).unwrap()
}

/// A panic that prints nothing.
fn panic_quietly() -> ! {
    panic::resume_unwind(Box::new("on purpose"))
}

/// Numbers that a seed decides.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn size(&mut self, below: u64) -> usize {
        usize::try_from(self.roll(below)).unwrap()
    }

    fn nanos(&mut self, below: u64) -> Duration {
        Duration::from_nanos(self.roll(below))
    }
}

type Item = (u64, u64);
type Items = RefCell<Vec<Item>>;

/// What has become of a producer's items.
#[derive(Default)]
struct Ledger {
    accepted: Vec<Item>,
    /// Dropped on the way: accepted or not.
    dropped: Vec<Item>,
}

/// What the callback and the hook see.
#[derive(Default)]
struct Seen {
    /// In the order in which they were first seen.
    first: Items,
    delivered: Items,
    given_up: Items,
}

fn running(config: Config, seed: u64, seen: &Rc<Seen>) -> Waterfall<Item> {
    let (seen, hook_seen) = (Rc::clone(seen), Rc::clone(seen));
    let dice = Rc::new(RefCell::new(Dice(seed ^ 0xBA7C)));
    let callback = move |mut batch: Batch<Item>| {
        let (seen, dice) = (Rc::clone(&seen), Rc::clone(&dice));
        let new = batch.iter().filter(|item| !seen.first.borrow().contains(item));
        let new: Vec<_> = new.copied().collect();
        seen.first.borrow_mut().extend(new);
        async move {
            let (fate, pause) = (dice.borrow_mut().roll(8), dice.borrow_mut().nanos(20));
            match fate {
                0 => panic_quietly(),
                1 => return Err(()),
                2 => yield_now().await,
                3 => sleep(pause).await,
                4 => {
                    sleep(pause).await;
                    panic_quietly()
                }
                _ => {}
            }
            // Half of it, and then it fails; or all.
            let end = if fate == 5 { batch.len() / 2 } else { batch.len() };
            seen.delivered.borrow_mut().extend(batch.drain(..end));
            if fate == 5 { Err(()) } else { Ok(()) }
        }
    };
    let hook = move |failed: Failed<'_, Vec<Item>, Failure<()>>| match failed.attempts {
        1 => Verdict::Retry,
        2 => Verdict::RetryAfter(Duration::from_nanos(3)),
        _ => {
            hook_seen.given_up.borrow_mut().append(failed.batch);
            Verdict::GiveUp
        }
    };
    Waterfall::spawn_with(config, callback, hook)
}

async fn produce(waterfall: Rc<Waterfall<Item>>, producer: u64, mut dice: Dice) -> Ledger {
    let mut ledger = Ledger::default();
    for number in 0..12 {
        let item = (producer, number);
        let outcome = match dice.roll(6) {
            0 => cancel_after(dice.roll(3), waterfall.put(item)).await,
            1 => cancel_before(1 + dice.roll(2), waterfall.put(item)).await,
            2 => Some(waterfall.put_timeout(item, dice.nanos(10)).await),
            3 => Some(waterfall.try_put(item).map_err(|error| PutError::Full(error.into_inner()))),
            _ => Some(waterfall.put(item).await),
        };
        match outcome {
            Some(Ok(())) => ledger.accepted.push(item),
            Some(Err(error)) => assert_eq!(error.into_inner(), item),
            None => ledger.dropped.push(item),
        }
        match dice.roll(8) {
            0 => drop(cancel_after(dice.roll(3), waterfall.flush()).await),
            1 => sleep(dice.nanos(25)).await,
            2 => waterfall.flush_now(),
            _ => {}
        }
    }
    ledger
}

/// Whatever is cancelled, fails, panics and stops when: every item that was accepted ends in one place, and those of
/// one producer leave in order.
#[test]
fn every_accepted_item_ends_once_whatever_happens() -> Result<(), SimError> {
    for_each_seed(0..1_000, |seed| async move {
        let mut dice = Dice(seed);
        let flights = 1 + dice.size(3);
        let config = config(1 + dice.size(4), dice.nanos(30)).capacity(1 + dice.size(9)).max_in_flight(flights);
        let seen = Rc::new(Seen::default());
        let waterfall = Rc::new(running(config, seed, &seen));
        let producers: Vec<_> = (0..3)
            .map(|producer| spawn(produce(Rc::clone(&waterfall), producer, Dice(seed ^ producer))))
            .collect();
        sleep(dice.nanos(150)).await;

        let mut ended = Vec::new();
        if let Err(unfinished) = waterfall.stop(dice.nanos(60)).await {
            assert!(unfinished.in_flight() <= flights);
            for batch in unfinished {
                ended.extend(batch.iter().copied());
                seen.first.borrow_mut().extend(batch.iter().copied());
                batch.done();
            }
        }
        // What is in flight comes to an end.
        while waterfall.stats().in_flight > 0 {
            sleep(Duration::from_nanos(1)).await;
        }
        ended.extend(seen.delivered.borrow().iter().copied());
        ended.extend(seen.given_up.borrow().iter().copied());
        let times = |item| ended.iter().filter(|other| **other == item).count();
        let mut counted = 0;
        for producer in producers {
            let ledger = producer.await.expect("nobody aborts it");
            for item in ledger.accepted {
                assert_eq!(times(item), 1, "{item:?}");
                counted += 1;
            }
            for item in ledger.dropped {
                assert!(times(item) <= 1, "{item:?}");
                counted += times(item);
            }
        }
        assert_eq!(counted, ended.len(), "nothing ended that was refused");
        assert_eq!(waterfall.stats().unfinished, 0);
        let first = seen.first.borrow();
        for producer in 0..3 {
            let numbers = first.iter().filter(|item| item.0 == producer).map(|item| item.1);
            assert!(numbers.is_sorted(), "{first:?}");
        }
    })
}

/// At the right instant, with the right items: against the plain calculation of what leaves when.
#[test]
fn batches_leave_at_the_right_instant() -> Result<(), SimError> {
    for_each_seed(0..500, |seed| async move {
        let mut dice = Dice(seed);
        // Items come at even instants, and nothing is due at one.
        let (quantity, interval) = (1 + dice.size(5), Duration::from_nanos(1 + 2 * dice.roll(20)));
        let gaps: Vec<u64> = (0..60).map(|_| 2 * dice.roll(8)).collect();

        let mut expected: Vec<(u64, Vec<u64>)> = Vec::new();
        let (mut at, mut open) = (0, None);
        let interval_nanos = u64::try_from(interval.as_nanos()).unwrap();
        for (item, gap) in (0..).zip(&gaps) {
            at += gap;
            if let Some((since, items)) =
                open.take_if(|(since, _): &mut (u64, Vec<u64>)| *since + interval_nanos < at)
            {
                expected.push((since + interval_nanos, items));
            }
            let (_, items) = open.get_or_insert((at, Vec::new()));
            items.push(item);
            if items.len() == quantity
                && let Some((_, items)) = open.take()
            {
                expected.push((at, items));
            }
        }
        if let Some((since, items)) = open {
            expected.push((since + interval_nanos, items));
        }

        let waterfall = Rc::new(BareWaterfall::new(config(quantity, interval)));
        let left = Rc::new(RefCell::new(Vec::new()));
        for _ in 0..2 {
            let (waterfall, left) = (Rc::clone(&waterfall), Rc::clone(&left));
            drop(spawn(async move {
                while let Some(batch) = waterfall.next_batch().await {
                    left.borrow_mut().push((now().as_nanos(), batch.to_vec()));
                    batch.done();
                }
            }));
        }
        for (item, gap) in (0..).zip(gaps) {
            sleep(Duration::from_nanos(gap)).await;
            waterfall.put(item).await.expect("it is open");
        }
        sleep(Duration::from_secs(1)).await;
        assert_eq!(*left.borrow(), expected);
    })
}
