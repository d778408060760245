//! Clients that mean harm, or are broken: they are refused, and harm nobody else.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::programs::{GIVE_UP, Gateway};
use crate::upstream::{Echo, Upstream};

fn connect(gateway: &Gateway) -> TcpStream {
    let stream = TcpStream::connect(gateway.address).unwrap();
    stream.set_read_timeout(Some(GIVE_UP)).unwrap();
    stream
}

/// Sends these bytes, and answers the first line of what comes back.
fn first_line(gateway: &Gateway, request: &[u8]) -> String {
    let mut stream = connect(gateway);
    // It may have heard enough before the end.
    let _ = stream.write_all(request);
    let mut line = String::new();
    let _ = BufReader::new(stream).read_line(&mut line);
    line
}

#[test]
fn oversized_requests_are_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let large_header = format!("GET /api/x HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "x".repeat(20_000));
    assert!(first_line(&gateway, large_header.as_bytes()).starts_with("HTTP/1.1 431"));
    let many_headers = format!("GET /api/x HTTP/1.1\r\nhost: x\r\n{}\r\n", "x-many: 1\r\n".repeat(1_000));
    assert!(first_line(&gateway, many_headers.as_bytes()).starts_with("HTTP/1.1 431"));
    let long_path = format!("GET /api/{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000));
    assert!(first_line(&gateway, long_path.as_bytes()).starts_with("HTTP/1.1 4"));
    // What it says is enough: nobody waits for the bytes.
    let large_body = "POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n";
    assert!(first_line(&gateway, large_body.as_bytes()).starts_with("HTTP/1.1 413"));
    let mut chunks = b"POST /api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..20 {
        chunks.extend_from_slice(b"10000\r\n");
        chunks.resize(chunks.len() + 0x1_0000, b'x');
        chunks.extend_from_slice(b"\r\n");
    }
    assert!(first_line(&gateway, &chunks).starts_with("HTTP/1.1 413"));
    assert!(upstream.is_idle());
    assert_eq!((gateway.health("inside"), gateway.health("available_permits")), (0, 1));
}

#[test]
fn what_breaks_off_leaves_nothing_behind() {
    let upstream = Echo::start();
    let gateway = Gateway::start(upstream.address, 2, &["--client-rate", "1000000", "--rate", "1000000"]);
    for _ in 0..50 {
        for half in ["GET /ap", "POST /api/half HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf"] {
            let mut stream = connect(&gateway);
            stream.write_all(half.as_bytes()).unwrap();
        }
        // Never read.
        let mut stream = connect(&gateway);
        stream.write_all(b"GET /api/unread HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    }
    gateway.until("inside", 0);
    gateway.until("available_permits", 2);
    assert_eq!(gateway.get("/alive", "0").answer().status, 200);
}
