//! One list of scenarios, run on every adapter and on every board.
//!
//! There are four kinds of them, by what they need:
//!
//! | kind | needs | shape |
//! |---|---|---|
//! | [`steps`] | a [`Platform`] | plain functions that poll futures by hand: outcomes and order |
//! | [`crowds`] | a [`World`] | [`Visitor`]s, each in a task of its own: waking, and races |
//! | [`timed`] | a [`World`] on a [`Timed`] platform | timeouts |
//! | [`blocking`] | a [`World`] on a [`Blocking`](tidegate_core::Blocking) platform, with tasks on other threads | the blocking colour |
//!
//! # On a board
//!
//! One call from any executor runs all of it and reports name by name, without `std`, an allocator or statics:
//!
//! ```ignore
//! let passed = tidegate_conformance::run::<Embassy, Inline<CROWD>>(&mut |name, outcome| {
//!     println!("{outcome} {name}");
//! })
//! .await;
//! ```
//!
//! The future that it makes holds one semaphore and [`CROWD`] visitors at a time; the storage must have room for
//! as many waiters. All visitors run inside of the calling task ([`Here`]).
//!
//! # On a host
//!
//! Implement [`World`] by spawning the visitors, and let [`scenarios!`] name every scenario to a macro of yours.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod here;
mod outcome;
mod stage;
mod visitor;
mod world;

pub mod blocking;
pub mod crowds;
pub mod steps;
pub mod timed;

pub use here::Here;
pub use outcome::{Check, Failure, Outcome};
pub use stage::Stage;
pub use visitor::Visitor;
pub use world::{World, poll_once, taken};

use core::cell::OnceCell;
use core::task::Waker;

use tidegate_core::{Platform, Storage, Timed, WakeList};

/// How many visitors the scenarios use at most: a few more than are woken under one lock.
pub const CROWD: usize = WakeList::<Waker>::CAPACITY + 2;

/// Names every scenario, by kind, to the macro whose name is given.
///
/// ```ignore
/// macro_rules! count {
///     (steps: $($step:ident)*; crowds: $($crowd:ident)*; timed: $($timed:ident)*; blocking: $($blocking:ident)*;) => {
///         …
///     };
/// }
/// tidegate_conformance::scenarios!(count);
/// ```
#[macro_export]
macro_rules! scenarios {
    ($with:ident) => {
        $with! {
            steps:
                counts_down_and_refuses
                as_many_permits_as_there_can_be
                zero_and_too_many_are_errors
                first_come_first_served
                most_urgent_first_ties_by_arrival
                nobody_overtakes_who_waits
                a_more_urgent_newcomer_goes_first
                a_large_request_at_the_head_is_not_starved
                bypass_lets_exactly_so_many_pass
                max_bypass_is_exact
                a_granted_head_dropped_serves_the_next
                a_large_head_dropped_serves_those_behind
                dropped_at_every_poll_nothing_is_lost
                close_tells_every_waiter_once
                held_permits_stay_good_after_close
                added_permits_serve_who_waits
                too_many_added_permits_are_an_error
                a_deficit_is_paid_first
                a_deficit_is_paid_by_added_permits
                forgotten_permits_stay_away
                split_and_merge_lose_nothing
                permits_of_another_semaphore_are_not_merged
                owned_permits_by_reference
                owned_permits_by_arc
                full_storage_refuses_and_recovers
                who_barges_takes_what_is_free
                who_was_overtaken_keeps_its_place
                a_future_that_was_ready_stays_pending;
            crowds:
                permits_are_handed_over_in_order_of_arrival
                permits_are_handed_over_by_priority
                a_woken_head_dropped_wakes_the_next
                a_large_head_dropped_wakes_those_behind
                close_wakes_everybody
                added_permits_wake_more_than_one_batch
                a_reduced_semaphore_wakes_nobody_early
                barging_loses_no_wake_up
                a_weighted_mix_never_exceeds_the_permits
                a_bypassing_mix_never_exceeds_the_permits
                a_bounded_mix_never_exceeds_the_permits
                cancelled_at_any_poll_nothing_is_lost
                close_amid_a_crowd_loses_no_permit;
            timed:
                a_timeout_gives_the_place_up
                a_permit_in_time_is_had
                a_free_permit_is_had_without_time
                the_longest_timeout_is_no_limit
                a_head_timed_out_lets_the_next_through;
            blocking:
                a_free_permit_is_had_at_once
                a_thread_is_woken_by_a_task
                a_blocking_timeout_gives_the_place_up
                both_colours_stand_in_one_line
                close_wakes_a_blocked_thread;
        }
    };
}

/// Runs every scenario that needs no second thread, one after the other, within the calling task.
///
/// `report` is told the name and the outcome of each. Answers whether all that ran have passed.
///
/// # Cancel safety
///
/// Dropping the future ends the run; nothing outlives it.
pub async fn run<P: Timed, S: Storage>(report: &mut dyn FnMut(&str, Outcome)) -> bool {
    let mut passed = run_untimed::<P, S>(report).await;
    macro_rules! all {
        (steps: $($step:ident)*; crowds: $($crowd:ident)*; timed: $($timed:ident)*; blocking: $($blocking:ident)*;) => {
            $({
                let slot = OnceCell::new();
                let outcome = Outcome::from(timed::$timed(&Here::<P, S>::new(&slot)).await);
                passed &= outcome.is_good();
                report(stringify!($timed), outcome);
            })*
            $( report(stringify!($blocking), Outcome::Skipped("nothing blocks without threads")); )*
        };
    }
    scenarios!(all);
    passed
}

/// The same for a platform without a timer.
///
/// # Cancel safety
///
/// Dropping the future ends the run; nothing outlives it.
pub async fn run_untimed<P: Platform, S: Storage>(report: &mut dyn FnMut(&str, Outcome)) -> bool {
    let mut passed = true;
    macro_rules! all {
        (steps: $($step:ident)*; crowds: $($crowd:ident)*; timed: $($timed:ident)*; blocking: $($blocking:ident)*;) => {
            $({
                let outcome = steps::$step::<P, S>();
                passed &= outcome.is_good();
                report(stringify!($step), outcome);
            })*
            $({
                let slot = OnceCell::new();
                let outcome = Outcome::from(crowds::$crowd(&Here::<P, S>::new(&slot)).await);
                passed &= outcome.is_good();
                report(stringify!($crowd), outcome);
            })*
        };
    }
    scenarios!(all);
    passed
}
