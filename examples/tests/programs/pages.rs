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
fn what_is_asked_for_once_takes_no_place() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &["--ttl", "3600"]);
    for (asked, kept) in [(1, 0), (2, 1)] {
        let client = gateway.get("/page", "0");
        upstream.next().answer("the page");
        assert_eq!(client.answer().header(CACHE_STATUS), Some("tidegate; fwd=miss"));
        assert_eq!(gateway.health("pages"), kept, "asked for {asked} times");
    }
    let answer = gateway.get("/page", "0").answer();
    assert_eq!((answer.header(CACHE_STATUS), &*answer.body), (Some("tidegate; hit"), "the page"));
    assert!(upstream.is_idle());
}

/// By a job: nobody asks for it any more.
#[test]
fn what_is_past_its_time_is_dropped() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &["--ttl", "3600"]);
    for _ in 0..2 {
        let client = gateway.get("/page", "0");
        upstream.next().answer_with("200 OK", "cache-control: max-age=3\r\n", "the page");
        assert_eq!(client.answer().header(CACHE_STATUS), Some("tidegate; fwd=miss"));
    }
    assert_eq!(gateway.health("pages"), 1);
    gateway.until("pages", 0);
    assert!(upstream.is_idle());
}

#[test]
fn what_is_not_for_everybody_is_not_shared() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &["--ttl", "3600"]);
    // Who asks for themselves.
    let personal = [("cookie", "me=1"), ("authorization", "Basic bWU6"), ("range", "bytes=0-1")];
    for header in personal {
        for who in ["one", "another", "a third"] {
            let client = gateway.send("GET", "/mine", &[header]);
            upstream.next().answer(who);
            assert_eq!(client.answer().body, who, "{header:?}");
        }
    }
    // What the upstream says is nobody else's.
    let private = [
        "cache-control: private\r\n",
        "cache-control: No-Store\r\n",
        "cache-control: max-age=60, PRIVATE=\"x-me, x-you\"\r\n",
        "cache-control: no-cache=\"set-cookie\"\r\n",
        "cache-control: max-age=60\r\ncache-control: no-store\r\n",
        "cache-control: max-age=60, \u{fc}\r\n",
        "cache-control: max-age=60\r\nage: 60\r\n",
        "cache-control: max-age=60, s-maxage=0\r\n",
        "cache-control: s-maxage=0, max-age=60\r\n",
        "set-cookie: me=1\r\n",
        "vary: x-me\r\n",
        "vary: *\r\n",
    ];
    for (number, headers) in private.into_iter().enumerate() {
        for who in ["one", "another", "a third"] {
            let client = gateway.get(&format!("/{number}"), "0");
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
fn who_wants_a_new_one_gets_a_new_one() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &["--ttl", "3600"]);
    for header in ["no-cache", "No-Store", "max-age=60,no-cache"] {
        for page in ["one", "another", "a third"] {
            let client = gateway.send("GET", "/page", &[("cache-control", header)]);
            upstream.next().answer(page);
            assert_eq!(client.answer().body, page, "{header}");
        }
    }
}

#[test]
fn a_page_from_the_cache_says_how_old_it_is() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &[]);
    for _ in 0..2 {
        let client = gateway.get("/page", "0");
        upstream.next().answer_with("200 OK", "cache-control: max-age=36000\r\nage: 100\r\n", "page");
        assert_eq!(client.answer().header("age"), Some("100"));
    }
    let age = gateway.get("/page", "0").answer().header("age").and_then(|age| age.parse::<u64>().ok());
    assert!(age.is_some_and(|age| (100..3_600).contains(&age)), "{age:?}");
    assert!(upstream.is_idle());
}

#[test]
fn what_must_be_fresh_is_never_stale() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &["--ttl", "3600"]);
    // One that may be stale for a second lives on while a new one is fetched; this one has but a second to live.
    for page in ["one", "another", "a third"] {
        let client = gateway.get("/page", "0");
        upstream.next().answer_with("200 OK", "cache-control: max-age=1, must-revalidate\r\n", page);
        assert_eq!(client.answer().body, page);
    }
    assert!(upstream.is_idle());
}

#[test]
fn who_fetches_and_goes_away_leaves_the_page_to_those_who_wait() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &["--ttl", "3600"]);
    let first = gateway.get("/page", "0");
    let abandoned = upstream.next();
    let others = [(); 5].map(|()| gateway.get("/page", "0"));
    gateway.until("inside", 6);
    drop(first);
    gateway.until("hung_up", 1);
    // The next one fetches; the permit is still with the call that nobody waits for.
    gateway.until("waiters", 1);
    abandoned.answer("nobody's");
    upstream.next().answer("the page");
    for other in others {
        assert_eq!(other.answer().body, "the page");
    }
    assert!(upstream.is_idle());
}

#[test]
fn failures_and_orders_are_not_kept() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &["--ttl", "3600"]);
    for _ in 0..2 {
        let failed = gateway.get("/page", "0");
        upstream.next().answer_with("500 Internal Server Error", "", "oh");
        assert_eq!(failed.answer().status, 500);
    }
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
    for accepted in ["text/html", "application/json"].repeat(2) {
        let client = gateway.send("GET", "/page", &[("accept", accepted)]);
        upstream.next().answer_with("200 OK", "vary: Accept, accept-encoding\r\n", accepted);
        assert_eq!(client.answer().body, accepted);
    }
    for accepted in ["text/html", "application/json"] {
        assert_eq!(gateway.send("GET", "/page", &[("accept", accepted)]).answer().body, accepted);
    }
    assert!(upstream.is_idle());
}
