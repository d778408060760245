//! Pages are fetched once for all who ask, and kept for a while.

use crate::programs::Gateway;
use crate::upstream::Upstream;

/// How an answer says that it came out of the cache, or did not.
const CACHE_STATUS: &str = "cache-status";

#[test]
fn all_who_ask_at_once_get_what_is_fetched_once() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &["--ttl", "3600"]);
    let first = gateway.get("/page", "0");
    let arrival = upstream.next();
    let others = [(); 20].map(|()| gateway.get("/page", "0"));
    // These have come in by the time that one has got through that came after them.
    gateway.until("inside", 21);
    arrival.answer("the page");
    assert_eq!(first.answer().header(CACHE_STATUS), Some("tidegate; fwd=miss"));
    for other in others {
        let answer = other.answer();
        assert_eq!((answer.status, &*answer.body), (200, "the page"));
        assert!(answer.header(CACHE_STATUS).is_some_and(|status| status != "tidegate; fwd=miss"));
    }
    let later = gateway.get("/page", "0").answer();
    assert_eq!((later.header(CACHE_STATUS), &*later.body), (Some("tidegate; hit"), "the page"));
    assert!(upstream.is_idle());
}

#[test]
fn what_is_not_for_everybody_is_not_shared() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &["--ttl", "3600"]);
    // Who asks for themselves.
    let personal = [("cookie", "me=1"), ("authorization", "Basic bWU6"), ("range", "bytes=0-1")];
    for header in personal {
        for who in ["one", "another"] {
            let client = gateway.send("GET", "/mine", &[header]);
            upstream.next().answer(who);
            assert_eq!(client.answer().body, who, "{header:?}");
        }
    }
    // What the upstream says is nobody else's.
    for headers in
        ["cache-control: private\r\n", "cache-control: no-store\r\n", "set-cookie: me=1\r\n", "vary: x-me\r\n"]
    {
        for who in ["one", "another"] {
            let client = gateway.get(&format!("/{}", headers.len()), "0");
            upstream.next().answer_with("200 OK", headers, who);
            assert_eq!(client.answer().body, who, "{headers}");
        }
    }
    // Not even by those who ask at the same time.
    let clients = [gateway.get("/private", "0"), gateway.get("/private", "0")];
    let first = upstream.next();
    gateway.until("inside", 2);
    first.answer_with("200 OK", "cache-control: private\r\n", "one");
    upstream.next().answer_with("200 OK", "cache-control: private\r\n", "another");
    let mut bodies = clients.map(|client| client.answer().body);
    bodies.sort_unstable();
    assert_eq!(bodies, ["another", "one"]);
    assert!(upstream.is_idle());
}

#[test]
fn failures_and_orders_are_not_kept() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &["--ttl", "3600"]);
    let failed = gateway.get("/page", "0");
    upstream.next().answer_with("500 Internal Server Error", "", "oh");
    assert_eq!(failed.answer().status, 500);
    for _ in 0..2 {
        let order = gateway.send("POST", "/page", &[]);
        upstream.next().answer("ordered");
        assert_eq!(order.answer().status, 200);
    }
    let client = gateway.get("/page", "0");
    upstream.next().answer("the page");
    assert_eq!(client.answer().body, "the page");
}

#[test]
fn what_differs_by_what_is_accepted_is_kept_apart() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &["--ttl", "3600"]);
    for accepted in ["text/html", "application/json"] {
        let client = gateway.send("GET", "/page", &[("accept", accepted)]);
        upstream.next().answer_with("200 OK", "vary: Accept, accept-encoding\r\n", accepted);
        assert_eq!(client.answer().body, accepted);
    }
    for accepted in ["text/html", "application/json"] {
        assert_eq!(gateway.send("GET", "/page", &[("accept", accepted)]).answer().body, accepted);
    }
    assert!(upstream.is_idle());
}
