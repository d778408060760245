//! The header decides who is next.

use crate::programs::Gateway;
use crate::upstream::Upstream;

/// Lets requests of these priorities line up behind one in the backend, and answers their paths in the order in
/// which the backend got them.
fn order_of(requests: &[(&str, &str)]) -> Vec<String> {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let first = gateway.get("/first", "0");
    let mut inside = upstream.next();
    let mut pending = vec![first];
    for ((path, priority), place) in requests.iter().zip(1..) {
        pending.push(gateway.get(path, priority));
        gateway.until("waiters", place);
    }
    let mut order = Vec::new();
    for _ in requests {
        assert!(upstream.is_idle(), "more than one in the backend");
        inside.answer("");
        inside = upstream.next();
        order.push(inside.path().to_owned());
    }
    inside.answer("");
    assert!(pending.into_iter().all(|pending| pending.answer().status == 200));
    assert_eq!((gateway.health("waiters"), gateway.health("available_permits")), (0, 1));
    order
}

#[test]
fn the_more_urgent_goes_first() {
    let order = order_of(&[("/batch", "5"), ("/normal", "0"), ("/interactive", "-5"), ("/normal-too", "0")]);
    assert_eq!(order, ["/interactive", "/normal", "/normal-too", "/batch"]);
}

#[test]
fn beyond_the_range_there_is_no_other_class() {
    let order =
        order_of(&[("/late-1", "99999999999"), ("/late-2", "11"), ("/late-3", "10"), ("/late-4", "+1000")]);
    assert_eq!(order, ["/late-1", "/late-2", "/late-3", "/late-4"]);
    let order = order_of(&[("/0", "0"), ("/1", "-99999999999"), ("/2", "-10"), ("/3", "-11")]);
    assert_eq!(order, ["/1", "/2", "/3", "/0"]);
}

#[test]
fn what_is_no_number_is_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    for bad in ["", "high", "1.5", "1 2", "-", "0x1"] {
        let answer = gateway.get("/", bad).answer();
        assert_eq!(answer.status, 400, "{bad:?}");
        assert!(answer.body.contains("x-priority"), "{}", answer.body);
    }
    let twice = [("x-priority", "1"), ("x-priority", "2")];
    assert_eq!(gateway.send("GET", "/", &twice).answer().status, 400);
    assert!(upstream.is_idle());
    assert_eq!((gateway.health("hung_up"), gateway.health("available_permits")), (0, 1));
}
