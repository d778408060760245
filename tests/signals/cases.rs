//! What parents do, and what they expect.

use std::panic;
use std::process::ExitCode;
use std::thread;

use rustix::process::Signal;

use crate::process::Process;

type Case = (&'static str, fn());

const CASES: [Case; 14] = [
    ("each signal ends it in order", each_signal_ends_it_in_order),
    ("a signal before the start-ups are done is kept", a_signal_before_the_start_ups_are_done_is_kept),
    ("a second signal kills", a_second_signal_kills),
    ("signals in a row kill", signals_in_a_row_kill),
    ("a second signal is ignored", a_second_signal_is_ignored),
    ("a first signal after a trigger is not a second", a_first_signal_after_a_trigger_is_not_a_second),
    ("afterwards a signal kills as before", afterwards_a_signal_kills_as_before),
    ("what was ignored before is ignored afterwards", what_was_ignored_before_is_ignored_afterwards),
    ("earlier handlers are called", earlier_handlers_are_called),
    ("tokio's own handler is called", tokios_own_handler_is_called),
    ("a second run hears again", a_second_run_hears_again),
    ("nested scopes end in order by one signal", nested_scopes_end_in_order_by_one_signal),
    ("two runtimes and three threads", two_runtimes_and_three_threads),
    ("a wake that panics makes nobody deaf", a_wake_that_panics_makes_nobody_deaf),
];

/// Runs every case whose name contains `filter`.
pub(crate) fn run(filter: &str) -> ExitCode {
    let mut failed = 0;
    for (name, case) in CASES.into_iter().filter(|(name, _)| name.contains(filter)) {
        let passed = panic::catch_unwind(case).is_ok();
        println!("signals: {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u32::from(!passed);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn each_signal_ends_it_in_order() {
    for role in ["threads", "tokio"] {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            let mut child = Process::start(role);
            child.says(&["started"]);
            assert!(child.signal(signal));
            let number = signal.as_raw();
            child.says(&[&format!("stopping: signal {number}"), "joining"]);
            child.go_on();
            child.says(&["joined", &format!("signal {number}")]);
            child.go_on();
            child.ends();
        }
    }
}

fn a_signal_before_the_start_ups_are_done_is_kept() {
    for role in ["slow start", "slow start on tokio"] {
        let mut child = Process::start(role);
        child.says(&["starting"]);
        assert!(child.signal(Signal::TERM));
        child.says(&["heard", "started", "stopping: signal 15", "signal 15"]);
        child.ends();
    }
}

fn a_second_signal_kills() {
    for role in ["threads", "tokio"] {
        for second in [Signal::INT, Signal::TERM] {
            let mut child = Process::start(role);
            child.says(&["started"]);
            assert!(child.signal(Signal::INT));
            child.says(&["stopping: signal 2", "joining"]);
            assert!(child.signal(second));
            assert_eq!(child.dies_of(), Some(second.as_raw()));
        }
    }
}

fn signals_in_a_row_kill() {
    for role in ["threads", "tokio"] {
        let mut child = Process::start(role);
        child.says(&["started"]);
        // Some may become one; but they do not all.
        while !child.has_ended() && child.signal(Signal::INT) {
            thread::yield_now();
        }
        assert_eq!(child.dies_of(), Some(Signal::INT.as_raw()));
    }
}

fn a_second_signal_is_ignored() {
    for role in ["threads, ignoring", "tokio, ignoring"] {
        let mut child = Process::start(role);
        child.says(&["started"]);
        assert!(child.signal(Signal::INT));
        child.says(&["stopping: signal 2", "joining"]);
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            assert!(child.signal(signal));
        }
        child.go_on();
        child.says(&["joined", "signal 2"]);
        child.go_on();
        child.ends();
    }
}

fn a_first_signal_after_a_trigger_is_not_a_second() {
    let mut child = Process::start("triggered");
    child.says(&["joining"]);
    assert!(child.signal(Signal::INT));
    child.go_on();
    child.says(&["it was requested"]);
    child.ends();
}

fn afterwards_a_signal_kills_as_before() {
    for role in ["threads", "tokio"] {
        for signal in [Signal::INT, Signal::HUP] {
            let mut child = Process::start(role);
            child.says(&["started"]);
            assert!(child.signal(Signal::TERM));
            child.says(&["stopping: signal 15", "joining"]);
            child.go_on();
            child.says(&["joined", "signal 15"]);
            assert!(child.signal(signal));
            assert_eq!(child.dies_of(), Some(signal.as_raw()));
        }
    }
}

fn what_was_ignored_before_is_ignored_afterwards() {
    let mut child = Process::start_ignoring("HUP", "threads");
    child.says(&["started"]);
    assert!(child.signal(Signal::HUP));
    child.says(&["stopping: signal 1", "joining"]);
    child.go_on();
    child.says(&["joined", "signal 1"]);
    assert!(child.signal(Signal::HUP));
    child.go_on();
    child.ends();
}

fn earlier_handlers_are_called() {
    let mut child = Process::start("chained");
    child.says(&["started"]);
    assert!(child.signal(Signal::INT));
    child.says(&["heard 1"]);
    child.go_on();
    child.says(&["signal 2"]);
    assert!(child.signal(Signal::INT));
    child.says(&["heard 2"]);
    // The others are as they were, and that is deadly.
    assert!(child.signal(Signal::TERM));
    assert_eq!(child.dies_of(), Some(Signal::TERM.as_raw()));
}

fn tokios_own_handler_is_called() {
    let mut child = Process::start("chained on tokio");
    child.says(&["started"]);
    assert!(child.signal(Signal::INT));
    child.says(&["tokio heard", "signal 2"]);
    assert!(child.signal(Signal::INT));
    child.says(&["tokio heard"]);
    child.ends();
}

fn a_second_run_hears_again() {
    let mut child = Process::start("again");
    for run in ["run 1", "run 2"] {
        child.says(&[run]);
        assert!(child.signal(Signal::TERM));
        child.says(&["signal 15"]);
    }
    assert!(child.signal(Signal::TERM));
    assert_eq!(child.dies_of(), Some(Signal::TERM.as_raw()));
}

fn nested_scopes_end_in_order_by_one_signal() {
    let mut child = Process::start("nested");
    child.says(&["inner started", "outer started"]);
    assert!(child.signal(Signal::INT));
    child.says(&["inner stops", "outer stops", "signal 2"]);
    child.ends();
}

fn two_runtimes_and_three_threads() {
    let mut child = Process::start("crowd");
    child.says(&["all wait"]);
    assert!(child.signal(Signal::TERM));
    child.says(&["signal 15", "Some((true, true))", "Some((true, true))"]);
    child.ends();
}

fn a_wake_that_panics_makes_nobody_deaf() {
    let mut child = Process::start("bad waker");
    child.says(&["started"]);
    assert!(child.signal(Signal::INT));
    let mut lines = [child.line(), child.line()];
    lines.sort_unstable();
    assert_eq!(lines, ["panicking", "stopping: signal 2"]);
    assert!(child.signal(Signal::INT));
    assert_eq!(child.dies_of(), Some(Signal::INT.as_raw()));
}
