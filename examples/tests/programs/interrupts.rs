//! Ctrl-C, once and twice.
#![cfg(unix)]

use std::net::TcpStream;

use rustix::process::{Pid, Signal, kill_process};

use crate::programs::{Gateway, Program, until};
use crate::upstream::Upstream;

fn send(gateway: &Gateway, signal: Signal) {
    send_to(gateway.id(), signal);
}

fn send_to(process: u32, signal: Signal) {
    kill_process(i32::try_from(process).ok().and_then(Pid::from_raw).unwrap(), signal).unwrap();
}

#[test]
fn the_first_finishes_what_has_begun() {
    for signal in [Signal::INT, Signal::TERM] {
        let upstream = Upstream::start();
        let gateway = Gateway::start(upstream.address, 1, &[]);
        // One that never says anything must not keep it from ending.
        let silent = TcpStream::connect(gateway.address).unwrap();
        let inside = gateway.get("/inside", "0");
        let arrival = upstream.next();
        let waiting = gateway.get("/waiting", "0");
        gateway.until("waiters", 1);

        send(&gateway, signal);
        assert!(gateway.next_line().starts_with("finishing what has begun"));
        until("it accepts nobody any more", || TcpStream::connect(gateway.address).is_err());
        arrival.answer("");
        upstream.next().answer("");
        assert_eq!((inside.answer().status, waiting.answer().status), (200, 200));
        assert_eq!(gateway.end(), (Some(0), String::new()));
        drop(silent);
    }
}

#[test]
fn the_second_kills_it() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let inside = gateway.get("/inside", "0");
    let arrival = upstream.next();
    send(&gateway, Signal::INT);
    assert!(gateway.next_line().starts_with("finishing what has begun"));
    send(&gateway, Signal::INT);
    // By the signal, and not by an exit code of its own.
    assert_eq!(gateway.end(), (None, String::new()));
    drop((inside, arrival));
}

#[test]
fn a_trial_says_so_and_leaves_nothing_behind() {
    for (mode, signal) in [("--demo", Signal::INT), ("--soak", Signal::TERM), ("--overhead", Signal::INT)] {
        let mut trial = Program::start("gateway", &[mode]);
        trial.until_it_speaks();
        assert!(!trial.left_behind().is_empty(), "{mode} logs nothing");
        send_to(trial.id(), signal);
        let output = trial.end();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), stderr.lines().last()),
            (Some(1), Some("gateway: interrupted")),
            "{mode}"
        );
        assert_eq!(trial.left_behind(), Vec::<std::path::PathBuf>::new(), "{mode}");
    }
}
