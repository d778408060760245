//! [`Backoff`]: how a thread waits for the lock.

use core::hint;
use core::time::Duration;
use std::thread;

use spinning_top::relax::Relax;

/// Some 350 ns between two looks: long enough for whoever has the lock to come back for it a dozen times, with everything in
/// its cache. Shorter pauses make the cores pass the lock to and fro, each time with all that it guards; longer ones let a
/// consumer empty a queue, and go to sleep, while its producer pauses.
pub(crate) type Brief = Backoff<32, 24>;
/// Some 4 µs, for where nobody waits for what another core brings: who finds a semaphore locked will mostly stand in its
/// line anyway, and the others pass the permits on among themselves meanwhile.
pub(crate) type Long = Backoff<384, 8>;
/// How many pauses of the processor follow upon a lost race for an atomic word.
const RACE: u32 = 64;
/// How often it gives way before it sleeps.
const YIELDS: u32 = 32;
/// How long it sleeps each time.
const NAP: Duration = Duration::from_micros(50);

/// How a thread waits for the lock of a handle, which guards some tens of nanoseconds of work.
///
/// It looks `LOOKS` times, `PAUSES` pauses of the processor apart, for a third of what a sleep would cost, or as much. If the
/// lock has not come by then, its holder is most likely not running: now the thread gives way to others, and then sleeps in
/// short naps, so that it never burns a core.
#[derive(Debug, Default)]
pub struct Backoff<const PAUSES: u32, const LOOKS: u32> {
    looks: u32,
}

impl<const PAUSES: u32, const LOOKS: u32> Relax for Backoff<PAUSES, LOOKS> {
    #[inline]
    fn relax(&mut self) {
        self.looks = wait::<PAUSES, LOOKS>(self.looks);
    }
}

/// Waits for the lock after so many looks at it, and answers how many it has been then.
// By value: behind a reference the count is in memory, and to make it costs everybody who finds the lock free.
#[cold]
#[inline(never)]
fn wait<const PAUSES: u32, const LOOKS: u32>(looks: u32) -> u32 {
    if looks < LOOKS {
        pause(PAUSES);
    } else if looks < LOOKS + YIELDS {
        thread::yield_now();
    } else {
        thread::sleep(NAP);
        return looks;
    }
    looks + 1
}

/// Leaves an atomic word to the core that has just won it.
#[cold]
#[inline(never)]
pub(crate) fn lost_race() {
    pause(RACE);
}

#[inline]
fn pause(pauses: u32) {
    for _ in 0..pauses {
        hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mutex::{BlockingMutex, ConstInit, ScopedRawMutex};
    use tidegate_core::Platform;

    use super::*;
    use crate::Threads;

    #[test]
    fn it_gives_way_and_then_sleeps() {
        let mut backoff = Backoff::<1, 24>::default();
        for _ in 0..24 + YIELDS + 3 {
            backoff.relax();
        }
        assert_eq!(backoff.looks, 24 + YIELDS);
    }

    #[test]
    fn nobody_is_let_in_twice_and_everybody_once() {
        everybody_once::<<Threads as Platform>::RawMutex>();
        everybody_once::<<Threads as Platform>::CrowdedMutex>();
    }

    fn everybody_once<L: ScopedRawMutex + ConstInit + Send + Sync + 'static>() {
        const ROUNDS: usize = 2_000;
        let counted = Arc::new(BlockingMutex::<L, _>::new(0_usize));
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
