//! Odd bytes on the wire: what the gateway makes of them, and what of that reaches the upstream.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::programs::{GIVE_UP, Gateway};
use crate::upstream::{Arrival, Upstream};

struct Wire {
    stream: TcpStream,
}

impl Wire {
    fn connect(gateway: &Gateway) -> Self {
        let stream = TcpStream::connect(gateway.address).unwrap();
        stream.set_read_timeout(Some(GIVE_UP)).unwrap();
        Self { stream }
    }

    fn send(gateway: &Gateway, bytes: &str) -> Self {
        let mut wire = Self::connect(gateway);
        wire.stream.write_all(bytes.as_bytes()).unwrap();
        wire
    }

    /// What comes until the gateway closes the connection, which it does by itself.
    fn until_closed(mut self) -> String {
        let mut all = Vec::new();
        // A connection may be reset by what it has not read.
        let _ = self.stream.read_to_end(&mut all);
        String::from_utf8(all).unwrap()
    }

    /// What comes until that, in lower case.
    fn until(&mut self, end: &str) -> String {
        let (mut all, mut byte) = (Vec::new(), [0]);
        while !all.ends_with(end.as_bytes()) {
            self.stream.read_exact(&mut byte).unwrap();
            all.push(byte[0].to_ascii_lowercase());
        }
        String::from_utf8(all).unwrap()
    }
}

fn length(arrival: &Arrival) -> Vec<&String> {
    arrival
        .headers
        .iter()
        .filter(|header| header.starts_with("content-length") || header.starts_with("transfer"))
        .collect()
}

#[test]
fn no_request_is_smuggled() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let smuggled = "GET /api/smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    // The chunks count, and whatever lies behind them is nobody's request.
    for headers in
        ["content-length: 100\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 3"]
    {
        let request =
            format!("POST /api/x HTTP/1.1\r\nhost: x\r\n{headers}\r\n\r\n3\r\nabc\r\n0\r\n\r\n{smuggled}");
        let wire = Wire::send(&gateway, &request);
        let arrival = upstream.next();
        assert_eq!((length(&arrival), &*arrival.body), (vec![&"content-length: 3".to_owned()], "abc"));
        arrival.answer("");
        let answers = wire.until_closed();
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
    }
    // These make no sense.
    let chunks = format!("3\r\nabc\r\n0\r\n\r\n{smuggled}");
    for head in [
        "POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4",
        "POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: +3",
        "POST /api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked",
        "POST /api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity",
        "POST /api/x HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked",
        "POST /api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked",
        "POST /api/x HTTP/1.1\r\nhost: x\r\nx-a: b\r\n transfer-encoding: chunked",
    ] {
        let answers = Wire::send(&gateway, &format!("{head}\r\n\r\n{chunks}")).until_closed();
        assert!(answers.starts_with("HTTP/1.1 400 ") || answers.starts_with("HTTP/1.0 400 "), "{head}: {answers}");
        assert_eq!(answers.matches("HTTP/1.").count(), 1, "{head}: {answers}");
    }
    let broken = "POST /api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    assert!(Wire::send(&gateway, broken).until_closed().starts_with("HTTP/1.1 400 "));
    assert!(upstream.is_idle());
}

#[test]
fn no_answer_is_smuggled() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let mut wire = Wire::connect(&gateway);
    let odd = [
        // The chunks count, and not what was said besides.
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-trailer: 1\r\n\r\n",
            200,
        ),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok", 502),
        ("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: odd\r\n\r\n", 502),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nhalf", 502),
        ("nonsense\r\n\r\n", 502),
        ("", 502),
        ("HTTP/1.0 200 OK\r\n\r\nok", 200),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
            200,
        ),
    ];
    // All of them on one connection: each answer ends where it should.
    for (number, (bytes, status)) in odd.into_iter().enumerate() {
        wire.stream.write_all(format!("GET /api/{number} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
        upstream.next().answer_raw(bytes);
        let head = wire.until("\r\n\r\n");
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{bytes}: {head}");
        let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()).expect(&head);
        let mut body = vec![0; length.parse().unwrap()];
        wire.stream.read_exact(&mut body).unwrap();
        assert!(status != 200 || body == b"ok", "{bytes}: {body:?}");
    }
    gateway.until("available_permits", 1);
}

#[test]
fn old_clients_are_served() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    // They know neither hosts nor chunks, nor connections that stay.
    let wire = Wire::send(&gateway, "GET /api/old HTTP/1.0\r\n\r\n");
    let arrival = upstream.next();
    assert!(arrival.line.ends_with(" HTTP/1.1") && arrival.headers.contains(&"via: 1.0 tidegate".into()));
    arrival.answer_raw(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    );
    let answer = wire.until_closed().to_lowercase();
    assert!(answer.starts_with("http/1.0 200 ") && answer.ends_with("\r\n\r\nok"), "{answer}");
    assert!(answer.contains("content-length: 2\r\n") && !answer.contains("transfer-encoding"), "{answer}");
}

