//! One list of scenarios, run on every adapter and on every board.
//!
//! They stand in groups, a module per primitive or for a few that belong together. Within a group there are four
//! kinds of them, by what they need:
//!
//! | kind | needs | shape |
//! |---|---|---|
//! | steps | a [`Platform`](tidegate_core::Platform) | plain functions that poll futures by hand: outcomes and order |
//! | crowds | a [`World`] | [`Visitor`]s, each in a task of its own: waking, and races |
//! | timed | a [`World`] on a [`Timed`](tidegate_core::Timed) platform | timeouts |
//! | blocking | a [`World`] on a [`Blocking`](tidegate_core::Blocking) platform, with tasks on other threads | the blocking colour |
//!
//! # On a board
//!
//! [`Here`] is a world that needs no more than one task of any executor, no allocator and no statics. Each
//! scenario gets one of its own:
//!
//! ```text
//! let slot = OnceCell::new();
//! let outcome = Outcome::from(semaphore::barging_loses_no_wake_up(&Here::<Embassy, Inline<CROWD>>::new(&slot)).await);
//! println!("{outcome} barging_loses_no_wake_up");
//! ```
//!
//! A scenario's future holds one semaphore and up to [`CROWD`] visitors, for whom its storage must have room. Keep
//! the futures apart, so that their stack frames do not add up: `tests/firmware/common` shows how.
//!
//! # On a host
//!
//! Implement [`World`] by spawning the visitors, and let [`scenarios!`] name every scenario to a macro of yours.
#![no_std]
#![forbid(unsafe_code)]
#![allow(clippy::unused_async, reason = "a scenario is a future where its kind is, whether or not it waits")]

#[cfg(feature = "alloc")]
extern crate alloc;

mod here;
mod outcome;
mod stage;
mod visitor;
mod world;

pub mod caches;
pub mod gates;
pub mod groups;
pub mod handovers;
pub mod limits;
pub mod lockouts;
pub mod maps;
pub mod queues;
pub mod schedulers;
pub mod semaphore;
pub mod shutdowns;
pub mod waterfalls;

pub use here::Here;
pub use outcome::{Check, Failure, Outcome};
pub use stage::Stage;
pub use visitor::Visitor;
pub use world::{World, poll_once, taken};

use core::task::Waker;

use tidegate_core::WakeList;

/// How many visitors the scenarios use at most: a few more than are woken under one lock.
pub const CROWD: usize = WakeList::<Waker>::CAPACITY + 2;

