//! [`Backoff`]: how a thread waits for the lock.

use core::hint;
use core::time::Duration;
use std::thread;

use spinning_top::relax::Relax;

/// How many pauses of the processor it makes before it looks again, some 350 ns: long enough for whoever has the lock to
/// come back for it a dozen times, with everything in its cache. Shorter ones make the cores pass the lock to and fro,
/// each time with all that it guards; longer ones let a consumer empty a queue, and go to sleep, while its producer pauses.
const PAUSES: u32 = 32;
/// How often it looks again after such a pause until it gives way to other threads.
const PATIENCE: u32 = 24;
/// How often it gives way before it sleeps.
const YIELDS: u32 = 32;
/// How long it sleeps each time.
const NAP: Duration = Duration::from_micros(50);

/// How a thread waits for the lock of a handle, which guards some tens of nanoseconds of work.
///
/// It pauses, for some 8 µs in all, a third of what a sleep would cost. If the lock has not come by then, its
/// holder is most likely not running: now the thread gives way to others, and then sleeps in short naps, so that it
/// never burns a core.
#[derive(Debug, Default)]
pub struct Backoff {
    looks: u32,
}

impl Relax for Backoff {
    #[inline]
    fn relax(&mut self) {
        self.looks = pause(self.looks);
    }
}

/// Waits for the lock after so many looks at it, and answers how many it has been then.
// By value: behind a reference the count is in memory, and to make it costs everybody who finds the lock free.
#[cold]
#[inline(never)]
fn pause(looks: u32) -> u32 {
    if looks < PATIENCE {
        for _ in 0..PAUSES {
            hint::spin_loop();
        }
    } else if looks < PATIENCE + YIELDS {
        thread::yield_now();
    } else {
        thread::sleep(NAP);
        return looks;
    }
    looks + 1
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mutex::BlockingMutex;
    use tidegate_core::Platform;

    use super::*;
    use crate::Threads;

    type Guarded<T> = BlockingMutex<<Threads as Platform>::RawMutex, T>;

    #[test]
    fn it_gives_way_and_then_sleeps() {
        let mut backoff = Backoff::default();
        for _ in 0..PATIENCE + YIELDS + 3 {
            backoff.relax();
        }
        assert_eq!(backoff.looks, PATIENCE + YIELDS);
    }

    #[test]
    fn nobody_is_let_in_twice_and_everybody_once() {
        const ROUNDS: usize = 2_000;
        let counted = Arc::new(Guarded::new(0_usize));
        let threads = [(); 4].map(|()| {
            let counted = Arc::clone(&counted);
            thread::spawn(move || {
                for round in 0..ROUNDS {
                    counted.with_lock(|count| {
                        let seen = *count;
                        // Now and then somebody holds the lock for so long that others sleep.
                        if round % 512 == 0 {
                            thread::sleep(NAP);
                        }
                        *count = seen + 1;
                    });
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(counted.with_lock(|count| *count), 4 * ROUNDS);
    }
}