#[test]
fn heads_say_how_long_the_body_would_be() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let mut wire = Wire::send(&gateway, "HEAD /api/page HTTP/1.1\r\nhost: x\r\n\r\n");
    upstream.next().answer_raw("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 600\r\n\r\n");
    assert!(wire.until("\r\n\r\n").contains("content-length: 600\r\n"));
    // No body comes: the next answer follows.
    wire.stream.write_all(b"GET /api/page HTTP/1.1\r\nhost: x\r\nif-none-match: \"x\"\r\n\r\n").unwrap();
    upstream.next().answer_raw(
        "HTTP/1.1 304 Not Modified\r\nconnection: close\r\netag: \"x\"\r\ncontent-length: 600\r\n\r\n",
    );
    assert!(wire.until("\r\n\r\n").starts_with("http/1.1 304 "));
    wire.stream.write_all(b"GET /api/page HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    upstream.next().answer("page");
    let last = wire.until_closed().to_lowercase();
    assert!(last.starts_with("http/1.1 200 ") && last.contains("connection: close\r\n"), "{last}");
    assert!(last.ends_with("\r\n\r\npage"), "{last}");
}

#[test]
fn who_waits_to_be_asked_for_the_body_is_asked() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let head = |length: u64| {
        format!("POST /api/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n")
    };
    let mut wire = Wire::send(&gateway, &head(3));
    assert!(wire.until("\r\n\r\n").starts_with("http/1.1 100 "));
    wire.stream.write_all(b"abc").unwrap();
    let arrival = upstream.next();
    assert!(arrival.body == "abc" && arrival.headers.iter().all(|header| !header.starts_with("expect")));
    arrival.answer("");
    assert!(wire.until("\r\n\r\n").starts_with("http/1.1 200 "));
    // One that would be too large is refused before it is sent.
    let mut wire = Wire::send(&gateway, &head(1 << 40));
    assert!(wire.until("\r\n\r\n").starts_with("http/1.1 413 "));
}

#[test]
fn what_a_connection_names_stays_on_it() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let named = "connection: close, X-Hop, host, via, x-forwarded-for, content-length";
    let wire = Wire::send(
        &gateway,
        &format!("POST /api/x HTTP/1.1\r\nhost: x\r\nx-hop: 1\r\n{named}\r\ncontent-length: 2\r\n\r\nok"),
    );
    let arrival = upstream.next();
    assert!(
        arrival.headers.iter().all(|header| !header.starts_with("x-hop") && !header.starts_with("connection"))
    );
    // What the gateway says itself is not theirs to name.
    for ours in ["via: 1.1 tidegate", "x-forwarded-for: 127.0.0.1", &format!("host: {}", upstream.address)] {
        assert!(arrival.headers.iter().any(|header| header == ours), "{ours}: {:?}", arrival.headers);
    }
    assert_eq!((length(&arrival), &*arrival.body), (vec![&"content-length: 2".to_owned()], "ok"));
    arrival.answer_with("200 OK", "connection: x-secret\r\nx-secret: 1\r\nkeep-alive: timeout=5\r\n", "");
    let answer = wire.until_closed().to_lowercase();
    assert!(!answer.contains("x-secret") && !answer.contains("keep-alive"), "{answer}");
}

#[test]
fn nobody_leaves_the_folder() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let close = "host: x\r\nconnection: close\r\n\r\n";
    for path in
        ["/api/../x", "/api/./x", "/api/a/%2e%2E/../x", "/api/..%2Fx", "/api/..\\x", "/api/..%5cx", "/api/.."]
    {
        let answer = Wire::send(&gateway, &format!("GET {path} HTTP/1.1\r\n{close}")).until_closed();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    assert!(upstream.is_idle());
    for path in ["/api/a..b/...", "/api/100%25/.x", "/api/x?y=../z"] {
        let wire = Wire::send(&gateway, &format!("GET {path} HTTP/1.1\r\n{close}"));
        let arrival = upstream.next();
        assert_eq!(arrival.line, format!("GET {path} HTTP/1.1"));
        arrival.answer("");
        assert!(wire.until_closed().starts_with("HTTP/1.1 200 "));
    }
}

#[test]
fn a_request_is_for_one_host() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    for hosts in ["", "host: x\r\nhost: y\r\n"] {
        let answer = Wire::send(&gateway, &format!("GET /api/x HTTP/1.1\r\n{hosts}connection: close\r\n\r\n"))
            .until_closed();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert!(upstream.is_idle());
}

#[test]
fn a_body_that_ends_too_soon_is_no_body() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let wire = Wire::send(&gateway, "POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf");
    wire.stream.shutdown(Shutdown::Write).unwrap();
    assert!(wire.until_closed().starts_with("HTTP/1.1 400 "));
    assert!(upstream.is_idle());
    gateway.until("inside", 0);
}
