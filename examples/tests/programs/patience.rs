//! Waiting, and what ends it: the time, the client, the backend.

use std::net::TcpListener;

use crate::programs::Gateway;
use crate::upstream::Upstream;

#[test]
fn the_backend_gets_no_more_than_the_permits() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 2, &[]);
    let clients = [gateway.get("/a", "0"), gateway.get("/b", "0")];
    let inside = [upstream.next(), upstream.next()];
    let third = gateway.get("/c", "-10");
    gateway.until("waiters", 1);
    assert!(upstream.is_idle());
    for arrival in inside {
        arrival.answer("done");
    }
    upstream.next().answer("done");
    for client in clients.into_iter().chain([third]) {
        assert_eq!(client.answer().body, "done");
    }
}

#[test]
fn who_waits_too_long_is_told_to_come_again() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &["--patience", "1.25"]);
    let first = gateway.get("/first", "0");
    let inside = upstream.next();
    let refused = gateway.get("/second", "-10").answer();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("2")));
    assert_eq!((gateway.health("waiters"), gateway.health("refused")), (0, 1));
    inside.answer("");
    assert_eq!(first.answer().status, 200);
    // The line is as it was.
    let third = gateway.get("/third", "0");
    assert_eq!(upstream.next().path(), "/third");
    drop(third);
}

#[test]
fn who_hangs_up_gives_the_place_in_line_up() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let first = gateway.get("/first", "0");
    let inside = upstream.next();
    let gone = gateway.get("/gone", "-10");
    gateway.until("waiters", 1);
    let patient = gateway.get("/patient", "10");
    gateway.until("waiters", 2);
    drop(gone);
    gateway.until("waiters", 1);
    gateway.until("hung_up", 1);

    inside.answer("");
    let next = upstream.next();
    assert_eq!(next.path(), "/patient");
    next.answer("");
    assert_eq!((first.answer().status, patient.answer().status), (200, 200));
    assert!(upstream.is_idle());
    assert_eq!(gateway.health("available_permits"), 1);
}

#[test]
fn who_hangs_up_in_the_backend_leaves_the_permit_there() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let gone = gateway.get("/gone", "0");
    let inside = upstream.next();
    let next = gateway.get("/next", "0");
    gateway.until("waiters", 1);
    drop(gone);
    gateway.until("hung_up", 1);
    assert_eq!((gateway.health("waiters"), gateway.health("available_permits")), (1, 0));
    assert!(upstream.is_idle());

    inside.answer("");
    upstream.next().answer("");
    assert_eq!(next.answer().status, 200);
    gateway.until("available_permits", 1);
}

#[test]
fn a_backend_that_is_not_there_costs_no_permit() {
    // Nobody listens any more at an address that was just in use.
    let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let gateway = Gateway::start(address, 1, &[]);
    for _ in 0..3 {
        assert_eq!(gateway.get("/", "0").answer().status, 502);
    }
    gateway.until("available_permits", 1);
}

#[test]
fn a_backend_that_breaks_off_costs_no_permit() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let client = gateway.get("/", "0");
    drop(upstream.next());
    assert_eq!(client.answer().status, 502);
    gateway.until("available_permits", 1);
}