/// Names every scenario, by group and kind, to the macro whose name is given. A group is a module of that name.
///
/// ```text
/// macro_rules! count {
///     ($($group:ident {
///         steps: $($step:ident)*; crowds: $($crowd:ident)*; timed: $($timed:ident)*; blocking: $($blocking:ident)*;
///     })*) => {
///         …
///     };
/// }
/// tidegate_conformance::scenarios!(count);
/// ```
#[macro_export]
macro_rules! scenarios {
    ($with:ident) => {
        $with! {
            semaphore {
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
            lockouts {
                steps:
                    lockouts_hold_until_the_last_end
                    after_a_lockout_all_pass
                    after_a_fifo_lockout_each_passes_in_turn;
                crowds:;
                timed:
                    a_lockout_ends_by_itself
                    a_fifo_lockout_ends_by_itself;
                blocking:
                    a_thread_waits_a_lockout_out;
            }
            limits {
                steps:
                    a_rate_is_kept_to_the_nanosecond
                    tokens_are_had_in_turn
                    several_quotas_are_kept_or_none
                    a_changed_quota_is_a_new_plan
                    keys_are_limited_each_and_bounded_in_number
                    tokens_of_each_key_are_had_in_turn;
                crowds:;
                timed:
                    tokens_come_with_the_platforms_time
                    a_wait_for_tokens_can_time_out
                    tokens_of_a_key_come_with_the_platforms_time;
                blocking:
                    a_thread_waits_for_tokens
                    a_thread_waits_for_tokens_of_a_key;
            }
            gates {
                steps:
                    a_gate_is_entered_whole_or_not_at_all
                    a_gate_takes_its_token_last;
                crowds:;
                timed:;
                blocking:;
            }
            maps {
                steps:
                    the_least_recent_goes_first
                    a_map_agrees_with_a_list
                    a_value_is_there_for_its_lifetime
                    purging_finds_all_that_expired_and_nothing_else;
                crowds:;
                timed:;
                blocking:;
            }
            groups {
                steps:
                    a_group_waits_for_all_its_members
                    a_group_tells_when_nobody_is_left
                    a_tracked_future_is_a_member_until_its_end;
                crowds:;
                timed:
                    a_wait_for_a_group_can_time_out;
                blocking:
                    a_thread_waits_for_a_group;
            }
            waterfalls {
                steps:
                    a_batch_leaves_full_or_due_to_the_nanosecond
                    items_wait_for_room_in_order
                    a_flush_ends_with_what_was_put_before
                    a_stop_hands_out_what_is_left
                    keys_are_batched_each_and_bounded_in_number;
                crowds:;
                timed:
                    a_batch_leaves_with_the_platforms_time
                    a_wait_for_a_batch_can_time_out
                    a_call_can_time_out
                    a_callback_gets_every_item_once;
                blocking:
                    a_thread_puts_and_takes
                    a_thread_calls_and_answers;
            }
            queues {
                steps:
                    items_come_out_by_their_discipline
                    puts_wait_in_turn
                    dropped_at_any_poll_no_item_is_lost
                    a_rendezvous_pairs_puts_with_gets
                    what_is_offered_can_be_had_at_once
                    the_oldest_goes_by_force
                    room_is_reserved_before_there_is_an_item
                    a_closed_queue_drains
                    a_closed_queue_hands_everything_out
                    work_is_joined_when_it_is_done
                    batches_capacities_and_force
                    full_lines_refuse_and_recover;
                crowds:
                    a_fickle_crowd_loses_no_item;
                timed:
                    waits_at_a_queue_can_time_out;
                blocking:
                    a_thread_waits_at_a_queue;
            }
            schedulers {
                steps:
                    payloads_come_out_by_deadline_and_ties_by_insertion
                    what_is_cancelled_or_reset_does_not_come_out
                    each_payload_goes_to_one_consumer
                    a_recurring_payload_keeps_its_rate
                    the_wall_clock_may_be_set
                    a_full_scheduler_gives_back_and_recovers
                    a_closed_scheduler_hands_nothing_out;
                crowds:;
                timed:
                    payloads_come_out_in_the_platforms_time
                    a_wait_for_a_payload_can_time_out;
                blocking:
                    a_thread_waits_for_payloads;
            }
            shutdowns {
                steps:
                    phases_come_in_order
                    joins_have_deadlines_of_their_own
                    second_signals_and_nested_scopes;
                crowds:;
                timed:
                    a_join_is_late_by_the_platforms_time;
                blocking:
                    a_thread_waits_for_the_trigger;
            }
            handovers {
                steps:
                    a_producer_is_never_ahead_of_its_demand
                    both_ends_of_a_handover_hear_of_the_other
                    a_yielding_iterator_gives_way;
                crowds:;
                timed:;
                blocking:
                    threads_hand_over;
            }
            caches {
                steps:
                    a_value_is_computed_once
                    who_computes_may_go_and_the_next_takes_over
                    an_error_is_heard_by_all_who_wait
                    what_is_invalidated_in_flight_is_not_kept
                    a_full_table_refuses_or_does_not_share
                    a_loader_that_asks_for_its_own_key_is_told
                    a_value_goes_stale_and_then_away;
                crowds:;
                timed:
                    a_value_lives_by_the_platforms_time
                    a_wait_for_a_value_can_time_out;
                blocking:
                    a_thread_waits_for_a_value_and_takes_over;
            }
        }
    };
}
