//! How long a thread looks before it takes its place in line.

use core::cell::Cell;
use core::time::Duration;

use super::*;
use crate::platform::{Blocking, Platform};
use crate::time::Instant;

std::thread_local! {
    static LOOKS: Cell<u32> = const { Cell::new(0) };
}

const PATIENCE: u32 = 8;

/// Counts looks, and never waits.
struct Counting;

impl Platform for Counting {
    type RawMutex = <Local as Platform>::RawMutex;
    type CrowdedMutex = <Local as Platform>::CrowdedMutex;
    const FAST_PATH: bool = false;
}

impl Blocking for Counting {
    fn spin<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
        (0..PATIENCE).find_map(|_| {
            LOOKS.set(LOOKS.get() + 1);
            attempt()
        })
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        match Self::block_on_until(Instant::MAX, future) {
            Some(output) => output,
            None => panic!("it would wait"),
        }
    }

    fn block_on_until<F: Future>(_deadline: Instant, future: F) -> Option<F::Output> {
        match poll(&mut Box::pin(future)) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    fn now() -> Instant {
        Instant::EPOCH
    }
}

fn looks<T>(body: impl FnOnce() -> T) -> (T, u32) {
    LOOKS.set(0);
    (body(), LOOKS.get())
}

#[test]
fn a_thread_looks_for_a_while_but_at_a_rendezvous_once() {
    let (once, second) = (1, Duration::from_secs(1));
    for (capacity, patience) in [(0, once), (1, PATIENCE)] {
        let queue: Queue<Counting, Inline<1>, u8> = Queue::new(capacity);
        assert_eq!(looks(|| queue.get_blocking_timeout(second)), (Err(GetError::TimedOut), patience));
        if capacity > 0 {
            queue.try_put(0).unwrap();
        }
        assert_eq!(looks(|| queue.put_blocking_timeout(1, second)), (Err(PutError::TimedOut(1)), patience));
        queue.close_and_discard();
        assert_eq!(looks(|| queue.get_blocking()), (Err(GetError::Closed), once));
        assert_eq!(looks(|| queue.put_blocking(1)), (Err(PutError::Closed(1)), once));
    }
}

#[test]
fn a_thread_meets_whoever_stands_in_line() {
    let queue: Queue<Counting, Inline<1>, u8> = Queue::new(0);
    let mut put = queue.put(1);
    assert!(poll(&mut put).is_pending());
    assert_eq!(looks(|| queue.get_blocking()), (Ok(1), 1));
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
    let mut get = queue.get();
    assert!(poll(&mut get).is_pending());
    assert_eq!(looks(|| queue.put_blocking(2)), (Ok(()), 1));
    assert_eq!(poll(&mut get), Poll::Ready(Ok(2)));
}
