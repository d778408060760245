//! An upstream that says "not now" is left alone until then.

use crate::programs::Gateway;
use crate::upstream::Upstream;

const NOT_NOW: &str = "429 Too Many Requests";

#[test]
fn its_clients_wait_and_do_not_hear_of_it() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 4, &[]);
    let first = gateway.get("/first", "0");
    upstream.next().answer_with(NOT_NOW, "retry-after: 1\r\n", "");
    gateway.until("lockouts", 1);
    let others = [gateway.send("POST", "/other", &[]), gateway.get("/third", "-10")];
    gateway.until("inside", 3);
    // Three permits are free, and nobody goes.
    assert!(upstream.is_idle());
    for _ in 0..3 {
        upstream.next().answer("done");
    }
    assert_eq!(first.answer().body, "done");
    assert!(others.into_iter().all(|other| other.answer().body == "done"));
    assert_eq!(gateway.health("lockouts"), 1);
}

#[test]
fn who_would_wait_in_vain_hears_it_at_once() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 4, &["--patience", "5"]);
    let first = gateway.get("/first", "0");
    upstream.next().answer_with(NOT_NOW, "retry-after: 50\r\n", "");
    gateway.until("lockouts", 1);
    for client in [first, gateway.get("/second", "0")] {
        let answer = client.answer();
        let again: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!((1..=50).contains(&again), "{again}");
    }
    assert!(upstream.is_idle());
    assert_eq!((gateway.health("refused"), gateway.health("waiters")), (2, 0));
}

#[test]
fn it_may_name_a_date_as_well() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 4, &["--patience", "5"]);
    let client = gateway.get("/first", "0");
    upstream.next().answer_with(NOT_NOW, "retry-after: Fri, 31 Dec 9999 23:59:59 GMT\r\n", "");
    let answer = client.answer();
    let again: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(answer.status == 503 && (5..=60).contains(&again), "{again}");
    assert!(upstream.is_idle());
}

#[test]
fn an_upstream_never_wants_to_be_left_alone_for_ever() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 4, &["--patience", "5"]);
    let client = gateway.get("/first", "0");
    upstream.next().answer_with(NOT_NOW, "retry-after: 1000000000\r\n", "");
    let again: u64 = client.answer().header("retry-after").unwrap().parse().unwrap();
    assert!(again <= 60, "{again}");
}

#[test]
fn an_upstream_that_is_overloaded_is_left_alone_too_but_its_answer_stands() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 4, &[]);
    let first = gateway.send("POST", "/first", &[]);
    upstream.next().answer_with("503 Service Unavailable", "retry-after: 1\r\n", "no");
    let answer = first.answer();
    assert_eq!((answer.status, &*answer.body), (503, "no"));
    assert_eq!(gateway.health("lockouts"), 1);
    let second = gateway.get("/second", "0");
    upstream.next().answer("yes");
    assert_eq!(second.answer().body, "yes");
}
