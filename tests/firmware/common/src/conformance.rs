//! The conformance run: a function per group of scenarios, and [`conformance!`](crate::conformance!) for images.

use core::cell::OnceCell;
use core::hint::black_box;
use core::pin::{Pin, pin};

use semihosting::println;
use tidegate_conformance::{self as list, CROWD, Here, Outcome};
use tidegate_core::{Storage, Timed};
pub use tidegate_embassy::local::EmbassyLocal;
pub use tidegate_embassy::{Embassy, Inline};

/// Room for as many waiters as any scenario has.
pub type Room = Inline<CROWD>;

/// An image that runs groups of scenarios, [`every`] one of them if need be, on the platforms named.
///
/// ```text
/// firmware_common::conformance!(microbit, Embassy: limits lockouts, EmbassyLocal: limits lockouts);
/// ```
///
/// What is not named is not in the image. Where a group makes do with less [`Room`], and the board with no more, it
/// stands after the board: `conformance!(microbit, Inline<8>, Embassy: queues)`.
#[macro_export]
macro_rules! conformance {
    ($board:ident, $($platform:ident: $($group:ident)+),+) => {
        $crate::conformance!($board, Room, $($platform: $($group)+),+);
    };
    ($board:ident, $room:ty, $($platform:ident: $($group:ident)+),+) => {
        #[embassy_executor::main]
        async fn main(_spawner: embassy_executor::Spawner) {
            #[allow(unused_imports, reason = "one of them is the room")]
            use $crate::conformance::{self, Inline, Room, Tally, apart};

            $board::start();
            let mut tally = Tally::default();
            $(
                $crate::println!("on {}", stringify!($platform));
                $({
                    let mut group = core::pin::pin!(None);
                    apart(group.as_mut(), || conformance::$group::<conformance::$platform, $room>(&mut tally)).await;
                })+
            )+
            tally.finish()
        }
    };
}

/// How many scenarios went how.
#[derive(Debug, Default)]
pub struct Tally {
    passed: u32,
    skipped: u32,
    failed: u32,
}

impl Tally {
    #[inline(never)]
    fn report(&mut self, name: &str, outcome: Outcome) {
        println!("  {outcome} {name}");
        *match outcome {
            Outcome::Passed => &mut self.passed,
            Outcome::Skipped(_) => &mut self.skipped,
            Outcome::Failed(_) => &mut self.failed,
        } += 1;
    }

    /// Says how it went, which an image has to do in the end, and ends the emulator.
    pub fn finish(self) -> ! {
        println!("{} passed, {} skipped, {} failed", self.passed, self.skipped, self.failed);
        crate::finish(self.failed == 0)
    }
}

macro_rules! groups {
    ($($group:ident {
        steps: $($step:ident)*; crowds: $($crowd:ident)*; timed: $($timed:ident)*; blocking: $($blocking:ident)*;
    })*) => {
        $(
            /// The scenarios of the group of this name.
            pub async fn $group<P: Timed, S: Storage>(tally: &mut Tally) {
                println!(concat!(" ", stringify!($group)));
                $( tally.report(stringify!($step), black_box(list::$group::$step::<P, S> as fn() -> Outcome)()); )*
                $({
                    let slot = OnceCell::new();
                    let here = Here::<P, S>::new(&slot);
                    let mut scenario = pin!(None);
                    let outcome = apart(scenario.as_mut(), || list::$group::$crowd(&here)).await;
                    tally.report(stringify!($crowd), outcome.into());
                })*
                $({
                    let slot = OnceCell::new();
                    let here = Here::<P, S>::new(&slot);
                    let mut scenario = pin!(None);
                    let outcome = apart(scenario.as_mut(), || list::$group::$timed(&here)).await;
                    tally.report(stringify!($timed), outcome.into());
                })*
                $(
                    let outcome = Outcome::Skipped("a core that blocks runs no executor");
                    tally.report(stringify!($blocking), outcome);
                )*
            }
        )*

        /// Every scenario there is, for boards that have the room.
        pub async fn every<P: Timed, S: Storage>(tally: &mut Tally) {
            $({
                let mut group = pin!(None);
                apart(group.as_mut(), || $group::<P, S>(tally)).await;
            })*
        }
    };
}
tidegate_conformance::scenarios!(groups);

/// Runs a future in place, without a copy of it on the stack and out of line: were the scenarios inlined into one
/// future, its poll would need more stack than the smallest board has RAM.
pub async fn apart<F: Future>(mut slot: Pin<&mut Option<F>>, make: impl FnOnce() -> F) -> F::Output {
    place(slot.as_mut(), make);
    match slot.as_pin_mut() {
        Some(future) => (future as Pin<&mut dyn Future<Output = F::Output>>).await,
        None => unreachable!("it was put there"),
    }
}

#[inline(never)]
fn place<F>(mut slot: Pin<&mut Option<F>>, make: impl FnOnce() -> F) {
    slot.set(Some(make()));
}
