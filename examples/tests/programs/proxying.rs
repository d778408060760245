//! What goes through, and what does not.

use crate::http::send;
use crate::programs::Gateway;
use crate::upstream::Upstream;

#[test]
fn requests_and_answers_go_through_unchanged() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let headers = [("x-thing", "kept"), ("te", "trailers"), ("keep-alive", "timeout=5")];
    let client = send(gateway.address, "POST /api/things?colour=red HTTP/1.1", &headers, "a thing");
    let arrival = upstream.next();
    assert_eq!(arrival.line, "POST /api/things?colour=red HTTP/1.1");
    assert_eq!(arrival.body, "a thing");
    assert!(arrival.headers.contains(&"x-thing: kept".into()), "{:?}", arrival.headers);
    assert!(arrival.headers.contains(&format!("host: {}", upstream.address)), "{:?}", arrival.headers);
    // What concerns one connection only stays on that one.
    assert!(arrival.headers.iter().all(|header| !header.starts_with("te:") && !header.starts_with("keep-alive:")));

    arrival.answer_with("201 Created", "location: /things/1\r\n", "made");
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("location"), &*answer.body), (201, Some("/things/1"), "made"));
    assert_eq!(answer.header("server-timing"), None, "it has not stood in line");
}

#[test]
fn who_has_stood_in_line_hears_for_how_long() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let first = gateway.get("/first", "0");
    let arrival = upstream.next();
    let second = gateway.get("/second", "0");
    gateway.until("waiters", 1);
    arrival.answer("");
    upstream.next().answer("");
    assert_eq!(first.answer().status, 200);
    assert!(second.answer().header("server-timing").is_some_and(|timing| timing.starts_with("line;dur=")));
}

#[test]
fn the_upstream_learns_whom_a_request_is_from() {
    let upstream = Upstream::start();
    let forwarded = |gateway: &Gateway| {
        let headers = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "192.0.2.2"), ("via", "1.0 fred")];
        let client = gateway.send("POST", "/", &headers);
        let arrival = upstream.next();
        let chain = |name: &str| -> Vec<_> {
            arrival.headers.iter().filter_map(|header| header.strip_prefix(name)).map(str::to_owned).collect()
        };
        let chains = (chain("x-forwarded-for: "), chain("via: "));
        arrival.answer("");
        assert_eq!(client.answer().status, 200);
        chains
    };
    // Anybody can say anything, but for a proxy of our own.
    let via = ["1.0 fred", "1.1 tidegate"].map(String::from).to_vec();
    let open = Gateway::start(upstream.address, 1, &[]);
    assert_eq!(forwarded(&open), (vec!["127.0.0.1".into()], via.clone()));
    let behind = Gateway::start(upstream.address, 1, &["--behind-proxy"]);
    let chain = ["192.0.2.1", "192.0.2.2", "127.0.0.1"].map(String::from).to_vec();
    assert_eq!(forwarded(&behind), (chain, via));
}

#[test]
fn odd_requests_are_answered_and_hurt_nobody() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let refused = |line: &str, body: &str| send(gateway.address, line, &[], body).answer().status;
    assert_eq!(refused("CONNECT example.org:443 HTTP/1.1", ""), 404);
    assert_eq!(refused("GET /elsewhere HTTP/1.1", ""), 404);
    assert_eq!(refused("NONSENSE", ""), 400);
    assert_eq!(refused("POST /api/ HTTP/1.1", &"x".repeat((1 << 20) + 1)), 413);
    assert!(upstream.is_idle());

    // Whatever server a request names, it goes to the one backend.
    let absolute = send(gateway.address, "GET http://127.0.0.2:1/api/elsewhere HTTP/1.1", &[], "");
    let arrival = upstream.next();
    assert_eq!(arrival.path(), "/elsewhere");
    arrival.answer("");
    assert_eq!(absolute.answer().status, 200);
    gateway.until("available_permits", 1);
}
