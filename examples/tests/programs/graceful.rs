//! The service that stops in order.
#![cfg(unix)]

use rustix::process::Signal;

use crate::programs::{Graceful, run};

#[test]
fn it_stops_by_itself_and_loses_nothing() {
    for orders in ["0", "1", "1000"] {
        let output = run("graceful", &["--orders", orders]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let expected = format!("{orders} orders taken in, {orders} done, {orders} written down: nothing was lost");
        assert_eq!(text.lines().last(), Some(&*expected));
    }
}

#[test]
fn on_a_signal_everything_drains_and_nothing_is_lost() {
    for signal in [Signal::INT, Signal::TERM] {
        let text = Graceful::start().stopped_by(signal);
        assert!(text.contains(&format!("stopping: signal {}", signal.as_raw())), "{text}");
        assert!(text.trim_end().ends_with("written down: nothing was lost"), "{text}");
    }
}

#[test]
fn nonsense_is_refused() {
    for args in [&["--orders"][..], &["--orders", "many"], &["now"]] {
        let output = run("graceful", args);
        assert!(!output.status.success() && !output.stderr.is_empty());
    }
}
