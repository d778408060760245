//! What keeps timers, each by its own names.

use core::cmp::Reverse;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::BinaryHeap;

use hierarchical_hash_wheel_timer::wheels::Skip;
use hierarchical_hash_wheel_timer::wheels::quad_wheel::{QuadWheelWithOverflow, no_prune};
use tidegate_core::scheduler::{Key, Machine};
use tidegate_core::{Heap, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::time as tokio_time;
use tokio_util::time::{DelayQueue, delay_queue};

const MILLI: u64 = 1_000_000;

/// Words by deadline. Spans are in nanoseconds, whole milliseconds of them.
pub(super) trait Timers: 'static {
    fn insert(&mut self, span: u64, payload: u64);
    /// Lets time pass.
    fn advance(&mut self, span: u64);
    fn pop(&mut self) -> Option<u64>;
}

/// The same, when it can take out what is not due.
pub(super) trait Cancel: Timers {
    type Key;
    fn insert_keyed(&mut self, span: u64, payload: u64) -> Self::Key;
    fn cancel(&mut self, key: Self::Key);
}

#[derive(Default)]
pub(super) struct Own {
    machine: Machine<u64, Waker, Heap>,
    now: u64,
}

impl Timers for Own {
    fn insert(&mut self, span: u64, payload: u64) {
        self.insert_keyed(span, payload);
    }

    fn advance(&mut self, span: u64) {
        self.now += span;
    }

    fn pop(&mut self) -> Option<u64> {
        self.machine.pop(Instant::from_nanos(self.now)).map(tidegate_core::scheduler::Expired::into_inner)
    }
}

impl Cancel for Own {
    type Key = Key;

    fn insert_keyed(&mut self, span: u64, payload: u64) -> Key {
        self.machine.insert_at(Instant::from_nanos(self.now + span), payload).expect("there is room on the heap")
    }

    fn cancel(&mut self, key: Key) {
        core::hint::black_box(self.machine.cancel(key));
    }
}

pub(super) struct Delays {
    runtime: Runtime,
    queue: DelayQueue<u64>,
}

impl Delays {
    pub(super) fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        Self { runtime, queue: DelayQueue::new() }
    }
}

impl Timers for Delays {
    fn insert(&mut self, span: u64, payload: u64) {
        self.insert_keyed(span, payload);
    }

    fn advance(&mut self, span: u64) {
        // Its sleep is exact to a millisecond, rounded up.
        self.runtime.block_on(tokio_time::advance(Duration::from_nanos(span)));
    }

    fn pop(&mut self) -> Option<u64> {
        let _entered = self.runtime.enter();
        match self.queue.poll_expired(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(expired)) => Some(expired.into_inner()),
            _ => None,
        }
    }
}

impl Cancel for Delays {
    type Key = delay_queue::Key;

    fn insert_keyed(&mut self, span: u64, payload: u64) -> Self::Key {
        let _entered = self.runtime.enter();
        self.queue.insert(payload, Duration::from_nanos(span))
    }

    fn cancel(&mut self, key: Self::Key) {
        core::hint::black_box(self.queue.remove(&key));
    }
}

#[derive(Default)]
pub(super) struct Ordered {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    now: u64,
}

impl Timers for Ordered {
    fn insert(&mut self, span: u64, payload: u64) {
        self.heap.push(Reverse((self.now + span, payload)));
    }

    fn advance(&mut self, span: u64) {
        self.now += span;
    }

    fn pop(&mut self) -> Option<u64> {
        if self.heap.peek()?.0.0 > self.now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, payload))| payload)
    }
}

pub(super) struct Ticking {
    wheel: QuadWheelWithOverflow<u64>,
    due: Vec<u64>,
    /// How many milliseconds are to be ticked through.
    left: u64,
}

impl Default for Ticking {
    fn default() -> Self {
        Self { wheel: QuadWheelWithOverflow::new(no_prune), due: Vec::new(), left: 0 }
    }
}

impl Timers for Ticking {
    fn insert(&mut self, span: u64, payload: u64) {
        let delay = Duration::from_nanos(span.max(MILLI));
        self.wheel.insert_with_delay(payload, delay).expect("a millisecond at least");
    }

    fn advance(&mut self, span: u64) {
        self.left += span / MILLI;
    }

    fn pop(&mut self) -> Option<u64> {
        while self.due.is_empty() && self.left > 0 {
            if let Skip::Millis(skipped) = self.wheel.can_skip() {
                let skipped = u64::from(skipped).min(self.left - 1);
                self.wheel.skip(u32::try_from(skipped).expect("some minutes"));
                self.left -= skipped;
            } else if matches!(self.wheel.can_skip(), Skip::Empty) {
                self.left = 0;
                break;
            }
            self.due = self.wheel.tick();
            self.left -= 1;
        }
        self.due.pop()
    }
}
